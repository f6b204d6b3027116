import { execFile } from "node:child_process"
import { existsSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Stream } from "effect"
import { graphHash } from "../../src/domain/Canonical.ts"
import { documentId, Group, RunId } from "../../src/domain/Ids.ts"
import type { StoreEngine } from "../../src/layers/sqlite/StoreEngine.ts"
import { inWorker } from "../../src/layers/sqlite/Thread.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import { Ledger } from "../../src/services/Ledger.ts"
import type { StorageError } from "../../src/services/StorageError.ts"
import { documentWrite, randomOutline, recordsOf, resolvedDocument } from "../fixtures/graphs.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"
import { makeRandom } from "../support/random.ts"
import { suite as graphStore } from "../suites/GraphStore.ts"
import { suite as stored } from "../suites/Stored.ts"
import { lookUp, suite as ledger } from "../suites/Ledger.ts"
import { suite as removal } from "../suites/Removal.ts"
import { suite as search } from "../suites/Search.ts"

const layerFile = Layer.unwrap(
  Effect.map(temporaryDirectory(), (directory) =>
    SqliteStore.layer({ file: join(directory, "made/on/opening/store.db") })
  )
)

graphStore("SQLite in memory", SqliteStore.layerMemory)
graphStore("SQLite file", layerFile)
ledger("SQLite in memory", SqliteStore.layerMemory)
ledger("SQLite file", layerFile)
removal("SQLite in memory", SqliteStore.layerMemory)
removal("SQLite file", layerFile)
search("SQLite in memory", SqliteStore.layerMemory)
search("SQLite file", layerFile)
stored("SQLite to SQLite", { from: SqliteStore.layerMemory, to: SqliteStore.layerMemory })
stored("SQLite file to memory", { from: layerFile, to: SqliteStore.layerMemory }, 3)

const group = Group.make("g")
const run = RunId.make("run")
const outline = {
  bytes: "a",
  chunks: [{ names: ["Ada Byron", "Zoë"], said: [{ source: "Zoë", type: "KNOWS", target: "Ada Byron" }] }]
}
const write = documentWrite(group, ["a"], outline)
const expected = graphHash(recordsOf([resolvedDocument(group, outline)]))

/** Opens, uses and closes a store. */
const use = <A, E>(
  layer: Layer.Layer<GraphStore | Ledger, StorageError>,
  body: (store: GraphStore["Service"], ledger: Ledger["Service"]) => Effect.Effect<A, E>
) =>
  Effect.gen(function* () {
    return yield* body(yield* GraphStore, yield* Ledger)
  }).pipe(Effect.provide(Layer.fresh(layer)))

const failure = (layer: Layer.Layer<GraphStore | Ledger, StorageError>) =>
  Effect.flip(Effect.scoped(Layer.build(Layer.fresh(layer))))

