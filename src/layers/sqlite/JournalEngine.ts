import { crc32, zstdCompressSync } from "node:zlib"
import type { ChunkKey, ItemKey, RunId } from "../../domain/Ids.ts"
import type { JournalTotals, Reckoning, Reservation, Settlement } from "../../services/Journal.ts"
import { Database, integer, orNull, text } from "./Database.ts"
import type { Row } from "./Database.ts"
import { Fault } from "./Fault.ts"
import { journalSchema } from "./JournalSchema.ts"
import type { OpenOptions } from "./Opening.ts"

/** Of an answer: SQLite does not notice a bit that has changed in a value. */
const sumOf = (key: string, value: string): number => crc32(value, crc32(key))

/** Paid answers in one SQLite file, synchronously. */
export class JournalEngine {
  readonly #db: Database
  readonly #sql: ReturnType<typeof statements>
  /** Whether all answers that were ever written are there, so that one which is not found was never given. */
  #isCounted = false

  constructor(options: OpenOptions) {
    this.#db = new Database(options, journalSchema)
    try {
      this.#sql = statements(this.#db)
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  lookup(keys: ReadonlyArray<ItemKey>): ReadonlyMap<ItemKey, string> {
    return this.#db.read(() => {
      const standing = this.#standing(keys)
      if (standing.size < new Set(keys).size) this.#requireAll()
      return standing
    })
  }

