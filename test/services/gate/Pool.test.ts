import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import { ModelError, ConnectionFault, Overloaded, RateLimited, ServerFault } from "../../../src/services/ChatModel.ts"
import { Pool } from "../../../src/services/gate/Pool.ts"
import type { Admission, Feedback, Waiter } from "../../../src/services/gate/Pool.ts"
import { makeRandom } from "../../support/random.ts"

interface Job extends Waiter {
  readonly charge: number
}

const job = (inputTokens: number, outputCap: number, expectedOutput = outputCap): Job => ({
  place: { priority: "normal", again: false, group: "", expectedOutput },
  demand: () => Option.some({ inputTokens, outputCap, expectedOutput }),
  charge: inputTokens + outputCap
})

const headersOf = (limits: ReadonlyArray<readonly [string, number, number]>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    limits.flatMap(([name, limit, remaining]) => [
      [`x-ratelimit-limit-${name}`, `${limit}`],
      [`x-ratelimit-remaining-${name}`, `${remaining}`],
      [`x-ratelimit-reset-${name}`, `${Math.ceil(((limit - remaining) / limit) * 60_000)}ms`]
    ])
  )

const answered = (headers: Readonly<Record<string, string>> = {}): Feedback => ({
  _tag: "answered",
  headers,
  usage: { input: 10, output: 10, cached: 0 }
})

const failed = (reason: ModelError["reason"], freeze = 0, message = "no"): Feedback => ({
  _tag: "failed",
  error: new ModelError({ reason, retryable: true, message }),
  freeze
})

/** Admits the next, or says until when nobody can be. */
const step = (pool: Pool<Job>, now: number): Admission | number => {
  const next = pool.next(now)
  if (next._tag === "wait") return next.until
  return next._tag === "admit" ? next.admission : assert.fail(next._tag)
}

const admit = (pool: Pool<Job>, now: number): Admission => {
  const next = step(pool, now)
  return typeof next === "number" ? assert.fail(`nobody before ${next}`) : next
}

const end = (pool: Pool<Job>, admission: Admission, feedback: Feedback, now: number) => {
  pool.settle(admission, feedback, now)
  pool.leave(admission, now)
}

/** A pool that has been told limits by its first call. */
const told = (limits: ReadonlyArray<readonly [string, number, number]>, waiting = 500, ceiling = 1_000) => {
  const pool = new Pool<Job>({ ceiling, adaptive: true })
  for (let i = 0; i < waiting; i++) pool.enqueue(job(100, 0), 0)
  end(pool, admit(pool, 0), answered(headersOf(limits)), 10)
  return pool
}

/** How many are admitted from `from` until `to`, while none ends. */
const countUntil = (pool: Pool<Job>, from: number, to: number): number => {
  let count = 0
  for (let now = from; now <= to;) {
    const next = step(pool, now)
    if (typeof next === "number") now = Math.max(now + 1, Math.ceil(next))
    else count++
  }
  return count
}

