import { Array as Arr, Effect, Option, Schema, Semaphore, Stream } from "effect"
import { DeadLetter } from "../domain/DeadLetter.ts"
import { stateOf } from "../domain/Graph.ts"
import type { DocumentId, Group } from "../domain/Ids.ts"
import { RunId } from "../domain/Ids.ts"
import { CommitTimes } from "../services/Concurrency.ts"
import { GraphStore } from "../services/GraphStore.ts"
import type { StoredDocument, Write } from "../services/GraphStore.ts"
import type { Ledger } from "../services/Ledger.ts"
import type { StorageError } from "../services/StorageError.ts"
import { commits, maxCommit, rowsOf } from "./Commits.ts"

/** A graph with its ledger. */
export interface Endpoint {
  readonly store: GraphStore["Service"]
  readonly ledger: Ledger["Service"]
}

/** How far a group's copy is. */
export interface Counted {
  /** Documents that were read. */
  seen: number
  /** Those that were written. */
  copied: number
}

/** What a group's copy came to. */
export interface Copied {
  readonly group: Group
  readonly documents: { readonly seen: number; readonly copied: number; readonly unchanged: number }
  /** Those that the target did not have as they are. */
  readonly runs: number
  readonly deadLetters: number
  readonly hash: { readonly from: string; readonly to: string }
  /** Why the two differ, if they do. */
  readonly difference?: "target has other documents" | "source has changed" | "documents differ"
}

const encodeLetter = Schema.encodeSync(Schema.fromJsonString(DeadLetter))

/** Dead letters of a ledger: what they are, each once, by what they are about. */
class Letters {
  readonly all = new Map<string, DeadLetter>()
  readonly #ofDocument = new Map<string, Array<string>>()

  constructor(letters: ReadonlyArray<DeadLetter>) {
    for (const letter of letters) {
      this.all.set(keyOf(letter), letter)
      const { document, ordinal } = letter
      if (document === undefined || ordinal === undefined) continue
      const others = this.#ofDocument.get(document)
      if (others === undefined) this.#ofDocument.set(document, [encodeLetter(letter)])
      else others.push(encodeLetter(letter))
    }
  }

