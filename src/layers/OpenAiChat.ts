import { Clock, Effect, Layer } from "effect"
import { ChatModel, ModelError, RequestRejected } from "../services/ChatModel.ts"
import { openAiClient } from "./openai/Client.ts"
import type { OpenAiOptions } from "./openai/Client.ts"
import { chatBody, responseOf } from "./openai/Completion.ts"
import type { ChatParameters } from "./openai/Completion.ts"

export interface OpenAiChatOptions extends OpenAiOptions, ChatParameters {}

/** Servers from before reasoning models know the output cap by its older name only, and say so in a 400. */
const wantsMaxTokens = (error: ModelError): boolean =>
  (error.reason._tag === "RequestRejected" || error.reason._tag === "Misconfigured") &&
  (error.reason.status === 400 || error.reason.status === 422) &&
  error.message.includes("max_completion_tokens")

/** Chat completions with a strict JSON schema, of OpenAI or of any server that speaks like it. */
export const layer = (options: OpenAiChatOptions): Layer.Layer<ChatModel> =>
  Layer.effect(
    ChatModel,
    Effect.gen(function* () {
      const client = yield* openAiClient(options)
      let cap: "max_completion_tokens" | "max_tokens" = "max_completion_tokens"

      return ChatModel.of({
        complete: Effect.fn("OpenAiChat.complete")(function* (request) {
          const name = cap
          const body = chatBody(request, options, name)
          const answered = yield* client
            .call((sdk, call) => sdk.chat.completions.create(body, call).withResponse())
            .pipe(
              // From now on by the other name: whoever asks again asks in a request of its own, with its own reservation.
              Effect.mapError((error) => {
                if (name === "max_tokens" || !wantsMaxTokens(error)) return error
                cap = "max_tokens"
                const reason = new RequestRejected({ status: 400, isMended: true })
                return new ModelError({ reason, retryable: true, message: error.message })
              })
            )
          return yield* Effect.fromResult(responseOf(answered, request, yield* Clock.currentTimeMillis, client.redact))
        }),
        endpoint: client.endpoint,
        timeout: options.timeout
      })
    })
  )
