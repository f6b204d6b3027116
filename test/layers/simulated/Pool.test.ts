import { assert, describe, it } from "@effect/vitest"
import { estimated, goDuration, Pool } from "../../../src/layers/simulated/Pool.ts"
import type { Admitted, Ask, Denied } from "../../../src/layers/simulated/Pool.ts"
import { makeRandom } from "../../support/random.ts"
import type { Limits } from "../../../src/layers/simulated/Limits.ts"

const ask = (characters: number, cap?: number): Ask => ({
  model: "model-1",
  estimate: estimated(characters),
  input: Math.ceil(characters / 4),
  cap
})
/** A request that is charged so many tokens under `sum`. */
const of = (tokens: number): Ask => ask(0, tokens - 2)

const pool = (limits: Limits, start = 0) => new Pool(limits, 1, start)
const admitted = (answer: Admitted | Denied): Admitted => {
  if (answer._tag === "denied") return assert.fail(`denied: ${answer.message}`)
  return answer
}
const denied = (answer: Admitted | Denied): Denied => {
  if (answer._tag === "admitted") return assert.fail("admitted")
  return answer
}
/** How many requests of one kind are admitted at once. */
const burst = (limits: Pool, now: number, request: Ask = of(10)): number => {
  let count = 0
  while (limits.arrive(now, request)._tag === "admitted") count++
  return count
}