describe("Pool", () => {
  it("the first call goes alone; its headers open everything", () => {
    const pool = new Pool<Job>({ ceiling: 50, adaptive: true })
    for (let i = 0; i < 100; i++) pool.enqueue(job(100, 100), 0)
    const first = admit(pool, 0)
    assert.isNumber(step(pool, 200))
    end(
      pool,
      first,
      answered(
        headersOf([
          ["requests", 5_000, 4_999],
          ["tokens", 2_000_000, 1_999_800]
        ])
      ),
      250
    )
    assert.strictEqual(countUntil(pool, 250, 5_000), 50)
  })

  it("who answers late does not keep all others waiting", () => {
    const pool = new Pool<Job>({ ceiling: 50, adaptive: true })
    for (let i = 0; i < 100; i++) pool.enqueue(job(100, 100), 0)
    admit(pool, 0)
    const others = countUntil(pool, 1, 2_000)
    assert.isAtLeast(others, 8)
    assert.isAtMost(others, 49)
  })

  it("is never above a limit that it was told, nor long below it, whatever calls take and answers say when", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = makeRandom(seed)
      const rpm = random.between(60, 3_000)
      const tpm = random.between(20_000, 500_000)
      const jobs = Array.from({ length: 600 }, () => job(random.between(10, 1_500), random.pick([0, 300, 800])))
      const pool = new Pool<Job>({ ceiling: 400, adaptive: true })
      for (const one of jobs) pool.enqueue(one, 0)
      let now = 0
      let at = 0
      let requests = rpm
      let tokens = tpm
      let charged = 0
      let last = 0
      let isTold = false
      const events: Array<{ readonly at: number; readonly run: () => void }> = []
      const refill = () => {
        requests = Math.min(rpm, requests + ((now - at) * rpm) / 60_000)
        tokens = Math.min(tpm, tokens + ((now - at) * tpm) / 60_000)
        at = now
      }
      for (let turns = 0; turns < 100_000; turns++) {
        const next = pool.next(now)
        if (next._tag === "admit") {
          refill()
          requests--
          tokens -= next.waiter.charge
          charged += next.waiter.charge
          // Before the first answer nothing was told.
          if (isTold) {
            assert.isAtLeast(requests, -1e-6, `seed ${seed}: requests at ${now}`)
            assert.isAtLeast(tokens, -1e-6, `seed ${seed}: tokens at ${now}`)
          } else if (tokens < 0) tokens = 0
          last = now
          const headers = headersOf([
            ["requests", rpm, Math.floor(requests)],
            ["tokens", tpm, Math.floor(tokens)]
          ])
          events.push({
            at: now + random.between(100, 9_000),
            run: () => {
              isTold = true
              end(pool, next.admission, answered(headers), now)
            }
          })
          events.sort((a, b) => b.at - a.at)
          continue
        }
        if (next._tag !== "wait") return assert.fail(next._tag)
        const event = events.at(-1)
        if (event === undefined && next.until === Infinity) break
        if (event !== undefined && event.at <= next.until) {
          events.pop()
          now = event.at
          event.run()
        } else now = Math.ceil(next.until)
      }
      assert.strictEqual(pool.waiting, 0, `seed ${seed}`)
      const bound = Math.max((600 - rpm) / rpm, (charged - tpm) / tpm) * 60_000
      assert.isBelow(last, Math.max(bound * 1.05, 0) + 12_000, `seed ${seed}`)
    }
  })

  it("debits all limits or none: what waits for tokens takes no requests", () => {
    const pool = told([
      ["requests", 100, 99],
      ["tokens", 1_000, 900]
    ])
    const count = countUntil(pool, 10, 2_000)
    assert.isAtMost(count, 10)
    const state = pool.state(2_000)
    assert.strictEqual(state.binding, "tokens")
    const requests = state.limits.find(({ dimension }) => dimension === "requests")
    assert.isAtLeast(requests?.level ?? 0, 100 - count - 2)
  })

  it("a 429 freezes the limit that it names until Retry-After, gives back the others, and goes to the head", () => {
    const pool = told([
      ["requests", 60_000, 59_999],
      ["tokens", 6_000_000, 5_999_900]
    ])
    const turned = admit(pool, 100)
    const before = pool.state(100).limits.find(({ dimension }) => dimension === "tokens")?.level ?? 0
    end(pool, turned, failed(new RateLimited({ dimension: "requests", retryAfter: 2_000 }), 2_100), 120)
    const after = pool.state(120).limits.find(({ dimension }) => dimension === "tokens")?.level ?? 0
    assert.isAtLeast(after, before)
    assert.strictEqual(step(pool, 121), 2_220)
    assert.isNotNumber(step(pool, 2_220))
  })

  it("a single call that is larger than a limit is never sent", () => {
    const pool = told([["tokens", 1_000, 900]], 1)
    pool.enqueue(job(900, 400), 20)
    const next = pool.next(20)
    assert.strictEqual(next._tag, "tooLarge")
    assert.strictEqual(pool.waiting, 0)
  })

  it("learns whether the output cap is charged", () => {
    const rules = (
      [
        ["sum", 600],
        ["input", 100],
        ["larger", 500]
      ] as const
    ).map(([, charge]) => {
      const pool = new Pool<Job>({ ceiling: 10, adaptive: true })
      pool.enqueue(job(100, 500), 0)
      end(pool, admit(pool, 0), answered(headersOf([["tokens", 100_000, 100_000 - charge]])), 100)
      return pool.state(100).charge
    })
    assert.deepStrictEqual(rules, ["sum", "input", "larger"])
  })

  it("headers that lie are found out: the rate comes down to what passes", () => {
    const pool = told([["tokens", 600_000, 599_900]], 60_000)
    let tokens = 5_000
    let at = 10
    let denied = 0
    let passed = 0
    for (let now = 10; now < 600_000;) {
      const next = step(pool, now)
      if (typeof next === "number") {
        now = Math.max(now + 1, Math.ceil(Math.min(next, now + 1_000)))
        continue
      }
      tokens = Math.min(5_000, tokens + (now - at) * 5)
      at = now
      if (tokens >= 100) {
        tokens -= 100
        if (now > 300_000) passed++
        end(pool, next, answered(headersOf([["tokens", 600_000, 590_000]])), now)
      } else {
        if (now > 300_000) denied++
        end(pool, next, failed(new RateLimited({ dimension: "tokens", retryAfter: 1_000 }), 1_050), now)
      }
    }
    assert.isBelow(denied, passed / 100)
    assert.isAbove(passed, 15_000 * 0.9)
  })

  it("a provider that nobody reaches is left alone, then tried by one call at a time", () => {
    const pool = told([["requests", 60_000, 59_999]])
    const sent = Array.from({ length: 6 }, (_, index) => admit(pool, 1_000 + index * 30))
    for (const one of sent) end(pool, one, failed(new ConnectionFault({})), 1_500)
    assert.strictEqual(step(pool, 1_501), 2_500)
    const tried = admit(pool, 2_500)
    assert.isNumber(step(pool, 2_500))
    end(pool, tried, failed(new ConnectionFault({})), 2_600)
    assert.strictEqual(step(pool, 2_700), 4_600)
    end(pool, admit(pool, 4_600), answered(), 4_700)
    assert.isNotNumber(step(pool, 4_800))
    assert.isNotNumber(step(pool, 4_900))
  })

  it("one overloaded machine is no overloaded provider; many are", () => {
    const few = told([["requests", 60_000, 59_999]], 500, 64)
    const many = told([["requests", 60_000, 59_999]], 500, 64)
    for (let i = 0; i < 100; i++) {
      end(few, admit(few, 100 + i * 20), i % 30 === 0 ? failed(new Overloaded({})) : answered(), 100 + i * 20)
      const now = 100 + i * 2_000
      const next = step(many, now)
      if (typeof next !== "number") end(many, next, failed(new Overloaded({})), now)
    }
    assert.strictEqual(few.state(2_200).concurrency, 64)
    assert.isBelow(many.state(60_000).concurrency, 64)
  })

  it("faults of a few calls cost nobody else anything", () => {
    const pool = told([["requests", 60_000, 59_999]], 1_000)
    for (let i = 0; i < 400; i++) {
      end(
        pool,
        admit(pool, 100 + i * 20),
        i % 20 === 0 ? failed(new ServerFault({ status: 500 })) : answered(),
        100 + i * 20
      )
    }
  })

  it("without any headers it opens until more calls do no more work, and stays about there", () => {
    const pool = new Pool<Job>({ ceiling: 512, adaptive: true })
    const slots = 24
    const running: Array<{ readonly admission: Admission; left: number }> = []
    let now = 0
    const levels: Array<number> = []
    for (; now < 600_000; now += 20) {
      while (pool.waiting < 600) pool.enqueue(job(100, 100), now)
      for (let next = step(pool, now); typeof next !== "number"; next = step(pool, now)) {
        running.push({ admission: next, left: 1_000 })
      }
      // The first come share the places; the others queue.
      for (const one of running.slice(0, slots)) one.left -= 20
      for (const one of running.filter(({ left }) => left <= 0)) {
        running.splice(running.indexOf(one), 1)
        end(pool, one.admission, answered(), now)
      }
      if (now > 120_000) levels.push(pool.inFlight)
    }
    const mean = levels.reduce((sum, level) => sum + level, 0) / levels.length
    assert.isAbove(mean, slots * 0.95)
    assert.isBelow(mean, slots * 2.5)
  })

  it("the first calls are those that will be answered soonest, of the most urgent", () => {
    const pool = new Pool<Job>({ ceiling: 50, adaptive: true })
    for (const expected of [900, 400, 700, 300, 500, 800]) pool.enqueue(job(100, 1_000, expected), 0)
    const first: Job = { ...job(100, 1_000, 950), place: { ...job(1, 1, 950).place, priority: "interactive" } }
    pool.enqueue(first, 0)
    const taken: Array<number> = []
    for (let now = 0; now <= 400; now += 100) {
      const next = pool.next(now)
      if (next._tag === "admit") taken.push(next.waiter.place.expectedOutput)
      const more = pool.next(now)
      if (more._tag === "admit") taken.push(more.waiter.place.expectedOutput)
    }
    assert.deepStrictEqual(taken, [950, 300, 400, 500])
  })

  it("a 429 on output tokens leaves input tokens as they are", () => {
    const anthropic = (output: number): Readonly<Record<string, string>> => ({
      "anthropic-ratelimit-input-tokens-limit": "600000",
      "anthropic-ratelimit-input-tokens-remaining": "599900",
      "anthropic-ratelimit-output-tokens-limit": "60000",
      "anthropic-ratelimit-output-tokens-remaining": `${output}`
    })
    const pool = new Pool<Job>({ ceiling: 1_000, adaptive: true })
    for (let i = 0; i < 20; i++) pool.enqueue(job(100, 100), 0)
    end(pool, admit(pool, 0), answered(anthropic(60_000)), 10)
    const turned = admit(pool, 100)
    const level = (dimension: string) =>
      pool.state(120).limits.find((limit) => limit.dimension === dimension)?.level ?? assert.fail(dimension)
    end(pool, turned, failed(new RateLimited({ dimension: "outputTokens", retryAfter: 5_000 }), 5_000), 120)
    assert.isAbove(level("inputTokens"), 590_000)
    assert.strictEqual(pool.state(120).limits.length, 2)
    assert.strictEqual(step(pool, 121), 5_120)
    assert.strictEqual(pool.state(121).binding, "outputTokens")
  })

  it("output that is still to come is not there twice: what a remainder tells is what had ended by then", () => {
    const pool = new Pool<Job>({ ceiling: 1_000, adaptive: true })
    const headers = (remaining: number): Readonly<Record<string, string>> => ({
      "anthropic-ratelimit-output-tokens-limit": "60000",
      "anthropic-ratelimit-output-tokens-remaining": `${remaining}`
    })
    for (let i = 0; i < 200; i++) pool.enqueue(job(100, 1_000, 1_000), 0)
    end(pool, admit(pool, 0), answered(headers(60_000)), 10)
    const sent: Array<Admission> = []
    for (let now = 10; now < 3_000; now += 10) {
      const next = step(pool, now)
      if (typeof next !== "number") sent.push(next)
    }
    // None of them has ended: the provider still says that all is there.
    const [one] = sent
    if (one === undefined) return assert.fail("nobody was admitted")
    const usage = { input: 100, output: 1_000, cached: 0 }
    end(pool, one, { _tag: "answered", headers: headers(60_000), usage }, 3_000)
    assert.isAtMost(pool.state(3_000).limits[0]?.level ?? Infinity, 63_100 - 1_000 * sent.length)
  })

  it("calls that are turned away by chance cost nobody else anything", () => {
    for (const headers of [{}, headersOf([["tokens", 6_000_000, 5_999_900]])]) {
      const random = makeRandom(7)
      const pool = new Pool<Job>({ ceiling: 100, adaptive: true })
      const running: Array<{ readonly admission: Admission; readonly at: number; readonly isDenied: boolean }> = []
      let late = 0
      for (let now = 0; now < 240_000; now += 20) {
        while (pool.waiting < 200) pool.enqueue(job(100, 100), now)
        for (let next = step(pool, now); typeof next !== "number"; next = step(pool, now)) {
          const isDenied = random.int(100) < 3
          running.push({ admission: next, at: now + (isDenied ? 40 : 4_000), isDenied })
        }
        for (const one of running.filter(({ at }) => at <= now)) {
          running.splice(running.indexOf(one), 1)
          const error = failed(new RateLimited({ dimension: "tokens", retryAfter: 1_000 }), 1_000)
          end(pool, one.admission, one.isDenied ? error : answered(headers), now)
          if (now > 120_000 && !one.isDenied) late++
        }
      }
      // A hundred at once, four seconds each.
      assert.isAbove(late, 0.8 * 120 * 25, JSON.stringify(headers).slice(0, 40))
    }
  })

  it("a limit that only a 429's text told is tried upward after a quiet minute, and found when it is larger", () => {
    const pool = new Pool<Job>({ ceiling: 1_000, adaptive: true })
    let limit = 600
    let level = 0
    let at = 0
    let denied = 0
    const passed: Array<number> = []
    for (let now = 0; now < 600_000; now += 10) {
      if (now === 200_000) limit = 1_800
      while (pool.waiting < 10) pool.enqueue(job(100, 0), now)
      const next = step(pool, now)
      if (typeof next === "number") continue
      level = Math.min(limit, level + ((now - at) * limit) / 60_000)
      at = now
      if (level >= 1) {
        level--
        passed.push(now)
        end(pool, next, answered(), now)
      } else {
        denied++
        const message = `Rate limit reached on requests per min (RPM): Limit ${limit}, Used ${limit}, Requested 1.`
        end(pool, next, failed(new RateLimited({ dimension: "requests", retryAfter: 100 }), 100, message), now)
      }
    }
    const between = (from: number, to: number) => passed.filter((time) => time >= from && time < to).length
    assert.isAbove(between(60_000, 180_000), 1_200 * 0.95)
    assert.isAbove(between(480_000, 600_000), 3_600 * 0.9)
    assert.isBelow(denied, 30)
  })

  it("while it could admit, no ready call waits: whenever it says that nobody passes, something is used up", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = makeRandom(seed)
      const ceiling = 5 + random.int(40)
      const pool = told([["requests", random.between(60, 6_000), 50]], 0 + 1, ceiling)
      const running: Array<Admission> = []
      for (let now = 20; now < 60_000; now += random.between(5, 200)) {
        while (pool.waiting < 5) pool.enqueue(job(10, 0), now)
        for (;;) {
          const next = step(pool, now)
          if (typeof next !== "number") {
            running.push(next)
            continue
          }
          const { concurrency, inFlight, limits } = pool.state(now)
          const [limiter] = limits
          const isPaced = next - now <= 110
          const isEmpty = (limiter?.level ?? 0) < 1.01 + 0.003 * (limiter?.capacity ?? 0)
          assert.isTrue(inFlight >= concurrency || isEmpty || isPaced, `seed ${seed}, at ${now} until ${next}`)
          break
        }
        while (running.length > 0 && random.int(3) > 0) {
          const one = running.pop()
          if (one !== undefined) end(pool, one, answered(), now)
        }
      }
    }
  })
})
