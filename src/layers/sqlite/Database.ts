import { existsSync, rmSync, statSync } from "node:fs"
import { resolve } from "node:path"
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite"
import { Fault, isBusy, isLogic, Misshapen } from "./Fault.ts"
import { connectForReading, connectForWriting, memory, sizeOf } from "./Opening.ts"
import type { OpenOptions } from "./Opening.ts"

/** What makes a file ours, and which version of it. */
export interface Schema {
  /** `store`, `journal`: for messages. */
  readonly noun: string
  /** Four ASCII letters in the file's header. */
  readonly applicationId: number
  /** `PRAGMA user_version` is how many of these a file has had; only ever append. */
  readonly migrations: ReadonlyArray<string>
  /** Of one text, for migrations and what is made anew. */
  readonly functions?: Readonly<Record<string, (text: string) => number | string>>
  readonly synchronous: "NORMAL" | "FULL"
  /** Pages of 4 KiB that the write-ahead log may hold before they are moved into the file. */
  readonly checkpoint: number
  /** Whether nothing else can say what is in it: then it is never begun anew where it might have been lost. */
  readonly isTruth: boolean
}

/** How often a transaction is tried: SQLite's own waiting is not fair, so that a busy neighbour can win every time. */
const attempts = 3

const number = (value: SQLOutputValue | undefined): number => (typeof value === "number" ? value : 0)

/** One connection, its statements, and its transactions. */
export class Database {
  readonly #db: DatabaseSync
  readonly #schema: Schema
  /** Of the file as it was opened. */
  readonly #inode: string | undefined
  #rescued: string | undefined
  readonly file: string

