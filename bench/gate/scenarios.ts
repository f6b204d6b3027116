import { Option, Schema } from "effect"
import { chatBody } from "../../src/layers/openai/Completion.ts"
import { SimulatedCore } from "../../src/layers/simulated/Core.ts"
import type { Limits } from "../../src/layers/simulated/Limits.ts"
import type { SimulatedOptions } from "../../src/layers/simulated/Options.ts"
import { hash32 } from "../../src/domain/Hashing.ts"
import type { ChatRequest } from "../../src/services/ChatModel.ts"

export interface Truth {
  readonly output: number
  /** Tokens of input and output. */
  readonly real: number
  /** Tokens that each attempt is charged. */
  readonly charged: number
  readonly attempts: number
  /** Milliseconds, of all attempts; of the one that is answered. */
  readonly latency: number
  readonly last: number
}

/** One call of the work, and what the provider will make of it. */
export interface Job {
  readonly index: number
  readonly request: ChatRequest
  /** Tokens of input as the provider estimates them; as we do, who cannot know. */
  readonly inputTokens: number
  /** The output that a client can expect: the real one, wrong by a normal factor of 30 %. */
  readonly expectedOutput: number
  /** What the provider will draw: for the lower bound alone. */
  readonly truth: Truth
}

export interface Scenario {
  readonly name: string
  readonly title: string
  readonly calls: number
  /** Calls in flight that a client may have at most. */
  readonly concurrency: number
  /** What the tier's page says, for clients that have to be told. */
  readonly nominal: { readonly rpm: number; readonly tpm: number }
  readonly provider: SimulatedOptions
}

const outputCap = 1500
export const timeout = 120_000

const base: SimulatedOptions = {
  seed: 1,
  latency: { median: 400, sigma: 0.4, perOutputToken: 20 },
  outputTokens: { median: 560, sigma: 0.35 },
  timeout
}

export const tier1 = { rpm: 500, tpm: 200_000 }
export const tier2 = { rpm: 5_000, tpm: 2_000_000 }
export const rejectAfter = 30

export const scenarios: ReadonlyArray<Scenario> = [
  {
    name: "A",
    title: "tokens bind: 5,000 RPM, 2M TPM, a bucket of a minute",
    calls: 4_000,
    concurrency: 500,
    nominal: tier2,
    provider: { ...base, limits: { ...tier2, rejectAfter } }
  },
  {
    name: "B",
    title: "requests bind: 500 RPM, 10M TPM",
    calls: 3_000,
    concurrency: 200,
    nominal: { rpm: 500, tpm: 10_000_000 },
    provider: { ...base, limits: { rpm: 500, tpm: 10_000_000, rejectAfter } }
  },
  {
    name: "C",
    title: "as A, but a bucket of one second",
    calls: 4_000,
    concurrency: 500,
    nominal: tier2,
    provider: { ...base, limits: { ...tier2, window: 1, rejectAfter } }
  },
  {
    name: "D",
    title: "headers and tier say A, 3,000 RPM and 1.2M TPM are enforced, and nothing tells them",
    calls: 4_000,
    concurrency: 500,
    nominal: tier2,
    provider: { ...base, limits: { rpm: 3_000, tpm: 1_200_000, told: tier2, terse: true, rejectAfter } }
  },
  {
    name: "unknown",
    title: "as A, without any headers (the others are told the limits)",
    calls: 4_000,
    concurrency: 500,
    nominal: tier2,
    provider: { ...base, limits: { ...tier2, headers: "none", terse: true, rejectAfter } }
  },
  {
    name: "moves",
    title: "as A, halved after 2 minutes, and twice the first after 5",
    calls: 4_000,
    concurrency: 500,
    nominal: tier2,
    provider: {
      ...base,
      limits: {
        ...tier2,
        rejectAfter,
        changes: [
          { at: 120_000, factor: 0.5 },
          { at: 300_000, factor: 2 }
        ]
      }
    }
  },
  {
    name: "own",
    title: "a server of one's own: 128 places, 10 ms + 0.1 ms per running request a token, 503 over 256 waiting",
    calls: 3_000,
    concurrency: 500,
    nominal: { rpm: 1e9, tpm: 1e12 },
    provider: {
      ...base,
      latency: { median: 300, sigma: 0.4 },
      limits: { slots: { count: 128, queue: 256, step: 10, perRequest: 0.1 }, headers: "none" }
    }
  },
  {
    name: "faults",
    title: "as A, 5 % of what is sent fails (500, 503, reset, cut off, hang)",
    calls: 4_000,
    concurrency: 500,
    nominal: tier2,
    provider: {
      ...base,
      limits: { ...tier2, rejectAfter },
      faults: { serverError: 0.02, unavailable: 0.01, reset: 0.01, truncated: 0.008, hang: 0.002 }
    }
  }
]