describe("a simulated provider's limits", () => {
  const traces: ReadonlyArray<readonly [string, Limits, Ask, Readonly<Record<string, string>>]> = [
    [
      "sum: 21 characters and a cap of 512 take 519 of 10,000 tokens, back in 3.114 s",
      { rpm: 500, tpm: 10_000 },
      ask(21, 512),
      {
        "x-ratelimit-limit-requests": "500",
        "x-ratelimit-remaining-requests": "499",
        "x-ratelimit-reset-requests": "120ms",
        "x-ratelimit-limit-tokens": "10000",
        "x-ratelimit-remaining-tokens": "9481",
        "x-ratelimit-reset-tokens": "3.114s"
      }
    ],
    [
      "max: 220 of 200,000 tokens are back in 66 ms",
      { tpm: 200_000, charge: "max" },
      ask(872, 200),
      { "x-ratelimit-remaining-tokens": "199780", "x-ratelimit-reset-tokens": "66ms" }
    ],
    [
      "estimate: 20 characters without a cap take 7",
      { tpm: 30_000, charge: "estimate" },
      ask(20),
      { "x-ratelimit-remaining-tokens": "29993", "x-ratelimit-reset-tokens": "14ms" }
    ],
    [
      "the requests pair tells the daily limit: one of 10,000 is back in 8.64 s",
      { rpm: 500, rpd: 10_000, headers: "daily" },
      ask(20),
      {
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-remaining-requests": "9999",
        "x-ratelimit-reset-requests": "8.64s"
      }
    ],
    [
      "anthropic: points in time, input and output apart",
      { rpm: 60, itpm: 1_000, otpm: 600, headers: "anthropic" },
      ask(400, 50),
      {
        "anthropic-ratelimit-requests-limit": "60",
        "anthropic-ratelimit-requests-remaining": "59",
        "anthropic-ratelimit-requests-reset": "1970-01-01T00:00:01.000Z",
        "anthropic-ratelimit-input-tokens-remaining": "900",
        "anthropic-ratelimit-input-tokens-reset": "1970-01-01T00:00:06.000Z",
        "anthropic-ratelimit-output-tokens-remaining": "600"
      }
    ]
  ]
  for (const [name, limits, request, headers] of traces) {
    it(name, () => assert.deepInclude(admitted(pool(limits).arrive(0, request)).headers, headers))
  }

  it("sends no headers, or placeholders, where it is told so", () => {
    assert.deepStrictEqual(admitted(pool({ rpm: 5, headers: "none" }).arrive(0, of(1_000))).headers, {})
    const { headers } = admitted(pool({ rpm: 5, headers: "placeholders" }).arrive(0, of(1_000)))
    assert.deepInclude(headers, { "x-ratelimit-limit-requests": "-1", "x-ratelimit-limit-tokens": "0" })
  })

  it("prints durations as Go does", () => {
    const millis = [0, 0.3, 66, 120, 1_000, 8_640, 72_000, 360_000, 3_600_000]
    assert.deepStrictEqual(millis.map(goDuration), [
      "0s",
      "0s",
      "66ms",
      "120ms",
      "1s",
      "8.64s",
      "1m12s",
      "6m0s",
      "1h0m0s"
    ])
  })

  it("a bucket is full at the start and fills evenly, up to a minute's worth", () => {
    const limits = pool({ rpm: 60 })
    assert.strictEqual(burst(limits, 0), 60)
    assert.strictEqual(burst(limits, 999), 0)
    assert.strictEqual(burst(limits, 1_000), 1)
    assert.strictEqual(burst(limits, 11_000), 10)
    assert.strictEqual(burst(limits, 600_000), 60)
  })

  it("a bucket of one second holds a second's worth", () => {
    const limits = pool({ rpm: 600, window: 1 })
    const { headers } = admitted(limits.arrive(0, of(10)))
    assert.deepInclude(headers, {
      "x-ratelimit-limit-requests": "600",
      "x-ratelimit-remaining-requests": "9",
      "x-ratelimit-reset-requests": "100ms"
    })
    assert.strictEqual(burst(limits, 0), 9)
    assert.strictEqual(burst(limits, 60_000), 10)
  })

  it("what is more than a short bucket holds passes when it is full, and is paid off before the next", () => {
    const limits = pool({ tpm: 6_000, window: 1 })
    admitted(limits.arrive(0, of(500)))
    assert.strictEqual(denied(limits.arrive(4_900, of(500))).headers["retry-after"], "1")
    admitted(limits.arrive(5_000, of(500)))
  })

  it("a fixed window begins anew with the minute of the calendar", () => {
    const limits = pool({ rpm: 60, window: "fixed" }, 50_000)
    assert.strictEqual(burst(limits, 50_000), 60)
    const { headers } = denied(limits.arrive(55_000, of(10)))
    assert.deepInclude(headers, { "retry-after": "5", "x-ratelimit-reset-requests": "5s" })
    assert.strictEqual(burst(limits, 60_000), 60)
    assert.strictEqual(burst(limits, 119_999), 0)
  })

  it("takes all limits together, or none", () => {
    const limits = pool({ rpm: 60, tpm: 1_000 })
    assert.strictEqual(burst(limits, 0, of(300)), 3)
    assert.deepInclude(denied(limits.arrive(0, of(300))), { why: "tpm", type: "tokens", code: "rate_limit_exceeded" })
    assert.strictEqual(admitted(limits.arrive(0, of(10))).headers["x-ratelimit-remaining-requests"], "56")
  })

  it("says what it is, how much was used and when to come again", () => {
    const limits = pool({ rpm: 100, tpm: 30_000 })
    admitted(limits.arrive(0, of(29_000)))
    const { headers, message } = denied(limits.arrive(0, of(4_000)))
    assert.include(message, "on tokens per min (TPM): Limit 30000, Used 29000, Requested 4000. Please try again in 6s.")
    assert.strictEqual(headers["retry-after"], "6")
    const terse = pool({ rpm: 1, terse: true, retryAfter: "none" })
    assert.strictEqual(burst(terse, 0), 1)
    const bare = denied(terse.arrive(0, of(10)))
    assert.notMatch(bare.message, /Limit \d|again/)
    assert.notProperty(bare.headers, "retry-after")
  })

  it("asks for whole seconds rounded up, for milliseconds, or for always the same", () => {
    const after = (retryAfter: NonNullable<Limits["retryAfter"]>) => {
      const limits = pool({ rpm: 40, retryAfter })
      burst(limits, 0)
      const { headers } = denied(limits.arrive(100, of(10)))
      return [headers["retry-after"], headers["retry-after-ms"]]
    }
    assert.deepStrictEqual(after("seconds"), ["2", undefined])
    assert.deepStrictEqual(after("milliseconds"), ["2", "1400"])
    assert.deepStrictEqual(after(90), ["90", undefined])
  })

  it("a request that can never pass is told so", () => {
    const { message, why } = denied(pool({ tpm: 30_000 }).arrive(0, of(34_567)))
    assert.strictEqual(why, "too_large")
    assert.match(message, /^Request too large .*Limit 30000, Requested 34567/)
  })

  it("what is turned away takes nothing, or of the requests what the options say", () => {
    const count = (deniedTakes: number) => {
      const limits = pool({ rpm: 60, tpm: 1_000, deniedTakes })
      admitted(limits.arrive(0, of(995)))
      for (let i = 0; i < 20; i++) denied(limits.arrive(0, of(100)))
      return limits.arrive(0, of(3))
    }
    assert.strictEqual(admitted(count(0)).headers["x-ratelimit-remaining-requests"], "58")
    assert.strictEqual(admitted(count(1)).headers["x-ratelimit-remaining-requests"], "38")
  })

  it("headers may tell more than there is", () => {
    const limits = pool({ rpm: 30, told: { rpm: 50 } })
    assert.strictEqual(admitted(limits.arrive(0, of(10))).headers["x-ratelimit-remaining-requests"], "49")
    assert.strictEqual(burst(limits, 0), 29)
    assert.strictEqual(denied(limits.arrive(0, of(10))).headers["x-ratelimit-remaining-requests"], "20")
  })

  it("limits change when they are to, and a smaller bucket loses what it has no room for", () => {
    const limits = pool(
      {
        rpm: 60,
        changes: [
          { at: 60_000, factor: 0.5 },
          { at: 120_000, factor: 2 }
        ]
      },
      1_000
    )
    const { headers } = admitted(limits.arrive(61_000, of(10)))
    assert.deepInclude(headers, { "x-ratelimit-limit-requests": "30", "x-ratelimit-remaining-requests": "29" })
    assert.strictEqual(burst(limits, 61_000), 29)
    assert.strictEqual(burst(limits, 71_000), 5)
    burst(limits, 121_000)
    assert.strictEqual(burst(limits, 131_000), 20)
  })

  it("somebody else uses their share of it", () => {
    const taken = (share: number) => {
      const limits = pool({ rpm: 600, tenant: share })
      burst(limits, 0)
      let count = 0
      for (let now = 0; now <= 600_000; now += 100) count += burst(limits, now)
      return count
    }
    assert.strictEqual(taken(0), 6_000)
    assert.closeTo(taken(0.3), 4_200, 500)
  })

  it("charges real tokens when they are known: input at once, output at the end, and then there is a debt", () => {
    const limits = pool({ tpm: 1_000, charge: "real" })
    const first = admitted(limits.arrive(0, ask(400, 5_000)))
    assert.strictEqual(first.headers["x-ratelimit-remaining-tokens"], "900")
    assert.strictEqual(first.settle(0, 1_200), 1_200)
    assert.strictEqual(denied(limits.arrive(0, ask(4))).headers["retry-after"], "19")
  })

  it("output has a limit of its own, that closes when it is used up", () => {
    const limits = pool({ otpm: 600 })
    admitted(limits.arrive(0, of(5_000))).settle(0, 600)
    assert.strictEqual(denied(limits.arrive(0, of(10))).why, "otpm")
    admitted(limits.arrive(1_000, of(10)))
  })

  it("an account is empty in the end", () => {
    const limits = pool({ quota: 250 })
    admitted(limits.arrive(0, ask(400))).settle(0, 100)
    admitted(limits.arrive(0, ask(400))).settle(0, 100)
    assert.deepInclude(denied(limits.arrive(0, ask(400))), { why: "quota", code: "insufficient_quota", status: 429 })
  })

  it("asks to slow down who grows too fast, and lets them grow by half in a quarter of an hour", () => {
    const limits = pool({ ramp: { from: 60_000, growth: 1.5 } })
    assert.strictEqual(burst(limits, 0, ask(4_000)), 10)
    assert.deepInclude(denied(limits.arrive(0, ask(4_000))), { why: "slow_down", code: "slow_down" })
    let count = 0
    for (let now = 1_000; now <= 900_000; now += 1_000) count += burst(limits, now, ask(4_000))
    let later = 0
    for (let now = 901_000; now <= 960_000; now += 1_000) later += burst(limits, now, ask(4_000))
    assert.closeTo(later, 90, 4)
    assert.isAbove(count, 900)
  })

  it("knows how much of a limit was used, of what there was", () => {
    const limits = pool({ rpm: 60 })
    burst(limits, 0)
    assert.strictEqual(burst(limits, 30_000), 30)
    assert.deepStrictEqual(limits.usage(60_000), { rpm: { taken: 90, supplied: 120 } })
  })
})

