import { chatBody } from "../../src/layers/openai/Completion.ts"
import { SimulatedCore } from "../../src/layers/simulated/Core.ts"
import type { SimulatedOptions } from "../../src/layers/simulated/Options.ts"
import { hash32 } from "../../src/domain/Hashing.ts"
import type { ChatRequest } from "../../src/services/ChatModel.ts"

/** One call of the work, and what the provider will make of it. */
export interface Job {
  readonly index: number
  readonly request: ChatRequest
  /** Tokens of input as the provider estimates them; as we do, who cannot know. */
  readonly inputTokens: number
  /** The output that a client can expect: the real one, wrong by a normal factor of 30 %. */
  readonly expectedOutput: number
  /** What the provider will draw at the first attempt: for the lower bound alone. */
  readonly truth: { readonly output: number; readonly latency: number; readonly charged: number; readonly real: number }
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

export const outputCap = 1500
export const timeout = 120_000

const base: SimulatedOptions = {
  seed: 1,
  latency: { median: 400, sigma: 0.4, perOutputToken: 20 },
  outputTokens: { median: 560, sigma: 0.35 },
  timeout
}

const tier2 = { rpm: 5_000, tpm: 2_000_000 }
const rejectAfter = 30

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

/** For the run in real time: a minute and a half. */
export const short: Scenario = {
  name: "real",
  title: "2,000 RPM, 600k TPM, 400 calls",
  calls: 400,
  concurrency: 200,
  nominal: { rpm: 2_000, tpm: 600_000 },
  provider: { ...base, limits: { rpm: 2_000, tpm: 600_000, rejectAfter } }
}

/** A small account, for the whole program in real time. */
export const tier1: SimulatedOptions = {
  seed: 1,
  latency: { median: 400, sigma: 0.4, perOutputToken: 5 },
  limits: { rpm: 500, tpm: 200_000, rejectAfter }
}

const uniform = (seed: number, index: number): number => (hash32(`${index}`, seed) + 0.5) / 2 ** 32
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

const usageOf = (body: string): { readonly prompt_tokens: number; readonly completion_tokens: number } =>
  JSON.parse(body).usage

/** The same work for everyone: about 2,500 tokens of input each, 600 of output, and a cap of 1,500. */
export const jobsOf = (scenario: Scenario): ReadonlyArray<Job> => {
  const { faults: _, limits = {}, ...quiet } = scenario.provider
  const { charge = "sum" } = limits
  const shadow = new SimulatedCore({ ...quiet, limits: { charge } })
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
    const before = shadow.snapshot().chat.charged.tokens
    const exchange = shadow.chat(chatBody(request, {}, "max_completion_tokens"), undefined, 0)
    const usage = usageOf(exchange.reply.body)
    const latency = exchange.wait(0)
    exchange.ended(0, true)
    return {
      index,
      request,
      inputTokens: usage.prompt_tokens,
      expectedOutput: Math.round(usage.completion_tokens * Math.exp(0.3 * normal(11, index))),
      truth: {
        output: usage.completion_tokens,
        latency,
        charged: shadow.snapshot().chat.charged.tokens - before,
        real: usage.prompt_tokens + usage.completion_tokens
      }
    }
  })
}
