import { Schema } from "effect"
import { Limits } from "./Limits.ts"

const Probability = Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })))

/** Probabilities of faults. Those of a request exclude each other, so their sum is at most 1. */
export const Faults = Schema.Struct({
  /** 429 with `retry-after`, naming requests or tokens. */
  rateLimited: Probability,
  /** 500 */
  serverError: Probability,
  /** 503 */
  unavailable: Probability,
  /** The connection is reset before, or in the midst of, the answer. */
  reset: Probability,
  resetMidBody: Probability,
  /** No answer ever. */
  hang: Probability,
  /** 200 with a body that ends too early. */
  truncated: Probability,
  /** 200 with: content that is no JSON, a refusal, empty content, content cut in half by the output cap. */
  invalidJson: Probability,
  refusal: Probability,
  empty: Probability,
  length: Probability,
  /** Per item of a request: its element is left out, bears an id nobody asked for, stands there twice. */
  missing: Probability,
  wrongId: Probability,
  duplicate: Probability,
  /** Per item: names that stand only in another item of the request. */
  crossTalk: Probability,
  /** Per item: a name that stands nowhere; per name: another type than without noise. */
  noise: Probability
})
export type Faults = typeof Faults.Type
export type FaultKind = keyof Faults

/** In milliseconds. */
const Latency = Schema.Struct({
  median: Schema.Finite,
  /** Of the log-normal distribution; 0 or absent: every request takes the median. */
  sigma: Schema.optionalKey(Schema.Finite),
  perOutputToken: Schema.optionalKey(Schema.Finite)
})

/** Everything is optional: without options the provider is at once, right, and never fails. */
export const SimulatedOptions = Schema.Struct({
  seed: Schema.optionalKey(Schema.Int),
  latency: Schema.optionalKey(Latency),
  /**
   * How many tokens an answer is said to have, instead of those that it does have: log-normal, never above the request's
   * output cap. As from a model that reasons.
   */
  outputTokens: Schema.optionalKey(Schema.Struct({ median: Schema.Finite, sigma: Schema.optionalKey(Schema.Finite) })),
  /** For each model alike, each with its own count; absent: none. */
  limits: Schema.optionalKey(Limits),
  /** For single models, instead. */
  limitsByModel: Schema.optionalKey(Schema.Record(Schema.String, Limits)),
  faults: Schema.optionalKey(Faults),
  /** Seconds that a 429 asks for. */
  retryAfter: Schema.optionalKey(Schema.Finite),
  /** A request with an item that contains this marker gets content that is no JSON. */
  poison: Schema.optionalKey(Schema.NonEmptyString),
  /** A request with an item that contains this marker is refused by the model. */
  refuses: Schema.optionalKey(Schema.NonEmptyString),
  /** The key to ask for; absent: any. */
  apiKey: Schema.optionalKey(Schema.String),
  /** The models to know; absent: any. */
  models: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Of the embeddings. */
  dimensions: Schema.optionalKey(Schema.Int),
  /** Milliseconds after which the layers, which have no connection to lose, give up a request; 60,000 if absent. */
  timeout: Schema.optionalKey(Schema.Finite)
})
export type SimulatedOptions = typeof SimulatedOptions.Type
