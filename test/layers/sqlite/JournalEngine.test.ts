import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { zstdDecompressSync } from "node:zlib"
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { chunkKey, Group, itemKey, recipe, RunId } from "../../../src/domain/Ids.ts"
import type { ItemKey } from "../../../src/domain/Ids.ts"
import { Fault } from "../../../src/layers/sqlite/Fault.ts"
import { faultData } from "../../../src/layers/sqlite/Fault.ts"
import { JournalEngine } from "../../../src/layers/sqlite/JournalEngine.ts"
import { journalSchema } from "../../../src/layers/sqlite/JournalSchema.ts"
import { reservation, settlement } from "../../suites/Journal.ts"
import { makeRandom } from "../../support/random.ts"

const group = Group.make("g")
const run = RunId.make("run")

/** One chunk's text, of which every part can be told from every other's. */
const mark = (n: number): string => `Secret${String(n).padStart(5, "0")}.`
const chunkOf = (n: number) => chunkKey(group, "", mark(n))
const keyOf = (n: number): ItemKey => itemKey(group, "extraction", recipe("r"), "", mark(n))

const faultOf = (file: string, body: () => unknown) => {
  try {
    body()
  } catch (error) {
    return faultData("journal", file, error)
  }
  return undefined
}

describe("JournalEngine", () => {
  let directory = ""
  let file = ""
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "sluice-journal-"))
    file = join(directory, "journal.db")
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  const open = (readOnly = false) => new JournalEngine({ file, readOnly, busyTimeout: 10 })

  const use = <A>(body: (journal: JournalEngine) => A): A => {
    const journal = open()
    try {
      return body(journal)
    } finally {
      journal.close()
    }
  }

  /** Calls for the chunks given, some to a call, with answers and responses of many lengths that speak of them. */
  const write = (journal: JournalEngine, count: number, seed: number) => {
    const random = makeRandom(seed)
    for (let first = 0; first < count;) {
      const chunks = Array.from({ length: Math.min(count - first, random.between(1, 8)) }, (_, i) => first + i)
      first += chunks.length
      const call = String(first)
      // Now and then an answer has nothing to say of a chunk, or fails altogether.
      const answered = random.int(10) === 0 ? [] : chunks.filter(() => random.int(10) > 0)
      journal.reserve([{ ...reservation(run, call, chunks.map(keyOf)), group }])
      journal.settle([
        {
          ...settlement(run, call, []),
          outcome: answered.length === 0 ? "failed" : "answered",
          // As long as what it is about, and nothing that can be compressed.
          response: chunks.map((n) => mark(n) + random.unicode(random.int(800))).join(""),
          answers: answered.map((n) => ({
            key: keyOf(n),
            group,
            kind: "extraction",
            chunk: chunkOf(n),
            value: mark(n).repeat(random.between(1, 150))
          }))
        }
      ])
    }
  }

  const texts = (): string => {
    const raw = readdirSync(directory).map((name) => readFileSync(join(directory, name), "latin1"))
    const db = new DatabaseSync(file)
    const responses = db.prepare("SELECT body FROM response JOIN call ON call.response = response.id").all()
    db.close()
    return [
      ...raw,
      ...responses.map(({ body }) =>
        body instanceof Uint8Array ? zstdDecompressSync(body).toString() : assert.fail("no bytes")
      )
    ].join("")
  }

  it("what was forgotten is in no row, response, free page, gap of a page or log, and the rest is as it was", () => {
    const random = makeRandom(7)
    use((journal) => {
      write(journal, 400, 7)
      const before = journal.lookup(Array.from({ length: 400 }, (_, n) => keyOf(n)))
      const order = random.shuffle(Array.from({ length: 400 }, (_, n) => n))
      for (let round = 1; round <= 2; round++) {
        const gone = order.slice(0, 80 * round)
        const written = texts()
        assert.isAbove(gone.filter((n) => written.includes(mark(n))).length, 60)
        journal.forget(group, gone.slice(-80).map(chunkOf))
        const left = texts()
        assert.deepStrictEqual(
          gone.filter((n) => left.includes(mark(n))),
          []
        )
        assert.deepStrictEqual(
          new Map(journal.lookup(order.map(keyOf))),
          new Map([...before].filter(([key]) => !gone.some((n) => keyOf(n) === key)))
        )
      }
      assert.strictEqual(journal.totals(run).usage.output > 0, true)
      journal.forgetGroup(group)
      assert.notInclude(texts(), "Secret")
    })
  })

  it("a forgetting that was killed before the file was written anew is ended by the next one", () => {
    use((journal) => write(journal, 200, 3))
    // What is left when the rows are gone, and the gaps are not closed.
    const db = new DatabaseSync(file)
    db.exec(
      "DELETE FROM answer WHERE rowid > 20; DELETE FROM response; UPDATE call SET response = NULL; UPDATE tally SET gaps = 1, scrub = 1, answers = NULL"
    )
    db.close()
    assert.include(readFileSync(file, "latin1"), mark(199))
    use((journal) => journal.forget(group, []))
    assert.notInclude(readFileSync(file, "latin1"), mark(199))
  })

  it("torn, cut off or overwritten anywhere: every answer is there as it was given, or an error names the file", () => {
    const count = 150
    use((journal) => write(journal, count, 5))
    const keys = Array.from({ length: count }, (_, n) => keyOf(n))
    const before = use((journal) => journal.lookup(keys))
    const whole = readFileSync(file)
    const random = makeRandom(11)
    let told = 0
    for (let attempt = 0; attempt < 150; attempt++) {
      const torn = Buffer.from(whole)
      const at = random.int(whole.length)
      const damage = random.pick(["cut", "byte", "zeros", "garbage", "page"])
      if (damage === "byte") torn[at] = (torn[at] ?? 0) ^ (1 << random.int(8))
      if (damage === "zeros") torn.fill(0, at, at + random.between(1, 600))
      if (damage === "garbage") torn.set(random.bytes(Math.min(200, whole.length - at)), at)
      if (damage === "page") torn.copy(torn, Math.floor(at / 4096) * 4096, 4096, 8192)
      writeFileSync(file, damage === "cut" ? torn.subarray(0, at) : torn)
      const what = `attempt ${attempt}: ${damage} at ${at} of ${whole.length}`
      let found: ReadonlyMap<ItemKey, string> = new Map()
      const fault = faultOf(file, () => (found = use((journal) => journal.lookup(keys))))
      if (fault === undefined) {
        assert.deepStrictEqual([...found], [...before], what)
        continue
      }
      told++
      assert.include(fault.message, file, what)
      assert.notStrictEqual(fault.reason, "locked", what)
      assert.match(fault.message, /Restore|Update|delete|Choose|doctor/, what)
      if (damage === "cut") assert.strictEqual(fault.reason, "corrupt", what)
    }
    assert.isAbove(told, 40)
    writeFileSync(file, whole)
    assert.deepStrictEqual([...use((journal) => journal.lookup(keys))], [...before])
  })

  it("a write-ahead log that is cut off keeps all that was committed before", () => {
    const journal = open()
    write(journal, 30, 2)
    const copy = join(directory, "copy")
    copyFileSync(file, copy)
    const log = readFileSync(`${file}-wal`)
    journal.close()
    const keys = Array.from({ length: 30 }, (_, n) => keyOf(n))
    const counts = [0, 0.3, 0.6, 0.99, 1].map((part) => {
      copyFileSync(copy, file)
      writeFileSync(`${file}-wal`, log.subarray(0, Math.floor(part * log.length)))
      return use((torn) => torn.lookup(keys).size)
    })
    assert.deepStrictEqual(
      counts,
      counts.toSorted((a, b) => a - b)
    )
    assert.isAbove(counts[1] ?? 0, 0)
  })

  it("a journal that was emptied, or taken from its log, is not begun anew", () => {
    writeFileSync(file, "")
    assert.deepInclude(faultOf(file, open), { reason: "corrupt", retryable: false })
    rmSync(file)
    const journal = open()
    write(journal, 5, 1)
    const log = readFileSync(`${file}-wal`)
    journal.close()
    rmSync(file)
    writeFileSync(`${file}-wal`, log)
    const fault = faultOf(file, open)
    assert.strictEqual(fault?.reason, "corrupt")
    assert.include(fault?.message ?? "", `${file}-wal`)
    assert.isFalse(existsSync(file))
  })

  it("nothing is beside a journal that has just been made, and a beginning that was killed is in nobody's way", () => {
    writeFileSync(`${file}-new`, "")
    use(() => undefined)
    assert.deepStrictEqual(readdirSync(directory), ["journal.db"])
  })

  it("a file that is deleted in use is saved beside it, with the answers that were on their way", () => {
    const journal = open()
    write(journal, 20, 4)
    journal.reserve([{ ...reservation(run, "late", [keyOf(99)]), group }])
    const before = journal.lookup(Array.from({ length: 20 }, (_, n) => keyOf(n)))
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${file}${suffix}`)
    const fault = faultOf(file, () => journal.settle([settlement(run, "late", [[keyOf(99), "late"]])]))
    journal.close()
    assert.strictEqual(fault?.reason, "unavailable")
    assert.include(fault?.message ?? "", `${file}.rescued`)
    renameSync(`${file}.rescued`, file)
    const after = use((rescued) => rescued.lookup([...before.keys(), keyOf(99)]))
    assert.deepStrictEqual([...after], [...before, [keyOf(99), "late"]])
  })

  const sizeOf = () => statSync(file).size
  const responses = () => {
    const db = new DatabaseSync(file)
    const rows = db.prepare("SELECT call.rowid AS n FROM call JOIN response ON call.response = response.id").all()
    db.close()
    return rows.map(({ n }) => Number(n))
  }

  it("a largest size takes the oldest responses, and when they are gone says so: answers and costs stay", () => {
    const maxBytes = 400_000
    const limited = new JournalEngine({ file, readOnly: false, maxBytes })
    write(limited, 200, 6)
    assert.isAtMost(sizeOf(), maxBytes)
    const kept = responses()
    assert.isAbove(kept.length, 0)
    assert.isAbove(kept[0] ?? 0, 1)
    assert.deepStrictEqual(
      kept,
      kept.map((_, i) => (kept[0] ?? 0) + i)
    )
    const settled = Array.from({ length: 900 }, (_, i) => {
      const n = 1000 + i
      limited.reserve([{ ...reservation(run, `late ${n}`, [keyOf(n)]), group }])
      return limited.settle([settlement(run, `late ${n}`, [[keyOf(n), mark(n).repeat(40)]])]).excess
    })
    assert.strictEqual(settled[0], 0)
    assert.isAbove(settled.at(-1) ?? 0, 0)
    assert.deepStrictEqual(responses(), [])
    assert.strictEqual(limited.totals(run).unsettled, 0)
    assert.strictEqual(limited.lookup(settled.map((_, i) => keyOf(1000 + i))).size, 900)
    // Rows have moved: what is forgotten now is nowhere all the same.
    limited.forget(group, [chunkOf(3), chunkOf(150)])
    limited.close()
    for (const n of [3, 150]) assert.notInclude(readFileSync(file, "latin1"), mark(n))
  })

  it("compacting gives back what was forgotten and what is over the largest size, and keeps every answer", () => {
    use((journal) => {
      write(journal, 300, 8)
      journal.forget(
        group,
        Array.from({ length: 150 }, (_, n) => chunkOf(n))
      )
    })
    const keys = Array.from({ length: 300 }, (_, n) => keyOf(n))
    const before = use((journal) => journal.lookup(keys))
    const size = sizeOf()
    const compacted = use((journal) => journal.compact())
    assert.deepStrictEqual([compacted.before, compacted.after], [size, sizeOf()])
    assert.isBelow(compacted.after, 0.8 * size)
    assert.strictEqual(compacted.responses, 0)
    const limited = new JournalEngine({ file, readOnly: false, maxBytes: 1 })
    const again = limited.compact()
    limited.close()
    assert.isAbove(again.responses, 0)
    assert.isBelow(again.after, compacted.after)
    assert.strictEqual(again.excess, sizeOf() - 1)
    assert.deepStrictEqual([...use((journal) => journal.lookup(keys))], [...before])
    assert.deepStrictEqual(
      use((journal) => journal.check()),
      []
    )
  })

  it("a journal that is damaged is not compacted, and its check says what is wrong", () => {
    use((journal) => write(journal, 100, 9))
    const db = new DatabaseSync(file)
    db.exec("UPDATE answer SET value = value || ' ' WHERE rowid = 4; DELETE FROM answer WHERE rowid = 9")
    db.close()
    const found = use((journal) => journal.check())
    assert.lengthOf(found, 2)
    assert.match(found.join(), /written/)
    const size = sizeOf()
    assert.strictEqual(faultOf(file, () => use((journal) => journal.compact()))?.reason, "corrupt")
    assert.strictEqual(sizeOf(), size)
  })

  it("journals of earlier versions keep their answers, and forget them as exactly", () => {
    const old = new DatabaseSync(file)
    for (const migration of journalSchema.migrations.slice(0, 2)) old.exec(migration)
    old.exec(`PRAGMA application_id = ${journalSchema.applicationId}; PRAGMA user_version = 2`)
    const call = old.prepare(
      "INSERT INTO call VALUES (?, 'r', 'g', 'extraction', 'e', 'm', ?, 1, 1, 1, 1, 'answered', 'm', 1, 1, 0, 1, 1, ?)"
    )
    const answer = old.prepare("INSERT INTO answer VALUES (?, 'g', 'extraction', ?, ?, ?)")
    for (let n = 0; n < 3; n++) {
      call.run(`c${n}`, JSON.stringify([keyOf(n)]), Buffer.from(mark(n)))
      answer.run(keyOf(n), `c${n}`, mark(n), chunkOf(n))
    }
    old.close()
    use((journal) => {
      journal.forget(group, [chunkOf(0)])
      assert.deepStrictEqual(
        [...journal.lookup([keyOf(0), keyOf(1), keyOf(2)])],
        [
          [keyOf(1), mark(1)],
          [keyOf(2), mark(2)]
        ]
      )
    })
    assert.notInclude(readFileSync(file, "latin1"), mark(0))
  })

  it("a fault is what it was thrown as", () =>
    assert.strictEqual(faultData("journal", file, new Fault("full", "m", true)).retryable, true))
})
