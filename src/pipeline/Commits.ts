import { Duration, Effect } from "effect"
import * as CommitSizes from "../domain/CommitSizes.ts"
import type { Group, RunId } from "../domain/Ids.ts"
import { CommitTimes } from "../services/Concurrency.ts"
import { GraphStore } from "../services/GraphStore.ts"
import type { Write } from "../services/GraphStore.ts"
import * as GroupCommit from "../services/GroupCommit.ts"

/** Documents that one group commit takes at most. */
export const maxCommit = 128

/**
 * Turns that other fibers get before a commit. Documents of one corpus speak of the same things: the more of them share
 * a commit, the fewer pages are written twice.
 */
const patience = 16

/** How long a commit waits for more while another one is under way. */
const gathering = Duration.millis(200)

/** Rows of a document in the graph, about. */
export const rowsOf = (write: Write): number => {
  if (write._tag !== "document") return 1
  const { facts, mentions, names, relations, supports } = write.resolved.graph
  return names.length + mentions.length + relations.length + facts.length + supports.length
}

/**
 * Writes to the store, in commits that they share. A server's statements cost the same however few rows they have, so a
 * further commit waits for many, though not for long; how many rows that is, and how many commits there are at once,
 * follows from how long it takes (see domain/CommitSizes.ts).
 */
export const commits = Effect.fnUntraced(function* (run: { readonly group: Group; readonly id: RunId }) {
  const store = yield* GraphStore
  const times = yield* CommitTimes
  const most = store.writers
  let climb = CommitSizes.start
  let underWay = 0
  const several: GroupCommit.Several<Write> = {
    most: most ?? 1,
    limits: () => ({ atOnce: climb.sizes.atOnce, enough: climb.sizes.rows }),
    weigh: rowsOf,
    within: gathering
  }
  const commit = Effect.fnUntraced(function* (writes: ReadonlyArray<Write>) {
    const before = ++underWay
    const [duration] = yield* store
      .commit(run.group, run.id, writes)
      .pipe(Effect.timed, Effect.ensuring(Effect.sync(() => underWay--)))
    const millis = Duration.toMillis(duration)
    // Of a store that takes one after the other, whoever looks something up waits for a long one.
    if (most === undefined) times.record(millis)
    else {
      const rows = writes.reduce((sum, write) => sum + rowsOf(write), 0)
      const beside = (before + underWay + 1) / 2
      climb = CommitSizes.next(climb, { rows, millis, beside }, most)
      yield* Effect.logDebug("Committed", { documents: writes.length, rows, millis, beside, next: climb.sizes })
    }
    return writes
  })
  return yield* GroupCommit.make(commit, {
    maxBatch: maxCommit,
    patience,
    ...(most === undefined ? {} : { several })
  })
})
