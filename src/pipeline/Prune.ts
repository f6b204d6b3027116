import { Effect, Stream } from "effect"
import { hash53 } from "../domain/Hashing.ts"
import { DocumentSource } from "../services/DocumentSource.ts"
import type { Gone, SourceError } from "../services/DocumentSource.ts"
import { GraphStore } from "../services/GraphStore.ts"
import { Ledger } from "../services/Ledger.ts"
import { Pruning } from "../services/Pruning.ts"
import { Run } from "../services/Run.ts"
import { RunCounters } from "./Metrics.ts"

/** What lies in a file, as numbers: the names of a large mailbox would take ten times as much. */
export class Listing {
  readonly #holder: string
  readonly #names = new Set<number>()

  constructor(holder: string) {
    this.#holder = holder
  }

  add(name: string): void {
    this.#names.add(hash53(name))
  }

  /** Whether a source in the file, or the file in it that it lies in, was listed: what is in that is another's business. */
  has(source: string): boolean {
    for (let at = source.indexOf("#", this.#holder.length + 1); at >= 0; at = source.indexOf("#", at + 1)) {
      if (this.#names.has(hash53(source.slice(0, at)))) return true
    }
    return this.#names.has(hash53(source))
  }
}

/** Files of this run that were read whole and have lost something that the ledger knows of, by their names. */
export type Listings = Map<string, Listing>

/** Sources that are taken out in one transaction. */
const batch = 500

/** How many are named. */
const named = 10

const nothing: Gone = { places: [], empty: [] }

/** Of a source that cannot be listed any more, nothing is gone. */
const unknown = ({ message }: SourceError) =>
  Effect.as(Effect.logWarning(`What is gone is not known, so nothing was taken out of the graph: ${message}`), nothing)

/**
 * Finds the sources of earlier runs that are under what was read and are not there any more. Pruned, they leave the
 * graph, and what was paid for stays in the journal; else they are counted. The ledger is read page by page beside the
 * directories, so that memory holds neither.
 */
export const prune = Effect.fn("prune")(function* (listings: Listings) {
  const { group, id } = yield* Run
  const source = yield* DocumentSource
  const store = yield* GraphStore
  const ledger = yield* Ledger
  const counters = yield* RunCounters
  const isPruning = yield* Pruning
  const gone = source.gone === undefined ? nothing : yield* Effect.catchTag(source.gone, "SourceError", unknown)

  for (const prefix of gone.empty) {
    const known = yield* Stream.runCount(Stream.take(ledger.sources(group, prefix), 1))
    if (known > 0 && isPruning) {
      yield* Effect.logWarning(
        `${prefix} is empty, and its disk may just not be there, so nothing of it was taken out of the graph: if that is meant, \`sluice forget ${prefix}\` does it.`
      )
    }
  }

  const missing = Stream.concat(
    Stream.fromIterable(gone.places).pipe(
      Stream.flatMap(({ isGone, prefix }) =>
        Stream.filterEffect(ledger.sources(group, prefix), ({ source }) => isGone(source))
      )
    ),
    Stream.fromIterable(listings).pipe(
      Stream.flatMap(([holder, listing]) =>
        Stream.filter(
          ledger.sources(group, `${holder}#`),
          ({ source }) => source !== `${holder}#` && !listing.has(source)
        )
      )
    )
  )
  let count = 0
  const say = Effect.fnUntraced(function* (source: string) {
    count++
    if (isPruning && count <= named) yield* Effect.logInfo(`${source} is gone, and leaves the graph.`)
  })
  yield* missing.pipe(
    Stream.map(({ source }) => source),
    // A letter about what lies in a file is no source of its own.
    Stream.tap((source) => (source.endsWith("#") ? Effect.void : say(source))),
    Stream.grouped(batch),
    Stream.runForEach((sources) =>
      isPruning
        ? store.commit(
            group,
            id,
            sources.map((source) => ({ _tag: "removed", source }))
          )
        : Effect.void
    )
  )
  if (isPruning && count > named) yield* Effect.logInfo(`So do ${count - named} more.`)
  if (isPruning) counters.documents.removed = count
  else if (count > 0) counters.documents.gone = count
})
