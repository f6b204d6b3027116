import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { hashedVector } from "../../src/domain/Hashing.ts"
import { Group, itemKey, recipe, RunId } from "../../src/domain/Ids.ts"
import * as HashEmbedder from "../../src/layers/HashEmbedder.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import { ModelError, RequestRejected, RequestTooLarge } from "../../src/services/ChatModel.ts"
import { Embedder } from "../../src/services/Embedder.ts"
import * as Embeddings from "../../src/services/Embeddings.ts"
import * as Gate from "../../src/services/Gate.ts"
import { Journal } from "../../src/services/Journal.ts"
import * as ModelCalls from "../../src/services/ModelCalls.ts"
import * as Retry from "../../src/services/Retry.ts"
import { Run } from "../../src/services/Run.ts"

const group = Group.make("test")
const run = RunId.make("run")
const dimensions = 8

const remote = (batches: Array<ReadonlyArray<string>>, embed?: Embedder["Service"]["embed"]) =>
  Layer.succeed(Embedder, {
    embed:
      embed ??
      ((texts) =>
        Effect.sync(() => {
          batches.push(texts)
          return { vectors: texts.map((text) => hashedVector(text, dimensions)), tokens: texts.length }
        }).pipe(Effect.delay(100))),
    model: "remote-model",
    maxBatch: 10,
    remote: true,
    endpoint: "http://model"
  })

const layer = <E>(embedder: Layer.Layer<Embedder, E>, ceiling = 2) =>
  Embeddings.layer.pipe(
    Layer.provideMerge(ModelCalls.layer),
    Layer.provideMerge(
      Layer.mergeAll(
        Gate.layer({ ceiling }),
        Retry.layer(),
        SqliteJournal.layerMemory,
        Layer.succeed(Run, { id: run, group, startedAt: 0, elapsed: Effect.succeed(0), priority: "normal" })
      )
    ),
    Layer.provideMerge(embedder)
  )

const texts = (count: number, prefix = "text") => Array.from({ length: count }, (_, index) => `${prefix} ${index}`)
const vectorsOf = (all: ReadonlyArray<string>) => all.map((text) => hashedVector(text, dimensions))

/** Virtual time passes until the fiber ends, for a minute at most. */
const finish = <A, E>(fiber: Fiber.Fiber<A, E>) =>
  Effect.gen(function* () {
    for (let second = 0; second < 60 && fiber.pollUnsafe() === undefined; second++) yield* TestClock.adjust("1 second")
    assert.isDefined(fiber.pollUnsafe(), "it has ended")
    return yield* Fiber.join(fiber)
  })
const passages = (texts: ReadonlyArray<string>) => texts.map((text) => ({ header: "", text }))

const embedAll = (lists: ReadonlyArray<ReadonlyArray<string>>) =>
  Effect.gen(function* () {
    const { embed } = yield* Embeddings.Embeddings
    return yield* finish(
      yield* Effect.forkChild(
        Effect.forEach(lists, (list) => embed(group, passages(list)), { concurrency: "unbounded" })
      )
    )
  })