describe("whatever comes, and whenever", () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    it(`no stretch of time sees more admitted than a bucket holds and gains in it (seed ${seed})`, () => {
      const random = makeRandom(seed)
      const window = seed % 2 === 0 ? "continuous" : 1 + Math.floor(random.next() * 10)
      const limits = pool({ rpm: 60 + Math.floor(random.next() * 600), tpm: 20_000, window }, 5_000)
      const taken: Array<{ readonly at: number; readonly tokens: number }> = []
      let now = 5_000
      for (let i = 0; i < 600; i++) {
        now += random.next() < 0.02 ? random.next() * 20_000 : random.next() * 300
        const tokens = 3 + Math.floor(random.next() * 600)
        if (limits.arrive(now, of(tokens))._tag === "admitted") taken.push({ at: now, tokens })
      }
      const capacity = window === "continuous" ? 20_000 : (20_000 * window) / 60
      const first = random.next() * taken.length
      let sum = 0
      for (const { at, tokens } of taken.slice(first)) {
        sum += tokens
        const gained = ((at - (taken[Math.floor(first)]?.at ?? 0)) * 20_000) / 60_000
        assert.isAtMost(sum, capacity + gained + 1e-3)
      }
      assert.isAbove(taken.length, 100)
      assert.isBelow(taken.length, 600)
    })
  }
})

