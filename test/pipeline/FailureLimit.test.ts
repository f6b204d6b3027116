import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { Group } from "../../src/domain/Ids.ts"
import * as HashEmbedder from "../../src/layers/HashEmbedder.ts"
import * as SimulatedProvider from "../../src/layers/SimulatedProvider.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { MaxFailures } from "../../src/pipeline/FailureLimit.ts"
import { Ledger } from "../../src/services/Ledger.ts"
import { drive, ingest } from "../support/pipeline.ts"

const world = Layer.mergeAll(
  SqliteStore.layerMemory,
  SqliteJournal.layerMemory,
  HashEmbedder.layer,
  SimulatedProvider.layer({ seed: 3, latency: { median: 200 }, poison: "POISON" })
)

/** Of one chunk each, in which every `nth` holds the poison. */
const documents = (count: number, nth: number, name = "note") =>
  Array.from({ length: count }, (_, index) => ({
    uri: `${name}-${index}.md`,
    content: `Person${index} Alpha met ${name} Beta in Town${index}.${index % nth === 0 ? " POISON" : ""}`
  }))

const run = (items: ReturnType<typeof documents>, limit?: MaxFailures) => {
  const ingested = ingest({ documents: items, extractor: "llm", pack: 1, ceiling: 2 })
  return drive(limit === undefined ? ingested : Effect.provideService(ingested, MaxFailures, limit))
}

describe("too many failed chunks", () => {
  it.effect("stop the run after fifty, name the cause, and leave the dead letters that came", () =>
    Effect.gen(function* () {
      const { report, status, stopped } = yield* run(documents(120, 2))
      assert.strictEqual(status, "stopped")
      const { message, reason } = Option.getOrThrow(stopped)
      assert.strictEqual(reason, "failures")
      assert.include(message, "--max-failures 10%")
      assert.include(message, "invalid-answer")
      assert.match(message, /note-\d+\.md/)
      assert.isAtLeast(report.chunks.dead + report.chunks.extracted, 49)
      assert.isBelow(report.chunks.dead + report.chunks.extracted, 60)
      assert.isAbove((yield* (yield* Ledger).deadLetters(Group.make("default"))).length, 10)
    }).pipe(Effect.provide(world))
  )

  it.effect("are bad luck below the share, and of a handful of chunks", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* run(documents(60, 12))).status, "with-dead-letters")
      assert.strictEqual((yield* run(documents(20, 1, "few"))).status, "with-dead-letters")
    }).pipe(Effect.provide(world))
  )

  it.effect("are no news where they failed before: a corpus with many poisoned documents can be ingested again", () =>
    Effect.gen(function* () {
      const items = documents(60, 1)
      assert.strictEqual((yield* run(items, { share: 1, after: 1 })).status, "with-dead-letters")
      const again = yield* run([...items, ...documents(2, 3, "good").slice(1)])
      assert.strictEqual(again.status, "with-dead-letters")
      assert.strictEqual(again.report.chunks.dead, 60)
    }).pipe(Effect.provide(world))
  )

  it.effect("can be given as a number", () =>
    Effect.gen(function* () {
      const { report, status } = yield* run(documents(20, 2), { count: 3 })
      assert.strictEqual(status, "stopped")
      assert.strictEqual(report.chunks.dead, 3)
    }).pipe(Effect.provide(world))
  )
})
