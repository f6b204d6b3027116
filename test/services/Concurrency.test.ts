import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Scope, Semaphore } from "effect"
import { TestClock } from "effect/testing"
import { documentsFor } from "../../src/domain/LocalLimits.ts"
import * as Concurrency from "../../src/services/Concurrency.ts"
import { DocumentsInFlight } from "../../src/services/DocumentsInFlight.ts"
import * as Machine from "../../src/services/Machine.ts"
import type { Reading } from "../../src/services/Machine.ts"

const memory = 1024 ** 3

/** How many permits a semaphore has while nobody holds one. */
const permitsOf = (semaphore: Semaphore.Semaphore) =>
  Effect.gen(function* () {
    let count = 0
    while (yield* Semaphore.takeIfAvailable(semaphore, 1)) count++
    yield* Semaphore.release(semaphore, count)
    return count
  })

const sizes = Effect.gen(function* () {
  return {
    parse: yield* permitsOf(yield* Concurrency.ParseConcurrency),
    write: yield* permitsOf(yield* Concurrency.WriteConcurrency),
    documents: (yield* DocumentsInFlight).capacity
  }
})

/** So many seconds of a reading, after the one that is taken as the run begins. */
const during = (...stretches: ReadonlyArray<readonly [number, Partial<Reading>]>) =>
  Concurrency.layerAdaptive.pipe(
    Layer.provide(
      Machine.layerReadings(
        [{}, ...stretches.flatMap(([seconds, reading]) => Array.from({ length: seconds }, () => reading))],
        memory
      )
    )
  )

describe("the limits of the local phases", () => {
  it.effect("shrink while the machine is short of memory, and grow back to where they were and beyond", () =>
    Effect.gen(function* () {
      const before = yield* sizes
      assert.deepStrictEqual(before, { parse: 8, write: 256, documents: documentsFor(memory) })
      yield* TestClock.adjust("5 seconds")
      const less = yield* sizes
      assert.isTrue(less.parse === 1 && less.write < 50 && less.documents < before.documents / 5)
      yield* TestClock.adjust("55 seconds")
      assert.deepStrictEqual(yield* sizes, { parse: 1, write: 1, documents: 1 })
      yield* TestClock.adjust("30 seconds")
      const half = yield* sizes
      assert.isTrue(half.parse > 1 && half.parse < 16 && half.documents < before.documents)
      yield* TestClock.adjust("40 seconds")
      assert.deepStrictEqual(yield* sizes, { ...before, parse: 16 })
    }).pipe(Effect.provide(during([60, { memory: 0.9 }], [1, { memory: 0.1 }])))
  )

  it.effect("shrink for a busy processor, but never to one", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1 minute")
      const { documents, parse, write } = yield* sizes
      assert.deepStrictEqual([parse, write], [2, 256])
      assert.approximately(documents, documentsFor(memory) / 4, 1)
    }).pipe(Effect.provide(during([1, { cpu: 1 }])))
  )

  it.effect("are looked at once a second, and not more often", () =>
    Effect.gen(function* () {
      let readings = 0
      const machine = Layer.succeed(Machine.Machine, {
        read: Effect.sync(() => {
          readings++
          return Machine.idle
        }),
        memory
      })
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* Layer.build(Layer.provide(Concurrency.layerAdaptive, machine))
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual(readings, 11)
        })
      )
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(readings, 11)
    })
  )

  it.effect("a commit that takes long makes commits smaller, once", () =>
    Effect.gen(function* () {
      const commits = yield* Concurrency.CommitTimes
      commits.record(4000)
      commits.record(10)
      yield* TestClock.adjust("1 second")
      const { parse, write } = yield* sizes
      assert.deepStrictEqual([parse, write], [8, Math.floor(0.7 * 256)])
      yield* TestClock.adjust("1 second")
      assert.isAbove((yield* sizes).write, write)
    }).pipe(Effect.provide(during()))
  )

  it.effect("who works goes on when the limit shrinks, and who waits goes on when it has grown again", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const limits = yield* Layer.buildWithScope(during([20, { memory: 1 }], [1, {}]), scope)
      const parsers = Context.get(limits, Concurrency.ParseConcurrency)
      let now = 0
      let done = 0
      const most: Array<number> = []
      const parse = Effect.gen(function* () {
        now++
        yield* Effect.sleep("2 seconds")
        now--
        done++
      })
      const all = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 200 }), () => Semaphore.withPermit(parsers, parse), {
          concurrency: "unbounded"
        })
      )
      for (let second = 0; second < 120; second++) {
        yield* TestClock.adjust("1 second")
        most.push(now)
      }
      assert.strictEqual(most[0], 8)
      assert.deepStrictEqual(
        most.slice(10, 20),
        Array.from({ length: 10 }, () => 1)
      )
      assert.isAbove(Math.max(...most.slice(30)), 8)
      yield* Fiber.join(all)
      assert.strictEqual(done, 200)
      yield* Scope.close(scope, Exit.void)
    })
  )
})
