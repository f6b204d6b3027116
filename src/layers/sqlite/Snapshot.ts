import { existsSync, mkdirSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { backup } from "node:sqlite"
import { Effect } from "effect"
import type { StorageError } from "../../services/StorageError.ts"
import { faultData } from "./Fault.ts"
import { withReader } from "./Opening.ts"
import type { Storage } from "./Protocol.ts"
import { storageError } from "./Thread.ts"

/**
 * Copies the database file `from` to `to`, as it is at one moment, while others go on writing to it. Does nothing if
 * there is no `from`.
 */
export const snapshot = (storage: Storage) =>
  Effect.fn(`Sqlite.snapshot.${storage}`)((from: string, to: string): Effect.Effect<void, StorageError> =>
    Effect.tryPromise({
      try: async () => {
        if (!existsSync(from)) return
        mkdirSync(dirname(resolve(to)), { recursive: true })
        await withReader(from, (db) => backup(db, to))
      },
      catch: (error) => storageError(storage, faultData(storage, from, error))
    })
  )
