import { Effect, Exit, identity, Option, Result, Semaphore, Stream } from "effect"
import { DeadLetter } from "../domain/DeadLetter.ts"
import type { Recipe } from "../domain/Ids.ts"
import { ceilings, ParseConcurrency } from "../services/Concurrency.ts"
import * as DocumentsInFlight from "../services/DocumentsInFlight.ts"
import { Unpacker } from "../services/Unpacker.ts"
import type { ContainerFile, Contents } from "../services/Unpacker.ts"
import type { SourceItem, SourceItemError, Wanted } from "../services/DocumentSource.ts"
import * as GroupCommit from "../services/GroupCommit.ts"
import { GraphStore } from "../services/GraphStore.ts"
import { Ledger } from "../services/Ledger.ts"
import type { ParseError } from "../domain/ParseError.ts"
import { Run } from "../services/Run.ts"
import type { StorageError } from "../services/StorageError.ts"
import { endSpan } from "./InFlight.ts"
import type { Claims, LoadedDocument, OpenItem } from "./InFlight.ts"
import * as LoadDocument from "./LoadDocument.ts"
import { RunCounters } from "./Metrics.ts"
import { Listing } from "./Prune.ts"
import type { Listings } from "./Prune.ts"
import { Discarded } from "./Phase.ts"
import type { Flow } from "./Phase.ts"
import * as Phase from "./Phase.ts"
import * as Selection from "./Selection.ts"

/** A file in a file in a file …: mails are forwarded as attachments of mails. */
const maxDepth = 8

/** Bytes up to which a file is read at once; of a larger one, the beginning says first whether it is a container. */
const wholeBytes = 1024 * 1024

/**
 * Items at once, more than are parsed at once: most of a corpus that is known is only looked up, the more the fewer
 * questions to the store.
 */
const lookAhead = 4 * ceilings.parse

/** What came of a source item: a document, the items that it holds, or both. */
type Opened = { readonly document: Flow<LoadedDocument> } | Holding

interface Holding {
  readonly document?: Flow<LoadedDocument>
  readonly items: Stream.Stream<SourceItem, SourceItemError>
  readonly holder: OpenItem
  /** Whether the file is a document besides, whatever became of it. */
  readonly isDocument: boolean
}

const inMemory = ({ item: { uri }, unpacksTo }: OpenItem, bytes: Uint8Array): ContainerFile => ({
  uri,
  size: bytes.length,
  unpacksTo,
  range: (from, to) => Effect.succeed(bytes.subarray(from, to))
})

/**
 * Source items to parsed documents, and what they hold as well. A document that is in the graph already, made by the same
 * recipe, needs no further work; if it comes under a new name, the name is written down.
 */
