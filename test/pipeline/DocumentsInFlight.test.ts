import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as HashEmbedder from "../../src/layers/HashEmbedder.ts"
import * as Parsers from "../../src/layers/Parsers.ts"
import * as SimulatedProvider from "../../src/layers/SimulatedProvider.ts"
import type { SimulatedOptions } from "../../src/layers/simulated/Options.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import * as Concurrency from "../../src/services/Concurrency.ts"
import type { SourceItem } from "../../src/services/DocumentSource.ts"
import { DocumentsInFlight } from "../../src/services/DocumentsInFlight.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import { Parser } from "../../src/services/Parser.ts"
import { Unpacker } from "../../src/services/Unpacker.ts"
import { drive, ingest } from "../support/pipeline.ts"
import type { Document, IngestOptions } from "../support/pipeline.ts"

const world = (provider: SimulatedOptions = {}) =>
  Layer.mergeAll(
    SqliteStore.layerMemory,
    SqliteJournal.layerMemory,
    HashEmbedder.layer,
    SimulatedProvider.layer({ seed: 3, latency: { median: 500 }, ...provider })
  )

const megabyte = 1024 * 1024

/** Zeros, and a number at their start; `boxed`: a box of so many others. */
const zeros = (number: number, size: number, boxed = 0): Uint8Array => {
  const bytes = new Uint8Array(size)
  bytes.set([number, boxed])
  return bytes
}

/** A parser that makes a sentence of anything. */
const sentence = Layer.succeed(Parser, {
  version: "1",
  formatOfName: () => "",
  parse: (_, bytes) =>
    Effect.sync(() => {
      const text = `Ada Moreno founded Helios Labs number ${bytes[0]}.`
      return { text, title: "", mediaType: "text/plain", blocks: [{ kind: "paragraph", start: 0, end: text.length }] }
    })
})

/** Limits of which a test sees what is left in them. */
const limits = (documents: number, parse = 4) =>
  Effect.map(Layer.build(Concurrency.layer({ parse, write: 4, documents })), (context) => ({
    room: Context.get(context, DocumentsInFlight),
    limits: Layer.succeedContext(context)
  }))

const sentences = (index: number, count: number): string =>
  Array.from({ length: count }, (_, at) => `Ada Moreno ${index} met Tom Okafor ${at} in Graz.`).join("\n\n")

const documents = (count: number, length: (index: number) => number): ReadonlyArray<Document> =>
  Array.from({ length: count }, (_, index) => ({ uri: `${index}.txt`, content: sentences(index, length(index)) }))

const run = (options: Partial<IngestOptions>) =>
  drive(ingest({ extractor: "rules", documents: [], parser: Parsers.layerCalling, ...options }))

/**
 * Files that begin with `box` or `page` hold what stands between lines of dashes, with `=` for `-` inside; a `page` is a
 * document as well.
 */
const boxes = Layer.succeed(Unpacker, {
  open: (file) =>
    Effect.map(file.range(0, file.size), (bytes) => {
      const [first = "", ...parts] = new TextDecoder().decode(bytes).split("\n----\n")
      if (!/^(box|page)/.test(first)) return { isDocument: true }
      const items = parts.map((part, index): SourceItem => {
        const content = new TextEncoder().encode(part.replaceAll("\n====\n", "\n----\n"))
        return { uri: `${file.uri}#${index}`, size: content.length, read: Effect.succeed(content) }
      })
      return { isDocument: first.startsWith("page"), items: Stream.fromIterable(items) }
    })
})

