import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Limits } from "../../src/layers/simulated/Limits.ts"
import { sent } from "../support/limits.ts"
import type { Arrival } from "../support/limits.ts"
import { makeRandom } from "../support/random.ts"

const truthful = [
  { headers: "openai" },
  // A second holds a few calls, not less than one.
  { headers: "openai", window: 1, tpm: 400_000 },
  { headers: "daily", rpd: 10_000 },
  { headers: "openai", charge: "max" },
  { headers: "openai", charge: "estimate" }
] as const satisfies ReadonlyArray<Limits>

describe("a provider with limits, and a gate that is told none", () => {
  for (const [seed, shape] of truthful.entries()) {
    it.effect(
      `nothing is lost, and hardly anything is turned away while headers are true: ${JSON.stringify(shape)}`,
      () =>
        Effect.gen(function* () {
          const random = makeRandom(seed + 1)
          const limits = { rpm: 500, tpm: random.between(40, 80) * 1_000, ...shape }
          const { turnedAway, used } = yield* sent({ limits, seed })
          assert.isAtMost(turnedAway, 3)
          assert.isAbove(used, 0.85)
        })
    )
  }

  for (const shape of [
    { headers: "none" },
    { headers: "none", terse: true, retryAfter: "none" },
    { headers: "placeholders", window: 1 },
    { told: { rpm: 800, tpm: 400_000 }, terse: true },
    { headers: "none", terse: true, deniedTakes: 1 }
  ] as const satisfies ReadonlyArray<Limits>) {
    it.effect(`nothing is lost where limits must be found out: ${JSON.stringify(shape)}`, () =>
      Effect.gen(function* () {
        const { turnedAway, used } = yield* sent({ limits: { rpm: 400, tpm: 200_000, ...shape }, seed: 3 })
        assert.isAtMost(turnedAway, 20)
        assert.isAbove(used, 0.85)
      })
    )
  }
})

/** The most in any minute, whenever it begins. */
const mostIn = (arrivals: ReadonlyArray<Arrival>, of: (one: Arrival) => number): number =>
  Math.max(
    ...arrivals.map(({ at }) =>
      arrivals.filter((one) => one.at > at - 60_000 && one.at <= at).reduce((sum, one) => sum + of(one), 0)
    )
  )

describe("limits that the user sets", () => {
  const own = { requests: 60, tokens: 60_000 }
  for (const [name, limits] of Object.entries<Limits>({
    "no headers come": { headers: "none" },
    "headers tell more": { rpm: 500, tpm: 500_000 },
    "one of the two is lower in headers": { rpm: 40, tpm: 500_000 }
  })) {
    it.effect(`are never exceeded, and used, where ${name}`, () =>
      Effect.gen(function* () {
        const { arrivals, seconds, turnedAway } = yield* sent({ limits, seed: 5, allowance: own })
        const requests = mostIn(arrivals, () => 1)
        const tokens = mostIn(arrivals, (one) => one.tokens)
        assert.isAtMost(requests, own.requests)
        assert.isAtMost(tokens, own.tokens)
        assert.isAbove(Math.max(requests / Math.min(own.requests, limits.rpm ?? Infinity), tokens / own.tokens), 0.95)
        assert.strictEqual(turnedAway, 0)
        assert.isBelow(seconds, 330)
      })
    )
  }
})

describe("a limit of the user's that is smaller than a single call", () => {
  it.effect("stops the run and says so: no document is given up for it", () =>
    Effect.gen(function* () {
      const stopped = yield* Effect.flip(sent({ limits: {}, seed: 1, calls: 3, allowance: { tokens: 500 } }))
      assert.strictEqual(stopped._tag, "RunStopped")
      assert.match(stopped.message, /^One call takes about \d+ tokens, .* --tpm allows 500 a minute: raise it/)
    })
  )
})
