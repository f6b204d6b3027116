import { closeSync, existsSync, fsyncSync, linkSync, mkdirSync, openSync, renameSync, rmSync, statSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { pathToFileURL } from "node:url"
import { Fault, isBarred } from "./Fault.ts"

export const memory = ":memory:"

export interface OpenOptions {
  /** A path, or `:memory:`. */
  readonly file: string
  /** For reading commands: the file must be there, and nothing is written to it. */
  readonly readOnly: boolean
  /** How long to wait for another process's lock, in milliseconds; 5,000 if absent. */
  readonly busyTimeout?: number
  /** How large the file may grow before what is only kept for the curious goes, in bytes; absent: as large as it will. */
  readonly maxBytes?: number
}

const settings = (options: OpenOptions) => ({
  timeout: options.busyTimeout ?? 5000,
  enableForeignKeyConstraints: false
})

export const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0

/** Makes what was done to a directory's entries outlive a loss of power; where directories cannot be synced, they need not be. */
const syncDirectory = (directory: string): void => {
  try {
    const descriptor = openSync(directory, "r")
    try {
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  } catch {
    // Windows has no such thing, and some network file systems refuse it.
  }
}

/** @param first the topmost directory that was made */
const syncUpwards = (directory: string, first: string | undefined): void => {
  const end = first === undefined ? directory : dirname(first)
  for (let at = directory; ; at = dirname(at)) {
    syncDirectory(at)
    if (at === end || dirname(at) === at) return
  }
}

const left = (file: string, noun: string): Fault =>
  new Fault(
    "corrupt",
    `${file} is not there, but its latest changes are, in ${file}-wal: it was moved or deleted. Put it back; or delete ${file}-wal too, and the ${noun} begins anew.`
  )

const emptied = (file: string, noun: string): Fault =>
  new Fault(
    "corrupt",
    `${file} is empty, as no ${noun} ever is: it was cut off, or something else made it. Restore it from a backup; or delete it, and the ${noun} begins anew.`
  )

/**
 * Makes a database that is whole from its first moment under its own name, so that an empty file is never one that was
 * just begun.
 */
const create = (file: string, options: OpenOptions, noun: string, migrate: (db: DatabaseSync) => void): void => {
  const isThere = () => existsSync(file)
  if (sizeOf(`${file}-wal`) > 0 && !isThere()) throw left(file, noun)
  const begun = `${file}-new`
  const db = new DatabaseSync(begun, settings(options))
  try {
    migrate(db)
  } finally {
    db.close()
  }
  try {
    linkSync(begun, file)
  } catch (error) {
    // Another process was faster, or the file system has no links.
    if (!isThere() && existsSync(begun)) renameSync(begun, file)
    else if (!isThere()) throw error
  }
  rmSync(begun, { force: true })
}

/** A connection for writing, to a file that `migrate` fills if there is none. */
export const connectForWriting = (
  file: string,
  options: OpenOptions,
  schema: { readonly noun: string; readonly isTruth: boolean },
  migrate: (db: DatabaseSync) => void
): DatabaseSync => {
  if (file === memory) return new DatabaseSync(file, settings(options))
  const directory = dirname(file)
  const first = mkdirSync(directory, { recursive: true })
  const isNew = !existsSync(file)
  if (schema.isTruth) {
    if (isNew) create(file, options, schema.noun, migrate)
    else if (sizeOf(file) === 0) throw emptied(file, schema.noun)
  }
  // SQLite syncs the directory of a file that it makes, but not those above, which may be new as well.
  if (isNew) syncUpwards(directory, first)
  return new DatabaseSync(file, settings(options))
}

/** A connection that has read from the file. */
const reading = (file: string, options: OpenOptions, parameters: Readonly<Record<string, string>>): DatabaseSync => {
  const url = pathToFileURL(file)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  const db = new DatabaseSync(url, { ...settings(options), readOnly: parameters["mode"] === "ro" })
  try {
    db.prepare("PRAGMA schema_version").get()
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** A connection for reading, to a file that is there. */
export const connectForReading = (file: string, options: OpenOptions): DatabaseSync => {
  // A connection that may not write leaves the files of the write-ahead log behind; so one that does not.
  try {
    return reading(file, options, { mode: "rw" })
  } catch (error) {
    if (!isBarred(error)) throw error
  }
  try {
    return reading(file, options, { mode: "ro" })
  } catch (error) {
    // Where nothing can be written at all, not even a lock, nobody else changes the file either.
    if (!isBarred(error) || sizeOf(`${file}-wal`) > 0) throw error
    return reading(file, options, { mode: "ro", immutable: "1" })
  }
}

/** Runs `use` on a database file for reading, and closes it. */
export const withReader = async <A>(file: string, use: (db: DatabaseSync) => Promise<A>): Promise<A> => {
  const db = connectForReading(resolve(file), { file, readOnly: true })
  try {
    return await use(db)
  } finally {
    db.close()
  }
}
