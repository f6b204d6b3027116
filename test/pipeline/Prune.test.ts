import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Stream } from "effect"
import { Group } from "../../src/domain/Ids.ts"
import * as FileSource from "../../src/layers/FileSource.ts"
import * as HashEmbedder from "../../src/layers/HashEmbedder.ts"
import * as SimulatedProvider from "../../src/layers/SimulatedProvider.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import { Ledger } from "../../src/services/Ledger.ts"
import { Pruning } from "../../src/services/Pruning.ts"
import { ingest } from "../support/pipeline.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"
import { zipOf } from "../support/zip.ts"

const group = Group.make("default")
const mail = (id: string, body: string) =>
  `From a@b Mon Jan  1 00:00:00 2024\nMessage-ID: <${id}>\nFrom: Ada <a@b>\nSubject: ${id}\n\n${body}\n\n`
const text = (name: string) => `${name} Moreno founded ${name} Labs in Graz.`

const world = Layer.mergeAll(
  SqliteStore.layerMemory,
  SqliteJournal.layerMemory,
  HashEmbedder.layer,
  SimulatedProvider.layer(),
  Logger.layer([])
)

type Given = {
  readonly include?: ReadonlyArray<string>
  readonly paths?: ReadonlyArray<string>
  readonly prune?: boolean
}

/** A directory of files, and what an ingest of it (or of other paths in it) makes of the graph. */
const place = Effect.fnUntraced(function* (files: Readonly<Record<string, string | Uint8Array>>) {
  const cwd = yield* temporaryDirectory(files)
  const run = ({ include = [], paths = ["docs"], prune = false }: Given = {}) =>
    ingest({
      extractor: "rules",
      documents: [],
      source: FileSource.layer(paths, { maxBytes: 1e6, cwd, include })
    }).pipe(
      Effect.provideService(Pruning, prune),
      Effect.map(({ report }) => report.documents)
    )
  const sources = Effect.gen(function* () {
    const found = yield* Stream.runCollect((yield* Ledger).sources(group))
    return found.map(({ source }) => source)
  })
  /** The hash of the graph is that of one which has never seen anything else. */
  const isFresh = Effect.fnUntraced(function* (...paths: ReadonlyArray<string>) {
    const hash = yield* (yield* GraphStore).hash(group)
    const fresh = yield* run({ paths }).pipe(
      Effect.andThen(Effect.flatMap(GraphStore, (store) => store.hash(group))),
      Effect.provide(Layer.fresh(world))
    )
    assert.strictEqual(hash, fresh)
  })
  return { at: (name: string) => join(cwd, name), run, sources, isFresh }
})