  reserve(reservations: ReadonlyArray<Reservation>): void {
    this.#db.write(() => {
      for (const call of reservations) {
        this.#sql.reserve.run(
          call.call,
          call.run,
          call.group,
          call.kind,
          call.endpoint,
          call.model,
          JSON.stringify(call.items),
          call.inputTokens,
          call.outputTokens,
          call.usd,
          call.at
        )
      }
    })
  }

  settle(settlements: ReadonlyArray<Settlement>): ReadonlyMap<ItemKey, string> {
    // Before the lock is taken: compressing is the longest part.
    const responses = settlements.map(({ response }) => zstdCompressSync(response))
    return this.#db.write(() => {
      const keys: Array<ItemKey> = []
      const written: Array<string> = []
      for (const [index, settled] of settlements.entries()) {
        const before = written.length
        for (const { chunk, group, key, kind, value } of settled.answers) {
          const { changes } = this.#sql.answer.run(
            key,
            group,
            kind,
            settled.call,
            value,
            orNull(chunk),
            sumOf(key, value)
          )
          if (changes === 1) written.push(key)
          keys.push(key)
        }
        const { changes } = this.#sql.settle.run(
          settled.outcome,
          orNull(settled.model),
          settled.usage.input,
          settled.usage.output,
          settled.usage.cached,
          settled.usd,
          settled.at,
          this.#keep(settled.call, responses[index]),
          written.length - before,
          settled.call
        )
        if (changes === 0 && this.#sql.call.get(settled.call) === undefined) {
          throw new Fault("failed", `The call ${settled.call} was never reserved, so its answers cannot be journalled.`)
        }
      }
      this.#tally(written, 1)
      return this.#standing(keys)
    })
  }

  totals(run: string): JournalTotals {
    return this.#db.read(() => {
      const calls = Object.fromEntries(
        this.#sql.kinds.all(run).map((row) => [text(row, "kind"), integer(row, "count")] as const)
      )
      const row = this.#sql.totals.get(run) ?? {}
      return {
        calls,
        failed: integer(row, "failed"),
        unsettled: integer(row, "unsettled"),
        usage: { input: integer(row, "input"), output: integer(row, "output"), cached: integer(row, "cached") },
        usd: integer(row, "usd")
      }
    })
  }

  reckon(runs: ReadonlyArray<RunId>): ReadonlyMap<RunId, Reckoning> {
    return this.#db.read(() => {
      const reckoned = new Map<RunId, Reckoning>()
      for (const run of runs) {
        const row = this.#sql.reckon.get(run)
        if (row === undefined || integer(row, "calls") === 0) continue
        reckoned.set(run, {
          calls: integer(row, "calls"),
          tokens: integer(row, "tokens"),
          usd: integer(row, "usd"),
          lastAt: integer(row, "last_at")
        })
      }
      return reckoned
    })
  }

  forget(group: string, chunks: ReadonlyArray<ChunkKey>): number {
    return this.#erase(group, () => chunks.flatMap((chunk) => this.#sql.ofChunk.all(group, chunk)))
  }

  forgetGroup(group: string): number {
    return this.#erase(group, () => this.#sql.ofGroup.all(group))
  }

  learned(): ReadonlyMap<string, string> {
    return this.#db.read(
      () => new Map(this.#sql.learned.all().map((row) => [text(row, "name"), text(row, "learned")] as const))
    )
  }

  learn(pool: string, value: string): void {
    this.#db.write(() => this.#sql.learn.run(pool, value))
  }

  close(): void {
    this.#db.close()
  }

  #standing(keys: ReadonlyArray<ItemKey>): ReadonlyMap<ItemKey, string> {
    const standing = new Map<ItemKey, string>()
    for (const key of keys) {
      const row = this.#sql.standing.get(key)
      if (row === undefined) continue
      const value = text(row, "value")
      if (typeof row["sum"] === "number" && row["sum"] !== sumOf(key, value)) throw this.#damaged()
      standing.set(key, value)
    }
    return standing
  }

  #keep(call: string, response: Uint8Array | undefined): number | null {
    if (response === undefined) return null
    return Number(this.#sql.keep.run(call, response).lastInsertRowid)
  }

  /**
   * Takes answers out, with the responses that speak of them or may do so. They are overwritten where they stand: rows that
   * are deleted make others move, and SQLite leaves copies of those in the gaps, whatever `secure_delete` says. Where rows
   * have moved, the file is written anew.
   */
  #erase(group: string, find: () => ReadonlyArray<Row>): number {
    const erased = this.#db.write(() => {
      const answers = find()
      for (const row of answers) this.#sql.erase.run(integer(row, "id"))
      this.#tally(
        answers.map((row) => text(row, "key")),
        -1
      )
      const calls = new Set([
        ...answers.map((row) => text(row, "call")),
        ...this.#sql.loose.all(group).map((row) => text(row, "id"))
      ])
      for (const call of calls) {
        this.#sql.blank.run(call)
        this.#sql.clear.run(call)
      }
      if (calls.size > 0) this.#sql.scrub.run()
      return answers.length
    })
    // Also what an earlier process was killed over.
    const { gaps, scrub } = this.#sql.counted.get() ?? {}
    if (scrub === 1) {
      if (gaps === 1) this.#db.rewrite()
      else this.#db.emptyLog()
      this.#sql.clean.run()
    }
    return erased
  }

  /** Takes note of answers that were written (1) or taken out (-1). */
  #tally(keys: ReadonlyArray<string>, sign: 1 | -1): void {
    if (keys.length === 0) return
    if (typeof this.#sql.counted.get()?.["answers"] !== "number") {
      const { answers, sum } = this.#count()
      this.#sql.count.run(answers, sum)
      return
    }
    const sum = keys.reduce((total, key) => (total + crc32(key)) % wrap, 0)
    this.#sql.recount.run(sign * keys.length, sign === 1 ? sum : wrap - sum, wrap)
  }

  #count(): { readonly answers: number; readonly sum: number } {
    let answers = 0
    let sum = 0
    for (const row of this.#sql.keys.iterate()) {
      const key = text(row, "key")
      if (key.startsWith(forgotten)) continue
      answers++
      sum = (sum + crc32(key)) % wrap
    }
    return { answers, sum }
  }

  /** To ask again for what is there, and is not found, would pay twice. */
  #requireAll(): void {
    if (this.#isCounted) return
    const expected = this.#sql.counted.get() ?? {}
    if (typeof expected["answers"] === "number") {
      const { answers, sum } = this.#count()
      if (answers !== expected["answers"] || sum !== expected["keys"]) throw this.#damaged()
    }
    this.#isCounted = true
  }

  #damaged(): Fault {
    return new Fault(
      "corrupt",
      `${this.#db.file} is damaged: answers in it have changed or are missing. Restore it from a backup; or move it away, and every answer is asked, and paid, again.`
    )
  }
}

const wrap = 2 ** 32

