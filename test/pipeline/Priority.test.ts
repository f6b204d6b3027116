import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer } from "effect"
import { Group } from "../../src/domain/Ids.ts"
import * as Containers from "../../src/layers/Containers.ts"
import * as HashEmbedder from "../../src/layers/HashEmbedder.ts"
import * as LlmExtractor from "../../src/layers/LlmExtractor.ts"
import * as Parsers from "../../src/layers/Parsers.ts"
import * as SimulatedProvider from "../../src/layers/SimulatedProvider.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as Concurrency from "../../src/services/Concurrency.ts"
import * as DocumentSource from "../../src/services/DocumentSource.ts"
import * as Embeddings from "../../src/services/Embeddings.ts"
import * as Gate from "../../src/services/Gate.ts"
import * as ModelCalls from "../../src/services/ModelCalls.ts"
import * as Progress from "../../src/services/Progress.ts"
import * as Retry from "../../src/services/Retry.ts"
import * as Run from "../../src/services/Run.ts"
import { drive } from "../support/pipeline.ts"

/** What all runs of a process share: one gate, one journal, one store. */
const shared = ModelCalls.layer.pipe(
  Layer.provideMerge(
    Layer.mergeAll(
      Gate.layer({ ceiling: 64 }),
      Retry.layer(),
      Parsers.layer,
      Containers.layer,
      SqliteJournal.layerMemory,
      SqliteStore.layerMemory,
      HashEmbedder.layer,
      SimulatedProvider.layer({ seed: 1, latency: { median: 500 }, limits: { rpm: 30, window: 2 } })
    )
  )
)

const documents = (name: string, count: number) =>
  Array.from({ length: count }, (_, index) => ({
    uri: `${name}${index}.txt`,
    content: `${name} ${index}: Ada Moreno joined Helios Labs in Graz.`
  }))

/** One run, with a source, a priority and an extractor of its own; the milliseconds that it took. */
const ingesting = (priority: Run.Run["Service"]["priority"], name: string, count: number) =>
  Effect.gen(function* () {
    const started = yield* Clock.currentTimeMillis
    const { report } = yield* Pipeline.ingest
    assert.strictEqual(report.documents.ingested, count)
    return (yield* Clock.currentTimeMillis) - started
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        LlmExtractor.layer({ model: "simulated", pack: 1 }),
        Embeddings.layer,
        DocumentSource.layerMemory(documents(name, count)),
        Progress.layerNone,
        Concurrency.layer()
      ).pipe(Layer.provideMerge(Run.layer(Group.make("default"), priority)))
    )
  )

describe("priorities", () => {
  for (const [urgent, isSooner] of [
    ["interactive", true],
    ["normal", true],
    ["bulk", false]
  ] as const) {
    it.effect(
      `a single document ${isSooner ? "overtakes" : "waits behind"} a bulk load in the same process when it is ${urgent}`,
      () =>
        Effect.gen(function* () {
          const load = yield* Effect.forkChild(ingesting("bulk", "load", 60))
          yield* Effect.sleep("20 seconds")
          const single = yield* ingesting(urgent, "single", 1)
          const rest = load.pollUnsafe() === undefined
          const whole = yield* Fiber.join(load)
          if (isSooner) {
            assert.isTrue(rest, "the load is still at it")
            assert.isBelow(single, 12_000)
          } else assert.isAbove(single, 20_000)
          assert.isAbove(whole, 100_000)
        }).pipe(drive, Effect.provide(shared))
    )
  }
})