  /** Of a document's dead chunks, and of its sources as wholes. */
  of(document: DocumentId, sources: ReadonlyArray<string>): ReadonlyArray<string> {
    const ofSources = sources.flatMap((source) => {
      const letter = this.all.get(keyOf({ source }))
      return letter === undefined ? [] : [encodeLetter(letter)]
    })
    return [...(this.#ofDocument.get(document) ?? []), ...ofSources].toSorted()
  }

  has(letter: DeadLetter): boolean {
    const known = this.all.get(keyOf(letter))
    return known !== undefined && encodeLetter(known) === encodeLetter(letter)
  }
}

const keyOf = ({ ordinal = -1, source }: Pick<DeadLetter, "source"> & { readonly ordinal?: number }): string =>
  `${source}\n${ordinal}`

/** Text in flight, in bytes; a document that is larger passes alone. */
const room = { bytes: 64_000_000, unit: 16_384 }
const permits = Math.ceil(room.bytes / room.unit)

/** What a document takes while it is written, as a share of the room. */
const shareOf = (document: StoredDocument): number => {
  const vectors = document.embeddings.reduce((sum, { vector }) => sum + vector.byteLength, 0)
  const bytes = 2 * document.resolved.document.text.length + 300 * rowsOf(document) + vectors
  return Math.min(permits, Math.ceil(bytes / room.unit))
}

/** Whoever writes no document has no run. */
const noRun = RunId.make("copy")

/** Documents of a page that the target does not have as they are: of the same run, recipe, state, sources and dead letters. */
const missing = Effect.fnUntraced(function* (
  to: Endpoint,
  group: Group,
  letters: Letters,
  page: ReadonlyArray<StoredDocument>
) {
  const asked = page.flatMap(({ resolved, sources }) => sources.map((source) => ({ id: resolved.document.id, source })))
  const known = yield* to.ledger.documents(group, asked)
  let at = 0
  const isMissing = ({ deadLetters, resolved, run, sources }: StoredDocument): boolean => {
    const { document, recipe } = resolved
    const state = stateOf(resolved)
    const isKnown = known
      .slice(at, (at += sources.length))
      .every(
        (found) =>
          Option.isSome(found) &&
          found.value.isPointedAt &&
          found.value.run === run &&
          found.value.recipe === recipe &&
          found.value.state === state
      )
    const there = letters.of(document.id, sources)
    const isSame =
      there.length === deadLetters.length &&
      deadLetters
        .map((letter) => encodeLetter(letter))
        .toSorted()
        .every((letter, index) => letter === there[index])
    return !isKnown || !isSame
  }
  return new Set(page.filter(isMissing))
})

/** Documents, as many at once as the target takes. */
const copyDocuments = Effect.fnUntraced(function* (from: Endpoint, to: Endpoint, group: Group, counted: Counted) {
  const write = yield* commits({ group, id: noRun }).pipe(
    Effect.provideService(GraphStore, to.store),
    // Nobody here makes way for the commits of a file.
    Effect.provideService(CommitTimes, { record: () => undefined, take: () => 0 })
  )
  const letters = new Letters(yield* to.ledger.deadLetters(group))
  const space = yield* Semaphore.make(permits)
  yield* from.store.stored(group).pipe(
    Stream.mapArrayEffect((page) =>
      Effect.map(missing(to, group, letters, page), (wanted) =>
        Arr.map(page, (document) => ({ document, isWanted: wanted.has(document) }))
      )
    ),
    Stream.filter(({ isWanted }) => {
      counted.seen++
      return isWanted
    }),
    // One after the other: no more is read than there is room for.
    Stream.mapEffect(({ document }) => Effect.as(Semaphore.take(space, shareOf(document)), document)),
    Stream.mapEffect(
      (document) =>
        write(document).pipe(
          Effect.tap(() => Effect.sync(() => counted.copied++)),
          Effect.ensuring(Semaphore.release(space, shareOf(document)))
        ),
      { concurrency: maxCommit * 2, unordered: true }
    ),
    Stream.runDrain
  )
}, Effect.scoped)

/** Of sources that are no documents, and those that the target has of sources with which nothing is wrong any more. */
const copyLetters = Effect.fnUntraced(function* (from: Endpoint, to: Endpoint, group: Group) {
  const wanted = new Letters(yield* from.ledger.deadLetters(group))
  const there = new Letters(yield* to.ledger.deadLetters(group))
  const writes: Array<Write> = []
  for (const letter of wanted.all.values()) {
    if (!there.has(letter)) writes.push({ _tag: "dead-letter", letter })
  }
  for (const [key, { ordinal, source }] of there.all) {
    if (ordinal !== undefined || wanted.all.has(key)) continue
    const known = yield* Stream.runHead(from.ledger.sources(group, source))
    if (Option.isSome(known) && known.value.source === source) writes.push({ _tag: "settled", source })
  }
  for (let start = 0; start < writes.length; start += maxCommit) {
    yield* to.store.commit(group, noRun, writes.slice(start, start + maxCommit))
  }
  return writes.length
})

/** After the documents: a run that is there has done what it says. */
const copyRuns = Effect.fnUntraced(function* (from: Endpoint, to: Endpoint, group: Group) {
  const runs = yield* from.ledger.runs(group)
  const known = new Map((yield* to.ledger.runs(group)).map((run) => [run.id, JSON.stringify(run)]))
  const missing = runs.filter((run) => known.get(run.id) !== JSON.stringify(run)).toReversed()
  yield* Effect.forEach(missing, to.ledger.startRun, { discard: true })
  const [newest] = runs
  // The end of a run brings entities' names up to date.
  if (newest !== undefined) yield* to.ledger.finishRun(newest)
  return missing.length
})

/**
 * Copies a group with its ledger from one store to another, over what is there: what the target has as it is is left,
 * what it has of other sources stays. Should it break off, it goes on when it is run again.
 */
export const copyGroup = Effect.fn("Copy.group")(function* (
  from: Endpoint,
  to: Endpoint,
  group: Group,
  counted: Counted = { seen: 0, copied: 0 }
): Effect.fn.Return<Copied, StorageError> {
  yield* copyDocuments(from, to, group, counted)
  const deadLetters = yield* copyLetters(from, to, group)
  const runs = yield* copyRuns(from, to, group)
  const [hashFrom, hashTo] = yield* Effect.all([from.store.hash(group), to.store.hash(group)], { concurrency: 2 })
  const copied = {
    group,
    documents: { seen: counted.seen, copied: counted.copied, unchanged: counted.seen - counted.copied },
    runs,
    deadLetters,
    hash: { from: hashFrom, to: hashTo }
  }
  if (hashFrom === hashTo) return copied
  const counts = { from: yield* from.store.counts(group), to: yield* to.store.counts(group) }
  if (counts.from.documents !== counted.seen) return { ...copied, difference: "source has changed" }
  return {
    ...copied,
    difference: counts.to.documents > counted.seen ? "target has other documents" : "documents differ"
  }
})