describe("Embeddings", () => {
  it.effect("answers in the order of the texts, in batches of at most maxBatch that are filled across callers", () => {
    const batches: Array<ReadonlyArray<string>> = []
    return Effect.gen(function* () {
      const lists = [texts(23, "a"), texts(4, "b"), [], texts(13, "c")]
      assert.deepStrictEqual(yield* embedAll(lists), lists.map(vectorsOf))
      assert.isAtMost(Math.max(...batches.map(({ length }) => length)), 10)
      assert.isAtMost(batches.length, 6)
      assert.strictEqual(batches.flat().length, 40)
      const totals = yield* (yield* Journal).totals(run)
      assert.deepStrictEqual([totals.calls, totals.usage.input], [{ embedding: batches.length }, 40])
    }).pipe(Effect.provide(layer(remote(batches))))
  })

  it.effect("asks for identical texts once, within a list, among concurrent lists and later", () => {
    const batches: Array<ReadonlyArray<string>> = []
    return Effect.gen(function* () {
      const { embed } = yield* Embeddings.Embeddings
      const lists = [["x", "y", "x"], ["y", "z"], ["x"]]
      assert.deepStrictEqual(yield* embedAll(lists), lists.map(vectorsOf))
      assert.deepStrictEqual(batches.flat().toSorted(), ["x", "y", "z"])
      assert.deepStrictEqual(yield* embed(group, passages(["z", "x"])), vectorsOf(["z", "x"]))
      assert.strictEqual(batches.flat().length, 3)
      assert.strictEqual((yield* ModelCalls.ModelCalls).counts.journal, 2)
    }).pipe(Effect.provide(layer(remote(batches))))
  })

  it.effect("groups share neither answers nor batches", () => {
    const batches: Array<ReadonlyArray<string>> = []
    return Effect.gen(function* () {
      const { embed } = yield* Embeddings.Embeddings
      const groups = [group, Group.make("other"), group, Group.make("other")]
      yield* finish(
        yield* Effect.forkChild(
          Effect.forEach(groups, (each) => embed(each, passages(["same"])), { concurrency: "unbounded" })
        )
      )
      assert.deepStrictEqual(batches, [["same"], ["same"]])
    }).pipe(Effect.provide(layer(remote(batches))))
  })

  it.effect("who waits for a text that another asked for gets it though that one is interrupted", () => {
    const batches: Array<ReadonlyArray<string>> = []
    return Effect.gen(function* () {
      const { embed } = yield* Embeddings.Embeddings
      const first = yield* Effect.forkChild(embed(group, passages(["shared"])))
      yield* TestClock.adjust(50)
      const second = yield* Effect.forkChild(embed(group, passages(["shared"])))
      yield* TestClock.adjust(10)
      yield* Fiber.interrupt(first)
      assert.deepStrictEqual(yield* finish(second), vectorsOf(["shared"]))
      assert.strictEqual(batches.length, 1)
    }).pipe(Effect.provide(layer(remote(batches))))
  })

  it.effect("a batch that the provider rejects stops the run, and everyone who waits learns it", () =>
    Effect.gen(function* () {
      const { embed } = yield* Embeddings.Embeddings
      const fibers = yield* Effect.forEach([texts(3), texts(25), texts(1, "c")], (list) =>
        Effect.forkChild(Effect.flip(embed(group, passages(list))))
      )
      for (const fiber of fibers) {
        const error = yield* finish(fiber)
        if (error._tag !== "RunStopped") return assert.fail(error._tag)
        assert.strictEqual(error.reason, "configuration")
        assert.include(error.message, "no such thing")
      }
    }).pipe(
      Effect.provide(
        layer(
          remote([], () =>
            Effect.fail(
              new ModelError({
                reason: new RequestRejected({ status: 400 }),
                retryable: false,
                message: "no such thing."
              })
            )
          )
        )
      )
    )
  )

  it.effect("a batch that is too large is split, and does not stop the run", () => {
    const batches: Array<ReadonlyArray<string>> = []
    const embedder = remote(batches, (batch) => {
      if (batch.length > 3) {
        return Effect.fail(new ModelError({ reason: new RequestTooLarge(), retryable: false, message: "too much." }))
      }
      batches.push(batch)
      return Effect.succeed({ vectors: vectorsOf(batch), tokens: batch.length })
    })
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* embedAll([texts(25)]), [vectorsOf(texts(25))])
      assert.deepStrictEqual(batches.flat().toSorted(), texts(25).toSorted())
    }).pipe(Effect.provide(layer(embedder)))
  })

  it.effect("an embedder that breaks down leaves nobody waiting", () =>
    Effect.gen(function* () {
      const { embed } = yield* Embeddings.Embeddings
      const fiber = yield* Effect.forkChild(Effect.exit(embed(group, passages(texts(3)))))
      assert.isTrue(Exit.hasDies(yield* finish(fiber)))
    }).pipe(Effect.provide(layer(remote([], () => Effect.die("broken")))))
  )

  it.effect("an answer in the journal that is no vector is a storage error that says so", () =>
    Effect.gen(function* () {
      const { embed } = yield* Embeddings.Embeddings
      const journal = yield* Journal
      const values = ["not JSON", "{}", '{"float32":"AAA="}', '{"float32":""}']
      yield* journal.reserve([
        {
          call: "damaged",
          run,
          group,
          kind: "embedding",
          endpoint: "http://model",
          model: "remote-model",
          items: [],
          inputTokens: 0,
          outputTokens: 0,
          usd: 0,
          at: 0
        }
      ])
      yield* journal.settle([
        {
          call: "damaged",
          outcome: "answered",
          usage: { input: 0, output: 0, cached: 0 },
          usd: 0,
          response: "",
          at: 0,
          answers: values.map((value) => ({
            key: itemKey(group, "embedding", recipe("embedding", "remote-model"), value),
            group,
            kind: "embedding",
            value
          }))
        }
      ])
      for (const value of values) {
        const error = yield* finish(yield* Effect.forkChild(Effect.flip(embed(group, passages([value])))))
        if (error._tag !== "StorageError") return assert.fail(error._tag)
        assert.deepStrictEqual([error.storage, error.reason], ["journal", "corrupt"])
      }
    }).pipe(Effect.provide(layer(remote([]))))
  )

  it.effect("an offline embedder is asked directly: no call, no answer in the journal", () =>
    Effect.gen(function* () {
      const { embed } = yield* Embeddings.Embeddings
      const all = texts(2_500)
      const vectors = yield* embed(group, passages(all))
      assert.deepStrictEqual(
        vectors,
        all.map((text) => hashedVector(text, HashEmbedder.dimensions))
      )
      assert.deepStrictEqual((yield* (yield* Journal).totals(run)).calls, {})
      assert.strictEqual((yield* ModelCalls.ModelCalls).counts.sent, 0)
    }).pipe(Effect.provide(layer(HashEmbedder.layer)))
  )

  it.effect("an offline embedder gets batches of at most maxBatch as well", () => {
    const sizes: Array<number> = []
    const offline = Layer.succeed(Embedder, {
      embed: (all) =>
        Effect.sync(() => {
          sizes.push(all.length)
          return { vectors: vectorsOf(all), tokens: 0 }
        }),
      model: "offline",
      maxBatch: 10,
      remote: false,
      endpoint: "local"
    })
    return Effect.gen(function* () {
      const { embed } = yield* Embeddings.Embeddings
      assert.deepStrictEqual(yield* embed(group, passages(texts(25))), vectorsOf(texts(25)))
      assert.deepStrictEqual(sizes, [10, 10, 5])
      assert.deepStrictEqual(yield* embed(group, passages([])), [])
    }).pipe(Effect.provide(layer(offline)))
  })
})
