import { resolve } from "node:path"
import { Context, Effect, Layer, Option, Schema, Stream } from "effect"
import type { Scope } from "effect"
import { DeadLetter } from "../domain/DeadLetter.ts"
import { Extraction } from "../domain/Extraction.ts"
import { chunkKey } from "../domain/Ids.ts"
import type { Group } from "../domain/Ids.ts"
import { RunReport } from "../domain/RunReport.ts"
import { GraphStore } from "../services/GraphStore.ts"
import type { RemovalWrite, SearchQuery, StoredDocument, Write } from "../services/GraphStore.ts"
import { Ledger } from "../services/Ledger.ts"
import type { RunEntry } from "../services/Ledger.ts"
import { StorageError } from "../services/StorageError.ts"
import { faultData } from "./sqlite/Fault.ts"
import { memory } from "./sqlite/Opening.ts"
import type { OpenOptions } from "./sqlite/Opening.ts"
import { start } from "./sqlite/Page.ts"
import type { Cursor, Page } from "./sqlite/Page.ts"
import * as Snapshot from "./sqlite/Snapshot.ts"
import type { StoreDocument } from "./sqlite/StoreDocuments.ts"
import { storeGraph } from "./sqlite/StoreGraph.ts"
import { StoreEngine } from "./sqlite/StoreEngine.ts"
import type { StoredRun } from "./sqlite/StoreEngine.ts"
import type { StoreLetter, StoreWrite } from "./sqlite/StoreWrite.ts"
import { calling, inWorker, storageError } from "./sqlite/Thread.ts"
import type { Thread } from "./sqlite/Thread.ts"

export type Options = Omit<OpenOptions, "readOnly">

/** In a worker thread; makes the file, and the directories above it, if they are not there. */
export const layer = (options: Options): Layer.Layer<GraphStore | Ledger, StorageError> =>
  Layer.effectContext(services(options.file, inWorker<StoreEngine>("store", { ...options, readOnly: false })))

/** For reading commands: a file that is not there is an error, and writing is one too. */
export const layerReadOnly = (options: Options): Layer.Layer<GraphStore | Ledger, StorageError> =>
  Layer.effectContext(services(options.file, inWorker<StoreEngine>("store", { ...options, readOnly: true })))

/** A fresh database in memory, on the calling thread. */
export const layerMemory: Layer.Layer<GraphStore | Ledger, StorageError> = Layer.effectContext(
  services(
    memory,
    calling("store", memory, () => new StoreEngine({ file: memory, readOnly: false }))
  )
)

/** What is wrong with the file, each in a few words. */
export const check = (options: Options) =>
  Effect.scoped(
    Effect.flatMap(inWorker<StoreEngine>("store", { ...options, readOnly: true }), (thread) => thread.call("check"))
  )

/** For a dry run, which reads what the real store holds: a copy of its file, or nothing if there is none. */
export const snapshot = Snapshot.snapshot("store")

const LetterJson = Schema.fromJsonString(DeadLetter)
const ReportJson = Schema.fromJsonString(RunReport)
const decodeExtraction = Schema.decodeEffect(Schema.fromJsonString(Extraction))
const encodeLetter = Schema.encodeSync(LetterJson)
const encodeReport = Schema.encodeSync(ReportJson)
const decodeLetters = Schema.decodeEffect(Schema.Array(LetterJson))
const decodeRecipe = Schema.decodeEffect(Schema.fromJsonString(Schema.Record(Schema.String, Schema.String)))
const decodeReport = Schema.decodeEffect(ReportJson)

const storeLetter = (letter: DeadLetter): StoreLetter => ({
  source: letter.source,
  ...(letter.ordinal === undefined ? {} : { ordinal: letter.ordinal }),
  ...(letter.document === undefined ? {} : { document: letter.document }),
  cause: letter.cause,
  json: encodeLetter(letter)
})

const storeWrite = (write: Write): StoreWrite => {
  switch (write._tag) {
    case "source":
    case "settled":
    case "removed":
    case "forgotten":
      return write
    case "dead-letter":
      return { _tag: "dead-letter", letter: storeLetter(write.letter) }
    case "document": {
      const { chunks, document, extractions, graph, recipe } = write.resolved
      const { blocks: _, ...rest } = document
      return {
        _tag: "document",
        sources: write.sources,
        document: rest,
        recipe,
        chunks: chunks.map(({ end, header, id, ordinal, start, tokens }) => {
          const extraction = extractions.get(ordinal)
          return {
            id,
            ordinal,
            start,
            end,
            tokens,
            header,
            ...(extraction === undefined ? {} : { extraction: JSON.stringify(extraction) })
          }
        }),
        graph: storeGraph(graph, chunks),
        deadLetters: write.deadLetters.map(storeLetter),
        embeddings: write.embeddings,
        ...(write.run === undefined ? {} : { run: write.run })
      }
    }
  }
}

