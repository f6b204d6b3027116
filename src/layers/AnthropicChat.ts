import { Clock, Effect, Layer } from "effect"
import { ChatModel } from "../services/ChatModel.ts"
import { messageBody, responseOf } from "./anthropic/Message.ts"
import type { MessageParameters } from "./anthropic/Message.ts"
import { connect } from "./http/Connection.ts"
import type { ConnectionOptions } from "./http/Connection.ts"
import { connectionFaultOf } from "./http/Failures.ts"

/** `baseURL`: such as `https://api.anthropic.com`, with or without `/v1`. */
export interface AnthropicChatOptions extends ConnectionOptions, MessageParameters {}

/** The Messages API of Anthropic, or of a gateway that speaks like it, with structured output. */
export const layer = (options: AnthropicChatOptions): Layer.Layer<ChatModel> =>
  Layer.effect(
    ChatModel,
    Effect.gen(function* () {
      const baseURL = options.baseURL.trim().replace(/(?:\/v1)?\/*$/, "")
      const connection = yield* connect({ ...options, baseURL })
      const headers = {
        "content-type": "application/json",
        "anthropic-version": "2023-06-01",
        ...(connection.key === "" ? {} : { "x-api-key": connection.key }),
        ...connection.headers
      }
      return ChatModel.of({
        complete: Effect.fn("AnthropicChat.complete")(function* (request) {
          const body = JSON.stringify(messageBody(request, options))
          const answer = yield* connection.attempt(
            async (signal) => {
              const url = `${connection.baseURL}/v1/messages`
              const response = await connection.fetch(url, { method: "POST", headers, body, signal })
              const text = await response.text()
              return { status: response.status, headers: Object.fromEntries(response.headers), text }
            },
            (thrown) => connectionFaultOf(thrown, connection.redact)
          )
          const now = yield* Clock.currentTimeMillis
          return yield* Effect.fromResult(responseOf(answer, request, now, connection.redact))
        }),
        endpoint: connection.endpoint,
        timeout: options.timeout
      })
    })
  )