describe("SqliteStore", () => {
  it.effect("a reopened file has all that was committed, and leaves nothing beside it when closed", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory()
      const file = join(directory, "store.db")
      yield* use(SqliteStore.layer({ file }), (store) => store.commit(group, run, [write]))
      assert.deepStrictEqual(readdirSync(directory), ["store.db"])
      yield* use(SqliteStore.layer({ file }), (store, ledger) =>
        Effect.gen(function* () {
          assert.strictEqual(store.location, file)
          assert.strictEqual(yield* store.hash(group), expected)
          assert.strictEqual(graphHash(yield* Stream.runCollect(store.records(group))), expected)
          const document = yield* lookUp(ledger, group, documentId(group, new TextEncoder().encode("a")), "a")
          assert.strictEqual(document._tag, "Some")
        })
      )
    })
  )

  it.effect("no row of any table is left when every document is gone", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryDirectory(), "store.db")
      const empty = { bytes: "empty", chunks: [] }
      yield* use(SqliteStore.layer({ file }), (store) =>
        Effect.gen(function* () {
          const random = makeRandom(7)
          const sources = Array.from({ length: 20 }, (_, i) => `s${i}`)
          yield* store.commit(
            group,
            run,
            sources.map((source, i) => documentWrite(group, [source], randomOutline(random, String(i))))
          )
          yield* store.commit(group, run, [documentWrite(group, sources, empty)])
        })
      )
      const db = new DatabaseSync(file, { readOnly: true })
      const tables = [
        "document",
        "chunk",
        "embedding",
        "entity",
        "name",
        "mention",
        "relation",
        "fact",
        "support",
        "decision",
        "dead_letter",
        "source"
      ]
      const counts = tables.map((table) => db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"])
      db.close()
      assert.deepStrictEqual(counts, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20])
    })
  )

  it.effect("two writers of one file take turns, from the moment that it is made", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryDirectory(), "store.db")
      const random = makeRandom(1)
      const outlines = Array.from({ length: 40 }, (_, i) => randomOutline(random, String(i)))
      const half = (parity: number) =>
        use(SqliteStore.layer({ file }), (store) =>
          Effect.forEach(
            outlines.filter((_, i) => i % 2 === parity),
            (outline) => store.commit(group, run, [documentWrite(group, [outline.bytes], outline)])
          )
        )
      yield* Effect.all([half(0), half(1)], { concurrency: 2 })
      const hash = yield* use(SqliteStore.layerReadOnly({ file }), (store) => store.hash(group))
      assert.strictEqual(hash, graphHash(recordsOf(outlines.map((outline) => resolvedDocument(group, outline)))))
    })
  )

  it.effect("another writer's lock is reported after the busy timeout, and nothing was written", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryDirectory(), "store.db")
      yield* use(SqliteStore.layer({ file, busyTimeout: 10 }), (store) =>
        Effect.gen(function* () {
          const other = new DatabaseSync(file)
          other.exec("BEGIN IMMEDIATE")
          const error = yield* Effect.flip(store.commit(group, run, [write]))
          assert.strictEqual(error.reason, "locked")
          assert.isTrue(error.retryable)
          assert.include(error.message, file)
          // Readers are not locked out.
          assert.strictEqual((yield* store.counts(group)).documents, 0)
          assert.strictEqual(yield* store.hash(group), "0".repeat(64))
          other.exec("ROLLBACK")
          other.close()
          yield* store.commit(group, run, [write])
          assert.strictEqual(yield* store.hash(group), expected)
        })
      )
    })
  )

  it.effect("a commit that is interrupted happens whole or not at all, and the store goes on", () =>
    use(layerFile, (store) =>
      Effect.gen(function* () {
        const names = Array.from({ length: 500 }, (_, i) => `Person ${i}`)
        const large = { bytes: "large", chunks: [{ names }] }
        const fiber = yield* Effect.forkChild(store.commit(group, run, [documentWrite(group, ["l"], large)]))
        yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
        const hash = yield* store.hash(group)
        assert.include(["0".repeat(64), graphHash(recordsOf([resolvedDocument(group, large)]))], hash)
        yield* store.commit(group, run, [documentWrite(group, ["l"], outline)])
        assert.strictEqual(yield* store.hash(group), expected)
      })
    )
  )

  it.effect("reading commands need a store that is there, and make no file", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory()
      const file = join(directory, "no", "store.db")
      const error = yield* failure(SqliteStore.layerReadOnly({ file }))
      assert.strictEqual(error.reason, "unavailable")
      assert.include(error.message, file)
      assert.include(error.message, "ingest")
      assert.deepStrictEqual(readdirSync(directory), [])
      writeFileSync(join(directory, "empty.db"), "")
      const empty = yield* failure(SqliteStore.layerReadOnly({ file: join(directory, "empty.db") }))
      assert.strictEqual(empty.reason, "unavailable")
      assert.deepStrictEqual(readdirSync(directory), ["empty.db"])
    })
  )

  it.effect("reading commands read, write nothing, and leave no file behind", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory()
      const file = join(directory, "store.db")
      yield* use(SqliteStore.layer({ file }), (store) => store.commit(group, run, [write]))
      yield* use(SqliteStore.layerReadOnly({ file }), (store) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* store.hash(group), expected)
          assert.strictEqual((yield* Effect.flip(store.commit(group, run, [write]))).reason, "readonly")
        })
      )
      assert.deepStrictEqual(readdirSync(directory), ["store.db"])
    })
  )

  it.effect("a file that is no store of ours is left alone and named", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory()
      const text = join(directory, "text.db")
      writeFileSync(text, "This is a letter and not a database. ".repeat(200))
      const other = join(directory, "other.db")
      const db = new DatabaseSync(other)
      db.exec("CREATE TABLE mine (x)")
      db.close()
      for (const file of [text, other]) {
        for (const layer of [SqliteStore.layer({ file }), SqliteStore.layerReadOnly({ file })]) {
          const error = yield* failure(layer)
          assert.strictEqual(error.storage, "store")
          assert.strictEqual(error.reason, "corrupt")
          assert.include(error.message, file)
        }
      }
      const untouched = new DatabaseSync(other)
      assert.deepStrictEqual(
        untouched
          .prepare("SELECT name FROM sqlite_schema")
          .all()
          .map(({ name }) => name),
        ["mine"]
      )
      assert.strictEqual(untouched.prepare("PRAGMA journal_mode").get()?.["journal_mode"], "delete")
      untouched.close()
    })
  )

  it.effect("a newer version of the store is not touched, and the message says what to do", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryDirectory(), "store.db")
      yield* use(SqliteStore.layer({ file }), (store) => store.commit(group, run, [write]))
      const db = new DatabaseSync(file)
      db.exec("PRAGMA user_version = 999")
      db.close()
      for (const layer of [SqliteStore.layer({ file }), SqliteStore.layerReadOnly({ file })]) {
        const error = yield* failure(layer)
        assert.strictEqual(error.reason, "version")
        assert.include(error.message, "Update sluice")
      }
    })
  )

  it.effect("a path that cannot be a file is unavailable, not a crash", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory()
      writeFileSync(join(directory, "file"), "")
      for (const file of [directory, join(directory, "file", "store.db")]) {
        const error = yield* failure(SqliteStore.layer({ file }))
        assert.strictEqual(error.reason, "unavailable")
        assert.include(error.message, file)
      }
    })
  )

  it.effect.skipIf(process.getuid?.() === 0)("a directory that may not be written to is readonly (not as root)", () =>
    Effect.gen(function* () {
      const error = yield* failure(SqliteStore.layer({ file: "/sluice-no-such-directory/store.db" }))
      assert.strictEqual(error.reason, "readonly")
    })
  )

  it.effect("a damaged file is an error that names it", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryDirectory(), "store.db")
      yield* use(SqliteStore.layer({ file }), (store) => store.commit(group, run, [write]))
      const db = new DatabaseSync(file, { defensive: false })
      db.exec("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 4000 WHERE name = 'entity'")
      db.close()
      const error = yield* Effect.flip(use(SqliteStore.layer({ file }), (store) => store.hash(group)))
      assert.strictEqual(error.reason, "corrupt")
      assert.include(error.message, file)
    })
  )

  it.effect("a snapshot is a store of its own, taken while the real one is written to", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory()
      const [file, copy] = [join(directory, "store.db"), join(directory, "copies", "copy.db")]
      yield* SqliteStore.snapshot(file, copy)
      assert.deepStrictEqual(readdirSync(directory), [])
      yield* use(SqliteStore.layer({ file }), (store) =>
        Effect.gen(function* () {
          yield* store.commit(group, run, [write])
          yield* SqliteStore.snapshot(file, copy)
          yield* use(SqliteStore.layer({ file: copy }), (copied) =>
            Effect.gen(function* () {
              assert.strictEqual(yield* copied.hash(group), expected)
              yield* copied.commit(group, run, [documentWrite(group, ["a"], { bytes: "b", chunks: [] })])
              assert.notStrictEqual(yield* copied.hash(group), expected)
            })
          )
          assert.strictEqual(yield* store.hash(group), expected)
        })
      )
      assert.deepStrictEqual(readdirSync(directory).toSorted(), ["copies", "store.db"])
    })
  )

  it.effect("a worker that breaks down fails what is under way and all that follows", () =>
    Effect.gen(function* () {
      const entry = new URL(
        "data:text/javascript," +
          encodeURIComponent(
            `import { parentPort } from "node:worker_threads"
             parentPort.on("message", () => { throw new Error("out of luck") })
             parentPort.postMessage({ _tag: "result", id: 0 })`
          )
      )
      const options = { file: "store.db", readOnly: false, busyTimeout: 10 }
      const thread = yield* inWorker<StoreEngine>("store", options, entry)
      for (let call = 0; call < 2; call++) {
        const error = yield* Effect.flip(thread.call("counts", group))
        assert.strictEqual(error.reason, "failed")
        assert.include(error.message, "out of luck")
      }
    })
  )

  it.effect("a process ends although its store was never closed", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryDirectory(), "store.db")
      const modules = new URL("../../", import.meta.url)
      const script = `
        import { Effect, Layer, Scope } from "effect"
        import * as SqliteStore from ${JSON.stringify(new URL("src/layers/SqliteStore.ts", modules).href)}
        import { GraphStore } from ${JSON.stringify(new URL("src/services/GraphStore.ts", modules).href)}
        await Effect.runPromise(Effect.gen(function* () {
          const context = yield* Layer.buildWithScope(SqliteStore.layer({ file: ${JSON.stringify(file)} }), yield* Scope.make())
          const store = yield* Effect.provide(GraphStore, context)
          const counts = yield* store.counts("g")
          process.stdout.write(String(counts.documents))
        }))`
      const { stdout } = yield* Effect.promise(() =>
        promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { cwd: modules, timeout: 20_000 })
      )
      assert.strictEqual(stdout, "0")
      assert.isTrue(existsSync(file))
    })
  )

  it.effect("the store's database in memory is a new one each time", () =>
    Effect.gen(function* () {
      yield* use(SqliteStore.layerMemory, (store) => store.commit(group, run, [write]))
      assert.strictEqual((yield* use(SqliteStore.layerMemory, (store) => store.counts(group))).documents, 0)
      const context = yield* Layer.build(SqliteStore.layerMemory)
      assert.strictEqual(Context.get(context, GraphStore).location, ":memory:")
    })
  )
})