/** Keys are hexadecimal, so that none begins with this. */
const forgotten = "forgotten"

const statements = (db: Database) => ({
  standing: db.prepare("SELECT value, sum FROM answer WHERE key = ?"),
  answer: db.prepare(
    "INSERT OR IGNORE INTO answer (key, grp, kind, call, value, chunk, sum) VALUES (?, ?, ?, ?, ?, ?, ?)"
  ),
  keys: db.prepare("SELECT key FROM answer"),
  call: db.prepare("SELECT 1 FROM call WHERE id = ?"),
  reserve: db.prepare(
    `INSERT INTO call (id, run, grp, kind, endpoint, model, items, reserved_input, reserved_output, reserved_usd,
       reserved_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
  ),
  // The first settlement stands, so that one given twice costs once.
  settle: db.prepare(
    `UPDATE call SET outcome = ?, answering_model = ?, input = ?, output = ?, cached = ?, usd = ?, settled_at = ?,
       response = ?, whole = (json_array_length(items) = ?) WHERE id = ? AND outcome IS NULL`
  ),
  keep: db.prepare("INSERT INTO response (call, body) VALUES (?, ?)"),
  ofChunk: db.prepare("SELECT rowid AS id, key, call FROM answer WHERE grp = ? AND chunk = ?"),
  ofGroup: db.prepare(
    `SELECT rowid AS id, key, call FROM answer WHERE grp = ? AND substr(key, 1, ${forgotten.length}) <> '${forgotten}'`
  ),
  // Of the same length, byte by byte: only then is the row written where it was.
  erase: db.prepare(
    `UPDATE answer SET
       value = substr(replace(hex(zeroblob(octet_length(value) / 2 + 1)), '0', '9'), 1, octet_length(value)),
       key = printf('${forgotten}%0*d', length(key) - ${forgotten.length}, rowid),
       chunk = CASE WHEN chunk IS NULL THEN NULL ELSE printf('${forgotten}%0*d', length(chunk) - ${forgotten.length}, rowid) END
     WHERE rowid = ?`
  ),
  loose: db.prepare("SELECT id FROM call WHERE grp = ? AND response IS NOT NULL AND whole IS NOT 1"),
  blank: db.prepare(
    "UPDATE response SET body = zeroblob(length(body)) WHERE id = (SELECT response FROM call WHERE call.id = ?)"
  ),
  // Names of items are made from their texts, and go with them.
  clear: db.prepare("UPDATE call SET response = NULL, items = '[]' WHERE id = ?"),
  counted: db.prepare("SELECT answers, keys, gaps, scrub FROM tally"),
  count: db.prepare("UPDATE tally SET answers = ?, keys = ?"),
  recount: db.prepare("UPDATE tally SET answers = answers + ?, keys = (keys + ?) % ?"),
  scrub: db.prepare("UPDATE tally SET scrub = 1"),
  clean: db.prepare("UPDATE tally SET gaps = 0, scrub = 0"),
  learned: db.prepare("SELECT name, learned FROM pool"),
  learn: db.prepare(
    "INSERT INTO pool (name, learned) VALUES (?, ?) ON CONFLICT DO UPDATE SET learned = excluded.learned"
  ),
  kinds: db.prepare("SELECT kind, count(*) AS count FROM call WHERE run = ? GROUP BY kind ORDER BY kind"),
  totals: db.prepare(
    `SELECT count(*) FILTER (WHERE outcome IN ('failed', 'lost')) AS failed, count(*) FILTER (WHERE outcome IS NULL) AS unsettled,
       coalesce(sum(input), 0) AS input, coalesce(sum(output), 0) AS output, coalesce(sum(cached), 0) AS cached,
       total(coalesce(usd, reserved_usd)) AS usd
     FROM call WHERE run = ?`
  ),
  reckon: db.prepare(
    `SELECT count(*) AS calls,
       total(iif(coalesce(outcome, 'lost') = 'lost', reserved_input + reserved_output, input + output)) AS tokens,
       total(iif(coalesce(outcome, 'lost') = 'lost', reserved_usd, usd)) AS usd,
       coalesce(max(coalesce(settled_at, reserved_at)), 0) AS last_at
     FROM call WHERE run = ?`
  )
})
