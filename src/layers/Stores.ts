import { Effect, FileSystem, Layer, Path } from "effect"
import type { Ledger } from "../services/Ledger.ts"
import type { GraphStore } from "../services/GraphStore.ts"
import type { Journal } from "../services/Journal.ts"
import type { StorageError } from "../services/StorageError.ts"

/** Paths of the two databases. */
export interface Files {
  readonly store: string
  readonly journal: string
}

const sqlite = Effect.promise(() => Promise.all([import("./SqliteStore.ts"), import("./SqliteJournal.ts")]))

/** Graph, ledger and journal in SQLite files. Nothing of SQLite is loaded before it is needed. */
export const layer = (files: Files): Layer.Layer<GraphStore | Ledger | Journal, StorageError> =>
  Layer.unwrap(
    Effect.map(sqlite, ([store, journal]) =>
      // The store first: where it is refused, no journal is made beside it.
      Layer.provideMerge(journal.layer({ file: files.journal }), store.layer({ file: files.store }))
    )
  )

/** The graph and its ledger, for commands that only read. */
export const layerReadOnly = (file: string): Layer.Layer<GraphStore | Ledger, StorageError> =>
  Layer.unwrap(Effect.map(sqlite, ([store]) => store.layerReadOnly({ file })))

/** The journal alone, for whoever only looks at it. */
export const layerJournalReadOnly = (file: string): Layer.Layer<Journal, StorageError> =>
  Layer.unwrap(Effect.map(sqlite, ([, journal]) => journal.layerReadOnly({ file })))

/** For a dry run: copies of both as they are now, which are thrown away when it has ended. */
export const layerCopy = (
  files: Files
): Layer.Layer<GraphStore | Ledger | Journal, StorageError, FileSystem.FileSystem | Path.Path> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const [store, journal] = yield* sqlite
      const directory = yield* Effect.orDie(fileSystem.makeTempDirectoryScoped({ prefix: "sluice-dry-run-" }))
      const copies = { store: path.join(directory, "store.db"), journal: path.join(directory, "journal.db") }
      yield* store.snapshot(files.store, copies.store)
      yield* journal.snapshot(files.journal, copies.journal)
      return layer(copies)
    })
  )
