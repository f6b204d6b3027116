import { Clock, Context, DateTime, Effect, Layer, Random } from "effect"
import { RunId } from "../domain/Ids.ts"
import type { Group } from "../domain/Ids.ts"
import type { Priority } from "./gate/Order.ts"

/** The run that this process makes, and the group that it works in. */
export class Run extends Context.Service<
  Run,
  {
    readonly id: RunId
    readonly group: Group
    /** Milliseconds since the epoch. */
    readonly startedAt: number
    /** Whose calls go first where several runs share a gate. */
    readonly priority: Priority
  }
>()("sluice/services/Run") {}

/** Ids sort by time, for people; the random part keeps apart processes that start together. */
export const layer = (group: Group, priority: Priority = "normal"): Layer.Layer<Run> =>
  Layer.effect(
    Run,
    Effect.gen(function* () {
      const startedAt = Math.round(yield* Clock.currentTimeMillis)
      const time = DateTime.formatIso(DateTime.makeUnsafe(startedAt)).replace(/\D/g, "").slice(0, 14)
      const suffix = (yield* Random.nextIntBetween(0, 2 ** 32)).toString(16).padStart(8, "0")
      return { id: RunId.make(`${time}-${suffix}`), group, startedAt, priority }
    })
  )
