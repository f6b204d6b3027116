import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Group } from "../../src/domain/Ids.ts"
import * as HashEmbedder from "../../src/layers/HashEmbedder.ts"
import * as SimulatedProvider from "../../src/layers/SimulatedProvider.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { Unpacker } from "../../src/services/Unpacker.ts"
import { SourceItemError } from "../../src/services/DocumentSource.ts"
import type { SourceItem } from "../../src/services/DocumentSource.ts"
import { Ledger } from "../../src/services/Ledger.ts"
import { drive, ingest } from "../support/pipeline.ts"
import type { Document } from "../support/pipeline.ts"

/**
 * Files whose text says what they hold: `box` and then, between lines of dashes, what is in it; `page` is a document as
 * well. A part that says `broken` breaks the file there.
 */
const boxes = Layer.succeed(Unpacker, {
  open: (file) =>
    Effect.map(file.range(0, file.size), (bytes) => {
      const [first = "", ...parts] = new TextDecoder().decode(bytes).split("\n----\n")
      if (!first.startsWith("box") && !first.startsWith("page")) return { isDocument: true }
      const items = parts.map((part, index): SourceItem | SourceItemError => {
        const uri = `${file.uri}#${index}`
        return part === "broken"
          ? new SourceItemError({ uri: file.uri, reason: "malformed", message: `${file.uri} breaks off` })
          : { uri, read: Effect.succeed(new TextEncoder().encode(part.replaceAll("\n====\n", "\n----\n"))) }
      })
      return {
        isDocument: first.startsWith("page"),
        items: Stream.fromIterable(items).pipe(
          Stream.mapEffect((item) => (item instanceof SourceItemError ? Effect.fail(item) : Effect.succeed(item)))
        )
      }
    })
})

const run = (documents: ReadonlyArray<Document>) =>
  drive(ingest({ extractor: "llm", documents, unpacker: boxes })).pipe(Effect.map(({ report }) => report))

const world = Layer.mergeAll(
  SqliteStore.layerMemory,
  SqliteJournal.layerMemory,
  HashEmbedder.layer,
  SimulatedProvider.layer({ seed: 3, latency: { median: 500 } })
)
const letters = Effect.flatMap(Ledger, (ledger) => ledger.deadLetters(Group.make("default")))

const ada = "Ada Moreno founded Helios Labs in Graz."
const tom = "Tom Okafor left Kestrel Bank."
const jonas = "Jonas Weber joined Helios Labs in 2019."
const box = (...parts: ReadonlyArray<string>): string => ["box", ...parts].join("\n----\n")

describe("containers in the pipeline", () => {
  it.effect("count what they hold, and not themselves", () =>
    Effect.gen(function* () {
      const report = yield* run([{ uri: "mail.box", content: box(ada, tom, "") }])
      assert.deepStrictEqual(report.documents, {
        seen: 3,
        unchanged: 0,
        ingested: 2,
        partial: 0,
        failed: 1,
        removed: 0
      })
      assert.deepStrictEqual(
        (yield* letters).map(({ cause, source }) => [source, cause]),
        [["mail.box#2", "empty"]]
      )
    }).pipe(Effect.provide(world))
  )

  it.effect("cost nothing for what is unchanged when they have grown", () =>
    Effect.gen(function* () {
      yield* run([{ uri: "mail.box", content: box(ada, tom) }])
      const grown = yield* run([{ uri: "mail.box", content: box(ada, tom, jonas) }])
      assert.deepInclude(grown.documents, { seen: 3, unchanged: 2, ingested: 1 })
      assert.strictEqual(grown.calls.model, 1)
      const again = yield* run([{ uri: "mail.box", content: box(ada, tom, jonas) }])
      assert.deepInclude(again.documents, { seen: 3, unchanged: 3 })
      assert.strictEqual(again.calls.model, 0)
    }).pipe(Effect.provide(world))
  )

  it.effect("may be documents besides, whatever becomes of the document and of what is attached", () =>
    Effect.gen(function* () {
      const mail = { uri: "a.page", content: `page by Ada Moreno\n----\n${tom}\n----\n${jonas}` }
      const blank = { uri: "b.page", content: `page${"\u0001".repeat(40)}\n----\nPriya Nair met Tom Okafor.` }
      const first = yield* run([mail, blank])
      assert.deepInclude(first.documents, { seen: 5, ingested: 4, failed: 1 })
      const second = yield* run([mail])
      assert.deepInclude(second.documents, { seen: 3, unchanged: 3 })
    }).pipe(Effect.provide(world))
  )

  it.effect("that break off are a dead letter, and what came before is in the graph", () =>
    Effect.gen(function* () {
      const report = yield* run([
        { uri: "a.box", content: box(ada, tom, "broken", jonas) },
        { uri: "b.txt", content: "Priya Nair met Tom Okafor in Oslo." }
      ])
      assert.deepInclude(report.documents, { seen: 4, ingested: 3, failed: 1 })
      assert.deepStrictEqual(
        (yield* letters).map(({ cause, message, source }) => [source, cause, message]),
        [["a.box", "malformed", "a.box breaks off"]]
      )
      const mended = yield* run([{ uri: "a.box", content: box(ada, tom, jonas) }])
      assert.deepInclude(mended.documents, { seen: 3, unchanged: 2, ingested: 1 })
      assert.deepStrictEqual(yield* letters, [])
    }).pipe(Effect.provide(world))
  )

  it.effect("that are documents keep the letter of what they hold when the document is written", () =>
    Effect.gen(function* () {
      const report = yield* run([{ uri: "a.page", content: `page by Ada Moreno\n----\n${tom}\n----\nbroken` }])
      assert.deepInclude(report.documents, { seen: 3, ingested: 2, failed: 1 })
      assert.deepStrictEqual(
        (yield* letters).map(({ message }) => message),
        ["a.page breaks off"]
      )
    }).pipe(Effect.provide(world))
  )

  it.effect("that cannot be read as documents either are one dead letter", () =>
    Effect.gen(function* () {
      const report = yield* run([{ uri: "a.page", content: `page${"\u0001".repeat(40)}\n----\nbroken` }])
      assert.deepInclude(report.documents, { seen: 1, failed: 1 })
      assert.strictEqual((yield* letters).length, 1)
    }).pipe(Effect.provide(world))
  )

  it.effect("may lie in one another, eight files deep at most", () =>
    Effect.gen(function* () {
      const nest = (depth: number): string =>
        depth === 0 ? ada : `page ${depth}\n----\n${nest(depth - 1).replaceAll("\n----\n", "\n====\n")}`
      const shallow = yield* run([{ uri: "two", content: nest(2) }])
      assert.deepInclude(shallow.documents, { seen: 3, ingested: 3, failed: 0 })
      const endless = Layer.succeed(Unpacker, {
        open: ({ uri }) => {
          const item = { uri: `${uri}#`, read: Effect.succeed(new TextEncoder().encode("x")) }
          return Effect.succeed({ isDocument: false, items: Stream.succeed(item) })
        }
      })
      const { report } = yield* drive(
        ingest({ extractor: "llm", documents: [{ uri: "m", content: "x" }], unpacker: endless })
      )
      assert.deepInclude(report.documents, { seen: 1, failed: 1 })
      assert.include((yield* letters).map(({ message }) => message).join(), "more than 8 files deep")
    }).pipe(Effect.provide(world))
  )
})