  constructor(options: OpenOptions, schema: Schema) {
    this.file = options.file === memory ? memory : resolve(options.file)
    this.#schema = schema
    if (options.readOnly && !existsSync(this.file)) throw missing(this.file, schema)
    this.#db = options.readOnly
      ? connectForReading(this.file, options)
      : connectForWriting(this.file, options, schema, (db) => migrate(db, schema, this.file))
    try {
      this.#check(schema)
      for (const [name, made] of Object.entries(schema.functions ?? {})) {
        this.#db.function(name, { deterministic: true }, (value) => (typeof value === "string" ? made(value) : null))
      }
      if (options.readOnly) this.#requireCurrent(schema)
      else this.#prepareForWriting(schema)
      this.#inode = this.#isWatched(options) ? inodeOf(this.file) : undefined
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  prepare(sql: string): StatementSync {
    try {
      return this.#db.prepare(sql)
    } catch (error) {
      if (isLogic(error)) throw disordered(this.file, this.#schema, error)
      throw error
    }
  }

  /** The first column of the first row. */
  pragma(name: string): number {
    return number(Object.values(this.#db.prepare(`PRAGMA ${name}`).get() ?? {})[0])
  }

  /** Of the file, as it will be when the log has been moved into it. */
  bytes(): number {
    return this.pragma("page_count") * this.pragma("page_size")
  }

  /** Without pages that are free to be used again. */
  bytesInUse(): number {
    return (this.pragma("page_count") - this.pragma("freelist_count")) * this.pragma("page_size")
  }

  /** Of the file and its log as they are now. */
  sizeOnDisk(): number {
    return this.file === memory ? this.bytes() : sizeOf(this.file) + sizeOf(`${this.file}-wal`)
  }

  /** Takes some free pages off the file's end. */
  giveBack(): void {
    if (this.pragma("freelist_count") > 0) this.#db.exec("PRAGMA incremental_vacuum(512)")
  }

  /** What SQLite finds wrong with the whole file: its structure, and indexes that differ from their tables. */
  damage(): ReadonlyArray<string> {
    const found = this.#db.prepare("PRAGMA integrity_check(5)").all()
    return found.flatMap((row) => Object.values(row).map(String)).filter((line) => line !== "ok")
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
      const result = this.#finish(body)
      this.#requirePlace()
      return result
    }
  }

  /** `body` sees one state of the database. */
  read<A>(body: () => A): A {
    this.#db.exec("BEGIN")
    return this.#finish(body)
  }

  /**
   * Writes the whole file anew, without gaps, and leaves nothing in the write-ahead log. If the process dies meanwhile, the
   * file is as it was. Needs room for two more copies of it.
   */
  rewrite(): void {
    if (this.#schema.isTruth && this.pragma("auto_vacuum") === 0) this.#db.exec(incremental)
    // The copy may be larger than memory.
    this.#db.exec("PRAGMA temp_store = FILE")
    try {
      this.#db.exec("VACUUM")
    } finally {
      this.#db.exec("PRAGMA temp_store = MEMORY")
    }
    this.emptyLog()
  }

  close(): void {
    this.#db.close()
  }

  /** Moves all that is in the write-ahead log into the file; waits for readers. */
  emptyLog(): void {
    const isBusyStill = this.pragma("wal_checkpoint(TRUNCATE)") === 1
    if (!isBusyStill) return
    throw new Fault(
      "locked",
      `${this.file}-wal cannot be emptied: another process is using it. Wait for it to end, or stop it, then run the same command again.`,
      true
    )
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

  #isWatched({ readOnly }: OpenOptions): boolean {
    return !readOnly && this.file !== memory
  }

  /** A file that is gone takes changes as before, and keeps none of them. */
  #requirePlace(): void {
    if (this.#inode === undefined || inodeOf(this.file) === this.#inode) return
    const what = `${this.file} was deleted or moved away while sluice was using it`
    if (!this.#schema.isTruth) {
      throw new Fault("unavailable", `${what}. Put it back if you have it, then run the same command again.`)
    }
    const rescued = this.#rescue()
    throw new Fault(
      "unavailable",
      rescued === undefined
        ? `${what}, and what it held could not be saved beside it. Put it back where it was, then run the same command again.`
        : `${what}. All that it held is in ${rescued}: move that to ${this.file}, then run the same command again.`
    )
  }

  /** The connection still has what the file's name no longer leads to. */
  #rescue(): string | undefined {
    try {
      if (this.#rescued !== undefined) rmSync(this.#rescued, { force: true })
      for (let n = 1; this.#rescued === undefined; n++) {
        const name = `${this.file}.rescued${n === 1 ? "" : `-${n}`}`
        if (!existsSync(name)) this.#rescued = name
      }
      this.#db.prepare("VACUUM INTO ?").run(this.#rescued)
      return this.#rescued
    } catch {
      return undefined
    }
  }

  #check(schema: Schema): void {
    const id = this.pragma("application_id")
    if (id !== schema.applicationId && !(id === 0 && this.#isEmpty())) {
      throw new Fault(
        "corrupt",
        `${this.file} is a database of something else, not a ${schema.noun} of sluice, so it was left alone. Choose another file.`
      )
    }
    const version = this.pragma("user_version")
    if (version > schema.migrations.length) {
      throw new Fault(
        "version",
        `${this.file} was written by a newer sluice (its ${schema.noun} has version ${version}, this program knows ${schema.migrations.length}). Update sluice, or choose another file.`
      )
    }
  }

  #isEmpty(): boolean {
    return number(this.#db.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.["n"]) === 0
  }

  #requireCurrent(schema: Schema): void {
    const version = this.pragma("user_version")
    if (version === 0 && this.#isEmpty()) throw missing(this.file, schema)
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
      // Where the system's sync does not reach the disk itself (macOS), there is one that does.
      `PRAGMA fullfsync = ${schema.synchronous === "FULL" ? "ON" : "OFF"}; PRAGMA synchronous = ${schema.synchronous}; PRAGMA cache_size = -32000; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = ${schema.checkpoint}`
    )
    if (schema.isTruth) this.#db.exec("PRAGMA secure_delete = ON")
    migrate(this.#db, schema, this.file)
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

const disordered = (file: string, { noun }: Schema, error: unknown): Fault =>
  new Fault(
    "corrupt",
    `${file} has not the tables of a ${noun} of its version: it is damaged (${error instanceof Error ? error.message : String(error)}). Restore it from a backup.`
  )

/** Device and number: the same name may come to stand for another file. */
const inodeOf = (file: string): string => {
  const found = statSync(file, { throwIfNoEntry: false })
  return found === undefined ? "" : `${found.dev} ${found.ino}`
}

/** What is deleted in bulk can be given back. A file that has something in it takes this with its next `VACUUM`. */
const incremental = "PRAGMA auto_vacuum = INCREMENTAL"

const versionOf = (db: DatabaseSync): number => number(db.prepare("PRAGMA user_version").get()?.["user_version"])

/** All that the file lacks, or nothing of it. */
const migrate = (db: DatabaseSync, schema: Schema, file: string): void => {
  const target = schema.migrations.length
  if (versionOf(db) === target) return
  if (schema.isTruth) db.exec(incremental)
  db.exec("BEGIN IMMEDIATE")
  try {
    // Asked again within the transaction: another process may have been faster.
    for (const migration of schema.migrations.slice(versionOf(db))) db.exec(migration)
    db.exec(`PRAGMA application_id = ${schema.applicationId}; PRAGMA user_version = ${target}; COMMIT`)
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK")
    throw isLogic(error) ? disordered(file, schema, error) : error
  }
}

export type Row = Readonly<Record<string, SQLOutputValue>>

const unexpected = (column: string, value: SQLOutputValue | undefined): Misshapen =>
  new Misshapen(`it holds a ${value === null ? "null" : typeof value} in column ${column}`)

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

/** A column of 32-bit floats; none where it is null. Copied only where its bytes do not begin where floats may. */
export const floats = (row: Row, column: string): Float32Array => {
  const value = row[column]
  if (!(value instanceof Uint8Array)) return new Float32Array()
  const size = Float32Array.BYTES_PER_ELEMENT
  const bytes = value.byteOffset % size === 0 ? value : value.slice()
  return new Float32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.byteLength / size))
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
