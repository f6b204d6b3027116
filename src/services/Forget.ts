import { Effect, Option, Schema, Stream } from "effect"
import { chunkKey, DocumentId } from "../domain/Ids.ts"
import type { ChunkKey } from "../domain/Ids.ts"
import { GraphStore } from "./GraphStore.ts"
import type { Removal, RemovalWrite } from "./GraphStore.ts"
import { Journal } from "./Journal.ts"
import { Ledger } from "./Ledger.ts"
import { Run } from "./Run.ts"
import type { StorageError } from "./StorageError.ts"

/** What somebody wants to be forgotten, found in the ledger. */
export type Found =
  | { readonly _tag: "document"; readonly document: DocumentId }
  /** The source of this name, what lies in it (`NAME#…`), and what lies below it (`NAME/…`). */
  | { readonly _tag: "name"; readonly name: string }
  /** Every source whose name is a path relative to the working directory. */
  | { readonly _tag: "relative" }

/** What went. */
export interface Forgotten {
  readonly documents: number
  readonly sources: number
  readonly chunks: number
  readonly entities: number
  readonly relations: number
  /** Paid answers, in the journal. */
  readonly answers: number
}

/**
 * What is taken out in one transaction, which a server ends after some minutes: so many sources, and fewer where they have
 * more chunks than that.
 */
const batch = { sources: 2000, chunks: 2000 }

const decodeId = Schema.decodeUnknownOption(DocumentId)

