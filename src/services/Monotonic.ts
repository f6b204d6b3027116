import { Effect } from "effect"
import type { Clock } from "effect"

/** Milliseconds on a clock that nobody sets, forward or back: good for distances alone. */
export const millisOf = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

export const millis: Effect.Effect<number> = Effect.clockWith((clock) => Effect.sync(() => millisOf(clock)))