describe("a simulated server with places", () => {
  const slots = { count: 2, queue: 1, step: 10, perRequest: 5 }

  it("is slower the more it does at once, queues, and turns away what its queue has no place for", () => {
    const limits = pool({ slots })
    const server = limits.slots
    if (server === undefined) return assert.fail()
    const first = server.enter(0, 100)
    const second = server.enter(1_000, 100)
    const third = server.enter(1_000, 100)
    assert.deepInclude(denied(limits.arrive(1_000, of(10))), {
      why: "queue",
      status: 503,
      code: "server_is_overloaded"
    })
    // Alone a token takes 15 ms, in pairs 20: a third of its tokens, 100 - 1000/15, are left at 1,000.
    const end = 1_000 + (100 - 1_000 / 15) * 20
    assert.isAbove(server.left(end - 1, first), 0)
    assert.strictEqual(server.left(end, first), 0)
    assert.isAbove(server.left(end, third), 0)
    server.leave(end, first)
    assert.strictEqual(limits.arrive(end, of(10))._tag, "admitted")
    const secondEnd = 1_000 + 100 * 20
    assert.strictEqual(server.left(secondEnd, second), 0)
    server.leave(secondEnd, second)
    const thirdEnd = secondEnd + (100 - (secondEnd - end) / 20) * 15
    assert.isAbove(server.left(thirdEnd - 1, third), 0)
    assert.strictEqual(server.left(thirdEnd, third), 0)
  })
})
