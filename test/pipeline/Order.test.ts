import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Group } from "../../src/domain/Ids.ts"
import * as HashEmbedder from "../../src/layers/HashEmbedder.ts"
import * as SimulatedProvider from "../../src/layers/SimulatedProvider.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import { corpus, denseDocument } from "../fixtures/corpus.ts"
import { makeRandom } from "../support/random.ts"
import { drive, ingest } from "../support/pipeline.ts"
import type { Document } from "../support/pipeline.ts"

interface Way {
  readonly name: string
  readonly extractor: "rules" | "llm"
  readonly ceiling: number
  readonly pack: number | "auto"
  /** One ingest run for each part. */
  readonly runs: ReadonlyArray<ReadonlyArray<Document>>
}

const group = Group.make("default")

/** A fresh store, journal and provider; the hash that the last run reports. */
const hashOf = (way: Way) =>
  Effect.gen(function* () {
    let reported = ""
    for (const documents of way.runs) {
      const { report, status } = yield* drive(ingest({ ...way, documents }))
      assert.strictEqual(status, "complete", way.name)
      const { failed, ingested, partial, seen, unchanged } = report.documents
      assert.strictEqual(seen, documents.length)
      assert.strictEqual(seen, unchanged + ingested + partial + failed)
      reported = report.graph.hash
    }
    assert.strictEqual(yield* (yield* GraphStore).hash(group), reported)
    return reported
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        SqliteStore.layerMemory,
        SqliteJournal.layerMemory,
        HashEmbedder.layer,
        SimulatedProvider.layer({ seed: 7, latency: { median: 800, sigma: 0.6 } })
      )
    )
  )

const documents = corpus(11, 14)
const random = makeRandom(5)
const shuffled = random.shuffle(documents)

const waysOf = (extractor: "rules" | "llm"): ReadonlyArray<Way> =>
  [
    { name: "in order, one at a time", ceiling: 1, pack: 1 as const, runs: [documents] },
    { name: "shuffled, one at a time", ceiling: 1, pack: 1 as const, runs: [shuffled] },
    { name: "many at once", ceiling: 64, pack: 1 as const, runs: [documents] },
    { name: "many at once, packed", ceiling: 64, pack: "auto" as const, runs: [shuffled] },
    { name: "few at once, packed", ceiling: 2, pack: "auto" as const, runs: [documents] },
    { name: "packed by three", ceiling: 4, pack: 3, runs: [random.shuffle(documents)] },
    {
      name: "in four runs, the last of which repeats everything",
      ceiling: 8,
      pack: "auto" as const,
      runs: [shuffled.slice(0, 4), shuffled.slice(2, 9), shuffled.slice(9), documents]
    }
  ].map((way) => ({ ...way, extractor }))

describe("one corpus, one graph", () => {
  for (const extractor of ["rules", "llm"] as const) {
    it.effect(`whatever the order, concurrency, pack and runs: ${extractor}`, () =>
      Effect.gen(function* () {
        const hashes = yield* Effect.forEach(waysOf(extractor), (way) =>
          Effect.map(hashOf(way), (hash) => ({ name: way.name, hash }))
        )
        for (const { hash, name } of hashes) assert.strictEqual(hash, hashes[0]?.hash, name)
        assert.notStrictEqual(hashes[0]?.hash, "0".repeat(64))
      })
    )
  }

  it.effect("where answers are longer than expected, packed or alone", () =>
    Effect.gen(function* () {
      const dense = Array.from({ length: 6 }, (_, seed) => denseDocument(seed))
      const ways = [
        { name: "alone", ceiling: 4, pack: 1 as const },
        { name: "in pairs", ceiling: 2, pack: 2 },
        { name: "packed", ceiling: 1, pack: "auto" as const }
      ]
      const hashes = yield* Effect.forEach(ways, (way) => hashOf({ ...way, extractor: "llm", runs: [dense] }))
      assert.deepStrictEqual(hashes, [hashes[0], hashes[0], hashes[0]])
    })
  )

  it.effect("another corpus makes another graph", () =>
    Effect.gen(function* () {
      const way: Way = { name: "", extractor: "llm", ceiling: 8, pack: "auto", runs: [documents] }
      const one = yield* hashOf(way)
      const other = yield* hashOf({ ...way, runs: [documents.slice(1, -1)] })
      assert.notStrictEqual(one, other)
    })
  )
})