describe("sources that are gone", () => {
  it.live("are told, and taken out with what they alone said when that is wanted", () =>
    Effect.gen(function* () {
      const { at, isFresh, run, sources } = yield* place({
        "docs/a.md": text("Ada"),
        "docs/copy.md": text("Ada"),
        "docs/b.md": text("Bea"),
        "docs/sub/c.md": text("Cyd"),
        "docs/empty.md": "",
        "docs.md": text("Dov"),
        "docs2/e.md": text("Eva")
      })
      yield* run({ paths: ["docs", "docs.md", "docs2"] })
      for (const name of ["docs/a.md", "docs/b.md", "docs/sub", "docs/empty.md", "docs.md", "docs2"]) {
        rmSync(at(name), { recursive: true })
      }
      const told = yield* run()
      assert.deepInclude(told, { seen: 1, unchanged: 1, removed: 0, gone: 4 })
      assert.strictEqual((yield* sources).length, 7)
      const pruned = yield* run({ prune: true })
      assert.deepInclude(pruned, { seen: 1, removed: 4 })
      assert.notProperty(pruned, "gone")
      // What was read by another path is nobody's business here.
      assert.deepStrictEqual(yield* sources, ["docs.md", "docs/copy.md", "docs2/e.md"])
      assert.notProperty(yield* run(), "gone")
      writeFileSync(at("docs/new.md"), text("Dov"))
      renameSync(at("docs/new.md"), at("docs/old.md"))
      mkdirSync(at("docs2"))
      writeFileSync(at("docs2/z.md"), text("Dov"))
      assert.deepInclude(yield* run({ paths: ["."], prune: true }), { unchanged: 3, removed: 2 })
      assert.deepStrictEqual(yield* sources, ["docs/copy.md", "docs/old.md", "docs2/z.md"])
      yield* isFresh(".")
    }).pipe(Effect.provide(world))
  )

  it.live("are none that are there and were not read, or nobody can look at", () =>
    Effect.gen(function* () {
      const { at, run, sources } = yield* place({
        "docs/a.md": text("Ada"),
        "docs/a#b.md": text("Abe"),
        "docs/b.txt": text("Bea"),
        "docs/sub/c.md": text("Cyd"),
        "docs/Zoe\u0308.md": text("Zoë"),
        "docs/large.md": text("Lea"),
        "docs/x.txt": text("Xia")
      })
      yield* run()
      const before = yield* sources
      assert.include(before, "docs/Zoë.md")
      writeFileSync(at("docs/large.md"), "x".repeat(2e6))
      writeFileSync(at("docs/.sluiceignore"), "sub\n")
      const kept = yield* run({ prune: true })
      assert.deepInclude(kept, { removed: 0 })
      // What the filters would leave out is not asked for.
      rmSync(at("docs/x.txt"))
      assert.deepInclude(yield* run({ include: ["*.md"], prune: true }), { removed: 0 })
      assert.deepStrictEqual(yield* sources, before)
      assert.deepInclude(yield* run({ paths: ["docs/*.md"], prune: true }), { removed: 0 })
      assert.deepInclude(yield* run({ paths: ["docs/*.txt"], prune: true }), { removed: 1 })
      assert.deepStrictEqual(
        yield* sources,
        before.filter((source) => source !== "docs/x.txt")
      )
    }).pipe(Effect.provide(world))
  )

  it.live("are not taken out of a directory in which nothing is, nor where the directory is not there", () =>
    Effect.gen(function* () {
      const { at, run, sources } = yield* place({ "docs/a.md": text("Ada"), "docs/sub/b.md": text("Bea") })
      yield* run()
      renameSync(at("docs"), at("elsewhere"))
      const error = yield* Effect.flip(run({ prune: true }))
      assert.strictEqual(error._tag, "SourceError")
      mkdirSync(at("docs"))
      assert.deepInclude(yield* run({ prune: true }), { seen: 0, removed: 0 })
      assert.strictEqual((yield* sources).length, 2)
      rmSync(at("docs"), { recursive: true })
      renameSync(at("elsewhere"), at("docs"))
      chmodSync(at("docs/sub"), 0)
      assert.deepInclude(yield* run({ prune: true }), { removed: 0 })
      chmodSync(at("docs/sub"), 0o755)
      assert.strictEqual((yield* sources).filter((source) => source.endsWith(".md")).length, 2)
    }).pipe(Effect.provide(world))
  )

  it.live("are what a mailbox, an archive or a mail does not hold any more, if it was read whole", () =>
    Effect.gen(function* () {
      const inner = mail("x", text("Ida")) + mail("y", text("Kai"))
      const { at, isFresh, run, sources } = yield* place({
        "docs/box.mbox": mail("one", text("Ada")) + mail("two", text("Bea")),
        "docs/notes": text("Ned"),
        "docs/plain.mbox": mail("p", text("Pia")) + mail("q", text("Quy")),
        "docs/pack.zip": zipOf({ "a.md": text("Fay"), "in/b.md": text("Gil"), "in.mbox": inner })
      })
      yield* run()
      assert.deepStrictEqual(yield* sources, [
        "docs/box.mbox#one",
        "docs/box.mbox#two",
        "docs/notes",
        "docs/pack.zip#a.md",
        "docs/pack.zip#in.mbox#x",
        "docs/pack.zip#in.mbox#y",
        "docs/pack.zip#in/b.md",
        "docs/plain.mbox#p",
        "docs/plain.mbox#q"
      ])
      writeFileSync(at("docs/box.mbox"), mail("two", text("Bea")) + mail("three", text("Eva")))
      // A document that has become a mailbox is none any more, and the other way round.
      writeFileSync(at("docs/notes"), mail("n", text("Ned")))
      writeFileSync(at("docs/plain.mbox"), text("Dov"))
      writeFileSync(at("docs/pack.zip"), zipOf({ "a.md": text("Fay"), "in.mbox": mail("y", text("Kai")) }))
      assert.deepInclude(yield* run(), { gone: 6 })
      // Broken off in the middle, it may hold what it held.
      const whole = zipOf({ "a.md": text("Fay") })
      writeFileSync(at("docs/pack.zip"), whole.slice(0, whole.length - 30))
      assert.deepInclude(yield* run({ prune: true }), { removed: 4 })
      writeFileSync(at("docs/pack.zip"), whole)
      assert.deepInclude(yield* run({ paths: ["docs/pack.zip"], prune: true }), { removed: 3 })
      assert.deepStrictEqual(yield* sources, [
        "docs/box.mbox#three",
        "docs/box.mbox#two",
        "docs/notes#n",
        "docs/pack.zip#a.md",
        "docs/plain.mbox"
      ])
      rmSync(at("docs/pack.zip"))
      assert.deepInclude(yield* run({ prune: true }), { removed: 1 })
      yield* isFresh("docs")
    }).pipe(Effect.provide(world))
  )
})
