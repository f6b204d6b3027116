import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { TestClock } from "effect/testing"
import {
  ConnectionFault,
  Misconfigured,
  ModelError,
  Overloaded,
  QuotaExhausted,
  RateLimited,
  ServerFault
} from "../../src/services/ChatModel.ts"
import { layer, Retry } from "../../src/services/Retry.ts"
import type { RetryOptions } from "../../src/services/Retry.ts"

const options: RetryOptions = { base: 500, cap: 30_000, patience: 600_000, firstPatience: 30_000 }

const fault = (reason: ModelError["reason"]): ModelError =>
  new ModelError({ reason, retryable: true, message: `it said ${reason._tag}.` })

const serverFault = fault(new ServerFault({ status: 500 }))

describe("Retry", () => {
  it.effect("waits between nothing and the doubled base, at most the cap, and spreads out within that", () =>
    Effect.gen(function* () {
      const retry = yield* Retry
      for (const [attempt, most] of [
        [1, 500],
        [2, 1_000],
        [5, 8_000],
        [7, 30_000],
        [2_000, 30_000]
      ] as const) {
        const waits = yield* Effect.forEach(Array.from({ length: 200 }), () =>
          Effect.map(retry.onFault("pool", attempt, serverFault), ({ wait }) => wait)
        )
        assert.isAtLeast(Math.min(...waits), 0)
        assert.isAtMost(Math.max(...waits), most)
        assert.isBelow(Math.min(...waits), most * 0.2, "full jitter reaches down")
        assert.isAbove(Math.max(...waits), most * 0.8, "and up")
      }
    }).pipe(Random.withSeed("waits"), Effect.provide(layer(options)))
  )

  it.effect("stops instead of sleeping when the provider asks for more than the patience", () =>
    Effect.gen(function* () {
      const retry = yield* Retry
      const limited = (retryAfter: number) => fault(new RateLimited({ dimension: "requests", retryAfter }))
      const day = 86_400_000
      const stopped = yield* Effect.flip(retry.onFault("day", 1, limited(day)))
      assert.strictEqual(stopped.reason, "provider")
      assert.isTrue(stopped.retryable)
      assert.match(stopped.message, /86400 s/)
      yield* retry.onFault("minutes", 1, limited(400_000))
      yield* TestClock.adjust("400 seconds")
      yield* Effect.flip(retry.onFault("minutes", 2, limited(400_000)))
      yield* retry.onAnswer("minutes")
      yield* retry.onFault("minutes", 1, limited(400_000))
    }).pipe(Effect.provide(layer(options)))
  )

  it.effect("never undercuts Retry-After, and exceeds it by a tenth at most", () =>
    Effect.gen(function* () {
      const retry = yield* Retry
      for (const reason of [
        new RateLimited({ dimension: "tokens", retryAfter: 7_000 }),
        new Overloaded({ retryAfter: 7_000 }),
        new ServerFault({ status: 500, retryAfter: 7_000 })
      ]) {
        for (let attempt = 1; attempt < 40; attempt++) {
          const { wait } = yield* retry.onFault("pool", attempt, fault(reason))
          assert.isAtLeast(wait, 7_000)
          assert.isAtMost(wait, 7_701)
        }
      }
    }).pipe(Effect.provide(layer(options)))
  )

  it.effect("backs off by itself where Retry-After says nothing: a provider that asks for 0 s is not hammered", () =>
    Effect.gen(function* () {
      const retry = yield* Retry
      const waits = yield* Effect.forEach(Array.from({ length: 50 }), () =>
        Effect.map(retry.onFault("pool", 6, fault(new Overloaded({ retryAfter: 0 }))), ({ wait }) => wait)
      )
      assert.isAbove(Math.max(...waits), 5_000)
    }).pipe(Effect.provide(layer(options)))
  )

  it.effect("freezes the pool for as long as it waits where the provider is at a limit, and only there", () =>
    Effect.gen(function* () {
      const retry = yield* Retry
      for (const reason of [new RateLimited({ dimension: "requests", retryAfter: 900 }), new Overloaded({})]) {
        const { freeze, wait } = yield* retry.onFault("pool", 4, fault(reason))
        assert.strictEqual(freeze, wait)
      }
      for (const reason of [new ServerFault({ status: 502, retryAfter: 900 }), new ConnectionFault({})]) {
        assert.strictEqual((yield* retry.onFault("pool", 4, fault(reason))).freeze, 0)
      }
    }).pipe(Effect.provide(layer(options)))
  )

  it.effect("stops at once where no waiting helps, and says what to do", () =>
    Effect.gen(function* () {
      const retry = yield* Retry
      const quota = yield* Effect.flip(retry.onFault("pool", 1, fault(new QuotaExhausted({}))))
      assert.strictEqual(quota._tag, "RunStopped")
      assert.strictEqual(quota.reason, "quota")
      assert.include(quota.message, "it said QuotaExhausted.")
      const configuration = yield* Effect.flip(retry.onFault("pool", 1, fault(new Misconfigured({ status: 401 }))))
      assert.strictEqual(configuration.reason, "configuration")
      assert.isFalse(configuration.retryable)
      assert.include(configuration.message, "401")
    }).pipe(Effect.provide(layer(options)))
  )

  it.effect("a pool that never answered gets the first patience; a rate limit is an answer of a kind", () =>
    Effect.gen(function* () {
      const retry = yield* Retry
      const limited = fault(new RateLimited({ dimension: "requests" }))
      yield* retry.onFault("pool", 1, serverFault)
      yield* TestClock.adjust(29_999)
      yield* retry.onFault("pool", 2, serverFault)
      yield* TestClock.adjust(1)
      const stopped = yield* Effect.flip(retry.onFault("pool", 3, serverFault))
      assert.strictEqual(stopped.reason, "provider")
      assert.isTrue(stopped.retryable)
      assert.include(stopped.message, "30 s")
      yield* retry.onFault("pool", 3, limited)
      yield* retry.onFault("another pool", 1, serverFault)
    }).pipe(Effect.provide(layer(options)))
  )

  it.effect("patience begins anew with each answer", () =>
    Effect.gen(function* () {
      const retry = yield* Retry
      for (let round = 0; round < 5; round++) {
        yield* retry.onAnswer("pool")
        yield* retry.onFault("pool", 1, serverFault)
        yield* TestClock.adjust(599_999)
        yield* retry.onFault("pool", 2, serverFault)
      }
      yield* TestClock.adjust(1)
      const stopped = yield* Effect.flip(retry.onFault("pool", 3, serverFault))
      assert.strictEqual(stopped.reason, "provider")
    }).pipe(Effect.provide(layer(options)))
  )

  it.effect("time in which nothing was sent is no silence of the provider", () =>
    Effect.gen(function* () {
      const retry = yield* Retry
      yield* retry.onAnswer("pool")
      yield* TestClock.adjust("2 hours")
      assert.isAtMost((yield* retry.onFault("pool", 1, serverFault)).wait, 500)
    }).pipe(Effect.provide(layer(options)))
  )
})
