import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Stream } from "effect"
import { Group } from "../../src/domain/Ids.ts"
import * as HashEmbedder from "../../src/layers/HashEmbedder.ts"
import * as SimulatedProvider from "../../src/layers/SimulatedProvider.ts"
import type { SimulatedOptions } from "../../src/layers/simulated/Options.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import { Ledger } from "../../src/services/Ledger.ts"
import { corpus } from "../fixtures/corpus.ts"
import { drive, ingest } from "../support/pipeline.ts"
import type { Document, IngestOptions } from "../support/pipeline.ts"

const group = Group.make("default")

const world = (provider: SimulatedOptions = {}) =>
  Layer.mergeAll(
    SqliteStore.layerMemory,
    SqliteJournal.layerMemory,
    HashEmbedder.layer,
    SimulatedProvider.layer({ seed: 3, latency: { median: 500 }, ...provider })
  )

const run = (documents: ReadonlyArray<Document>, options: Partial<IngestOptions> = {}) =>
  drive(ingest({ extractor: "llm", documents, ...options }))

const hashOf = (name = "default") => Effect.flatMap(GraphStore, (store) => store.hash(Group.make(name)))

const document = (uri: string, ...sentences: ReadonlyArray<string>): Document => ({
  uri,
  content: sentences.join("\n\n")
})
const ada = document("ada.md", "Ada Moreno founded Helios Labs in Graz.", "Jonas Weber joined Helios Labs in 2019.")
const tom = document("tom.md", "Tom Okafor left Kestrel Bank.", "Tom Okafor moved to Lisbon.")

