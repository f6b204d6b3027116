import { existsSync, mkdirSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { DatabaseSync } from "node:sqlite"
import type { SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite"
import { pathToFileURL } from "node:url"
import { Fault, isBusy } from "./Fault.ts"

export const memory = ":memory:"

export interface OpenOptions {
  /** A path, or `:memory:`. */
  readonly file: string
  /** For reading commands: the file must be there, and nothing is written to it. */
  readonly readOnly: boolean
  /** How long to wait for another process's lock, in milliseconds; 5,000 if absent. */
  readonly busyTimeout?: number
}

/** What makes a file ours, and which version of it. */
export interface Schema {
  /** `store`, `journal`: for messages. */
  readonly noun: string
  /** Four ASCII letters in the file's header. */
  readonly applicationId: number
  /** `PRAGMA user_version` is how many of these a file has had; only ever append. */
  readonly migrations: ReadonlyArray<string>
  /** Of one text, for migrations. */
  readonly functions?: Readonly<Record<string, (text: string) => number>>
  readonly synchronous: "NORMAL" | "FULL"
  /** Pages of 4 KiB that the write-ahead log may hold before they are moved into the file. */
  readonly checkpoint: number
}

/** How often a transaction is tried: SQLite's own waiting is not fair, so that a busy neighbour can win every time. */
const attempts = 3

const number = (value: SQLOutputValue | undefined): number => (typeof value === "number" ? value : 0)

/** One connection, its statements, and its transactions. */
export class Database {
  readonly #db: DatabaseSync
  readonly file: string

  constructor(options: OpenOptions, schema: Schema) {
    this.file = options.file === memory ? memory : resolve(options.file)
    if (options.readOnly && !existsSync(this.file)) throw missing(this.file, schema)
    this.#db = connect(this.file, options)
    try {
      this.#check(schema)
      if (options.readOnly) this.#requireCurrent(schema)
      else this.#prepareForWriting(schema)
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  prepare(sql: string): StatementSync {
    return this.#db.prepare(sql)
  }

  /** All of `body`, or nothing of it; waits for other writers. */
  write<A>(body: () => A): A {
    for (let attempt = 1; ; attempt++) {
      try {
        this.#db.exec("BEGIN IMMEDIATE")
      } catch (error) {
        if (isBusy(error) && attempt < attempts) continue
        throw error
      }
      return this.#finish(body)
    }
  }

  /** `body` sees one state of the database. */
  read<A>(body: () => A): A {
    this.#db.exec("BEGIN")
    return this.#finish(body)
  }

  /** Writes the file anew, without what was deleted from it. */
  rewrite(): void {
    // The copy is as large as the file.
    this.#db.exec("PRAGMA temp_store = FILE")
    try {
      this.#db.exec("VACUUM")
    } finally {
      this.#db.exec("PRAGMA temp_store = MEMORY")
    }
  }

  /** Empties the write-ahead log, which holds what pages were. */
  checkpoint(): void {
    const busy = this.#db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()?.["busy"]
    if (busy !== 0 && this.file !== memory) {
      throw new Fault(
        "locked",
        `${this.file} is being read by another process, so what was taken out of it is still in its write-ahead log. Wait for it to end, then run the same command again.`,
        true
      )
    }
  }

  close(): void {
    this.#db.close()
  }

  #finish<A>(body: () => A): A {
    try {
      const result = body()
      this.#db.exec("COMMIT")
      return result
    } catch (error) {
      // SQLite has already rolled back by itself after some errors (a full disk).
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK")
      throw error
    }
  }

  #pragma(name: string): number {
    return number(this.#db.prepare(`PRAGMA ${name}`).get()?.[name])
  }

  #check(schema: Schema): void {
    const id = this.#pragma("application_id")
    const isEmpty = number(this.#db.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.["n"]) === 0
    if (id !== schema.applicationId && !(isEmpty && id === 0)) {
      throw new Fault(
        "corrupt",
        `${this.file} is a database of something else, not a ${schema.noun} of sluice, so it was left alone. Choose another file.`
      )
    }
    const version = this.#pragma("user_version")
    if (version > schema.migrations.length) {
      throw new Fault(
        "version",
        `${this.file} was written by a newer sluice (its ${schema.noun} has version ${version}, this program knows ${schema.migrations.length}). Update sluice, or choose another file.`
      )
    }
  }

  #requireCurrent(schema: Schema): void {
    const version = this.#pragma("user_version")
    if (version === 0) throw missing(this.file, schema)
    if (version < schema.migrations.length) {
      throw new Fault(
        "version",
        `${this.file} was written by an older sluice (its ${schema.noun} has version ${version} of ${schema.migrations.length}). \`sluice ingest\` brings it up to date.`
      )
    }
    this.#db.exec("PRAGMA query_only = ON")
  }

  #prepareForWriting(schema: Schema): void {
    if (this.file !== memory) this.#writeAhead()
    this.#db.exec(
      `PRAGMA synchronous = ${schema.synchronous}; PRAGMA cache_size = -32000; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = ${schema.checkpoint}`
    )
    if (this.#pragma("user_version") === schema.migrations.length) return
    for (const [name, made] of Object.entries(schema.functions ?? {})) {
      this.#db.function(name, { deterministic: true }, (value) => (typeof value === "string" ? made(value) : null))
    }
    this.write(() => {
      // Asked again within the transaction: another process may have been faster.
      for (const migration of schema.migrations.slice(this.#pragma("user_version"))) this.#db.exec(migration)
      this.#db.exec(
        `PRAGMA application_id = ${schema.applicationId}; PRAGMA user_version = ${schema.migrations.length}`
      )
    })
  }

  /** Needs the file for itself for a moment, and does not wait for it as statements do. */
  #writeAhead(): void {
    for (let attempt = 1; ; attempt++) {
      try {
        if (this.#db.prepare("PRAGMA journal_mode").get()?.["journal_mode"] !== "wal") {
          this.#db.exec("PRAGMA journal_mode = WAL")
        }
        return
      } catch (error) {
        if (!isBusy(error) || attempt === 10 * attempts) throw error
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
      }
    }
  }
}

const missing = (file: string, schema: Schema): Fault =>
  new Fault("unavailable", `There is no ${schema.noun} at ${file} yet: \`sluice ingest PATH\` makes it.`)

const connect = (file: string, options: OpenOptions): DatabaseSync => {
  const settings = { timeout: options.busyTimeout ?? 5000, enableForeignKeyConstraints: false }
  if (file === memory) return new DatabaseSync(file, settings)
  if (!options.readOnly) {
    mkdirSync(dirname(file), { recursive: true })
    return new DatabaseSync(file, settings)
  }
  // A connection that may not write leaves the files of the write-ahead log behind; so one that does not.
  const url = pathToFileURL(file)
  url.searchParams.set("mode", "rw")
  try {
    return new DatabaseSync(url, settings)
  } catch {
    return new DatabaseSync(file, { ...settings, readOnly: true })
  }
}

/** Runs `use` on a database file for reading, and closes it. */
export const withReader = async <A>(file: string, use: (db: DatabaseSync) => Promise<A>): Promise<A> => {
  const db = connect(resolve(file), { file, readOnly: true })
  try {
    return await use(db)
  } finally {
    db.close()
  }
}

export type Row = Readonly<Record<string, SQLOutputValue>>

const unexpected = (column: string, value: SQLOutputValue | undefined): Fault =>
  new Fault(
    "corrupt",
    `A database holds a ${value === null ? "null" : typeof value} in column ${column}, which cannot be: it is damaged.`
  )

function assertText<Text extends string>(column: string, value: SQLOutputValue | undefined): asserts value is Text {
  if (typeof value !== "string") throw unexpected(column, value)
}

/** A text column; `Text` is a brand or a set of literals that the column was written with. */
export const text = <Text extends string = string>(row: Row, column: string): Text => {
  const value = row[column]
  assertText<Text>(column, value)
  return value
}

export const integer = (row: Row, column: string): number => {
  const value = row[column]
  if (typeof value !== "number") throw unexpected(column, value)
  return value
}

/** `{ [field]: text }`, or nothing where the column is null. */
export const optionalText = <Field extends string>(
  row: Row,
  column: string,
  field: Field
): { readonly [_ in Field]?: string } => {
  const value = row[column]
  return typeof value === "string" ? record(field, value) : {}
}

const record = <Field extends string>(field: Field, value: string): { readonly [_ in Field]?: string } => {
  const entry: { [_ in Field]?: string } = {}
  entry[field] = value
  return entry
}

export const orNull = <A extends SQLInputValue>(value: A | undefined): A | null => value ?? null
