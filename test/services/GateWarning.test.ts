import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Option } from "effect"
import { TestClock } from "effect/testing"
import * as Gate from "../../src/services/Gate.ts"

const headers = {
  "x-ratelimit-limit-requests": "100",
  "x-ratelimit-remaining-requests": "99",
  "x-ratelimit-reset-requests": "600ms",
  "x-ratelimit-limit-tokens": "1000000",
  "x-ratelimit-remaining-tokens": "999900",
  "x-ratelimit-reset-tokens": "6ms"
}

describe("a limit that is nearly used up", () => {
  it.effect("is told of once, by name, with what would raise it; one that is not nearly used up is not", () =>
    Effect.gen(function* () {
      const said: Array<string> = []
      const capture = Logger.make<unknown, void>(({ message }) => void said.push(String(message)))
      yield* Effect.gen(function* () {
        const gate = yield* Gate.Gate
        const demand = Option.some({ inputTokens: 100, outputCap: 0, expectedOutput: 0 })
        const call = gate.admit(
          { pool: "api.example model", priority: "normal", again: false, demand: () => demand },
          ({ settle }) =>
            Effect.andThen(
              Effect.sleep(100),
              settle({ _tag: "answered", headers, usage: { input: 100, output: 0, cached: 0 } })
            )
        )
        yield* call.pipe(Effect.forkChild, Effect.andThen(TestClock.adjust("1 second")))
        assert.deepStrictEqual(said, [])
        yield* Effect.forkChild(Effect.forEach(Array.from({ length: 300 }), () => call, { concurrency: "unbounded" }))
        yield* TestClock.adjust("10 minutes")
        assert.strictEqual(yield* gate.inFlight, 0)
      }).pipe(Effect.provide(Layer.merge(Gate.layer({ ceiling: 50 }), Logger.layer([capture]))))
      assert.strictEqual(said.length, 1)
      const [warning = ""] = said
      assert.include(warning, "limit on requests (100 a minute) of api.example model")
      assert.include(warning, "tier")
      assert.include(warning, "--pack")
    })
  )
})
