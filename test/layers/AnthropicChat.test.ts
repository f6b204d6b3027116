import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Redacted } from "effect"
import type { ServerResponse } from "node:http"
import { layer } from "../../src/layers/AnthropicChat.ts"
import type { AnthropicChatOptions } from "../../src/layers/AnthropicChat.ts"
import type { SimulatedOptions } from "../../src/layers/simulated/Options.ts"
import { ChatModel } from "../../src/services/ChatModel.ts"
import type { ModelError } from "../../src/services/ChatModel.ts"
import { startAnthropic } from "../support/anthropic.ts"
import { requestFor } from "../support/chat.ts"
import { reply, serve, serveJson } from "../support/http.ts"
import { suite } from "../suites/ChatModel.ts"

const secret = "sk-ant-api03-Abc_123-verysecret"

const at = (baseURL: string, more: Partial<AnthropicChatOptions> = {}) =>
  layer({ apiKey: Redacted.make(secret), baseURL, timeout: Duration.seconds(20), ...more })

const against = (options: SimulatedOptions) => Layer.unwrap(Effect.map(startAnthropic(options), ({ url }) => at(url)))

const complete = ChatModel.use((model) => model.complete(requestFor(["Ada met Bob."])))

const silentServer = { arrived: 0, aborted: 0 }
suite("AnthropicChat", {
  layer: against({ refuses: "FORBIDDEN" }),
  refuses: "FORBIDDEN",
  silent: Layer.unwrap(
    Effect.gen(function* () {
      const url = yield* serve((incoming, response) => {
        silentServer.arrived++
        incoming.resume()
        response.once("close", () => silentServer.aborted++)
      })
      return at(url)
    })
  ),
  seen: Effect.sync(() => ({ ...silentServer }))
})

const answering = (answer: (response: ServerResponse) => void) =>
  Layer.unwrap(
    Effect.map(
      serveJson((_, response) => answer(response)),
      ({ url }) => at(url)
    )
  )

const error = (type: string, message: string) => ({ type: "error", error: { type, message }, request_id: "req_1" })

interface Case {
  readonly name: string
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly reason: Readonly<Record<string, unknown>> & { readonly _tag: ModelError["reason"]["_tag"] }
}

const left = (requests: number, input: number, output: number) => ({
  "anthropic-ratelimit-requests-limit": "50",
  "anthropic-ratelimit-requests-remaining": String(requests),
  "anthropic-ratelimit-input-tokens-limit": "30000",
  "anthropic-ratelimit-input-tokens-remaining": String(input),
  "anthropic-ratelimit-output-tokens-limit": "8000",
  "anthropic-ratelimit-output-tokens-remaining": String(output)
})

