import { execFile } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Schema, Stream } from "effect"
import { DeadLetter } from "../../src/domain/DeadLetter.ts"
import { RunId } from "../../src/domain/Ids.ts"
import type { Group } from "../../src/domain/Ids.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { copyGroup } from "../../src/pipeline/Copy.ts"
import type { Endpoint } from "../../src/pipeline/Copy.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import type { Write } from "../../src/services/GraphStore.ts"
import { Ledger } from "../../src/services/Ledger.ts"
import { documentWrite, randomOutline } from "../fixtures/graphs.ts"
import { makeRandom } from "../support/random.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"
import { freshGroup } from "../suites/GraphStore.ts"

const child = fileURLToPath(new URL("../support/copyChild.ts", import.meta.url))

const open = Effect.fnUntraced(function* (file?: string) {
  const layer = file === undefined ? SqliteStore.layerMemory : SqliteStore.layer({ file })
  const context = yield* Layer.build(Layer.fresh(layer))
  return { store: Context.get(context, GraphStore), ledger: Context.get(context, Ledger) }
})

const unreadable = (source: string, message: string) =>
  new DeadLetter({ stage: "load", cause: "unreadable", message, source, attempts: 1 })

const run = RunId.make("run")

const contents = ({ ledger, store }: Endpoint, group: Group) =>
  Effect.all({
    hash: store.hash(group),
    rows: Stream.runCollect(store.exportRows(group)),
    sources: Stream.runCollect(ledger.sources(group)),
    letters: ledger.deadLetters(group),
    runs: ledger.runs(group, 10)
  })

/** Documents, some of them partial, letters of sources with a document and without, runs that ended and one that did not. */
const fill = Effect.fnUntraced(function* ({ ledger, store }: Endpoint, group: Group, documents: number, seed = 7) {
  const random = makeRandom(seed)
  const writes: ReadonlyArray<Write> = Array.from({ length: documents }, (_, i) =>
    documentWrite(group, i % 9 === 0 ? [`s${i}`, `copy of s${i}`] : [`s${i}`], randomOutline(random, `${i}`))
  )
  yield* store.commit(group, run, writes)
  yield* store.commit(group, run, [
    { _tag: "dead-letter", letter: unreadable("s1", "It is not there any more.") },
    { _tag: "dead-letter", letter: unreadable("nowhere", "It never was.") }
  ])
  yield* ledger.startRun({ id: RunId.make("first"), group, startedAt: 1, finishedAt: 2, status: "stopped" })
  yield* ledger.startRun({
    id: RunId.make("second"),
    group,
    startedAt: 3,
    status: "running",
    root: RunId.make("first")
  })
})

describe("copying a group", () => {
  it.live("gives graph, ledger and runs, and the second time writes nothing", () =>
    Effect.gen(function* () {
      const [from, to] = [yield* open(), yield* open()]
      const group = freshGroup()
      yield* fill(from, group, 40)
      const first = yield* copyGroup(from, to, group)
      assert.deepInclude(first, { documents: { seen: 40, copied: 40, unchanged: 0 }, runs: 2 })
      assert.isUndefined(first.difference)
      assert.deepStrictEqual(yield* contents(to, group), yield* contents(from, group))
      const written: Array<Write> = []
      const watched = {
        ...to,
        store: {
          ...to.store,
          commit: (...args: Parameters<typeof to.store.commit>) => {
            written.push(...args[2])
            return to.store.commit(...args)
          }
        }
      }
      const second = yield* copyGroup(from, watched, group)
      assert.deepInclude(second, { documents: { seen: 40, copied: 0, unchanged: 40 }, runs: 0, deadLetters: 0 })
      assert.deepStrictEqual(written, [])
    }).pipe(Effect.scoped)
  )

  it.live.prop(
    "follows what has changed in the first store since, and leaves what the second has besides",
    { seed: Schema.Int },
    ({ seed }) =>
      Effect.gen(function* () {
        const [from, to] = [yield* open(), yield* open()]
        const group = freshGroup()
        const random = makeRandom(seed)
        yield* fill(from, group, 8, seed)
        yield* copyGroup(from, to, group)
        const changed = Array.from({ length: 4 }, (): Write => {
          const i = random.int(8)
          const kind = random.next()
          if (kind < 0.2) return { _tag: "dead-letter", letter: unreadable(`s${i}`, `seed ${seed}`) }
          if (kind < 0.4) return { _tag: "settled", source: random.pick(["s1", `s${i}`]) }
          return documentWrite(group, [`s${i}`], randomOutline(random, random.pick([`${i}`, `other ${i}`])))
        })
        for (const [index, write] of changed.entries()) {
          yield* from.store.commit(group, RunId.make(`run-${index}`), [write])
        }
        const own = documentWrite(group, ["own"], { bytes: "own", chunks: [{ names: ["Mary"] }] })
        const isOther = random.next() < 0.5
        if (isOther) yield* to.store.commit(group, run, [own])
        const { difference } = yield* copyGroup(from, to, group)
        assert.strictEqual(difference, isOther ? "target has other documents" : undefined)
        if (isOther) yield* to.store.commit(group, run, [{ _tag: "removed", source: "own" }])
        assert.deepStrictEqual(yield* contents(to, group), yield* contents(from, group))
      }).pipe(Effect.scoped),
    { arbitrary: { runs: 40 } }
  )

  it.live("takes the answers of the first store where both hold a document, each of a run of its own", () =>
    Effect.gen(function* () {
      const [from, to] = [yield* open(), yield* open()]
      const group = freshGroup()
      const [ada, zoe] = ["Ada", "Zoë"].map((name) =>
        documentWrite(group, ["a"], { bytes: "a", chunks: [{ names: [name] }] })
      )
      if (ada === undefined || zoe === undefined) return
      yield* from.store.commit(group, run, [ada])
      yield* to.store.commit(group, RunId.make("other"), [zoe])
      const { difference, documents } = yield* copyGroup(from, to, group)
      assert.isUndefined(difference)
      assert.deepStrictEqual(documents, { seen: 1, copied: 1, unchanged: 0 })
    }).pipe(Effect.scoped)
  )

  it.live(
    "after kill -9 around a commit goes on where it was, and ends in the same",
    () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory()
        const file = (name: string) => join(directory, `${name}.db`)
        const group = freshGroup()
        const from = yield* open(file("from"))
        yield* fill(from, group, 300)
        const expected = yield* contents(from, group)
        const strikes = [
          { moment: "before", ordinal: 2 },
          { moment: "after", ordinal: 1 }
        ]
        for (const [index, strike] of strikes.entries()) {
          const to = file(`to-${index}`)
          const options = JSON.stringify({ from: file("from"), to, group, ...strike })
          const signal = yield* Effect.callback<string | null>((resume) => {
            const started = execFile(
              process.execPath,
              ["--disable-warning=ExperimentalWarning", child, options],
              { timeout: 60_000, killSignal: "SIGABRT" },
              (error) => resume(Effect.succeed(error?.signal ?? null))
            )
            return Effect.sync(() => started.kill("SIGKILL"))
          })
          assert.strictEqual(signal, "SIGKILL")
          const target = yield* open(to)
          const copied = yield* copyGroup(from, target, group)
          assert.isAbove(copied.documents.unchanged, 0)
          assert.isAbove(copied.documents.copied, 0)
          assert.deepStrictEqual(yield* contents(target, group), expected)
        }
      }).pipe(Effect.scoped),
    60_000
  )
})
