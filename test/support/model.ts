import { Effect, Exit, Layer, Stream } from "effect"
import { Group } from "../../src/domain/Ids.ts"
import * as HashEmbedder from "../../src/layers/HashEmbedder.ts"
import * as SimulatedProvider from "../../src/layers/SimulatedProvider.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { DocumentSource } from "../../src/services/DocumentSource.ts"
import type { SourceItem, Wanted } from "../../src/services/DocumentSource.ts"
import * as Forget from "../../src/services/Forget.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import { Journal } from "../../src/services/Journal.ts"
import { Ledger } from "../../src/services/Ledger.ts"
import { Pruning } from "../../src/services/Pruning.ts"
import * as Run from "../../src/services/Run.ts"
import { drive, ingest } from "./pipeline.ts"
import { zipOf } from "./zip.ts"

/** A file: a text, or what lies in it, by name. */
export type File =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "zip" | "mbox"; readonly members: ReadonlyMap<string, string> }

export type Extractor = "rules" | "llm"

/** A document as it is thought to be in the graph: what was read, who extracted from it, and whether all was answered. */
export interface Known {
  readonly kind: File["kind"]
  readonly text: string
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

const message = (id: string, body: string): string =>
  `From a@b Mon Jan  1 00:00:00 2024\nMessage-ID: <${id}>\nFrom: Ada <a@b>\nSubject: ${id}\n\n${body}\n\n`

export const bytesOf = (file: File): Uint8Array => {
  if (file.kind === "text") return encode(file.text)
  if (file.kind === "zip") return zipOf(Object.fromEntries(file.members))
  return encode([...file.members].map(([id, body]) => message(id, body)).join(""))
}

/** The sources in a file. */
export const sourcesOf = (uri: string, file: File): ReadonlyArray<readonly [string, Known]> =>
  file.kind === "text"
    ? [[uri, { kind: "text", text: file.text }]]
    : [...file.members].map(([name, text]) => [`${uri}#${name}`, { kind: file.kind, text }])

/** Files in memory as a source that can tell what is gone of those whose names begin with the prefix. */
const source = (files: ReadonlyMap<string, File>, prefix: string, wanted?: ReadonlyArray<Wanted>) =>
  Layer.succeed(DocumentSource, {
    items: Stream.fromIterable(files).pipe(
      Stream.filter(([uri]) => uri.startsWith(prefix)),
      Stream.map(([uri, file]): SourceItem => {
        const bytes = bytesOf(file)
        return { uri, size: bytes.length, read: Effect.succeed(bytes) }
      })
    ),
    gone: Effect.succeed({
      empty: [],
      places: [{ prefix, isGone: (name: string) => Effect.succeed(!files.has(name.replace(/#.*/, ""))) }]
    }),
    ...(wanted === undefined ? {} : { wanted })
  })

/** Databases that live as long as the sequence. */
export const databases = Layer.mergeAll(SqliteStore.layerMemory, SqliteJournal.layerMemory, HashEmbedder.layer)

/** What chunks with this word are answered with is no use, as long as the provider is not healed. */
export const poison = "POISON"

export interface IngestStep {
  readonly group: Group
  readonly files: ReadonlyMap<string, File>
  readonly prefix: string
  readonly extractor: Extractor
  readonly healed: boolean
  readonly prune?: boolean
  readonly wanted?: ReadonlyArray<Wanted>
}

/** The production pipeline over the files. */
export const ingestFiles = ({ extractor, files, group, healed, prefix, prune, wanted }: IngestStep) =>
  drive(ingest({ documents: [], extractor, group, source: source(files, prefix, wanted), pack: 2 })).pipe(
    Effect.provideService(Pruning, prune === true),
    Effect.provide(SimulatedProvider.layer({ seed: 5, latency: { median: 100 }, ...(healed ? {} : { poison }) }))
  )

/** As the command does it. */
export const forget = (group: Group, name: string) =>
  Effect.gen(function* () {
    const found = yield* Forget.find(name, [name])
    if (found._tag === "Some") yield* Forget.forget([found.value])
    yield* (yield* GraphStore).purge
  }).pipe(Effect.provide(Run.layer(group)))

/**
 * The process dies at the n-th write to journal or graph, before or after it: that write and all that come later do not
 * come back, and whatever was under way is torn down. Whether it came so far.
 */
export const crashing = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>, ordinal: number) {
  let seen = 0
  const at = <B, F>(write: Effect.Effect<B, F>): Effect.Effect<B, F> =>
    Effect.suspend(() => {
      seen++
      // Odd ordinals die before the write, even ones after it.
      const half = Math.ceil(ordinal / 2)
      if (seen > half || (seen === half && ordinal % 2 === 1)) return Effect.die("crash")
      return seen === half ? Effect.andThen(write, Effect.die("crash")) : write
    })
  const store = yield* GraphStore
  const journal = yield* Journal
  const ledger = yield* Ledger
  const exit = yield* effect.pipe(
    Effect.provideService(GraphStore, { ...store, commit: (...args) => at(store.commit(...args)) }),
    Effect.provideService(Ledger, { ...ledger, finishRun: (run) => at(ledger.finishRun(run)) }),
    Effect.provideService(Journal, {
      ...journal,
      reserve: (reservations) => at(journal.reserve(reservations)),
      settle: (settlements) => at(journal.settle(settlements)),
      forget: (group, chunks) => at(journal.forget(group, chunks))
    }),
    Effect.exit
  )
  if (Exit.isSuccess(exit)) return false
  if (seen < Math.ceil(ordinal / 2)) return yield* exit
  return true
})

/** The hash of the graph that documents make which were never anything else, each as it was extracted from. */
export const hashFromScratch = (
  group: Group,
  known: ReadonlyArray<{
    readonly source: string
    readonly known: Known
    readonly extractor: Extractor
    readonly healed: boolean
  }>
) =>
  Effect.gen(function* () {
    const ways = Map.groupBy(known, ({ extractor, healed }) => `${extractor} ${healed}`)
    for (const documents of ways.values()) {
      const [first] = documents
      if (first === undefined) continue
      const files = new Map<string, File>()
      for (const [index, { known, source }] of documents.entries()) {
        const name = source.slice(source.indexOf("#") + 1)
        // Under a name of its own, so that a file may be there besides what was in it once. The format is the name's.
        const file: File =
          known.kind === "text"
            ? { kind: "text", text: known.text }
            : { kind: known.kind, members: new Map([[name, known.text]]) }
        files.set(`${index}/${source.replace(/#.*/, "")}`, file)
      }
      yield* ingestFiles({ group, files, prefix: "", extractor: first.extractor, healed: first.healed })
    }
    return yield* (yield* GraphStore).hash(group)
  }).pipe(Effect.provide(Layer.fresh(databases)))
