import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Budget from "../../src/services/Budget.ts"
import type { Bound } from "../../src/services/Budget.ts"
import type { Price } from "../../src/services/ModelCatalog.ts"

const price: Price = { input: 1, cached: 0.1, written: 2, output: 10 }
/** Two dollars at the most: half of it for what is written to the cache. */
const bound: Bound = { model: "m", price, inputTokens: 500_000, outputTokens: 100_000, isDivisible: false }
const used = (output: number) => ({ input: 0, output, cached: 0 })

const reserve = (more: Partial<Bound> = {}) =>
  Effect.flatMap(Budget.Budget, (budget) => budget.reserve({ ...bound, ...more }))

const admitted = (more: Partial<Bound> = {}) =>
  Effect.map(reserve(more), (reserved) => reserved ?? assert.fail("It was too large"))

const begun =
  (ceilings: Budget.Ceilings, spent: Partial<Budget.Spent> = {}) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.flatMap(Budget.Budget, ({ begin }) => begin({ cost: 0, calls: 0, tokens: 0, seconds: 0, ...spent })).pipe(
      Effect.andThen(effect),
      Effect.provide(Budget.layer(ceilings))
    )

describe("Budget", () => {
  it.effect("lets in what fits beside all that is in flight, at the price of writing to the cache", () =>
    Effect.gen(function* () {
      yield* admitted()
      yield* admitted()
      const third = yield* Effect.forkChild(reserve())
      yield* TestClock.adjust(1000)
      assert.isUndefined(third.pollUnsafe(), "4 of 5 dollars are reserved")
    }).pipe(begun({ cost: 5 }))
  )

  it.effect("who does not fit waits for what others leave, in the order of coming", () =>
    Effect.gen(function* () {
      const first = yield* admitted()
      const order: Array<string> = []
      const late = (name: string, more: Partial<Bound>) =>
        Effect.forkChild(
          Effect.tap(admitted(more), () => Effect.sync(() => order.push(name))),
          {
            startImmediately: true
          }
        )
      const large = yield* late("large", {})
      const small = yield* late("small", { inputTokens: 1, outputTokens: 1 })
      assert.deepStrictEqual(order, [])
      yield* first.settle(used(1000))
      yield* Fiber.join(large)
      yield* Fiber.join(small)
      assert.deepStrictEqual(order, ["large", "small"])
    }).pipe(begun({ cost: 2.5 }))
  )

  it.effect("stops only when nothing is in flight any more, and then everybody, with a ceiling that goes on", () =>
    Effect.gen(function* () {
      const first = yield* admitted()
      const waiting = yield* Effect.forkChild(
        Effect.forEach([1, 2, 3], () => Effect.flip(reserve()), { concurrency: "unbounded" }),
        { startImmediately: true }
      )
      yield* TestClock.adjust(1000)
      assert.isUndefined(waiting.pollUnsafe())
      yield* first.settle(used(100_000))
      const stops = yield* Fiber.join(waiting)
      for (const { message, raise, reason } of stops) {
        assert.strictEqual(reason, "budget")
        assert.deepStrictEqual(raise, { limit: "cost", to: 5 })
        assert.include(message, "--max-cost")
      }
      assert.strictEqual((yield* Effect.flip(reserve({ inputTokens: 0, outputTokens: 0 }))).reason, "budget")
    }).pipe(begun({ cost: 2.5 }))
  )

  it.effect("what is too large for what is left, and can be split, is to be split at once", () =>
    Effect.gen(function* () {
      yield* admitted()
      assert.isUndefined(yield* reserve({ isDivisible: true, outputTokens: 400_000 }))
    }).pipe(begun({ cost: 4 }))
  )

  it.effect("what never came counts as spent in full, and what certainly cost nothing not at all", () =>
    Effect.gen(function* () {
      const lost = yield* admitted()
      yield* lost.keep
      yield* lost.settle(used(1))
      const refused = yield* admitted()
      yield* refused.release
      yield* (yield* admitted()).release
      assert.isDefined((yield* Effect.flip(reserve({ outputTokens: 100_001 }))).raise)
    }).pipe(begun({ cost: 4 }))
  )

  it.effect("who is interrupted while waiting, or before it goes on, holds nothing", () =>
    Effect.gen(function* () {
      const first = yield* admitted()
      const waiting = yield* Effect.forkChild(reserve(), { startImmediately: true })
      yield* Fiber.interrupt(waiting)
      yield* first.release
      yield* admitted()
    }).pipe(begun({ cost: 2 }))
  )

  it.effect("an answer longer than its cap stops the run, and says by how much", () =>
    Effect.gen(function* () {
      const first = yield* admitted()
      const error = yield* Effect.flip(first.settle(used(100_007)))
      assert.strictEqual(error.reason, "budget")
      assert.isUndefined(error.raise)
      assert.include(error.message, "7 more than the 100000")
      assert.deepStrictEqual(yield* Effect.flip(reserve()), error)
    }).pipe(begun({ cost: 100 }))
  )

  it.effect("calls are counted one by one, whatever came of them, together with those before", () =>
    Effect.gen(function* () {
      yield* (yield* admitted()).release
      yield* (yield* admitted()).settle(used(1))
      const error = yield* Effect.flip(reserve({ isDivisible: true }))
      assert.deepStrictEqual(error.raise, { limit: "calls", to: 10 })
    }).pipe(begun({ calls: 5 }, { calls: 3 }))
  )

  it.effect("a model without a price cannot be held to an amount of money", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(reserve({ price: undefined }))
      assert.strictEqual(error.reason, "configuration")
      assert.include(error.message, "--price m=")
    }).pipe(begun({ cost: 5 }))
  )

  it.effect("time runs on where earlier runs left it", () =>
    Effect.gen(function* () {
      const { timeUp } = yield* Budget.Budget
      const fiber = yield* Effect.forkChild(Effect.flip(timeUp))
      yield* TestClock.adjust("3 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 seconds")
      assert.deepStrictEqual((yield* Fiber.join(fiber)).raise, { limit: "seconds", to: 20 })
    }).pipe(begun({ seconds: 10 }, { seconds: 6 }))
  )
})