describe("ingest", () => {
  it.effect("accounts for every source: seen is unchanged, ingested, partial and failed together", () =>
    Effect.gen(function* () {
      const bad: ReadonlyArray<Document> = [
        { uri: "empty.md", content: "" },
        { uri: "blank.txt", content: " \n\n " },
        { uri: "random.bin", content: Uint8Array.from({ length: 600 }, (_, index) => (index * 197 + 13) % 256) },
        { uri: "picture.png", content: Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 0, 1]) }
      ]
      const poisoned = document("poison.md", "Priya Nair met POISON in Oslo.")
      const copy = { ...ada, uri: "copy of ada.md" }
      const { report, status } = yield* run([ada, ...bad, tom, poisoned, copy])
      assert.strictEqual(status, "with-dead-letters")
      assert.deepStrictEqual(report.documents, {
        seen: 8,
        unchanged: 1,
        ingested: 2,
        partial: 1,
        failed: 4,
        removed: 0
      })
      assert.deepStrictEqual(report.chunks, { total: 3, extracted: 2, reused: 0, dead: 1 })
      const letters = yield* (yield* Ledger).deadLetters(group)
      assert.deepStrictEqual(
        letters.map(({ cause, source }) => [source, cause]),
        [
          ["blank.txt", "empty"],
          ["empty.md", "empty"],
          ["picture.png", "unsupported"],
          ["poison.md", "invalid-answer"],
          ["random.bin", "unsupported"]
        ]
      )
      for (const { message, source } of letters) assert.match(message, /(\p{L}+ ){4}/u, source)
    }).pipe(Effect.provide(world({ poison: "POISON" })))
  )

  it.effect("writes and counts each document once, however long its chunks wait for a slow store", () =>
    Effect.gen(function* () {
      const store = yield* GraphStore
      const written: Array<ReadonlyArray<string>> = []
      const slow = GraphStore.of({
        ...store,
        commit: (name, id, writes) => {
          for (const write of writes) if (write._tag === "document") written.push(write.sources)
          return Effect.delay(store.commit(name, id, writes), "20 seconds")
        }
      })
      const part = (index: number) => `# Part ${index}\n\n${"and so on and so forth ".repeat(80)}`
      // More than the last phase takes at once, so that chunks wait between the phases.
      const documents = Array.from({ length: 700 }, (_, index) =>
        document(`${index}.md`, `Number ${index}.`, part(1), part(2), part(3), part(4))
      )
      const { report } = yield* run(documents, { extractor: "rules" }).pipe(Effect.provideService(GraphStore, slow))
      assert.isAbove(report.chunks.total, 2 * documents.length)
      assert.strictEqual(report.documents.ingested, documents.length)
      assert.deepStrictEqual(written.flat().toSorted(), documents.map(({ uri }) => uri).toSorted())
      assert.strictEqual(written.length, documents.length)
    }).pipe(Effect.provide(world()))
  )

  it.effect("a copy that turns up while the first of it is being written is not worked on again", () =>
    Effect.gen(function* () {
      const store = yield* GraphStore
      const slow = GraphStore.of({
        ...store,
        commit: (name, id, writes) => Effect.delay(store.commit(name, id, writes), "20 seconds")
      })
      const others = Array.from({ length: 40 }, (_, index) => document(`${index}.md`, `Number ${index}.`))
      const copies = [
        { ...ada, uri: "copy 1.md" },
        { ...ada, uri: "copy 2.md" }
      ]
      const { report } = yield* run([ada, ...others, ...copies], { extractor: "rules" }).pipe(
        Effect.provideService(GraphStore, slow)
      )
      assert.deepInclude(report.documents, { seen: 43, ingested: 41, unchanged: 2 })
      const rows = yield* Stream.runCollect(store.exportRows(group))
      const sources = rows.flatMap((row) =>
        row.kind === "document" && row.sources.includes(ada.uri) ? row.sources : []
      )
      assert.deepStrictEqual(sources, ["ada.md", "copy 1.md", "copy 2.md"])
      assert.deepInclude((yield* run([ada, ...others, ...copies], { extractor: "rules" })).report.documents, {
        unchanged: 43
      })
    }).pipe(Effect.provide(world()))
  )

  it.effect("the letter of a copy names the copy", () =>
    Effect.gen(function* () {
      const picture = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 0, 1])
      const blank = { uri: "blank.txt", content: " \n\n " }
      yield* run(["a.png", "b.png", "c.png"].map((uri) => ({ uri, content: picture })))
      yield* run([blank, { ...blank, uri: "other.txt" }])
      const letters = yield* (yield* Ledger).deadLetters(group)
      assert.strictEqual(letters.length, 5)
      for (const { message, source } of letters)
        assert.isTrue(message.startsWith(`${source} `), `${source}: ${message}`)
    }).pipe(Effect.provide(world()))
  )

  it.effect("copies make the same graph, whichever name comes first, and whatever the names are", () =>
    Effect.gen(function* () {
      const content = "Ada Moreno founded Helios Labs in Graz. Jonas Weber joined Helios Labs in 2019."
      const ingested = (...uris: ReadonlyArray<string>) =>
        run(uris.map((uri) => ({ uri, content }))).pipe(
          Effect.map(({ report }) => report.graph.hash),
          Effect.provide(world())
        )
      const hash = yield* ingested("a.txt", "b.txt")
      assert.strictEqual(yield* ingested("b.txt", "a.txt"), hash)
      assert.strictEqual(yield* ingested("renamed.txt"), hash)
    })
  )

  it.effect("a source that could not be read for a while, and is what it was again, has no dead letter left", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      yield* run([ada])
      assert.strictEqual((yield* run([{ ...ada, content: "" }])).status, "with-dead-letters")
      assert.strictEqual((yield* ledger.deadLetters(group)).length, 1)
      const { report, status } = yield* run([ada])
      assert.strictEqual(status, "complete")
      assert.strictEqual(report.documents.unchanged, 1)
      assert.strictEqual(report.calls.model, 0)
      assert.deepStrictEqual(yield* ledger.deadLetters(group), [])
    }).pipe(Effect.provide(world()))
  )

  it.effect("the same bytes under names of two formats make the same graph in either order, at once or in turn", () =>
    Effect.gen(function* () {
      const content = "# Ada Moreno\n\n- Ada Moreno met Li Wei.\n- Li Wei left Oslo.\n"
      const [text, markdown] = [
        { uri: "a.txt", content },
        { uri: "b.md", content }
      ]
      const ways = [[[text, markdown]], [[markdown, text]], [[text], [markdown]], [[markdown], [text, markdown]]]
      const hashes = yield* Effect.forEach(ways, (runs) =>
        Effect.andThen(
          Effect.forEach(runs, (documents) => run(documents), { discard: true }),
          hashOf()
        ).pipe(Effect.provide(world(), { local: true }))
      )
      assert.strictEqual(new Set(hashes).size, 1)
    })
  )

  it.effect("the same documents again cost no call and change nothing", () =>
    Effect.gen(function* () {
      const documents = corpus(2, 8)
      const first = yield* run(documents)
      const again = yield* run(documents)
      assert.strictEqual(again.report.documents.unchanged, documents.length)
      assert.strictEqual(again.report.calls.model, 0)
      assert.strictEqual(again.report.calls.journal, 0)
      assert.strictEqual(again.report.graph.hash, first.report.graph.hash)
    }).pipe(Effect.provide(world()))
  )

  it.effect(
    "an edited document costs only its changed chunks, and leaves the graph of a first ingest of the new text",
    () =>
      Effect.gen(function* () {
        const [long] = corpus(5, 1)
        assert.isTrue(long !== undefined)
        if (long === undefined) return
        const edited = {
          ...long,
          content: `${String(long.content)}\n\nYuki Tanaka wrote to Blue Fjord AS from Kyoto.\n`
        }
        const first = yield* run([long, tom])
        const second = yield* run([edited, tom])
        assert.isAbove(first.report.chunks.total, 3)
        assert.isAtMost(second.report.chunks.extracted, 3)
        assert.strictEqual(second.report.chunks.reused, second.report.chunks.total - second.report.chunks.extracted)
        const scratch = yield* run([edited, tom]).pipe(Effect.provide(world()))
        assert.strictEqual(yield* hashOf(), scratch.report.graph.hash)
      }).pipe(Effect.provide(world()))
  )

  it.effect("an edit back and forth costs nothing the second time", () =>
    Effect.gen(function* () {
      const other = { ...ada, content: "Ada Moreno sold Helios Labs." }
      const first = yield* run([ada])
      yield* run([other])
      const back = yield* run([ada])
      assert.strictEqual(back.report.calls.model, 0)
      assert.strictEqual(back.report.graph.hash, first.report.graph.hash)
    }).pipe(Effect.provide(world()))
  )

  it.effect("a document with dead chunks is in the graph, and is whole once they can be answered", () =>
    Effect.gen(function* () {
      const filler = Array.from(
        { length: 90 },
        (_, index) => `Marta Kowalska visited Oslo for the ${index}th time that year.`
      )
      const mixed = document("mixed.md", ...filler, "Li Wei met SAYNO in Lisbon.")
      const partly = yield* run([mixed], { pack: 1 }).pipe(
        Effect.provide(SimulatedProvider.layer({ seed: 3, refuses: "SAYNO" }))
      )
      assert.strictEqual(partly.report.documents.partial, 1)
      assert.strictEqual(partly.report.chunks.dead, 1)
      assert.isAbove(partly.report.graph.entities, 0)
      const healed = yield* run([mixed], { pack: 1 })
      assert.strictEqual(healed.status, "complete")
      assert.strictEqual(healed.report.chunks.extracted, 1)
      assert.strictEqual(healed.report.chunks.reused, healed.report.chunks.total - 1)
      assert.deepStrictEqual(yield* (yield* Ledger).deadLetters(group), [])
      const scratch = yield* run([mixed]).pipe(Effect.provide(world(), { local: true }))
      assert.strictEqual(healed.report.graph.hash, scratch.report.graph.hash)
    }).pipe(Effect.provide(world()))
  )

  it.effect("groups share a store and journal, and nothing else", () =>
    Effect.gen(function* () {
      yield* run([ada], { group: "one" })
      const alone = yield* hashOf("one")
      const two = yield* run([ada, tom], { group: "two" })
      assert.strictEqual(two.report.documents.ingested, 2)
      assert.strictEqual(two.report.calls.journal, 0)
      assert.strictEqual(yield* hashOf("one"), alone)
      assert.notStrictEqual(yield* hashOf("two"), alone)
      assert.strictEqual(yield* hashOf("three"), "0".repeat(64))
    }).pipe(Effect.provide(world()))
  )

  it.effect("a provider that does not know the model stops the run, which goes on later without paying again", () =>
    Effect.gen(function* () {
      const documents = corpus(9, 6)
      const stopped = yield* run(documents, { pack: 1, ceiling: 2 }).pipe(
        Effect.provide(SimulatedProvider.layer({ seed: 3, models: ["another"] }))
      )
      assert.strictEqual(stopped.status, "stopped")
      assert.strictEqual(Option.getOrUndefined(stopped.stopped)?.reason, "configuration")
      const resumed = yield* run(documents)
      assert.strictEqual(resumed.status, "complete")
      const scratch = yield* run(documents).pipe(Effect.provide(world(), { local: true }))
      assert.strictEqual(resumed.report.graph.hash, scratch.report.graph.hash)
      const runs = yield* (yield* Ledger).runs(group, 10)
      assert.deepStrictEqual(runs.map(({ status }) => status).toSorted(), ["complete", "stopped"])
    }).pipe(Effect.provide(world()))
  )

  it.effect("a provider that fails every other call costs time, and no document", () =>
    Effect.gen(function* () {
      const documents = corpus(4, 12)
      const { report, status } = yield* run(documents, { pack: 2 })
      assert.strictEqual(status, "complete")
      assert.isAbove(report.calls.failed, 3)
      const { chat } = yield* (yield* SimulatedProvider.SimulatedLedger).snapshot
      assert.strictEqual(chat.items.askedAgain, 0)
      const calm = yield* run(documents).pipe(Effect.provide(world(), { local: true }))
      assert.strictEqual(report.graph.hash, calm.report.graph.hash)
    }).pipe(
      Effect.provide(
        world({
          faults: { serverError: 0.15, rateLimited: 0.15, reset: 0.1, hang: 0.02, invalidJson: 0.1 },
          timeout: 5000
        })
      )
    )
  )
})
