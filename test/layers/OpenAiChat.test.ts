import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, Effect, Layer, Redacted } from "effect"
import type { ServerResponse } from "node:http"
import { layer } from "../../src/layers/OpenAiChat.ts"
import type { OpenAiChatOptions } from "../../src/layers/OpenAiChat.ts"
import { start } from "../../src/layers/SimulatedServer.ts"
import type { Faults, SimulatedOptions } from "../../src/layers/simulated/Options.ts"
import { ChatModel, retryAfter } from "../../src/services/ChatModel.ts"
import type { ModelError } from "../../src/services/ChatModel.ts"
import { requestFor } from "../support/chat.ts"
import { reply, serve, serveJson } from "../support/http.ts"
import { suite } from "../suites/ChatModel.ts"

const secret = "sk-proj-Abc_123-verysecret"

const at = (baseURL: string, more: Partial<OpenAiChatOptions> = {}) =>
  layer({ apiKey: Redacted.make(secret), baseURL, timeout: Duration.seconds(20), ...more })

const against = (options: SimulatedOptions, more: Partial<OpenAiChatOptions> = {}) =>
  Layer.unwrap(Effect.map(start(options), ({ url }) => at(url, more)))

const complete = ChatModel.use((model) => model.complete(requestFor(["Ada met Bob."])))

