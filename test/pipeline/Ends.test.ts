import { assert, describe, it, vi } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { Group } from "../../src/domain/Ids.ts"
import * as HashEmbedder from "../../src/layers/HashEmbedder.ts"
import * as SimulatedProvider from "../../src/layers/SimulatedProvider.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { Pool } from "../../src/services/gate/Pool.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import { Ledger } from "../../src/services/Ledger.ts"
import { corpus } from "../fixtures/corpus.ts"
import { drive, ingest } from "../support/pipeline.ts"

const group = Group.make("default")
const documents = corpus(2, 6)

const world = (median: number) =>
  Layer.mergeAll(
    SqliteStore.layerMemory,
    SqliteJournal.layerMemory,
    HashEmbedder.layer,
    SimulatedProvider.layer({ seed: 3, latency: { median } })
  )

const newest = Effect.map(
  Effect.flatMap(Ledger, ({ runs }) => runs(group, 10)),
  ([run]) => run ?? assert.fail("There is no run")
)

const provider = Effect.map(
  Effect.flatMap(SimulatedProvider.SimulatedLedger, ({ snapshot }) => snapshot),
  ({ chat }) => chat
)

const passing = <A, E, R, R2>(effect: Effect.Effect<A, E, R>, until: Effect.Effect<boolean, never, R2>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    while (!(yield* until)) yield* TestClock.adjust("250 millis")
    return fiber
  })

const interrupted = <A, E>(fiber: Fiber.Fiber<A, E>) =>
  Effect.gen(function* () {
    const ended = yield* Effect.forkChild(Fiber.interrupt(fiber))
    let waited = 0
    while (ended.pollUnsafe() === undefined) {
      yield* TestClock.adjust("250 millis")
      waited += 250
    }
    return waited
  })

describe("how a run ends", () => {
  it.effect("interrupted, it waits for the answers under way, and the next run pays for none of them again", () =>
    Effect.gen(function* () {
      const asking = Effect.map(provider, ({ inFlight }) => inFlight === 2)
      const fiber = yield* passing(ingest({ documents, extractor: "llm", pack: 1, ceiling: 2 }), asking)
      yield* interrupted(fiber)
      const { answered, failed, inFlight, requests } = yield* provider
      assert.strictEqual(inFlight, 0)
      assert.notProperty(failed, "aborted")
      assert.isAtLeast(answered, 1)
      const { report, status } = yield* newest
      assert.strictEqual(status, "interrupted")
      assert.strictEqual(report?.calls.model, requests)
      const next = yield* drive(ingest({ documents, extractor: "llm", pack: 1, ceiling: 2 }))
      assert.strictEqual(next.status, "complete")
      assert.strictEqual((yield* provider).items.askedAgain, 0)
      const { report: last, root } = yield* newest
      assert.deepStrictEqual([root, last?.resumes], [report?.run, report?.run])
      assert.isAtLeast(last?.calls.journal ?? 0, answered)
    }).pipe(Effect.provide(world(3000)))
  )

  it.effect("waits for ten seconds and no longer", () =>
    Effect.gen(function* () {
      const asking = Effect.map(provider, ({ inFlight }) => inFlight === 1)
      const fiber = yield* passing(ingest({ documents, extractor: "llm", ceiling: 2 }), asking)
      const waited = yield* interrupted(fiber)
      assert.isAtLeast(waited, 10_000)
      assert.isAtMost(waited, 11_000)
      assert.strictEqual((yield* newest).status, "interrupted")
    }).pipe(Effect.provide(world(50_000)))
  )

  it.effect("interrupted while it counts up the hash, it is written down as such", () =>
    Effect.gen(function* () {
      const store = yield* GraphStore
      const hashing = yield* Deferred.make<void>()
      const slow = GraphStore.of({
        ...store,
        hash: () => Effect.andThen(Deferred.succeed(hashing, undefined), Effect.never)
      })
      const fiber = yield* passing(
        Effect.provideService(ingest({ documents, extractor: "rules" }), GraphStore, slow),
        Deferred.isDone(hashing)
      )
      yield* interrupted(fiber)
      const { report, status } = yield* newest
      assert.strictEqual(status, "interrupted")
      assert.deepStrictEqual([report?.documents.seen, report?.graph.hash], [documents.length, ""])
    }).pipe(Effect.provide(world(0)))
  )

  it.effect("a defect in the gate's books ends it, as failed, and loses no answer that was under way", () =>
    Effect.gen(function* () {
      const defect = new Error("the books do not add up")
      const asking = Effect.map(provider, ({ inFlight }) => inFlight >= 2)
      const fiber = yield* passing(ingest({ documents, extractor: "llm", pack: 1, ceiling: 2 }), asking)
      const spy = vi.spyOn(Pool.prototype, "settle").mockImplementationOnce(() => {
        throw defect
      })
      for (let tick = 0; tick < 400 && fiber.pollUnsafe() === undefined; tick++) yield* TestClock.adjust("250 millis")
      spy.mockRestore()
      const exit = fiber.pollUnsafe() ?? assert.fail("It hangs")
      assert.strictEqual(Exit.isFailure(exit) && Cause.squash(exit.cause), defect)
      const { answered, inFlight } = yield* provider
      assert.strictEqual(inFlight, 0)
      assert.isAtLeast(answered, 2)
      assert.strictEqual((yield* newest).status, "failed")
      assert.strictEqual((yield* drive(ingest({ documents, extractor: "llm" }))).status, "complete")
      assert.strictEqual((yield* provider).items.askedAgain, 0)
    }).pipe(Effect.provide(world(3000)))
  )

  it.effect("a run that was complete, or has dead letters, leaves nothing to go on with", () =>
    Effect.gen(function* () {
      for (const items of [documents, [{ uri: "empty.md", content: "" }], documents]) {
        const { report } = yield* drive(ingest({ documents: items, extractor: "rules" }))
        assert.isUndefined(report.resumes)
        assert.isUndefined((yield* newest).root)
      }
    }).pipe(Effect.provide(world(0)))
  )

  it.effect("when time is up it stops, and so does each that goes on with it, until there is more", () =>
    Effect.gen(function* () {
      const options = { documents, extractor: "llm", ceiling: 1, pack: 1 } as const
      const first = yield* drive(ingest({ ...options, budget: { seconds: 3 } }))
      assert.strictEqual(Option.getOrThrow(first.stopped).reason, "budget")
      const { requests } = yield* provider
      const second = yield* drive(ingest({ ...options, budget: { seconds: 3 } }))
      assert.strictEqual(second.status, "stopped")
      assert.strictEqual((yield* provider).requests, requests)
      assert.strictEqual((yield* drive(ingest({ ...options, budget: { seconds: 3000 } }))).status, "complete")
    }).pipe(Effect.provide(world(1000)))
  )

  it.effect("a defect is written down as a failure", () =>
    Effect.gen(function* () {
      const store = yield* GraphStore
      const broken = GraphStore.of({ ...store, hash: () => Effect.die(new Error("boom")) })
      const exit = yield* Effect.exit(
        drive(Effect.provideService(ingest({ documents, extractor: "rules" }), GraphStore, broken))
      )
      assert.isTrue(Exit.isFailure(exit))
      assert.strictEqual((yield* newest).status, "failed")
    }).pipe(Effect.provide(world(0)))
  )
})