const small = { rpm: 2_000, tpm: 600_000, rejectAfter }

/** Small runs against limits of every shape. */
export const shapes: ReadonlyArray<Scenario> = Object.entries<Limits>({
  ...Object.fromEntries(
    (["sum", "max", "estimate", "real"] as const).flatMap((charge) =>
      (["continuous", 1, "fixed"] as const).flatMap((window) =>
        (["openai", "anthropic", "none"] as const).map((headers) => [
          `charge ${charge}, window ${window === 1 ? "1 s" : window}, headers ${headers}`,
          { ...small, charge, window, headers }
        ])
      )
    )
  ),
  "headers are placeholders": { ...small, headers: "placeholders" },
  "requests pair tells the day": { ...small, rpd: 10_000, headers: "daily" },
  "no headers, Retry-After in ms": { ...small, headers: "none", retryAfter: "milliseconds" },
  "no headers, no Retry-After, no figures": { ...small, headers: "none", retryAfter: "none", terse: true },
  "no headers, Retry-After always 90 s": { ...small, headers: "none", retryAfter: 90 },
  "no headers, denied requests drain": { ...small, headers: "none", deniedTakes: 1 },
  "headers tell twice as much": { ...small, told: { rpm: 4_000, tpm: 1_200_000 }, terse: true },
  "30 % used by others": { ...small, tenant: 0.3 },
  "30 % used by others, no headers": { ...small, tenant: 0.3, headers: "none" },
  "slow_down over 300k TPM": { ...small, ramp: { from: 300_000, growth: 1.5 } }
}).map(([title, limits]) => ({
  name: "shape",
  title,
  calls: 600,
  concurrency: 200,
  nominal: { rpm: 2_000, tpm: 600_000 },
  provider: { ...base, limits }
}))

/** For the run in real time: a minute and a half. */
export const short: Scenario = {
  name: "real",
  title: "2,000 RPM, 600k TPM, 400 calls",
  calls: 400,
  concurrency: 200,
  nominal: { rpm: 2_000, tpm: 600_000 },
  provider: { ...base, limits: { rpm: 2_000, tpm: 600_000, rejectAfter } }
}

export const uniform = (seed: number, index: number): number => (hash32(`${index}`, seed) + 0.5) / 2 ** 32
const normal = (seed: number, index: number): number =>
  Math.sqrt(-2 * Math.log(uniform(seed, index))) * Math.cos(2 * Math.PI * uniform(seed + 1, index))

const system = "Read the chunk and list what it names. ".repeat(200)
const schema = {
  name: "answer",
  schema: {
    type: "object",
    properties: { done: { type: "boolean" } },
    required: ["done"],
    additionalProperties: false
  }
}

const parse = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({ usage: Schema.Struct({ prompt_tokens: Schema.Int, completion_tokens: Schema.Int }) })
  )
)

/** Asks a provider without limits until it answers: what it draws depends on the call and the attempt alone. */
const truthOf = (shadow: SimulatedCore, request: ChatRequest): Truth & { readonly input: number } => {
  const body = chatBody(request, {}, "max_completion_tokens")
  let latency = 0
  for (let attempts = 1; ; attempts++) {
    const before = shadow.snapshot().chat.charged.tokens
    const { ended, reply, wait } = shadow.chat(body, undefined, 0)
    const charged = shadow.snapshot().chat.charged.tokens - before
    const last = reply.transport === "hang" ? timeout : wait(0)
    latency += last
    ended(0, reply.transport !== "hang")
    const answered = reply.status === 200 && reply.transport === "complete" ? parse(reply.body) : Option.none()
    if (Option.isNone(answered)) continue
    const { completion_tokens: output, prompt_tokens: input } = answered.value.usage
    return { input, output, real: input + output, charged, attempts, latency, last }
  }
}

/** The same work for everyone: about 2,500 tokens of input each, 600 of output, and a cap of 1,500. */
export const jobsOf = (scenario: Scenario): ReadonlyArray<Job> => {
  const { charge = "sum" } = scenario.provider.limits ?? {}
  const shadow = new SimulatedCore({ ...scenario.provider, limits: { charge } })
  return Array.from({ length: scenario.calls }, (_, index): Job => {
    const length = 1_200 + Math.floor(2_000 * uniform(7, index))
    const text = `chunk ${index} ${"and so it went on ".repeat(200)}`.slice(0, length)
    const request: ChatRequest = {
      model: "simulated",
      messages: [
        { role: "system", content: system },
        { role: "user", content: JSON.stringify({ chunks: [{ id: "c1", text }] }) }
      ],
      schema,
      maxOutputTokens: outputCap
    }
    const { input, ...truth } = truthOf(shadow, request)
    return {
      index,
      request,
      inputTokens: input,
      expectedOutput: Math.round(truth.output * Math.exp(0.3 * normal(11, index))),
      truth
    }
  })
}
