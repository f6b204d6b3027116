import { readdirSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { zstdDecompressSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Group, itemKey, recipe, RunId } from "../../src/domain/Ids.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { Journal } from "../../src/services/Journal.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"
import { reservation, settlement, suite } from "../suites/Journal.ts"

const layerFile = Layer.unwrap(
  Effect.map(temporaryDirectory(), (directory) => SqliteJournal.layer({ file: join(directory, "journal.db") }))
)

suite("SQLite in memory", SqliteJournal.layerMemory)
suite("SQLite file", layerFile)

const run = RunId.make("run")
const key = itemKey(Group.make("g"), "extraction", recipe("r"), "text")

const use = <A, E>(file: string, body: (journal: Journal["Service"]) => Effect.Effect<A, E>, busyTimeout = 5000) =>
  Effect.gen(function* () {
    return yield* body(yield* Journal)
  }).pipe(Effect.provide(Layer.fresh(SqliteJournal.layer({ file, busyTimeout }))))

describe("SqliteJournal", () => {
  it.effect("a reopened journal has every answer, and what was sent and never settled", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory()
      const file = join(directory, "journal.db")
      yield* use(file, (journal) =>
        Effect.gen(function* () {
          yield* journal.reserve([reservation(run, "1", [key]), reservation(run, "2")])
          yield* journal.settle([settlement(run, "1", [[key, "1"]])])
        })
      )
      assert.deepStrictEqual(readdirSync(directory), ["journal.db"])
      yield* use(file, (journal) =>
        Effect.gen(function* () {
          assert.strictEqual((yield* journal.lookup([key])).get(key), "1")
          const totals = yield* journal.totals(run)
          assert.strictEqual(totals.unsettled, 1)
          assert.strictEqual(totals.usd, 0.625)
        })
      )
    })
  )

  it.effect("reading commands need a journal that is there, and write nothing to it", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory()
      const file = join(directory, "journal.db")
      const layer = SqliteJournal.layerReadOnly({ file })
      const missing = yield* Effect.flip(Effect.scoped(Layer.build(Layer.fresh(layer))))
      assert.deepStrictEqual([missing.storage, missing.reason], ["journal", "unavailable"])
      assert.deepStrictEqual(readdirSync(directory), [])
      yield* use(file, (journal) => journal.reserve([reservation(run, "1")]))
      yield* Effect.gen(function* () {
        const journal = yield* Journal
        assert.strictEqual((yield* journal.totals(run)).unsettled, 1)
        assert.strictEqual((yield* Effect.flip(journal.reserve([reservation(run, "2")]))).reason, "readonly")
      }).pipe(Effect.provide(Layer.fresh(layer)))
    })
  )

  it.effect("keeps the raw response, compressed", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryDirectory(), "journal.db")
      const response = JSON.stringify({ choices: Array.from({ length: 500 }, () => ({ text: "the same words 🜁" })) })
      yield* use(file, (journal) =>
        Effect.gen(function* () {
          yield* journal.reserve([reservation(run, "1")])
          yield* journal.settle([settlement(run, "1", [], { response })])
        })
      )
      const db = new DatabaseSync(file, { readOnly: true })
      const kept = db.prepare("SELECT body FROM response").get()?.["body"]
      db.close()
      if (!(kept instanceof Uint8Array)) return assert.fail("no response was kept")
      assert.strictEqual(zstdDecompressSync(kept).toString(), response)
      assert.isBelow(kept.length, response.length / 10)
    })
  )

  it.effect("another writer's lock is reported after the busy timeout", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryDirectory(), "journal.db")
      yield* use(
        file,
        (journal) =>
          Effect.gen(function* () {
            const other = new DatabaseSync(file)
            other.exec("BEGIN IMMEDIATE")
            const error = yield* Effect.flip(journal.reserve([reservation(run, "1")]))
            other.exec("ROLLBACK")
            other.close()
            assert.strictEqual(error.storage, "journal")
            assert.strictEqual(error.reason, "locked")
            yield* journal.reserve([reservation(run, "1")])
          }),
        10
      )
    })
  )

  it.effect("a store is no journal, and the other way round", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory()
      const [store, journal] = [join(directory, "store.db"), join(directory, "journal.db")]
      yield* Effect.scoped(Layer.build(SqliteStore.layer({ file: store })))
      yield* Effect.scoped(Layer.build(SqliteJournal.layer({ file: journal })))
      const one = yield* Effect.flip(Effect.scoped(Layer.build(SqliteJournal.layer({ file: store }))))
      const two = yield* Effect.flip(Effect.scoped(Layer.build(SqliteStore.layer({ file: journal }))))
      assert.deepStrictEqual(
        [one.storage, one.reason, two.storage, two.reason],
        ["journal", "corrupt", "store", "corrupt"]
      )
    })
  )

  it.effect("a snapshot answers as the journal did, and spends nothing of it", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory()
      const [file, copy] = [join(directory, "journal.db"), join(directory, "copy.db")]
      yield* use(file, (journal) =>
        Effect.gen(function* () {
          yield* journal.reserve([reservation(run, "1", [key])])
          yield* journal.settle([settlement(run, "1", [[key, "1"]])])
          yield* SqliteJournal.snapshot(file, copy)
          yield* use(copy, (copied) =>
            Effect.gen(function* () {
              assert.strictEqual((yield* copied.lookup([key])).get(key), "1")
              yield* copied.reserve([reservation(run, "2")])
            })
          )
          assert.strictEqual((yield* journal.totals(run)).unsettled, 0)
        })
      )
    })
  )
})
