import { assert, describe, it } from "@effect/vitest"
import { day, goDuration, limitOfMessage, limitsOf, minute, windowOf } from "../../../src/services/gate/Headers.ts"

const pair = (limit: number, remaining: number, reset: string) => ({
  "x-ratelimit-limit-tokens": `${limit}`,
  "x-ratelimit-remaining-tokens": `${remaining}`,
  "x-ratelimit-reset-tokens": reset
})

describe("Headers", () => {
  it("reads durations as Go writes them, and nothing else", () => {
    const read = ["120ms", "1s", "6m0s", "8.64s", "1h2m3.5s", "24h0m0s", "2m", "1d"].map(goDuration)
    assert.deepStrictEqual(read, [120, 1_000, 360_000, 8_640, 3_723_500, day, 120_000, day])
    assert.deepStrictEqual(["", "1", "-1", "s", "1s1h", "1 s", "Infinity"].map(goDuration), Array(7).fill(undefined))
  })

  it("tells the window from what OpenAI was seen to send", () => {
    for (const [limit, used, reset] of [
      [200_000, 220, "66ms"],
      [30_000, 1_287, "2.572s"],
      [10_000, 519, "3.114s"],
      [500, 1, "120ms"]
    ] as const) {
      const [told] = limitsOf(pair(limit, limit - used, reset), 0)
      assert.isDefined(told)
      if (told !== undefined) assert.strictEqual(windowOf(told), minute, `${limit}`)
    }
    const [daily] = limitsOf(
      {
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-remaining-requests": "9999",
        "x-ratelimit-reset-requests": "8.64s"
      },
      0
    )
    assert.deepStrictEqual(daily, {
      name: "x-ratelimit-limit-requests",
      dimension: "requests",
      limit: 10_000,
      remaining: 9_999,
      reset: 8_640
    })
    if (daily !== undefined) assert.strictEqual(windowOf(daily), day)
  })

  it("does not guess a window where the reset fits none, or nothing is used", () => {
    const [small] = limitsOf(pair(2_000_000, 29_000, "130ms"), 0)
    const [whole] = limitsOf(pair(2_000_000, 2_000_000, "0s"), 0)
    if (small === undefined || whole === undefined) return assert.fail("read")
    assert.isUndefined(windowOf(small))
    assert.isUndefined(windowOf(whole))
  })

  it("takes placeholders, nonsense and remainders without a limit for nothing", () => {
    for (const headers of [
      {},
      pair(-1, -1, "0s"),
      pair(0, 0, "0s"),
      { "x-ratelimit-remaining-tokens": "100" },
      { "x-ratelimit-limit-tokens": "many" },
      { "x-ratelimit-limit-tokens": "9".repeat(40) }
    ]) {
      assert.deepStrictEqual(limitsOf(headers, 0), [])
    }
    assert.deepStrictEqual(limitsOf(pair(100, 200, "soon"), 0), [
      { name: "x-ratelimit-limit-tokens", dimension: "tokens", limit: 100, remaining: undefined, reset: undefined }
    ])
  })

  it("reads Anthropic's limits, whose resets are points in time", () => {
    const now = Date.UTC(2026, 10, 20, 12)
    const told = limitsOf(
      {
        "anthropic-ratelimit-input-tokens-limit": "50000",
        "anthropic-ratelimit-input-tokens-remaining": "40000",
        "anthropic-ratelimit-input-tokens-reset": "2026-11-20T12:00:12Z",
        "anthropic-ratelimit-output-tokens-limit": "8000",
        "anthropic-ratelimit-output-tokens-remaining": "8000",
        "anthropic-ratelimit-output-tokens-reset": "2026-11-20T12:00:00Z"
      },
      now
    )
    assert.deepStrictEqual(
      told.map(({ dimension, limit, remaining, reset }) => [dimension, limit, remaining, reset]),
      [
        ["inputTokens", 50_000, 40_000, 12_000],
        ["outputTokens", 8_000, 8_000, 0]
      ]
    )
    if (told[0] !== undefined) assert.strictEqual(windowOf(told[0]), minute)
  })

  it("keeps the limits of organisation and project apart", () => {
    const told = limitsOf(
      {
        ...pair(1_000, 900, "6s"),
        "x-ratelimit-limit-project-tokens": "500",
        "x-ratelimit-remaining-project-tokens": "1"
      },
      0
    )
    assert.strictEqual(new Set(told.map(({ name }) => name)).size, 2)
  })

  it("reads the limit that a 429 states", () => {
    const said = (message: string) => limitOfMessage(`Rate limit reached for m in organization o on ${message}`)
    assert.deepStrictEqual(said("tokens per min (TPM): Limit 10000, Used 9500, Requested 1200."), {
      dimension: "tokens",
      limit: 10_000,
      window: minute,
      requested: 1_200
    })
    assert.deepStrictEqual(said("requests per day (RPD): Limit: 1,000, Used 1,000"), {
      dimension: "requests",
      limit: 1_000,
      window: day,
      requested: undefined
    })
    assert.isUndefined(said("tokens per min (TPM). Please try again later."))
    assert.isUndefined(limitOfMessage("Limit 7"))
  })
})
