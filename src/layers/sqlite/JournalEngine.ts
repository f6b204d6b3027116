import { crc32, zstdCompressSync } from "node:zlib"
import type { ChunkKey, ItemKey, RunId } from "../../domain/Ids.ts"
import type { JournalTotals, Reckoning, Reservation, Settlement } from "../../services/Journal.ts"
import { Database, integer, orNull, text } from "./Database.ts"
import type { Row } from "./Database.ts"
import { Fault } from "./Fault.ts"
import { journalSchema } from "./JournalSchema.ts"
import { forgotten, statements } from "./JournalStatements.ts"
import type { OpenOptions } from "./Opening.ts"

/** `excess`: bytes by which the file is larger than it should be although there is nothing more to take out of it. */
export interface Settled {
  readonly standing: ReadonlyMap<ItemKey, string>
  readonly excess: number
}

/** Bytes of the file with its log; `responses`: how many were taken out. */
export interface Compacted {
  readonly before: number
  readonly after: number
  readonly responses: number
  readonly excess: number
}

/** Responses that one settlement may take out, so that a file that is far too large is made smaller bit by bit. */
const mostTrimmed = 512

/** Of an answer: SQLite does not notice a bit that has changed in a value. */
const sumOf = (key: string, value: string): number => crc32(value, crc32(key))

/** Paid answers in one SQLite file, synchronously. */
export class JournalEngine {
  readonly #db: Database
  readonly #sql: ReturnType<typeof statements>
  readonly #maxBytes: number
  /** Whether all answers that were ever written are there, so that one which is not found was never given. */
  #isCounted = false

  constructor(options: OpenOptions) {
    this.#maxBytes = options.maxBytes ?? Infinity
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

  settle(settlements: ReadonlyArray<Settlement>): Settled {
    // Before the lock is taken: compressing is the longest part.
    const responses = settlements.map(({ response }) => zstdCompressSync(response))
    const settled = this.#db.write(() => {
      const keys: Array<ItemKey> = []
      const written: Array<string> = []
      for (const [index, settled] of settlements.entries()) {
        const before = written.length
        for (const { chunk, group, key, kind, source, value } of settled.answers) {
          const { changes } = this.#sql.answer.run(
            key,
            group,
            kind,
            settled.call,
            value,
            orNull(chunk),
            sumOf(key, value),
            orNull(source)
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
      const excess = this.#trim(mostTrimmed)
      return { standing: this.#standing(keys), excess }
    })
    if (this.#db.bytes() > this.#maxBytes) this.#db.giveBack()
    return settled
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

  askedFor(group: string, sources: ReadonlyArray<string>): ReadonlyArray<ChunkKey> {
    const wanted = new Set(sources)
    const chunks = new Set<ChunkKey>()
    for (const row of this.#sql.asked.iterate(group)) {
      if (wanted.has(text(row, "source"))) chunks.add(text<ChunkKey>(row, "chunk"))
    }
    return [...chunks]
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

  /** What is wrong with it, each in a few words. */
  check(): ReadonlyArray<string> {
    const found = [...this.#db.damage()]
    const expected = this.#sql.counted.get() ?? {}
    const { answers, sum } = this.#count()
    if (typeof expected["answers"] === "number" && (answers !== expected["answers"] || sum !== expected["keys"])) {
      found.push(`${integer(expected, "answers")} answers were written, and ${answers} are there`)
    }
    let changed = 0
    for (const row of this.#sql.everything.iterate()) {
      const key = text(row, "key")
      if (!key.startsWith(forgotten) && row["sum"] !== sumOf(key, text(row, "value"))) changed++
    }
    if (changed > 0) found.push(`answers that have changed: ${changed}`)
    return found
  }

  /** Makes the file as small as it can be; with a largest size, raw responses go, the oldest first, until it fits. */
  compact(): Compacted {
    // What cannot be read would be left out of the new file.
    const found = this.check()
    if (found.length > 0) throw this.#damaged(found.join("; "))
    const before = this.#db.sizeOnDisk()
    const responses = this.#db.write(() => {
      this.#sql.sweepAnswers.run()
      this.#sql.sweepResponses.run()
      this.#sql.moved.run()
      const { count } = this.#sql.responses.get() ?? {}
      this.#trim(Infinity)
      return Number(count) - integer(this.#sql.responses.get() ?? {}, "count")
    })
    this.#db.rewrite()
    this.#sql.clean.run()
    this.#db.emptyLog()
    const after = this.#db.sizeOnDisk()
    return { before, after, responses, excess: Math.max(0, after - this.#maxBytes) }
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

  /**
   * Where the file is too large: takes the oldest responses out until the rest fits with some room, at most so many.
   * Returns the bytes by which it is too large still, when there are none left.
   */
  #trim(most: number): number {
    if (this.#db.bytesInUse() <= this.#maxBytes) return 0
    let trimmed = 0
    while (trimmed < most && this.#db.bytesInUse() > 0.95 * this.#maxBytes) {
      const rows = this.#sql.oldest.all()
      if (rows.length === 0) {
        return Math.max(0, this.#db.bytesInUse() - this.#maxBytes)
      }
      for (const row of rows) this.#sql.forgo.run(text(row, "call"), integer(row, "id"))
      this.#sql.moved.run()
      trimmed += rows.length
    }
    return 0
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

  #damaged(how = "answers in it have changed or are missing"): Fault {
    return new Fault(
      "corrupt",
      `${this.#db.file} is damaged: ${how}. Restore it from a backup; or move it away, and every answer is asked, and paid, again.`
    )
  }
}

const wrap = 2 ** 32
