import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import * as HashEmbedder from "../../src/layers/HashEmbedder.ts"
import * as SimulatedProvider from "../../src/layers/SimulatedProvider.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import type { SourceItem } from "../../src/services/DocumentSource.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import { Parser } from "../../src/services/Parser.ts"
import { layerNone, Unpacker } from "../../src/services/Unpacker.ts"
import { drive, ingest } from "../support/pipeline.ts"

const world = Layer.mergeAll(
  SqliteStore.layerMemory,
  SqliteJournal.layerMemory,
  HashEmbedder.layer,
  SimulatedProvider.layer({ seed: 3 })
)

const megabyte = 1024 * 1024

/** Zeros, and a number at their start; `boxed`: a box of so many others. */
const zeros = (number: number, size: number, boxed = 0): Uint8Array => {
  const bytes = new Uint8Array(size)
  bytes.set([number, boxed])
  return bytes
}

/** A parser that makes a sentence of anything, and counts what it has read. */
const counting = (read: { bytes: number }) =>
  Layer.succeed(Parser, {
    version: "1",
    formatOfName: () => "",
    parse: (_, bytes) =>
      Effect.sync(() => {
        read.bytes += bytes.length
        const text = `Ada Moreno founded Helios Labs number ${bytes[0]}.`
        return { text, title: "", mediaType: "text/plain", blocks: [{ kind: "paragraph", start: 0, end: text.length }] }
      })
  })

describe("room for documents", () => {
  it.effect("is bounded, however slow the store is", () =>
    Effect.gen(function* () {
      const store = yield* GraphStore
      const read = { bytes: 0 }
      let written = 0
      let most = 0
      const size = 8 * megabyte
      const slow = GraphStore.of({
        ...store,
        commit: (group, id, writes) =>
          Effect.sync(() => {
            most = Math.max(most, read.bytes - written)
          }).pipe(
            Effect.delay("20 seconds"),
            Effect.andThen(store.commit(group, id, writes)),
            Effect.tap(
              Effect.sync(() => {
                written += writes.filter(({ _tag }) => _tag === "document").length * size
              })
            )
          )
      })
      const documents = Array.from({ length: 30 }, (_, index) => ({ uri: `${index}.txt`, content: zeros(index, size) }))
      const { report } = yield* drive(
        ingest({ extractor: "rules", documents, parser: counting(read), unpacker: layerNone })
      ).pipe(Effect.provideService(GraphStore, slow))
      assert.deepInclude(report.documents, { seen: 30, ingested: 30 })
      assert.isAtMost(most, 64 * megabyte)
      assert.isAtLeast(most, 2 * size)
    }).pipe(Effect.provide(world))
  )

  it.effect(
    "is there for what containers hold, whatever waits behind them, and for what is larger than all of it",
    () =>
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
        const { report } = yield* drive(
          ingest({ extractor: "rules", documents, parser: counting({ bytes: 0 }), unpacker: boxes })
        )
        assert.deepInclude(report.documents, { seen: 28, ingested: 28 })
      }).pipe(Effect.provide(world))
  )
})