const isRelative = (name: string): boolean => !/^(?:\/|[a-z]:\/|[a-z][a-z0-9+.-]+:\/\/|-(?:#|$))/i.test(name)

const sourcesOf = Effect.fnUntraced(function* (found: Found) {
  const { group } = yield* Run
  const ledger = yield* Ledger
  if (found._tag === "document") return Stream.empty
  if (found._tag === "relative") return Stream.filter(ledger.sources(group), ({ source }) => isRelative(source))
  const { name } = found
  // Of all that begins with the name, the name itself comes first.
  const itself = Stream.filter(Stream.take(ledger.sources(group, name), 1), ({ source }) => source === name)
  return Stream.concat(
    itself,
    Stream.concat(ledger.sources(group, `${name}#`), ledger.sources(group, `${name.replace(/\/$/, "")}/`))
  )
})

const isThere = Effect.fnUntraced(function* (found: Found) {
  if (found._tag !== "document") return Option.isSome(yield* Stream.runHead(yield* sourcesOf(found)))
  const { group } = yield* Run
  const [known] = yield* (yield* Ledger).documents(group, [{ id: found.document, source: "" }])
  return known !== undefined && Option.isSome(known)
})

/** What is meant: a document by its id, or the first of the names that the ledger has something of. */
export const find = Effect.fn("Forget.find")(function* (given: string, names: ReadonlyArray<string>) {
  const id = decodeId(given)
  const candidates: ReadonlyArray<Found> = [
    ...(Option.isSome(id) ? [{ _tag: "document", document: id.value } as const] : []),
    ...names.map((name): Found => (name === "." ? { _tag: "relative" } : { _tag: "name", name }))
  ]
  for (const candidate of candidates) if (yield* isThere(candidate)) return Option.some(candidate)
  return Option.none<Found>()
})

/** The difference that something makes to what the graph counts. */
const counting = Effect.fnUntraced(function* <E, R>(
  removing: Effect.Effect<Pick<Forgotten, "sources" | "answers">, E, R>
) {
  const { group } = yield* Run
  const store = yield* GraphStore
  const before = yield* store.counts(group)
  const { answers, sources } = yield* removing
  const after = yield* store.counts(group)
  const forgotten: Forgotten = {
    documents: before.documents - after.documents,
    sources,
    chunks: before.chunks - after.chunks,
    entities: before.entities - after.entities,
    relations: before.relations - after.relations,
    answers
  }
  return forgotten
})

/**
 * What was paid for of earlier versions of the sources that go: chunks that answers were asked about for them, and that no
 * document which stays has.
 */
const former = Effect.fnUntraced(function* (writes: ReadonlyArray<RemovalWrite>, current: ReadonlyArray<ChunkKey>) {
  const { group } = yield* Run
  const store = yield* GraphStore
  const journal = yield* Journal
  const documents = new Set(writes.flatMap((write) => (write._tag === "forgotten" ? [write.document] : [])))
  const names = new Set(writes.flatMap((write) => (write._tag === "removed" ? [write.source] : [])))
  if (documents.size > 0) {
    yield* Stream.runForEach((yield* Ledger).sources(group), ({ document, source }) =>
      Effect.sync(() => {
        if (document !== undefined && documents.has(document)) names.add(source)
      })
    )
  }
  const known = new Set(current)
  const chunks = new Set((yield* journal.askedFor(group, [...names])).filter((chunk) => !known.has(chunk)))
  if (chunks.size === 0) return []
  // Documents come before chunks, and everything else after them.
  yield* store.exportRows(group).pipe(
    Stream.takeWhile(({ kind }) => kind === "document" || kind === "chunk"),
    Stream.runForEach((row) =>
      Effect.sync(() => {
        if (row.kind === "document" && row.sources.every((source) => names.has(source))) documents.add(row.id)
        if (row.kind === "chunk" && !documents.has(row.document)) chunks.delete(chunkKey(group, row.header, row.text))
      })
    )
  )
  return [...chunks]
})

type Gone = Pick<Forgotten, "sources" | "answers">

type Needed = Run | GraphStore | Journal | Ledger

const sum = (a: Gone, b: Gone): Gone => ({ sources: a.sources + b.sources, answers: a.answers + b.answers })

/**
 * Takes out of graph, ledger and journal what was found. The answers of each batch go first: should it break off, what
 * is still in the graph is found again by the same command, and nothing is left that nobody could name any more. So that
 * the command still finds all that it names, one source of each goes last, and all of those at once.
 */
export const forget = Effect.fn("Forget.forget")(function* (found: ReadonlyArray<Found>) {
  const run = yield* Run
  const store = yield* GraphStore
  const journal = yield* Journal

  const takeOut = Effect.fnUntraced(function* (writes: ReadonlyArray<RemovalWrite>, { chunks, sources }: Removal) {
    const all = [...chunks, ...(yield* former(writes, chunks))]
    const answers = all.length === 0 ? 0 : yield* journal.forget(run.group, all)
    yield* store.commit(run.group, run.id, writes)
    return { sources, answers }
  })

  /** In halves, as long as there is too much in one. */
  const takeOutAll = (writes: ReadonlyArray<RemovalWrite>): Effect.Effect<Gone, StorageError, Needed> =>
    Effect.gen(function* () {
      const removal = yield* store.removal(run.group, writes)
      if (writes.length === 1 || removal.chunks.length <= batch.chunks) return yield* takeOut(writes, removal)
      const half = writes.length >> 1
      return sum(yield* takeOutAll(writes.slice(0, half)), yield* takeOutAll(writes.slice(half)))
    })

  const documents = new Set(found.flatMap((one) => (one._tag === "document" ? [one.document] : [])))
  const last = new Set<string>()
  for (const one of found) {
    for (const { source } of yield* Stream.runCollect(Stream.take(yield* sourcesOf(one), 1))) last.add(source)
  }
  const others = Stream.fromIterable(found).pipe(
    Stream.flatMap((one) => Stream.unwrap(sourcesOf(one))),
    Stream.filter(({ document, source }) => !last.has(source) && (document === undefined || !documents.has(document))),
    Stream.map(({ source }): RemovalWrite => ({ _tag: "removed", source })),
    Stream.grouped(batch.sources)
  )
  const atLast: ReadonlyArray<RemovalWrite> = [
    ...Array.from(documents, (document): RemovalWrite => ({ _tag: "forgotten", document })),
    ...Array.from(last, (source): RemovalWrite => ({ _tag: "removed", source }))
  ]
  return yield* counting(
    Stream.concat(
      Stream.mapEffect(others, takeOutAll),
      Stream.fromEffect(Effect.flatMap(store.removal(run.group, atLast), (removal) => takeOut(atLast, removal)))
    ).pipe(Stream.runFold((): Gone => ({ sources: 0, answers: 0 }), sum))
  )
})

/** Takes out everything of the group, answers first for the same reason. */
export const forgetGroup = Effect.fn("Forget.forgetGroup")(function* () {
  const { group } = yield* Run
  const store = yield* GraphStore
  const journal = yield* Journal
  const ledger = yield* Ledger
  return yield* counting(
    Effect.gen(function* () {
      const sources = yield* Stream.runCount(ledger.sources(group))
      const answers = yield* journal.forgetGroup(group)
      yield* store.forgetGroup(group)
      return { sources, answers }
    })
  )
})

/** How many are shown of names that are like another one. */
const shown = 3

const lastOf = (name: string): string => (/[^/#]*[/#]?$/.exec(name)?.[0] ?? "").replace(/[/#]$/, "").toLowerCase()

/** Edits from one to the other (Levenshtein 1966), or `limit` if there are as many. */
const distance = (one: string, other: string, limit: number): number => {
  if (Math.abs(one.length - other.length) >= limit) return limit
  let before = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let row = 1; row <= one.length; row++) {
    const now = [row]
    for (let at = 1; at <= other.length; at++) {
      const replaced = (before[at - 1] ?? 0) + (one[row - 1] === other[at - 1] ? 0 : 1)
      now.push(Math.min(replaced, (before[at] ?? 0) + 1, (now[at - 1] ?? 0) + 1))
    }
    before = now
  }
  return Math.min(limit, before[other.length] ?? limit)
}

/** Names of sources that are like one that is not there, the most alike first. */
export const nearest = Effect.fn("Forget.nearest")(function* (name: string) {
  const { group } = yield* Run
  const ledger = yield* Ledger
  const wanted = lastOf(name.slice(0, 200))
  const likeness = (source: string): number => {
    const last = lastOf(source)
    if (last === wanted) return 0
    const edits = distance(last.slice(0, 200), wanted, 3)
    if (edits < 3) return edits
    return wanted.length > 2 && source.toLowerCase().includes(wanted) ? 3 : Infinity
  }
  return yield* ledger.sources(group).pipe(
    Stream.runFold(
      (): ReadonlyArray<readonly [number, string]> => [],
      (best, { source }) => {
        const found = likeness(source)
        if (found === Infinity || (best.length === shown && found >= (best.at(-1)?.[0] ?? 0))) return best
        return [...best, [found, source] as const].toSorted(([a], [b]) => a - b).slice(0, shown)
      }
    ),
    Effect.map((best) => best.map(([, source]) => source))
  )
})
