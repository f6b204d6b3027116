import { Schema } from "effect"
import { chargeRules } from "./Charge.ts"
import { dimensions } from "./Headers.ts"

const Positive = Schema.Finite.check(Schema.isGreaterThan(0))

/** A limit as an earlier process knew it. */
const LearnedLimit = Schema.Struct({
  dimension: Schema.Literals(dimensions),
  /** Units a window, where the provider told it. */
  limit: Schema.optionalKey(Positive),
  /** Milliseconds. */
  window: Schema.optionalKey(Positive),
  /** What was found to pass. */
  perMinute: Positive,
  /** Milliseconds for which that can be saved up. */
  burst: Schema.optionalKey(Positive)
})
export type LearnedLimit = typeof LearnedLimit.Type

/** What is worth knowing of a pool before its first call: JSON, without anything secret. */
export const Learned = Schema.Struct({
  limits: Schema.Array(LearnedLimit),
  /** How tokens are charged, and what the provider's estimate is beside ours. */
  charge: Schema.Struct({ rule: Schema.Literals(chargeRules), factor: Positive }),
  /** Calls in flight that keep a provider without limits busy. */
  concurrency: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThan(0)))
})
export type Learned = typeof Learned.Type

const day = 86_400_000
const month = 30 * day

/**
 * The part of what was learned that is a safe start after so many milliseconds: tiers change from time to time, up or
 * down. 0: it is not worth having.
 */
export const worthAfter = (age: number): number => (age < day ? 1 : age < month ? 0.5 : age < 6 * month ? 0.25 : 0)

/** Three digits: what changes less is no news. */
export const rounded = (value: number): number => Number(value.toPrecision(3))
