import { zstdCompressSync } from "node:zlib"
import type { ItemKey } from "../../domain/Ids.ts"
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

const journalSchema: Schema = {
  noun: "journal",
  applicationId: 0x534c554a,
  migrations: [version1],
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
        for (const { group, key, kind, value } of settled.answers) {
          this.#sql.answer.run(key, group, kind, settled.call, value)
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
  answer: db.prepare("INSERT OR IGNORE INTO answer (key, grp, kind, call, value) VALUES (?, ?, ?, ?, ?)"),
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
  kinds: db.prepare("SELECT kind, count(*) AS count FROM call WHERE run = ? GROUP BY kind ORDER BY kind"),
  totals: db.prepare(
    `SELECT count(*) FILTER (WHERE outcome = 'failed') AS failed, count(*) FILTER (WHERE outcome IS NULL) AS unsettled,
       coalesce(sum(input), 0) AS input, coalesce(sum(output), 0) AS output, coalesce(sum(cached), 0) AS cached,
       total(coalesce(usd, reserved_usd)) AS usd
     FROM call WHERE run = ?`
  )
})