const silentServer = { arrived: 0, aborted: 0 }
suite("OpenAiChat", {
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

const answering = (answer: (response: ServerResponse, nth: number) => void, more: Partial<OpenAiChatOptions> = {}) =>
  Layer.unwrap(
    Effect.map(
      serveJson((_, response, nth) => answer(response, nth)),
      ({ url }) => at(url, more)
    )
  )

const failure = (
  answer: (response: ServerResponse) => void,
  more: Partial<OpenAiChatOptions> = {}
): Effect.Effect<ModelError, unknown> => Effect.provide(Effect.flip(complete), answering(answer, more))

const openAiError = (type: string | null, code: string | null, message: string, param: string | null = null) => ({
  error: { message, type, param, code }
})

interface Case {
  readonly name: string
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly reason: Readonly<Record<string, unknown>> & { readonly _tag: ModelError["reason"]["_tag"] }
}

const tpm = (limit: number, requested: number) =>
  `Request too large for gpt-6-luna in organization org-x on tokens per min (TPM): Limit ${limit}, Requested ${requested}.`

const cases: ReadonlyArray<Case> = [
  {
    name: "a limit of requests",
    status: 429,
    body: openAiError("requests", "rate_limit_exceeded", "Rate limit reached for requests per min (RPM)"),
    headers: { "retry-after": "7" },
    reason: { _tag: "RateLimited", dimension: "requests", retryAfter: 7_000 }
  },
  {
    name: "a limit of tokens, with the wait in the message alone",
    status: 429,
    body: openAiError(
      "tokens",
      "rate_limit_exceeded",
      "Rate limit reached for m on tokens per min (TPM): Limit 200000, Used 199000, Requested 3000. Please try again in 1m2.5s."
    ),
    reason: { _tag: "RateLimited", dimension: "tokens", retryAfter: 62_500 }
  },
  {
    name: "a limit that only its message names",
    status: 429,
    body: openAiError("rate_limit_error", "rate_limit_exceeded", "You exceeded your requests per day (RPD)."),
    headers: { "retry-after": "0.25" },
    reason: { _tag: "RateLimited", dimension: "requests", retryAfter: 250 }
  },
  {
    name: "a limit without a word",
    status: 429,
    body: "",
    headers: { "retry-after-ms": "120", "retry-after": "9" },
    reason: { _tag: "RateLimited", dimension: "unknown", retryAfter: 120 }
  },
  {
    name: "a request over the limit itself",
    status: 429,
    body: openAiError("tokens", "rate_limit_exceeded", tpm(30_000, 34_567)),
    reason: { _tag: "RequestTooLarge" }
  },
  {
    name: "a request that will fit later",
    status: 429,
    body: openAiError("tokens", "rate_limit_exceeded", tpm(30_000, 29_000)),
    reason: { _tag: "RateLimited", dimension: "tokens" }
  },
  ...[
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded"
  ].map((code) => ({
    name: `the code ${code}`,
    status: 429,
    body: openAiError("billing", code, "You exceeded your current quota."),
    reason: { _tag: "QuotaExhausted" as const }
  })),
  {
    name: "a quota that only the type names",
    status: 429,
    body: openAiError("insufficient_quota", null, "You exceeded your current quota."),
    reason: { _tag: "QuotaExhausted" }
  },
  { name: "no money", status: 402, body: { error: "Insufficient Balance" }, reason: { _tag: "QuotaExhausted" } },
  {
    name: "slow_down",
    status: 429,
    body: openAiError("rate_limit_error", "slow_down", "Slow down."),
    headers: { "retry-after": "3" },
    reason: { _tag: "Overloaded", retryAfter: 3_000 }
  },
  {
    name: "no capacity for Flex",
    status: 429,
    body: openAiError(null, "resource_unavailable", "No resources."),
    reason: { _tag: "Overloaded" }
  },
  {
    name: "an overload",
    status: 503,
    body: openAiError("service_unavailable_error", "server_is_overloaded", "Overloaded."),
    headers: { "retry-after": "Thu, 01 Jan 2099 00:00:00 GMT" },
    reason: { _tag: "Overloaded" }
  },
  {
    name: "Anthropic's overload",
    status: 529,
    body: { type: "error", error: { type: "overloaded_error", message: "Overloaded" } },
    reason: { _tag: "Overloaded" }
  },
  ...[500, 502, 504, 408, 409, 520].map((status) => ({
    name: `status ${status} with a proxy's page`,
    status,
    body: "<html><head><style>b{}</style></head><body><h1>Bad gateway</h1></body></html>",
    reason: { _tag: "ServerFault" as const, status }
  })),
  ...[401, 403, 404, 405].map((status) => ({
    name: `status ${status}`,
    status,
    body: openAiError("invalid_request_error", null, `Incorrect API key provided: ${secret}.`),
    reason: { _tag: "Misconfigured" as const, status }
  })),
  {
    name: "a redirect",
    status: 301,
    body: "",
    headers: { location: "https://elsewhere.example/v1" },
    reason: { _tag: "Misconfigured", status: 301 }
  },
  {
    name: "a context that is too long",
    status: 400,
    body: openAiError("invalid_request_error", "context_length_exceeded", "Too long.", "messages"),
    reason: { _tag: "RequestTooLarge" }
  },
  {
    name: "vLLM's context that is too long",
    status: 400,
    body: {
      object: "error",
      message: "This model's maximum context length is 4096 tokens.",
      type: "BadRequestError",
      code: 400
    },
    reason: { _tag: "RequestTooLarge" }
  },
  {
    name: "an output cap above the model's",
    status: 400,
    body: {
      error: {
        message: "max_tokens is too large: 16384. This model supports at most 4096 completion tokens.",
        type: "invalid_request_error",
        param: "max_tokens",
        code: "invalid_value"
      }
    },
    reason: { _tag: "RequestTooLarge" }
  },
  {
    name: "an output cap above the model's, in other words",
    status: 400,
    body: {
      error: {
        message: "`max_completion_tokens` must be less than or equal to `8192`, the maximum value for this model",
        type: "invalid_request_error",
        param: "max_completion_tokens"
      }
    },
    reason: { _tag: "RequestTooLarge" }
  },
  {
    name: "an output cap out of range",
    status: 400,
    body: { error: { message: "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]" } },
    reason: { _tag: "RequestTooLarge" }
  },
  { name: "status 413", status: 413, body: "Payload too large", reason: { _tag: "RequestTooLarge" } },
  {
    name: "a prompt that is not allowed",
    status: 400,
    body: openAiError("invalid_request_error", "invalid_prompt", "Flagged.", "messages"),
    reason: { _tag: "RequestRejected", status: 400 }
  },
  {
    name: "a validation report",
    status: 422,
    body: { detail: [{ loc: ["body", "messages"], msg: "field required" }] },
    reason: { _tag: "RequestRejected", status: 422 }
  },
  {
    name: "a schema that the server does not take",
    status: 400,
    body: openAiError("invalid_request_error", null, "Invalid schema.", "response_format"),
    reason: { _tag: "Misconfigured", status: 400 }
  },
  {
    name: "a success that holds a router's error",
    status: 200,
    body: { error: { code: 429, message: "Upstream is rate limited" } },
    reason: { _tag: "RateLimited", dimension: "unknown" }
  },
  {
    name: "a success without choices",
    status: 200,
    body: { choices: [] },
    reason: { _tag: "ServerFault", status: 200 }
  },
  { name: "a success that is a page", status: 200, body: "<html>Hello</html>", reason: { _tag: "ConnectionFault" } },
  { name: "a success that is empty", status: 200, body: "", reason: { _tag: "ServerFault", status: 200 } },
  { name: "a success that is cut off", status: 200, body: '{"choices":[{"mess', reason: { _tag: "ConnectionFault" } }
]

describe("OpenAiChat: failures", () => {
  for (const { body, headers, name, reason, status } of cases) {
    it.live(`${name} is ${reason._tag}`, () =>
      Effect.gen(function* () {
        const error = yield* failure((response) => reply(response, status, body, headers))
        assert.deepInclude(error.reason, reason)
        const retryable = ["RateLimited", "Overloaded", "ServerFault", "ConnectionFault"].includes(reason._tag)
        assert.strictEqual(error.retryable, retryable)
        assert.notInclude(error.message, "verysecret")
        assert.isAtMost(error.message.length, 500)
        assert.isAbove(error.message.length, 10)
      })
    )
  }

  it.live("reads Retry-After as a date", () =>
    Effect.gen(function* () {
      const now = DateTime.toEpochMillis(yield* DateTime.now)
      const inAMinute = DateTime.toDateUtc(DateTime.makeUnsafe(now + 60_000)).toUTCString()
      const error = yield* failure((response) => reply(response, 503, "", { "retry-after": inAMinute }))
      assert.isAtLeast(retryAfter(error) ?? 0, 40_000)
      assert.isAtMost(retryAfter(error) ?? 0, 60_000)
      const past = yield* failure((response) =>
        reply(response, 503, "", { "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT" })
      )
      assert.strictEqual(retryAfter(past), 0)
      const nonsense = yield* failure((response) => reply(response, 503, "", { "retry-after": "soon, -3" }))
      assert.strictEqual(retryAfter(nonsense), undefined)
    })
  )

  const broken: ReadonlyArray<readonly [string, (response: ServerResponse) => void]> = [
    ["a reset", (response) => response.socket?.resetAndDestroy()],
    [
      "a reset in the midst of the body",
      (response) => {
        response.writeHead(200, { "content-type": "application/json", "content-length": 1_000 })
        response.write('{"choices":', () => response.socket?.destroy())
      }
    ],
    ["an answer that is no HTTP", (response) => response.socket?.end("SSH-2.0-OpenSSH_9.9\r\n")]
  ]
  for (const [name, answer] of broken) {
    it.live(`${name} is a ConnectionFault`, () =>
      Effect.gen(function* () {
        const error = yield* failure(answer)
        assert.deepStrictEqual([error.reason._tag, error.retryable], ["ConnectionFault", true])
      })
    )
  }

  const simulated: ReadonlyArray<readonly [keyof Faults, ModelError["reason"]["_tag"]]> = [
    ["rateLimited", "RateLimited"],
    ["serverError", "ServerFault"],
    ["unavailable", "Overloaded"],
    ["reset", "ConnectionFault"],
    ["resetMidBody", "ConnectionFault"],
    ["hang", "ConnectionFault"],
    ["truncated", "ConnectionFault"]
  ]
  for (const [fault, tag] of simulated) {
    it.live(`the simulated server's ${fault} is a ${tag}, as in its layer, and its ledger agrees`, () =>
      Effect.gen(function* () {
        const { ledger, url } = yield* start({ faults: { [fault]: 1 } })
        const error = yield* Effect.provide(Effect.flip(complete), at(url, { timeout: Duration.millis(300) }))
        assert.strictEqual(error.reason._tag, tag)
        while ((yield* ledger).chat.inFlight > 0) yield* Effect.sleep(1)
        const { chat } = yield* ledger
        assert.deepStrictEqual(chat.failed, { [fault]: 1 })
        assert.deepInclude(chat, { requests: 1, answered: 0 })
        assert.strictEqual(chat.items.answered, 0)
      })
    )
  }

  it.live("a refused connection is a ConnectionFault", () =>
    Effect.gen(function* () {
      const url = yield* Effect.scoped(serve(() => undefined))
      const error = yield* Effect.provide(Effect.flip(complete), at(url))
      assert.strictEqual(error.reason._tag, "ConnectionFault")
      assert.include(error.message, "ECONNREFUSED")
    })
  )

  it.live("a silence longer than the timeout is a ConnectionFault, in the headers and in the body", () =>
    Effect.gen(function* () {
      const timeout = Duration.millis(100)
      const hang = yield* failure(() => undefined, { timeout })
      const half = yield* failure((response) => void response.writeHead(200).write("{"), { timeout })
      assert.deepStrictEqual([hang.reason._tag, half.reason._tag], ["ConnectionFault", "ConnectionFault"])
      assert.include(hang.message, "0.1 s")
    })
  )

  it.live("a base URL or key that cannot be one is Misconfigured, and nothing is sent", () =>
    Effect.gen(function* () {
      for (const [baseURL, apiKey] of [
        ["not a url", secret],
        ["ftp://example.com/v1", secret],
        ["http://127.0.0.1:1/v1", `${secret}\nx`],
        ["http://127.0.0.1:1/v1", "ключ-verysecret"]
      ] as const) {
        const error = yield* Effect.provide(Effect.flip(complete), at(baseURL, { apiKey: Redacted.make(apiKey) }))
        assert.deepInclude(error.reason, { _tag: "Misconfigured", status: 0 })
        assert.notInclude(error.message, "verysecret")
      }
    })
  )

  it.live("keeps secrets, control characters and floods out of messages", () =>
    Effect.gen(function* () {
      const header = "header-verysecret"
      const said = `\u001b[31m${secret} Bearer abc.verysecret ${header} https://u:verysecret@h/?api_key=verysecret&x=1 \u202e${"long ".repeat(5_000)}`
      const { message } = yield* failure((response) => reply(response, 500, { error: { message: said } }), {
        headers: { "x-gateway": Redacted.make(header) }
      })
      assert.notInclude(message, "verysecret")
      assert.notMatch(message, /[\p{Cc}\p{Cf}]/u)
      assert.isAtMost(message.length, 500)
      assert.include(message, "x=1")
    })
  )
})

const success = (more: object = {}, choice: object = {}) => ({
  choices: [{ message: { role: "assistant", content: "{}" }, finish_reason: "stop", ...choice }],
  ...more
})

describe("OpenAiChat: answers", () => {
  const answer = (body: unknown, headers?: Readonly<Record<string, string>>) =>
    Effect.provide(
      complete,
      answering((response) => reply(response, 200, body, headers))
    )

  it.live("sends the schema, strict, the cap by its new name, and neither temperature nor effort unless told to", () =>
    Effect.gen(function* () {
      const { seen, url } = yield* serveJson((_, response) => reply(response, 200, success()))
      yield* Effect.provide(complete, at(url))
      yield* Effect.provide(complete, at(url, { reasoningEffort: "low", temperature: 0, headers: { "x-team": "a" } }))
      const request = requestFor(["Ada met Bob."])
      const plain = {
        model: "test-model",
        messages: request.messages,
        response_format: {
          type: "json_schema",
          json_schema: { name: "answer", schema: request.schema.schema, strict: true }
        },
        max_completion_tokens: 4_000
      }
      assert.deepStrictEqual(
        seen.map((one) => one.body),
        [plain, { ...plain, reasoning_effort: "low", temperature: 0 }]
      )
      assert.strictEqual(seen[0]?.url, "/v1/chat/completions")
      assert.strictEqual(seen[0]?.headers.authorization, `Bearer ${secret}`)
      assert.strictEqual(seen[1]?.headers["x-team"], "a")
    })
  )

  it.live("works without a key", () =>
    Effect.gen(function* () {
      const { seen, url } = yield* serveJson((_, response) => reply(response, 200, success()))
      yield* Effect.provide(complete, at(url, { apiKey: Redacted.make("") }))
      assert.strictEqual(seen.length, 1)
    })
  )

  it.live("learns once that a server knows only max_tokens, and leaves asking again to its caller", () =>
    Effect.gen(function* () {
      const { seen, url } = yield* serveJson((one, response) =>
        JSON.stringify(one.body).includes("max_completion_tokens")
          ? reply(response, 400, openAiError("invalid_request_error", null, "Unknown field", "max_completion_tokens"))
          : reply(response, 200, success())
      )
      const [first] = yield* Effect.provide(Effect.all([Effect.flip(complete), complete, complete]), at(url))
      assert.deepInclude(first.reason, { _tag: "RequestRejected", isMended: true })
      assert.strictEqual(seen.length, 3)
      for (const { body } of seen.slice(1)) assert.deepInclude(body, { max_tokens: 4_000 })
    })
  )

  it.live("asks once only: nothing is retried", () =>
    Effect.gen(function* () {
      const { seen, url } = yield* serveJson((_, response) => reply(response, 500, "", { "x-should-retry": "true" }))
      yield* Effect.provide(Effect.flip(complete), at(url))
      assert.strictEqual(seen.length, 1)
    })
  )

  it.live("reads usage: cached input, and reasoning as output even where only the total has it", () =>
    Effect.gen(function* () {
      const full = yield* answer(
        success({
          usage: {
            prompt_tokens: 100,
            completion_tokens: 30,
            total_tokens: 180,
            prompt_tokens_details: { cached_tokens: 64 }
          }
        })
      )
      assert.deepStrictEqual(full.usage, { input: 100, output: 80, cached: 64 })
      const none = yield* answer(success({ usage: null }, { message: { content: "x".repeat(400) } }))
      assert.isAbove(none.usage.input, 100)
      assert.deepInclude(none.usage, { output: 100, cached: 0 })
    })
  )

  it.live("usage that cannot be true is estimated, and takes no answer with it that is paid for", () =>
    Effect.gen(function* () {
      const zero = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }
      for (const usage of [zero, { prompt_tokens: "12" }, "unknown", { prompt_tokens: -1, completion_tokens: -1 }]) {
        const answered = yield* answer(success({ usage }, { message: { content: "x".repeat(400) } }))
        assert.isAbove(answered.usage.input, 100)
        assert.deepInclude(answered.usage, { output: 100, cached: 0 })
      }
      const empty = yield* answer(success({ usage: { ...zero, prompt_tokens: 50 } }, { message: { content: null } }))
      assert.deepStrictEqual(empty.usage, { input: 50, output: 0, cached: 0 })
    })
  )

  it.live("reads why an answer ended", () =>
    Effect.gen(function* () {
      const finish = (choice: object) =>
        Effect.map(answer(success({}, choice)), (response) => [response.finish, response.content])
      const refused = yield* answer(success({}, { message: { content: null, refusal: "No." } }))
      assert.strictEqual(refused.refusal, "No.")
      assert.deepStrictEqual(yield* finish({}), ["stop", "{}"])
      assert.deepStrictEqual(yield* finish({ finish_reason: "length" }), ["length", "{}"])
      assert.deepStrictEqual(yield* finish({ finish_reason: "content_filter" }), ["refusal", ""])
      assert.deepStrictEqual(yield* finish({ message: { content: null, refusal: "No." } }), ["refusal", ""])
      assert.deepStrictEqual(yield* finish({ finish_reason: "tool_calls" }), ["other", "{}"])
      assert.deepStrictEqual(yield* finish({ finish_reason: null, message: { content: null } }), ["other", ""])
      const parts = [
        { type: "thinking", text: "hm" },
        { type: "text", text: "{" },
        { type: "text", text: "}" }
      ]
      assert.deepStrictEqual(yield* finish({ message: { content: parts } }), ["stop", "{}"])
    })
  )

  it.live("reads JSON that is called text, and gives the headers in lower case", () =>
    Effect.gen(function* () {
      const response = yield* answer(JSON.stringify(success({ model: "m-2026" })), {
        "content-type": "text/plain",
        "X-RateLimit-Remaining-Tokens": "42"
      })
      assert.strictEqual(response.model, "m-2026")
      assert.strictEqual(response.headers["x-ratelimit-remaining-tokens"], "42")
    })
  )

  it.live("has a thousand requests under way at once", () =>
    Effect.gen(function* () {
      const waiting: Array<ServerResponse> = []
      const { url } = yield* serveJson((_, response) => {
        waiting.push(response)
        // Nobody is answered before all are here: a hidden limit would end in the test's timeout.
        if (waiting.length === 1_000) for (const one of waiting) reply(one, 200, success())
      })
      const responses = yield* Effect.all(
        Array.from({ length: 1_000 }, () => complete),
        { concurrency: "unbounded" }
      ).pipe(Effect.provide(at(url)))
      assert.strictEqual(responses.length, 1_000)
    })
  )

  it.live("tells endpoints apart by address and key", () =>
    Effect.gen(function* () {
      const endpoint = (url: string, key: string) =>
        Effect.map(ChatModel, (model) => model.endpoint).pipe(
          Effect.provide(at(url, { apiKey: Redacted.make(key) })),
          Effect.scoped
        )
      const one = yield* endpoint("https://user:verysecret@api.example.com/v1/?key=verysecret", "a")
      assert.match(one, /^https:\/\/api\.example\.com\/v1#[0-9a-f]{8}$/)
      assert.strictEqual(one, yield* endpoint("https://api.example.com/v1", "a"))
      assert.notStrictEqual(one, yield* endpoint("https://api.example.com/v1", "b"))
      assert.notStrictEqual(one, yield* endpoint("https://api.example.com/v2", "a"))
    })
  )
})
