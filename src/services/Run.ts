import { Clock, Context, DateTime, Effect, Layer, Random } from "effect"
import { RunId } from "../domain/Ids.ts"
import type { Group } from "../domain/Ids.ts"
import type { Reckoning } from "./Journal.ts"
import * as Monotonic from "./Monotonic.ts"
import type { RunEntry } from "./Ledger.ts"
import type { Spent } from "./Budget.ts"
import type { Priority } from "./gate/Order.ts"

/** The run that this process makes, and the group that it works in. */
export class Run extends Context.Service<
  Run,
  {
    readonly id: RunId
    readonly group: Group
    /** Milliseconds since the epoch. */
    readonly startedAt: number
    /** Milliseconds since then, whatever the clock was set to meanwhile. */
    readonly elapsed: Effect.Effect<number>
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
      const start = yield* Monotonic.millis
      const elapsed = Effect.map(Monotonic.millis, (now) => now - start)
      return { id: RunId.make(`${time}-${suffix}`), group, startedAt, elapsed, priority }
    })
  )

/**
 * Whether a group's newest run leaves something to go on with: it stopped, failed, was interrupted, or has no end because
 * its process was killed. One that came to the end of its sources, with dead letters or without, is over: the next run is
 * one of its own, with a budget of its own. What the commands were asked to read does not matter: whoever ingests something
 * else in between goes on with the same budget.
 */
export const isUnfinished = ({ status }: RunEntry): boolean =>
  status === "running" || status === "stopped" || status === "failed" || status === "interrupted"

/** The runs that a new run goes on with, of those given newest first: all of one root. Empty: it begins anew. */
export const lineageOf = (known: ReadonlyArray<RunEntry>): ReadonlyArray<RunEntry> => {
  const [last] = known
  if (last === undefined || !isUnfinished(last)) return []
  const root = last.root ?? last.id
  return known.filter((run) => run.root === root || run.id === root)
}

/** What runs have used of a budget. One that was killed lasted until its last call. */
export const spentBy = (runs: ReadonlyArray<RunEntry>, reckoned: ReadonlyMap<RunId, Reckoning>): Spent =>
  runs.reduce(
    (sum, { finishedAt, id, report, startedAt }) => {
      const { calls = 0, lastAt = startedAt, tokens = 0, usd = 0 } = reckoned.get(id) ?? {}
      const seconds = report?.seconds ?? Math.max(0, (finishedAt ?? lastAt) - startedAt) / 1000
      return {
        cost: sum.cost + usd,
        calls: sum.calls + calls,
        tokens: sum.tokens + tokens,
        seconds: sum.seconds + seconds
      }
    },
    { cost: 0, calls: 0, tokens: 0, seconds: 0 }
  )
