import { zstdCompressSync } from "node:zlib"
import type { ChunkKey, ItemKey } from "../../domain/Ids.ts"
import type { JournalTotals, Reservation, Settlement } from "../../services/Journal.ts"
import { Database, integer, orNull, text } from "./Database.ts"
import type { OpenOptions, Schema } from "./Database.ts"
import { Fault } from "./Fault.ts"

const version1 = `
CREATE TABLE call (
  id TEXT PRIMARY KEY,
  run TEXT NOT NULL,
  grp TEXT NOT NULL,
  kind TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  model TEXT NOT NULL,
  -- Item keys, as a JSON array.
  items TEXT NOT NULL,
  reserved_input INTEGER NOT NULL,
  reserved_output INTEGER NOT NULL,
  reserved_usd REAL NOT NULL,
  reserved_at INTEGER NOT NULL,
  -- From here on null until the call is settled.
  outcome TEXT,
  answering_model TEXT,
  input INTEGER,
  output INTEGER,
  cached INTEGER,
  usd REAL,
  settled_at INTEGER,
  -- Compressed with Zstandard.
  response BLOB
) STRICT;
CREATE INDEX call_by_run ON call (run);

CREATE TABLE answer (
  key TEXT PRIMARY KEY,
  grp TEXT NOT NULL,
  kind TEXT NOT NULL,
  call TEXT NOT NULL,
  value TEXT NOT NULL
) STRICT;
`

const version2 = `
-- Null in answers of the first version, and in those about no chunk.
ALTER TABLE answer ADD COLUMN chunk TEXT;
CREATE INDEX answer_by_chunk ON answer (grp, chunk);

CREATE TABLE pool (
  name TEXT PRIMARY KEY,
  -- JSON.
  learned TEXT NOT NULL
) STRICT, WITHOUT ROWID;
`

const journalSchema: Schema = {
  noun: "journal",
  applicationId: 0x534c554a,
  migrations: [version1, version2],
  synchronous: "FULL",
  checkpoint: 1000
}

/** Paid answers in one SQLite file, synchronously. */
export class JournalEngine {
  readonly #db: Database
  readonly #sql: ReturnType<typeof statements>

  constructor(options: OpenOptions) {
    this.#db = new Database(options, journalSchema)
    this.#sql = statements(this.#db)
  }

  lookup(keys: ReadonlyArray<ItemKey>): ReadonlyMap<ItemKey, string> {
    return this.#db.read(() => this.#standing(keys))
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
      for (const [index, settled] of settlements.entries()) {
        const { changes } = this.#sql.settle.run(
          settled.outcome,
          orNull(settled.model),
          settled.usage.input,
          settled.usage.output,
          settled.usage.cached,
          settled.usd,
          settled.at,
          orNull(responses[index]),
          settled.call
        )
        if (changes === 0 && this.#sql.call.get(settled.call) === undefined) {
          throw new Fault("failed", `The call ${settled.call} was never reserved, so its answers cannot be journalled.`)
        }
        for (const { chunk, group, key, kind, value } of settled.answers) {
          this.#sql.answer.run(key, group, kind, settled.call, value, orNull(chunk))
          keys.push(key)
        }
      }
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

  forget(group: string, chunks: ReadonlyArray<ChunkKey>): void {
    this.#db.write(() => {
      for (const chunk of chunks) this.#sql.forgetAnswers.run(group, chunk)
      this.#sql.forgetResponses.run(group)
    })
  }

  forgetGroup(group: string): void {
    this.#db.write(() => {
      this.#sql.forgetGroup.run(group)
      this.#sql.forgetResponses.run(group)
    })
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
      if (row !== undefined) standing.set(key, text(row, "value"))
    }
    return standing
  }
}

const statements = (db: Database) => ({
  standing: db.prepare("SELECT value FROM answer WHERE key = ?"),
  answer: db.prepare("INSERT OR IGNORE INTO answer (key, grp, kind, call, value, chunk) VALUES (?, ?, ?, ?, ?, ?)"),
  call: db.prepare("SELECT 1 FROM call WHERE id = ?"),
  reserve: db.prepare(
    `INSERT INTO call (id, run, grp, kind, endpoint, model, items, reserved_input, reserved_output, reserved_usd,
       reserved_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
  ),
  // The first settlement stands, so that one given twice costs once.
  settle: db.prepare(
    `UPDATE call SET outcome = ?, answering_model = ?, input = ?, output = ?, cached = ?, usd = ?, settled_at = ?,
       response = ? WHERE id = ? AND outcome IS NULL`
  ),
  forgetAnswers: db.prepare("DELETE FROM answer WHERE grp = ? AND chunk = ?"),
  forgetGroup: db.prepare("DELETE FROM answer WHERE grp = ?"),
  // A response speaks of all items of its call, and so does that of a call which failed: where an item's answer is gone, or
  // never was, nobody needs it.
  forgetResponses: db.prepare(
    `UPDATE call SET response = NULL WHERE grp = ? AND response IS NOT NULL AND EXISTS
       (SELECT 1 FROM json_each(call.items) AS item WHERE NOT EXISTS (SELECT 1 FROM answer WHERE key = item.value))`
  ),
  learned: db.prepare("SELECT name, learned FROM pool"),
  learn: db.prepare(
    "INSERT INTO pool (name, learned) VALUES (?, ?) ON CONFLICT DO UPDATE SET learned = excluded.learned"
  ),
  kinds: db.prepare("SELECT kind, count(*) AS count FROM call WHERE run = ? GROUP BY kind ORDER BY kind"),
  totals: db.prepare(
    `SELECT count(*) FILTER (WHERE outcome = 'failed') AS failed, count(*) FILTER (WHERE outcome IS NULL) AS unsettled,
       coalesce(sum(input), 0) AS input, coalesce(sum(output), 0) AS output, coalesce(sum(cached), 0) AS cached,
       total(coalesce(usd, reserved_usd)) AS usd
     FROM call WHERE run = ?`
  )
})