describe("documents in flight, in the pipeline", () => {
  it.effect("however little room there is, all documents come through, one at a time if need be", () =>
    Effect.gen(function* () {
      const given = documents(8, (index) => 1 + ((index * 7) % 30))
      const ample = yield* run({ documents: given }).pipe(Effect.provide(world()))
      for (const size of [1, 10_000]) {
        const { limits: tight, room } = yield* limits(size)
        const { report } = yield* run({ documents: given, limits: tight }).pipe(Effect.provide(world()))
        assert.strictEqual(report.documents.ingested, 8)
        assert.strictEqual(report.graph.hash, ample.report.graph.hash)
        assert.deepStrictEqual([room.used, room.documents], [0, 0])
      }
    })
  )

  it.effect("a slow store holds up the parsers: no more documents are in memory than there is room for", () =>
    Effect.gen(function* () {
      const text = sentences(0, 60)
      // Room for five, each of which takes 4 KB besides its text.
      const { limits: tight, room } = yield* limits(5.5 * (text.length + 4096))
      const store = yield* GraphStore
      const parser = yield* Parser
      let parsed = 0
      let written = 0
      let most = 0
      const counted = Layer.succeed(Parser, {
        ...parser,
        parse: (uri, bytes, mediaType) =>
          Effect.suspend(() => {
            most = Math.max(most, ++parsed - written)
            return parser.parse(uri, bytes, mediaType)
          })
      })
      const slow = GraphStore.of({
        ...store,
        commit: (group, id, writes) =>
          store.commit(group, id, writes).pipe(
            Effect.delay("20 seconds"),
            Effect.tap(() => Effect.sync(() => (written += writes.length)))
          )
      })
      const { report } = yield* run({
        documents: documents(30, () => 60),
        limits: tight,
        parser: counted
      }).pipe(Effect.provideService(GraphStore, slow))
      assert.strictEqual(report.documents.ingested, 30)
      assert.strictEqual(room.documents, 0)
      assert.isAtMost(most, 5)
      assert.isAtLeast(most, 4)
    }).pipe(Effect.provide([world(), Parsers.layerCalling]))
  )

  it.effect("what lies in containers comes through beside documents that hold all the room", () =>
    Effect.gen(function* () {
      const inner = ["box", sentences(1, 9), sentences(2, 20), sentences(3, 1)].join("\n====\n")
      const outer = (index: number) =>
        ["box", sentences(10 + index, 5), inner, sentences(20 + index, 30)].join("\n----\n")
      const page = (index: number) => [`page ${sentences(30 + index, 8)}`, sentences(40 + index, 8)].join("\n----\n")
      const given = documents(10, (index) => 5 + index).flatMap((document, index) => [
        document,
        { uri: `${index}.box`, content: index % 2 === 0 ? outer(index) : page(index) }
      ])
      for (const parse of [1, 8]) {
        const { limits: tight, room } = yield* limits(1, parse)
        const { report } = yield* run({ documents: given, limits: tight, unpacker: boxes }).pipe(
          Effect.provide(world())
        )
        // The inner box's three are copies in all boxes but the first.
        assert.strictEqual(report.documents.seen, 10 + 5 * 5 + 5 * 2)
        assert.strictEqual(report.documents.failed, 0)
        assert.deepStrictEqual([room.used, room.documents], [0, 0])
      }
    })
  )

  it.effect("what is dead, empty, a copy or unchanged gives its room back", () =>
    Effect.gen(function* () {
      const [one, two] = documents(2, () => 20)
      if (one === undefined || two === undefined) return assert.fail()
      const given: ReadonlyArray<Document> = [
        one,
        { ...one, uri: "copy.txt" },
        { uri: "blank.txt", content: " \n\n " },
        { uri: "blank copy.txt", content: " \n\n " },
        { uri: "bad.png", content: Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 0, 1]) },
        { uri: "mail.box", content: `page${" "}\n----\n${sentences(9, 3)}` },
        { uri: "poison.txt", content: "Priya Nair met POISON in Oslo." },
        two
      ]
      for (const seen of ["ingested", "unchanged"] as const) {
        const { limits: tight, room } = yield* limits(1)
        const { report } = yield* run({ documents: given, limits: tight, extractor: "llm", unpacker: boxes })
        assert.isAtLeast(report.documents[seen], 3)
        assert.isAtLeast(report.documents.failed, 3)
        assert.deepStrictEqual([room.used, room.documents], [0, 0])
      }
    }).pipe(Effect.provide(world({ poison: "POISON" })))
  )

  it.effect("a run that is interrupted, or stops, leaves no document in the room", () =>
    Effect.gen(function* () {
      const { limits: tight, room } = yield* limits(50_000)
      const given = documents(100, () => 40)
      const interrupted = yield* Effect.forkChild(
        ingest({ extractor: "llm", documents: given, limits: tight, parser: Parsers.layerCalling })
      )
      while (room.documents <= 5) yield* TestClock.adjust("100 millis")
      yield* Fiber.interrupt(interrupted)
      assert.strictEqual(room.documents, 0)

      const { status } = yield* run({ documents: given, limits: tight, extractor: "llm" }).pipe(
        Effect.provide(world({ models: ["another"] }))
      )
      assert.strictEqual(status, "stopped")
      assert.deepStrictEqual([room.used, room.documents], [0, 0])
    }).pipe(Effect.provide(world()))
  )

  it.effect("by default there is room for what large containers hold, and for what is larger than all of it", () =>
    Effect.gen(function* () {
      const boxes = Layer.succeed(Unpacker, {
        open: (file) =>
          Effect.map(file.range(0, 2), ([number = 0, boxed = 0]) => {
            if (boxed === 0) return { isDocument: true }
            const items = Array.from({ length: 3 }, (_, index): SourceItem => {
              const size = 30 * megabyte
              const part = zeros(number * 10 + index, size, boxed - 1)
              return {
                uri: `${file.uri}#${index}`,
                size,
                read: Effect.succeed(part),
                range: () => Effect.succeed(part.subarray(0, 2))
              }
            })
            return { isDocument: false, items: Stream.fromIterable(items) }
          })
      })
      const documents = [
        ...[1, 2, 3].map((index) => ({ uri: `${index}.box`, content: zeros(index, 100, 1 + (index % 2)) })),
        ...[7, 8, 9].map((index) => ({ uri: `${index}.txt`, content: zeros(100 + index, 40 * megabyte) })),
        { uri: "4.box", content: zeros(4, 100, 1) },
        { uri: "huge.txt", content: zeros(200, 100 * megabyte) }
      ]
      const { report } = yield* drive(ingest({ extractor: "rules", documents, parser: sentence, unpacker: boxes }))
      assert.deepInclude(report.documents, { seen: 28, ingested: 28 })
    }).pipe(Effect.provide(world()))
  )
})
