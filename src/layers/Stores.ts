import { Effect, FileSystem, Layer, Path } from "effect"
import type { Ledger } from "../services/Ledger.ts"
import type { GraphStore } from "../services/GraphStore.ts"
import { Journal } from "../services/Journal.ts"
import type { StorageError } from "../services/StorageError.ts"

/** Paths of the two databases. */
export interface Files {
  readonly store: string
  readonly journal: string
  /** How large the journal should be at most, in bytes. */
  readonly journalMax?: number
}

/** What may follow a database's name in the names of the files beside it. */
export const companion = /^((-new)?(-wal|-shm|-journal)?|\.rescued(-\d+)?)$/

const sqlite = Effect.promise(() => Promise.all([import("./SqliteStore.ts"), import("./SqliteJournal.ts")]))

const temporary = (prefix: string) =>
  FileSystem.FileSystem.use((fileSystem) => Effect.orDie(fileSystem.makeTempDirectoryScoped({ prefix })))

/** Graph, ledger and journal in SQLite files. Nothing of SQLite is loaded before it is needed. */
export const layer = (files: Files): Layer.Layer<GraphStore | Ledger | Journal, StorageError> =>
  Layer.unwrap(
    Effect.map(sqlite, ([store, journal]) =>
      // The store first: where it is refused, no journal is made beside it.
      Layer.provideMerge(journal.layer(journalOptions(files)), store.layer({ file: files.store }))
    )
  )

const journalOptions = ({ journal: file, journalMax: maxBytes }: Pick<Files, "journal" | "journalMax">) => ({
  file,
  ...(maxBytes === undefined ? {} : { maxBytes })
})

export const compactJournal = (files: Pick<Files, "journal" | "journalMax">) =>
  Effect.flatMap(sqlite, ([, journal]) => journal.compact(journalOptions(files)))

export const checkStore = (file: string) => Effect.flatMap(sqlite, ([store]) => store.check({ file }))

export const checkJournal = (file: string) => Effect.flatMap(sqlite, ([, journal]) => journal.check({ file }))

/** The graph and its ledger, for commands that only read. */
export const layerReadOnly = (file: string): Layer.Layer<GraphStore | Ledger, StorageError> =>
  Layer.unwrap(Effect.map(sqlite, ([store]) => store.layerReadOnly({ file })))

/** The journal alone. */
export const layerJournalReadOnly = (file: string): Layer.Layer<Journal, StorageError> =>
  Layer.unwrap(Effect.map(sqlite, ([, journal]) => journal.layerReadOnly({ file })))

/**
 * The journal as it was recorded, which is only read; one of an earlier version is read from a copy that is brought up to
 * date. What was learned of the provider is not noted: nobody is asked.
 */
const layerRecorded = (file: string): Layer.Layer<Journal, StorageError, FileSystem.FileSystem | Path.Path> => {
  const copied = Layer.unwrap(
    Effect.gen(function* () {
      const [, journal] = yield* sqlite
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
export const layerReplay = (
  files: Files
): Layer.Layer<GraphStore | Ledger | Journal, StorageError, FileSystem.FileSystem | Path.Path> =>
  Layer.unwrap(
    Effect.map(sqlite, ([store]) => Layer.merge(layerRecorded(files.journal), store.layer({ file: files.store })))
  )

/** For a dry run: copies of both as they are now, which are thrown away when it has ended. */
export const layerCopy = (
  files: Files
): Layer.Layer<GraphStore | Ledger | Journal, StorageError, FileSystem.FileSystem | Path.Path> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const path = yield* Path.Path
      const [store, journal] = yield* sqlite
      const directory = yield* temporary("sluice-dry-run-")
      const copies = { store: path.join(directory, "store.db"), journal: path.join(directory, "journal.db") }
      yield* store.snapshot(files.store, copies.store)
      yield* journal.snapshot(files.journal, copies.journal)
      return layer(copies)
    })
  )