const storedDocument = Effect.fnUntraced(function* (stored: StoreDocument) {
  const { chunks, deadLetters, document, embeddings, graph, recipe, run, sources } = stored
  const extractions = new Map<number, Extraction>()
  for (const { extraction, ordinal } of chunks) {
    if (extraction !== undefined) extractions.set(ordinal, yield* decodeExtraction(extraction))
  }
  const write: StoredDocument = {
    _tag: "document",
    run,
    sources,
    resolved: {
      document: { ...document, blocks: [] },
      recipe,
      chunks: chunks.map(({ end, header, id, ordinal, start, tokens }) => ({
        id,
        document: document.id,
        ordinal,
        start,
        end,
        text: document.text.slice(start, end),
        header,
        tokens
      })),
      extractions,
      graph
    },
    deadLetters: yield* decodeLetters(deadLetters),
    embeddings
  }
  return write
})

const storedRun = ({ recipe, report, ...run }: RunEntry): StoredRun => ({
  ...run,
  ...(recipe === undefined ? {} : { recipe: JSON.stringify(recipe) }),
  ...(report === undefined ? {} : { report: encodeReport(report) })
})

function services(
  file: string,
  open: Effect.Effect<Thread<StoreEngine>, StorageError, Scope.Scope>
): Effect.Effect<Context.Context<GraphStore | Ledger>, StorageError, Scope.Scope> {
  return Effect.map(open, (thread) => {
    const location = file === memory ? memory : resolve(file)
    const damaged = () =>
      new StorageError({
        storage: "store",
        reason: "corrupt",
        retryable: false,
        message: `${location} holds an entry that cannot be read: it is damaged, or was written by another version of sluice.`
      })
    const pages = <A>(next: (cursor: Cursor) => Effect.Effect<Page<A>, StorageError>): Stream.Stream<A, StorageError> =>
      Stream.paginate(start(0), (cursor) =>
        Effect.map(next(cursor), (page) => [page.rows, Option.fromUndefinedOr(page.next)] as const)
      )
    const runEntry = Effect.fnUntraced(function* ({ recipe, report, ...run }: StoredRun) {
      const entry: RunEntry = {
        ...run,
        ...(recipe === undefined ? {} : { recipe: yield* decodeRecipe(recipe) }),
        ...(report === undefined ? {} : { report: yield* decodeReport(report) })
      }
      return entry
    }, Effect.mapError(damaged))

    return Context.make(GraphStore, {
      commit: Effect.fn("GraphStore.commit")(function* (group, run, writes) {
        yield* Effect.annotateCurrentSpan({ group, writes: writes.length })
        const stored = yield* Effect.try({
          try: () => writes.map(storeWrite),
          catch: (error) => storageError("store", faultData("store", location, error))
        })
        yield* thread.call("commit", group, run, stored)
      }),
      removal: Effect.fn("GraphStore.removal")((group: Group, writes: ReadonlyArray<RemovalWrite>) =>
        Effect.map(thread.call("removal", group, writes), ({ chunks, sources }) => ({
          sources,
          chunks: chunks.map(({ header, text }) => chunkKey(group, header, text))
        }))
      ),
      forgetGroup: Effect.fn("GraphStore.forgetGroup")((group: Group) => thread.call("forgetGroup", group)),
      purge: Effect.suspend(() => thread.call("purge")),
      groups: Effect.suspend(() => Effect.map(thread.call("groups"), (groups) => groups.toSorted())),
      stored: (group) =>
        pages((cursor) => thread.call("stored", group, cursor)).pipe(
          Stream.mapArrayEffect((documents) => Effect.mapError(Effect.forEach(documents, storedDocument), damaged))
        ),
      counts: Effect.fn("GraphStore.counts")((group: Group) => thread.call("counts", group)),
      hash: Effect.fn("GraphStore.hash")((group: Group) => thread.call("hash", group)),
      records: (group) => pages((cursor) => thread.call("records", group, cursor)),
      exportRows: (group, kinds) => pages((cursor) => thread.call("exportRows", group, cursor, kinds)),
      overview: (group, limits) => thread.call("overview", group, limits),
      search: Effect.fn("GraphStore.search")((group: Group, query: SearchQuery) => thread.call("search", group, query)),
      location
    }).pipe(
      Context.add(Ledger, {
        startRun: Effect.fn("Ledger.startRun")((run: RunEntry) => thread.call("putRun", storedRun(run))),
        finishRun: Effect.fn("Ledger.finishRun")((run: RunEntry) => thread.call("putRun", storedRun(run))),
        runs: Effect.fn("Ledger.runs")(function* (group, limit) {
          return yield* Effect.forEach(yield* thread.call("runs", group, limit), runEntry)
        }),
        documents: Effect.fn("Ledger.documents")((group, asked) =>
          Effect.map(thread.call("documents", group, asked), (known) => known.map(Option.fromUndefinedOr))
        ),
        outdated: Effect.fn("Ledger.outdated")((group, recipe) => thread.call("outdated", group, recipe)),
        hasLetters: Effect.fn("Ledger.hasLetters")((group, sources) => thread.call("hasLetters", group, sources)),
        hasMembers: Effect.fn("Ledger.hasMembers")((group, sources) => thread.call("hasMembers", group, sources)),
        sources: (group, prefix = "") => pages((cursor) => thread.call("sources", group, prefix, cursor)),
        deadLetters: Effect.fn("Ledger.deadLetters")(function* (group) {
          const letters = yield* thread.call("deadLetters", group)
          return yield* Effect.mapError(decodeLetters(letters), damaged)
        })
      })
    )
  })
}
