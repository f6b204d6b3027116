import { Effect } from "effect"
import type { Scope } from "effect"
import OpenAI, { APIError } from "openai"
import type { ModelError } from "../../services/ChatModel.ts"
import { connect } from "../http/Connection.ts"
import type { ConnectionOptions } from "../http/Connection.ts"
import { connectionFaultOf, failureOf } from "../http/Failures.ts"

export interface OpenAiOptions extends ConnectionOptions {}

export interface OpenAiClient {
  readonly endpoint: string
  /** One request. Interrupting it aborts it. */
  readonly call: (
    send: (
      sdk: OpenAI,
      options: { readonly signal: AbortSignal }
    ) => Promise<{ readonly data: unknown; readonly response: Response }>
  ) => Effect.Effect<{ readonly body: unknown; readonly headers: Readonly<Record<string, string>> }, ModelError>
  readonly redact: (text: string) => string
}

/** Node's timers fire at once beyond it. */
const longestTimer = 2 ** 31 - 1

export const openAiClient = Effect.fnUntraced(function* (
  options: OpenAiOptions
): Effect.fn.Return<OpenAiClient, never, Scope.Scope> {
  const { attempt, baseURL, endpoint, fetch, headers, key, redact } = yield* connect(options)
  const sdk = new OpenAI({
    // The client refuses to start without one.
    apiKey: key === "" ? "none" : key,
    baseURL,
    defaultHeaders: { ...headers },
    // One retry layer only, and it is not this one.
    maxRetries: 0,
    // Ours comes first, and follows the Clock.
    timeout: longestTimer,
    // It would write prompts to the console when OPENAI_LOG says so.
    logLevel: "off",
    fetch
  })

  const failed = (error: unknown, now: number): ModelError =>
    error instanceof APIError && error.status !== undefined
      ? failureOf(
          {
            status: error.status,
            headers: Object.fromEntries(error.headers ?? []),
            body: error.error ?? error.message.replace(/^\d+ /, "")
          },
          now,
          redact
        )
      : connectionFaultOf(error, redact)

  return {
    endpoint,
    redact,
    call: (send) =>
      Effect.map(
        attempt((signal) => send(sdk, { signal }), failed),
        ({ data, response }) => ({ body: data, headers: Object.fromEntries(response.headers) })
      )
  }
})
