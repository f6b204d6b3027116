import type { ChargeRule } from "./Charge.ts"
import { minute } from "./Headers.ts"
import type { Dimension } from "./Headers.ts"
import type { Limiter } from "./Limiter.ts"
import { OwnLimit } from "./OwnLimit.ts"

/** What is known of a limit. */
export interface LimitState {
  readonly dimension: Dimension
  /** `user`: whoever started this process set it, and no account. */
  readonly origin: "provider" | "user"
  /** Units a window; undefined: never told, learned from throttles. */
  readonly limit: number | undefined
  /** Milliseconds. */
  readonly window: number | undefined
  readonly perMinute: number
  readonly level: number
  readonly capacity: number
}

/** What is known of a pool, for whoever looks at it from outside. */
export interface PoolState {
  readonly mode: "first" | "told" | "untold" | "fixed"
  readonly limits: ReadonlyArray<LimitState>
  readonly charge: ChargeRule
  readonly inFlight: number
  readonly waiting: number
  /** The most in flight, as it is now. */
  readonly concurrency: number
  /** The most that ever may be. */
  readonly ceiling: number
  /** What the next call waits for; `pause`: that the provider is left alone, or that what was saved up is spent slowly. */
  readonly binding: Dimension | "concurrency" | "pause" | undefined
  /** The limit that it waits for, where it is one. */
  readonly bindingLimit: LimitState | undefined
  /** Milliseconds for which nothing is sent at all. */
  readonly frozenFor: number
}

export const stateOf = (limiter: Limiter | OwnLimit, now: number): LimitState => ({
  dimension: limiter.dimension,
  origin: limiter instanceof OwnLimit ? "user" : "provider",
  limit: limiter.limit,
  window: limiter instanceof OwnLimit ? minute : limiter.window,
  perMinute: limiter.rate * minute,
  level: limiter.level(now),
  capacity: limiter.capacity
})
