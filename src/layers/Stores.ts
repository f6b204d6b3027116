import { Effect, FileSystem, Layer, Path } from "effect"
import type { Group } from "../domain/Ids.ts"
import type { GraphStore } from "../services/GraphStore.ts"
import { Journal } from "../services/Journal.ts"
import type { Ledger } from "../services/Ledger.ts"
import type { StorageError } from "../services/StorageError.ts"
import type { Options as ServerOptions } from "./Neo4jStore.ts"

/** Where a graph is: an SQLite file, or a Neo4j server. */
export type Place =
  | { readonly _tag: "file"; readonly file: string }
  | { readonly _tag: "server"; readonly server: ServerOptions }

/** The two databases of a run. */
export interface Databases {
  readonly store: Place
  /** Path of the journal's file. */
  readonly journal: string
  /** How large the journal should be at most, in bytes. */
  readonly journalMax?: number
}

/** What may follow a database's name in the names of the files beside it. */
export const companion = /^((-new)?(-wal|-shm|-journal)?|\.rescued(-\d+)?)$/

// Nothing of a database is loaded before it is needed.
const sqliteStore = Effect.promise(() => import("./SqliteStore.ts"))
const sqliteJournal = Effect.promise(() => import("./SqliteJournal.ts"))
const neo4jStore = Effect.promise(() => import("./Neo4jStore.ts"))

const temporary = (prefix: string) =>
  FileSystem.FileSystem.use((fileSystem) => Effect.orDie(fileSystem.makeTempDirectoryScoped({ prefix })))

/** Graph and ledger alone, to be written to. */
export const layerStore = (place: Place): Layer.Layer<GraphStore | Ledger, StorageError> =>
  Layer.unwrap(
    place._tag === "file"
      ? Effect.map(sqliteStore, ({ layer }) => layer({ file: place.file }))
      : Effect.map(neo4jStore, ({ layer }) => layer(place.server))
  )

/** Graph, ledger and journal. */
export const layer = ({ store, ...rest }: Databases): Layer.Layer<GraphStore | Ledger | Journal, StorageError> =>
  // The store first: where it is refused, no journal is made beside it.
  Layer.unwrap(Effect.map(sqliteJournal, ({ layer }) => layer(journalOptions(rest)))).pipe(
    Layer.provideMerge(layerStore(store))
  )

const journalOptions = ({ journal: file, journalMax: maxBytes }: Pick<Databases, "journal" | "journalMax">) => ({
  file,
  ...(maxBytes === undefined ? {} : { maxBytes })
})

export const compactJournal = (files: Pick<Databases, "journal" | "journalMax">) =>
  Effect.flatMap(sqliteJournal, ({ compact }) => compact(journalOptions(files)))

/** A server looks after its own files. */
export const checkStore = (place: Place) =>
  place._tag === "file" ? Effect.flatMap(sqliteStore, ({ check }) => check({ file: place.file })) : Effect.succeed([])

export const checkJournal = (file: string) => Effect.flatMap(sqliteJournal, ({ check }) => check({ file }))

/** The graph and its ledger, for commands that only read. */
export const layerReadOnly = (place: Place): Layer.Layer<GraphStore | Ledger, StorageError> =>
  Layer.unwrap(
    place._tag === "file"
      ? Effect.map(sqliteStore, ({ layerReadOnly }) => layerReadOnly({ file: place.file }))
      : Effect.map(neo4jStore, ({ layerReadOnly }) => layerReadOnly(place.server))
  )

/** The journal alone. */
export const layerJournalReadOnly = (file: string): Layer.Layer<Journal, StorageError> =>
  Layer.unwrap(Effect.map(sqliteJournal, ({ layerReadOnly }) => layerReadOnly({ file })))

export const layerJournal = (file: string): Layer.Layer<Journal, StorageError> =>
  Layer.unwrap(Effect.map(sqliteJournal, ({ layer }) => layer({ file })))

/** For what leaves nothing behind. */
export const layerJournalMemory: Layer.Layer<Journal, StorageError> = Layer.unwrap(
  Effect.map(sqliteJournal, ({ layerMemory }) => layerMemory)
)

/**
 * The journal as it was recorded, which is only read; one of an earlier version is read from a copy that is brought up to
 * date. What was learned of the provider is not noted: nobody is asked.
 */
const layerRecorded = (file: string): Layer.Layer<Journal, StorageError, FileSystem.FileSystem | Path.Path> => {
  const copied = Layer.unwrap(
    Effect.gen(function* () {
      const journal = yield* sqliteJournal
      const path = yield* Path.Path
      const copy = path.join(yield* temporary("sluice-replay-"), "journal.db")
      yield* journal.snapshot(file, copy)
      return journal.layer({ file: copy })
    })
  )
  const recorded = layerJournalReadOnly(file).pipe(
    Layer.catchTag("StorageError", (error) =>
      error.reason === "version" ? copied : Layer.effect(Journal, Effect.fail(error))
    )
  )
  return Layer.effect(
    Journal,
    Effect.map(Journal, (journal) => ({ ...journal, learn: () => Effect.void }))
  ).pipe(Layer.provide(recorded))
}

/** For a replay: the journal is only read. */
export const layerReplay = ({
  journal,
  store
}: Databases): Layer.Layer<GraphStore | Ledger | Journal, StorageError, FileSystem.FileSystem | Path.Path> =>
  Layer.merge(layerRecorded(journal), layerStore(store))

/**
 * For a dry run, thrown away when it has ended: copies of the files as they are now. A server's graph is not copied, but
 * its ledger is read, so that what is unchanged counts as that; the graph is what the run would add.
 */
export const layerCopy = ({
  journal,
  store
}: Databases): Layer.Layer<GraphStore | Ledger | Journal, StorageError, FileSystem.FileSystem | Path.Path> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const path = yield* Path.Path
      const directory = yield* temporary("sluice-dry-run-")
      const copies = { store: path.join(directory, "store.db"), journal: path.join(directory, "journal.db") }
      yield* (yield* sqliteJournal).snapshot(journal, copies.journal)
      const copy = layer({ store: { _tag: "file", file: copies.store }, journal: copies.journal })
      if (store._tag === "file") {
        yield* (yield* sqliteStore).snapshot(store.file, copies.store)
        return copy
      }
      return (yield* neo4jStore).layerDryRun(store.server).pipe(Layer.provideMerge(copy))
    })
  )

/** For a dry run of `forget`: a copy of the files; a server's graph is only read, and what would go is taken for gone. */
export const layerRehearsal = (databases: Databases): ReturnType<typeof layerCopy> => {
  const { journal, store } = databases
  if (store._tag === "file") return layerCopy(databases)
  return Layer.unwrap(
    Effect.gen(function* () {
      const path = yield* Path.Path
      const copy = path.join(yield* temporary("sluice-dry-run-"), "journal.db")
      const sqlite = yield* sqliteJournal
      yield* sqlite.snapshot(journal, copy)
      return Layer.merge(sqlite.layer({ file: copy }), (yield* neo4jStore).layerRehearsal(store.server))
    })
  )
}

/** What a server is and holds, for whoever asks before a run. */
export const inspect = (server: ServerOptions, group: Group) =>
  Effect.flatMap(neo4jStore, ({ inspect }) => inspect(server, group))