const cases: ReadonlyArray<Case> = [
  {
    name: "a limit of requests, told by its headers",
    status: 429,
    body: error("rate_limit_error", "This request would exceed your organization's rate limit."),
    headers: { ...left(0, 9_000, 8_000), "retry-after": "7" },
    reason: { _tag: "RateLimited", dimension: "requests", retryAfter: 7_000 }
  },
  {
    name: "a limit of input tokens, told by its headers",
    status: 429,
    body: error("rate_limit_error", "This request would exceed your organization's rate limit."),
    headers: left(20, 0, 8_000),
    reason: { _tag: "RateLimited", dimension: "inputTokens" }
  },
  {
    name: "a limit of output tokens, told by its message",
    status: 429,
    body: error(
      "rate_limit_error",
      "This request would exceed the rate limit for your organization of 8,000 output tokens per minute."
    ),
    reason: { _tag: "RateLimited", dimension: "outputTokens" }
  },
  {
    name: "a limit of acceleration, which no header tells",
    status: 429,
    body: error("rate_limit_error", "Your usage has increased too fast."),
    headers: left(20, 9_000, 8_000),
    reason: { _tag: "RateLimited", dimension: "unknown" }
  },
  {
    name: "an overload",
    status: 529,
    body: error("overloaded_error", "Overloaded"),
    headers: { "retry-after": "3" },
    reason: { _tag: "Overloaded", retryAfter: 3_000 }
  },
  {
    name: "an internal error",
    status: 500,
    body: error("api_error", "Internal server error"),
    reason: { _tag: "ServerFault", status: 500 }
  },
  {
    name: "a time-out of the provider",
    status: 504,
    body: error("timeout_error", "Request timed out"),
    reason: { _tag: "ServerFault", status: 504 }
  },
  {
    name: "a key that is none",
    status: 401,
    body: error("authentication_error", `invalid x-api-key ${secret}`),
    reason: { _tag: "Misconfigured", status: 401 }
  },
  {
    name: "a key that may not",
    status: 403,
    body: error("permission_error", "Your API key does not have permission to use the specified resource."),
    reason: { _tag: "Misconfigured", status: 403 }
  },
  {
    name: "an unknown model",
    status: 404,
    body: error("not_found_error", "model: claude-none"),
    reason: { _tag: "Misconfigured", status: 404 }
  },
  {
    name: "a spent credit, in a 400",
    status: 400,
    body: error(
      "invalid_request_error",
      "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."
    ),
    reason: { _tag: "QuotaExhausted" }
  },
  {
    name: "a limit of spending of one's own",
    status: 400,
    body: error("invalid_request_error", "You have reached your specified API usage limits."),
    reason: { _tag: "QuotaExhausted" }
  },
  { name: "no money", status: 402, body: error("billing_error", "Billing."), reason: { _tag: "QuotaExhausted" } },
  {
    name: "a prompt that is too long",
    status: 400,
    body: error("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
    reason: { _tag: "RequestTooLarge" }
  },
  {
    name: "a prompt and cap that are too long together",
    status: 400,
    body: error(
      "invalid_request_error",
      "input length and `max_tokens` exceed context limit: 199000 + 16384 > 200000, decrease input length or `max_tokens`"
    ),
    reason: { _tag: "RequestTooLarge" }
  },
  {
    name: "a cap beyond what the model can answer",
    status: 400,
    body: error(
      "invalid_request_error",
      "max_tokens: 16384 > 8192, which is the maximum allowed number of output tokens for claude-x"
    ),
    reason: { _tag: "RequestTooLarge" }
  },
  {
    name: "a body over 32 MB",
    status: 413,
    body: error("request_too_large", "Request exceeds the maximum size"),
    reason: { _tag: "RequestTooLarge" }
  },
  {
    name: "a schema that it does not take",
    status: 400,
    body: error("invalid_request_error", "output_config.format.schema: Recursive references are not supported"),
    reason: { _tag: "Misconfigured", status: 400 }
  },
  {
    name: "a request that is not allowed",
    status: 400,
    body: error("invalid_request_error", "messages: Output blocked by content filtering policy"),
    reason: { _tag: "RequestRejected", status: 400 }
  },
  {
    name: "a success that holds an error",
    status: 200,
    body: error("overloaded_error", "Overloaded"),
    reason: { _tag: "Overloaded" }
  },
  {
    name: "a success that is a page",
    status: 200,
    body: "<html>Hi</html>",
    reason: { _tag: "ServerFault", status: 200 }
  },
  {
    name: "a success that is cut off",
    status: 200,
    body: '{"content":[{',
    reason: { _tag: "ServerFault", status: 200 }
  }
]

describe("AnthropicChat: failures", () => {
  for (const { body, headers, name, reason, status } of cases) {
    it.live(`${name} is ${reason._tag}`, () =>
      Effect.gen(function* () {
        const failed = yield* Effect.provide(
          Effect.flip(complete),
          answering((response) => reply(response, status, body, headers))
        )
        assert.deepInclude(failed.reason, reason)
        const retryable = ["RateLimited", "Overloaded", "ServerFault", "ConnectionFault"].includes(reason._tag)
        assert.strictEqual(failed.retryable, retryable)
        assert.notInclude(failed.message, "verysecret")
      })
    )
  }

  it.live("a reset and a silence are ConnectionFaults", () =>
    Effect.gen(function* () {
      const reset = yield* Effect.provide(
        Effect.flip(complete),
        answering((response) => response.socket?.resetAndDestroy())
      )
      const url = yield* serve((incoming) => void incoming.resume())
      const silent = yield* Effect.provide(Effect.flip(complete), at(url, { timeout: Duration.millis(100) }))
      assert.deepStrictEqual([reset.reason._tag, silent.reason._tag], ["ConnectionFault", "ConnectionFault"])
    })
  )
})

const message = (more: object = {}) => ({
  type: "message",
  role: "assistant",
  model: "claude-x-2026",
  content: [{ type: "text", text: "{}" }],
  stop_reason: "end_turn",
  usage: { input_tokens: 10, output_tokens: 5 },
  ...more
})

describe("AnthropicChat: answers", () => {
  const answer = (more: object) =>
    Effect.provide(
      complete,
      answering((response) => reply(response, 200, message(more)))
    )

  it.live("sends key, version, the system prompt by itself and the schema without what Anthropic does not take", () =>
    Effect.gen(function* () {
      const { seen, url } = yield* serveJson((_, response) => reply(response, 200, message()))
      const schema = {
        $schema: "x",
        type: "object",
        properties: {
          n: { type: "integer", minimum: 0, maximum: 100, description: "How sure" },
          s: { oneOf: [{ type: "string", minLength: 2, format: "date" }, { type: "null" }] },
          l: { type: "array", maxItems: 3, items: { $ref: "#/$defs/item" } }
        },
        required: ["n", "s", "l"],
        $defs: { item: { type: "object", properties: {}, additionalProperties: { type: "string" } } }
      }
      const request = { ...requestFor(["Ada met Bob."]), schema: { name: "answer", schema } }
      const model = ChatModel.use((chat) => chat.complete(request))
      yield* Effect.provide(model, at(url))
      yield* Effect.provide(
        model,
        at(url.replace(/\/v1$/, "/"), { temperature: 0, headers: { "anthropic-beta": "b" } })
      )
      const [, user] = request.messages
      const plain = {
        model: "test-model",
        max_tokens: 4_000,
        system: [{ type: "text", text: "Find names and facts.", cache_control: { type: "ephemeral" } }],
        messages: [user],
        output_config: {
          format: {
            type: "json_schema",
            schema: {
              type: "object",
              properties: {
                n: { type: "integer", description: "How sure (minimum: 0, maximum: 100)" },
                s: {
                  anyOf: [{ type: "string", format: "date", description: "(minLength: 2)" }, { type: "null" }]
                },
                l: { type: "array", items: { $ref: "#/$defs/item" }, description: "(maxItems: 3)" }
              },
              required: ["n", "s", "l"],
              $defs: { item: { type: "object", properties: {}, additionalProperties: false } },
              additionalProperties: false
            }
          }
        }
      }
      assert.deepStrictEqual(
        seen.map((one) => one.body),
        [plain, { ...plain, temperature: 0 }]
      )
      assert.deepStrictEqual(
        seen.map((one) => [one.url, one.headers["x-api-key"], one.headers["anthropic-version"]]),
        [
          ["/v1/messages", secret, "2023-06-01"],
          ["/v1/messages", secret, "2023-06-01"]
        ]
      )
      assert.strictEqual(seen[1]?.headers["anthropic-beta"], "b")
      assert.notProperty(seen[0]?.headers ?? {}, "authorization")
    })
  )

  it.live("counts what was read from the cache or written to it as input", () =>
    Effect.gen(function* () {
      const usage = {
        input_tokens: 10,
        cache_read_input_tokens: 1_000,
        cache_creation_input_tokens: 200,
        output_tokens: 5
      }
      assert.deepStrictEqual((yield* answer({ usage })).usage, { input: 1_210, output: 5, cached: 1_000, written: 200 })
      const none = yield* answer({ usage: null, content: [{ type: "text", text: "x".repeat(400) }] })
      assert.deepInclude(none.usage, { output: 100, cached: 0 })
      const zero = { input_tokens: 0, output_tokens: 0 }
      const uncounted = yield* answer({ usage: zero, content: [{ type: "text", text: "x".repeat(400) }] })
      assert.deepStrictEqual(uncounted.usage, none.usage)
    })
  )

  it.live("reads why an answer ended, and its text alone", () =>
    Effect.gen(function* () {
      const finish = (more: object) => Effect.map(answer(more), (response) => [response.finish, response.content])
      assert.deepStrictEqual(yield* finish({}), ["stop", "{}"])
      assert.deepStrictEqual(yield* finish({ stop_reason: "max_tokens" }), ["length", "{}"])
      assert.deepStrictEqual(yield* finish({ stop_reason: "model_context_window_exceeded" }), ["length", "{}"])
      assert.deepStrictEqual(yield* finish({ stop_reason: "refusal" }), ["refusal", ""])
      assert.deepStrictEqual(yield* finish({ stop_reason: "pause_turn" }), ["other", "{}"])
      const parts = [
        { type: "thinking", thinking: "hm" },
        { type: "text", text: "{" },
        { type: "text", text: "}" }
      ]
      assert.deepStrictEqual(yield* finish({ content: parts }), ["stop", "{}"])
    })
  )

  it.live("gives the headers and the answering model", () =>
    Effect.gen(function* () {
      const response = yield* Effect.provide(
        complete,
        answering((response) => reply(response, 200, message(), { "Anthropic-RateLimit-Requests-Remaining": "42" }))
      )
      assert.strictEqual(response.headers["anthropic-ratelimit-requests-remaining"], "42")
      assert.strictEqual(response.model, "claude-x-2026")
    })
  )
})
