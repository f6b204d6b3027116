import { Effect, Stream } from "effect"
import type { Group } from "../domain/Ids.ts"
import { hash53 } from "../domain/Hashing.ts"
import { DocumentSource } from "../services/DocumentSource.ts"
import type { Gone, SourceError } from "../services/DocumentSource.ts"
import { GraphStore } from "../services/GraphStore.ts"
import { Ledger } from "../services/Ledger.ts"
import type { KnownSource } from "../services/Ledger.ts"
import { Pruning } from "../services/Pruning.ts"
import type { StorageError } from "../services/StorageError.ts"
import { Run } from "../services/Run.ts"
import { RunCounters } from "./Metrics.ts"

/** What lies in a file, as numbers: the names of a large mailbox would take ten times as much. */
export class Listing {
  readonly #holder: string
  readonly #isDocument: boolean
  readonly #names = new Set<number>()

  /** `isDocument`: whether the file is one, besides what lies in it. */
  constructor(holder: string, isDocument: boolean) {
    this.#holder = holder
    this.#isDocument = isDocument
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

  /** Sources of the file that the ledger knows, and that are not in it any more. */
  lost(ledger: Ledger["Service"], group: Group): Stream.Stream<KnownSource, StorageError> {
    const holder = this.#holder
    const own = this.#isDocument ? Stream.empty : Stream.take(ledger.sources(group, holder), 1)
    return Stream.concat(
      Stream.filter(own, ({ document, source }) => source === holder && document !== undefined),
      // A letter about what lies in a file is no source of its own.
      Stream.filter(ledger.sources(group, `${holder}#`), ({ source }) => !source.endsWith("#") && !this.has(source))
    )
  }
}

/** Of files that were read whole in this run and have lost something that the ledger knows of. */
export type Listings = Array<Listing>

/** Sources that are taken out in one transaction. */
const batch = 100

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
    Stream.flatMap(Stream.fromIterable(listings), (listing) => listing.lost(ledger, group))
  )
  let count = 0
  const say = Effect.fnUntraced(function* (source: string) {
    count++
    if (isPruning && count <= named) yield* Effect.logInfo(`${source} is gone, and leaves the graph.`)
  })
  yield* missing.pipe(
    Stream.map(({ source }) => source),
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