export const load = Effect.fnUntraced(function* (options: {
  readonly recipe: Recipe
  readonly claims: Claims
  readonly listings: Listings
  readonly wanted?: ReadonlyArray<Wanted> | undefined
}) {
  const selection = options.wanted === undefined ? undefined : new Selection.Selection(options.wanted)
  const run = yield* Run
  const unpacker = yield* Unpacker
  const ledger = yield* Ledger
  const store = yield* GraphStore
  const counters = yield* RunCounters
  // Never held while a document waits for room: what would make room may need it.
  const working = Semaphore.withPermit(yield* ParseConcurrency)
  const inFlight = yield* DocumentsInFlight.make

  const loadDocument = yield* LoadDocument.make({ ...options, atOnce: lookAhead })

  const isLettered = yield* GroupCommit.make(
    (sources: ReadonlyArray<string>) => ledger.hasLetters(run.group, sources),
    { maxBatch: lookAhead }
  )

  const hasMembers = yield* GroupCommit.make(
    (sources: ReadonlyArray<string>) => ledger.hasMembers(run.group, sources),
    { maxBatch: lookAhead }
  )

  /** For what a file that was read whole holds now, where the ledger may know of something else. */
  const listingOf = Effect.fnUntraced(function* (uri: string, isDocument: boolean) {
    if (options.wanted !== undefined || (isDocument && !(yield* hasMembers(uri)))) return undefined
    return new Listing(uri, isDocument)
  })

  const compare = Effect.fnUntraced(function* (listing: Listing) {
    if (Option.isSome(yield* Stream.runHead(listing.lost(ledger, run.group)))) options.listings.push(listing)
  })

  /** A document, what a file holds, or both. */
  const opened = Effect.fnUntraced(function* (
    open: OpenItem,
    { isDocument, items }: Contents,
    document: Effect.Effect<LoadedDocument, DeadLetter | Discarded | StorageError>
  ) {
    if (items === undefined && !open.taken.document) {
      counters.documents.seen--
      return yield* new Discarded({ reason: "unwanted" })
    }
    if (items === undefined) {
      const listing = yield* listingOf(open.item.uri, true)
      if (listing !== undefined) yield* compare(listing)
      const alone: Opened = { document: Result.succeed(yield* document) }
      return alone
    }
    const held: Holding = { items, holder: open, isDocument }
    if (!isDocument || !open.taken.document) {
      // Nothing but what is in it is counted.
      counters.documents.seen--
      yield* endSpan(open.span)
      return held
    }
    // What is attached to a document does not depend on what becomes of the document.
    return yield* document.pipe(
      Effect.map((loaded): Opened => ({ ...held, document: Result.succeed(loaded) })),
      Effect.catchTags({
        Discarded: () => Effect.as(endSpan(open.span), held),
        DeadLetter: (failure) =>
          Effect.as(endSpan(open.span, Exit.fail(failure)), { ...held, document: Result.fail(failure) })
      })
    )
  })

  const process = Effect.fnUntraced(function* (open: OpenItem) {
    const { depth, item } = open
    if (depth > maxDepth) {
      const message = `${item.uri} lies more than ${maxDepth} files deep, one in another: take it out of them first`
      return yield* LoadDocument.letter(item.uri, "unsupported", message)
    }
    const fault = Effect.mapError((error: SourceItemError | ParseError) =>
      LoadDocument.letter(item.uri, error.reason, error.message)
    )
    const { range, size } = item
    if (range !== undefined && size !== undefined && size > wholeBytes) {
      const contents = yield* working(fault(unpacker.open({ uri: item.uri, size, range, unpacksTo: open.unpacksTo })))
      const document = inFlight(size, depth, (place) =>
        Effect.flatMap(working(fault(item.read)), (bytes) => loadDocument(open, bytes, place))
      )
      return yield* opened(open, contents, document)
    }
    // A size that nobody knows is taken for that of a large page.
    return yield* inFlight(size ?? wholeBytes, depth, (place) =>
      Effect.gen(function* () {
        const bytes = yield* working(fault(item.read))
        place.resize(bytes.length)
        const contents = yield* working(fault(unpacker.open(inMemory(open, bytes))))
        const found = yield* opened(open, contents, loadDocument(open, bytes, place))
        if (found.document === undefined || Result.isFailure(found.document)) place.leave()
        return found
      })
    )
  })

  const phase = Phase.make({
    name: "load",
    concurrency: lookAhead,
    describe: ({ item, span }: OpenItem) => ({ parent: span, attributes: { "sluice.source": item.uri } }),
    run: (open: OpenItem): Effect.Effect<Opened, DeadLetter | Discarded | StorageError> =>
      process(open).pipe(
        Effect.tapError((error) => endSpan(open.span, error._tag === "Discarded" ? Exit.void : Exit.fail(error)))
      )
  })

  const openItem = Effect.fnUntraced(function* (item: SourceItem, holder?: OpenItem) {
    const taken = selection === undefined ? Selection.all : selection.take(item.uri, holder?.taken)
    if (taken === undefined) return Result.fail(undefined)
    counters.documents.seen++
    const parent = holder?.span ?? Option.getOrUndefined(yield* Effect.option(Effect.currentSpan))
    const span = yield* Effect.makeSpan("document", {
      attributes: { "sluice.source": item.uri },
      ...(parent === undefined ? {} : { parent })
    })
    const depth = holder === undefined ? 0 : holder.depth + 1
    const unpacksTo = item.unpacksTo ?? holder?.unpacksTo ?? Infinity
    return Result.succeed<Flow<OpenItem>>(Result.succeed({ item, span, depth, unpacksTo, taken }))
  })

  const openItems = <E>(items: Stream.Stream<SourceItem, E>, holder?: OpenItem): Stream.Stream<Flow<OpenItem>, E> =>
    items.pipe(
      Stream.mapEffect((item) => openItem(item, holder)),
      Stream.filterMap(identity)
    )

  /**
   * What a file holds. If it breaks off or is broken in the middle, that is a dead letter besides what came before. It is
   * kept apart from the document's own letter, which is settled when the document is written. Of a document that is dead
   * there is one letter, since its own says the same.
   */
  const inside = ({ document, holder, isDocument, items }: Holding) => {
    const { item } = holder
    const source = document === undefined ? item.uri : `${item.uri}#`
    const settle = Effect.gen(function* () {
      if (yield* isLettered(source)) yield* store.commit(run.group, run.id, [{ _tag: "settled", source }])
    })
    const isDead = document !== undefined && Result.isFailure(document)
    const listed = Effect.map(listingOf(item.uri, isDocument), (listing) =>
      listing === undefined
        ? openItems(items, holder)
        : openItems(
            Stream.tap(items, ({ uri }) => Effect.sync(() => listing.add(uri))),
            holder
          ).pipe(Stream.onEnd(compare(listing)))
    )
    return Stream.unwrap(listed).pipe(
      Stream.onEnd(settle),
      Stream.catchTag("SourceItemError", (error) => {
        if (isDead) return Stream.empty
        counters.documents.seen++
        return Stream.succeed(Result.fail(LoadDocument.letter(source, error.reason, error.message)))
      })
    )
  }

  const loadAll = <E>(items: Stream.Stream<Flow<OpenItem>, E>): Stream.Stream<Flow<LoadedDocument>, E | StorageError> =>
    items.pipe(
      phase,
      Stream.flatMap((flow): Stream.Stream<Flow<LoadedDocument>, E | StorageError> => {
        if (Result.isFailure(flow)) return Stream.succeed(Result.fail(flow.failure))
        const opened = flow.success
        const own = opened.document === undefined ? Stream.empty : Stream.succeed(opened.document)
        return "items" in opened ? Stream.concat(own, loadAll(inside(opened))) : own
      })
    )

  /** What was wanted by name, and was in none of the items. */
  const missing: Stream.Stream<Flow<LoadedDocument>> = Stream.suspend(() =>
    Stream.fromIterable(selection?.missing ?? []).pipe(
      Stream.map((source) => {
        counters.documents.seen++
        const message = `${source} is not in its file any more: put it back, or take it out with \`sluice forget\``
        return Result.fail(LoadDocument.letter(source, "unreadable", message))
      })
    )
  )

  return <E>(items: Stream.Stream<SourceItem, E>) => Stream.concat(loadAll(openItems(items)), missing)
})
