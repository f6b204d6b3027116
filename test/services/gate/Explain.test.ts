import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Logger, Option } from "effect"
import { TestClock } from "effect/testing"
import { RateLimited } from "../../../src/services/ChatModel.ts"
import { holding } from "../../../src/services/gate/Explain.ts"
import { Pool } from "../../../src/services/gate/Pool.ts"
import * as Gate from "../../../src/services/Gate.ts"
import { ModelError } from "../../../src/services/ChatModel.ts"

const demand = { inputTokens: 100, outputCap: 100, expectedOutput: 50 }
const job = () => ({
  place: { priority: "normal", again: false, group: "", expectedOutput: 50 } as const,
  demand: () => Option.some(demand)
})

/** A pool with twenty who wait, after the headers of a first answer. */
const waiting = (headers: Readonly<Record<string, string>>, ceiling = 8, allowed?: number) => {
  const pool = new Pool<ReturnType<typeof job>>({ ceiling, adaptive: true })
  if (allowed !== undefined) pool.allow("requests", allowed, 0)
  for (let index = 0; index < 21; index++) pool.enqueue(job(), 0)
  const first = pool.next(0)
  if (first._tag !== "admit") return assert.fail(first._tag)
  if (Object.keys(headers).length > 0) {
    const usage = { input: 100, output: 50, cached: 0 }
    pool.settle(first.admission, { _tag: "answered", headers, usage }, 100)
    pool.leave(first.admission, 100)
  }
  let now = 100
  for (let next = pool.next(now); next._tag !== "wait" || next.until < now + 1_000; next = pool.next(now)) {
    if (next._tag === "wait") now = next.until
  }
  return holding([pool.state(now)])
}

describe("what holds a run back", () => {
  it("is said in a few words, and with the flag that would change it", () => {
    const told = (dimension: string, limit: number, left: number) => ({
      [`x-ratelimit-limit-${dimension}`]: String(limit),
      [`x-ratelimit-remaining-${dimension}`]: String(left)
    })
    assert.strictEqual(waiting(told("tokens", 12_000, 500)), "limit: 12,000 tokens/min")
    assert.strictEqual(waiting(told("requests", 30, 3)), "limit: 30 requests/min")
    assert.strictEqual(waiting(told("requests", 30_000, 29_999), 2), "limit: 2 calls at once (--concurrency)")
    assert.strictEqual(waiting(told("requests", 30_000, 29_999), 64, 5), "limit: 5 requests/min (--rpm)")
    assert.strictEqual(waiting({}), "waiting for a first answer")
    assert.strictEqual(holding([]), undefined)
  })

  it("is a pause where the provider asked for one", () => {
    const pool = new Pool<ReturnType<typeof job>>({ ceiling: 8, adaptive: true })
    pool.enqueue(job(), 0)
    pool.freeze(30_000)
    pool.next(0)
    assert.strictEqual(holding([pool.state(500)]), "the provider wants a pause of 30 s")
  })
})

describe("the warning at 80 % of a limit", () => {
  it.effect("comes once, names limit and model but no pool, and says what would raise it", () => {
    const logged: Array<string> = []
    const logger = Logger.make<unknown, void>(({ message }) => void logged.push(String(message)))
    return Effect.gen(function* () {
      const gate = yield* Gate.Gate
      yield* gate.allow("https://api.example.com/v1#0123abcd m", { requests: 90 })
      const fiber = yield* Effect.forEach(
        Array.from({ length: 200 }),
        () =>
          gate.admit(
            {
              pool: "https://api.example.com/v1#0123abcd m",
              priority: "normal",
              again: false,
              demand: () => Option.some(demand)
            },
            ({ settle }) =>
              settle({
                _tag: "answered",
                headers: { "x-ratelimit-limit-tokens": "12000" },
                usage: { input: 100, output: 50, cached: 0 }
              })
          ),
        { concurrency: "unbounded", discard: true }
      ).pipe(Effect.forkChild)
      yield* TestClock.adjust("10 minutes")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(logged.toSorted(), [
        "80 % of the limit of 12,000 tokens a minute is in use (m at https://api.example.com/v1): from here on it decides how long the run takes. A higher usage tier of the account raises it.",
        "80 % of the limit of 90 requests a minute is in use (m at https://api.example.com/v1): from here on it decides how long the run takes. You set it by --rpm. More chunks a call (--pack) need fewer requests."
      ])
    }).pipe(Effect.provide([Gate.layer({ ceiling: 4 }), Logger.layer([logger])]))
  })
})

describe("a limit that was met", () => {
  it("is named as it was stated", () => {
    const pool = new Pool<ReturnType<typeof job>>({ ceiling: 8, adaptive: true })
    pool.enqueue(job(), 0)
    const first = pool.next(0)
    if (first._tag !== "admit") return assert.fail(first._tag)
    const message = "Rate limit reached on requests per min (RPM): Limit 20, Used 20, Requested 1."
    const reason = new RateLimited({ dimension: "requests", retryAfter: 3_000 })
    const error = new ModelError({ reason, retryable: true, message })
    pool.settle(first.admission, { _tag: "failed", error, freeze: 3_000 }, 100)
    pool.leave(first.admission, 100)
    pool.enqueue(job(), 100)
    pool.next(100)
    assert.strictEqual(holding([pool.state(100)]), "limit: 20 requests/min")
  })
})
