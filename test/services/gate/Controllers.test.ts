import { assert, describe, it } from "@effect/vitest"
import { Breaker } from "../../../src/services/gate/Breaker.ts"
import { Chance } from "../../../src/services/gate/Chance.ts"
import { Charge, nothing, plus } from "../../../src/services/gate/Charge.ts"
import { Climb } from "../../../src/services/gate/Climb.ts"
import { Cubic } from "../../../src/services/gate/Cubic.ts"
import { Overload } from "../../../src/services/gate/Overload.ts"
import { makeRandom } from "../../support/random.ts"

describe("Charge", () => {
  for (const [rule, of] of [
    ["sum", (input: number, cap: number) => input + cap],
    ["larger", (input: number, cap: number) => Math.max(input, cap)],
    ["input", (input: number) => input]
  ] as const) {
    it(`finds out the rule "${rule}" and what our estimate is worth, from what many calls took`, () => {
      const random = makeRandom(1)
      const charge = new Charge()
      for (let second = 0; second < 40; second++) {
        let sums = nothing
        let charged = 0
        for (let i = 0; i < 12; i++) {
          const demand = {
            inputTokens: random.between(100, 3_000),
            outputCap: random.between(200, 2_000),
            expectedOutput: 100
          }
          sums = plus(sums, demand)
          charged += of(1.1 * demand.inputTokens, demand.outputCap)
        }
        charge.learn(charged, sums)
      }
      assert.strictEqual(charge.rule, rule)
      if (rule !== "larger") assert.closeTo(charge.factor, 1.1, 0.02)
    })
  }

  it("until it has learned, a call is thought to take no less than it can", () => {
    assert.strictEqual(new Charge().of({ inputTokens: 100, outputCap: 50, expectedOutput: 10 }), 150)
  })

  it("what was learned from lies is forgotten", () => {
    const charge = new Charge()
    const sums = plus(nothing, { inputTokens: 100, outputCap: 500, expectedOutput: 10 })
    for (let i = 0; i < 10; i++) charge.learn(100, sums)
    assert.strictEqual(charge.rule, "input")
    charge.reset()
    assert.strictEqual(charge.rule, "sum")
  })
})

/** A provider's bucket of one second behind a rate that is learned; how much passed, and how often it was too much. */
const throttled = (cubic: Cubic, limit: (now: number) => number, from: number, until: number) => {
  let level = 0
  let saved = 0
  let admitted = 0
  let passed = 0
  let denied = 0
  for (let now = from; now < until; now += 10) {
    level = Math.min(limit(now) * 1_000, level + limit(now) * 10)
    saved = Math.min(1, saved + cubic.rate(now) * 10)
    cubic.grow(now, admitted)
    if (saved < 1) continue
    saved--
    if (level >= 1) {
      level--
      admitted++
      passed++
    } else {
      denied++
      cubic.throttle(now, admitted, 1, 0.001)
    }
  }
  return { passed, denied }
}

describe("Cubic", () => {
  it("finds the rate that passes, and keeps to it, with few calls turned away", () => {
    const cubic = new Cubic(0, 0.09, 0)
    throttled(cubic, () => 0.03, 0, 60_000)
    const { denied, passed } = throttled(cubic, () => 0.03, 60_000, 600_000)
    assert.isAbove(passed, 0.03 * 540_000 * 0.92)
    assert.isBelow(denied, passed / 50)
  })

  it("follows a limit that halves, and one that doubles", () => {
    const cubic = new Cubic(0, 0.04, 0)
    throttled(cubic, () => 0.04, 0, 60_000)
    throttled(cubic, () => 0.02, 60_000, 100_000)
    assert.isBelow(cubic.rate(100_000), 0.024)
    throttled(cubic, () => 0.04, 100_000, 200_000)
    assert.isAbove(cubic.rate(200_000), 0.033)
  })

  it("does not grow while nobody makes use of it", () => {
    const cubic = new Cubic(0, 0.04, 0)
    for (let now = 0; now < 3_600_000; now += 1_000) cubic.grow(now, 0)
    assert.isAtMost(cubic.rate(3_600_000), 0.06)
  })

  it("where nothing passes at all, the rate stays what it was", () => {
    const cubic = new Cubic(0, 0.04, 100)
    for (let now = 1_000; now < 30_000; now += 1_000) cubic.throttle(now, 100, 1, 0.0001)
    assert.isAbove(cubic.rate(30_000), 0.03)
  })
})

/** Calls at a rate, of which a share is turned away that may depend on the rate. */
const judged = (chance: Chance, calls: number, share: (pace: number) => number, seed: number) => {
  const random = makeRandom(seed)
  const verdicts = { chance: 0, doubtful: 0, limit: 0 }
  for (let i = 0; i < calls; i++) {
    const now = i * 100
    const pace = chance.pace(now)
    chance.sent()
    if (random.int(10_000) < share(pace) * 10_000) verdicts[chance.throttled(now, true)]++
  }
  return verdicts
}

describe("Chance", () => {
  it("a low share that goes on at a lower rate is chance, whatever it is", () => {
    for (const share of [0.02, 0.05]) {
      let limits = 0
      let chances = 0
      for (let seed = 1; seed <= 20; seed++) {
        const verdicts = judged(new Chance(), 2_000, () => share, seed)
        limits += verdicts.limit
        chances += verdicts.chance
      }
      assert.isAbove(chances, 10 * limits, `share ${share}`)
    }
  })

  it("a share that ends at a lower rate is a limit's, and is learned from", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { chance, limit } = judged(new Chance(), 2_000, (pace) => (pace < 1 ? 0 : 0.1), seed)
      assert.isAbove(limit, 20 * chance)
    }
  })

  it("a throttle that the rate explains is a limit's at once", () => {
    assert.strictEqual(new Chance().throttled(0, false), "limit")
  })

  it("many at once are never chance", () => {
    const chance = new Chance()
    chance.sent()
    chance.throttled(0, true)
    chance.throttled(1, true)
    assert.strictEqual(chance.throttled(2, true), "limit")
  })

  it("what is known to come by chance hides no limit that comes up later", () => {
    const chance = new Chance()
    judged(chance, 1_000, () => 0.04, 3)
    assert.isAbove(chance.share, 0)
    let ignored = 0
    for (let i = 0; i < 40; i++) {
      chance.sent()
      if (i % 2 === 0 && chance.throttled(200_000 + i, true) === "chance") ignored++
    }
    assert.isAtMost(ignored, 8)
  })
})

/** A server that works at so many calls at once, each for a second, and queues the others; how many are in flight. */
const served = (climb: Climb, places: number, seconds: number): ReadonlyArray<number> => {
  const running: Array<{ readonly level: number; readonly inFlight: number; readonly at: number; left: number }> = []
  const levels: Array<number> = []
  for (let now = 0; now < seconds * 1_000; now += 50) {
    while (running.length < climb.limit) {
      running.push({ level: climb.level, inFlight: running.length + 1, at: now, left: 1_000 })
    }
    levels.push(running.length)
    for (const one of running.slice(0, places)) one.left -= 50
    for (const one of running.filter(({ left }) => left <= 0)) {
      running.splice(running.indexOf(one), 1)
      climb.answered(now, { ...one, latency: now + 50 - one.at, work: 1 })
    }
  }
  return levels
}

describe("Climb", () => {
  it("fills a server, never more than about twice, and does not leave places free", () => {
    for (const places of [4, 24, 100]) {
      const levels = served(new Climb(512, 4), places, 900).slice(-6_000)
      const mean = levels.reduce((sum, level) => sum + level, 0) / levels.length
      assert.isAbove(mean, places * 0.97, `${places} places`)
      assert.isBelow(mean, places * 2.5, `${places} places`)
    }
  })

  it("goes to the ceiling where more calls always do more work", () => {
    assert.strictEqual(served(new Climb(200, 4), 1_000, 120).at(-1), 200)
  })

  it("an overloaded server gets fewer, and never none", () => {
    const climb = new Climb(100, 4)
    served(climb, 1_000, 60)
    climb.overloaded(60_000, 100)
    assert.strictEqual(climb.limit, 70)
    for (let i = 0; i < 50; i++) climb.overloaded(60_000, 1)
    assert.strictEqual(climb.limit, 1)
  })
})

describe("Breaker", () => {
  it("opens after connections that all came to nothing, and doubles its pause with each vain try, up to a minute", () => {
    const breaker = new Breaker()
    for (let i = 0; i < 4; i++) breaker.failed(i, i, true)
    assert.isFalse(breaker.isOpen)
    breaker.failed(4, 4, true)
    assert.isTrue(breaker.isOpen)
    let now = 4
    for (const pause of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
      assert.deepStrictEqual(breaker.limit(now), [0, now + pause])
      now += pause
      assert.deepStrictEqual(breaker.limit(now), [1, Infinity])
      breaker.failed(now, now, true)
    }
  })

  it("an answer closes it; what was sent before the pause and fails in it does not lengthen it", () => {
    const breaker = new Breaker()
    for (let i = 0; i < 5; i++) breaker.failed(100, 50, true)
    breaker.failed(200, 50, true)
    assert.deepStrictEqual(breaker.limit(200), [0, 1_100])
    breaker.answered()
    assert.deepStrictEqual(breaker.limit(201), [Infinity, Infinity])
  })

  it("faults that answers pay for never open it; more of them do", () => {
    const few = new Breaker()
    const many = new Breaker()
    for (let i = 0; i < 5_000; i++) {
      if (i % 20 === 0) few.failed(i, i, false)
      else few.answered()
      if (i % 5 === 0) many.failed(i, i, false)
      else if (!many.isOpen) many.answered()
      assert.isFalse(few.isOpen)
    }
    assert.isTrue(many.isOpen)
  })
})

describe("Overload", () => {
  it("single overloads mean nothing; many halve what is in flight, which then doubles every 15 seconds", () => {
    const overload = new Overload()
    assert.isFalse(overload.overloaded(0, 0, 100))
    assert.strictEqual(overload.limit(0), Infinity)
    let times = 0
    while (!overload.overloaded(10, 10, 100) && times < 100) times++
    assert.isBelow(times, 20)
    assert.strictEqual(overload.limit(10), 50)
    assert.closeTo(overload.limit(15_010), 100, 1e-9)
    overload.answered(40_000, 200)
    assert.strictEqual(overload.limit(40_000), Infinity)
  })

  it("slow_down over a million tokens a minute: growth of half in a quarter of an hour", () => {
    const overload = new Overload()
    assert.isTrue(overload.overloaded(0, 0, 100, 2_000_000 / 60_000))
    assert.closeTo(overload.limit(900_000), 75, 1e-6)
  })

  it("what was sent before it slowed down does not slow it down again", () => {
    const overload = new Overload()
    overload.overloaded(1_000, 1_000, 100, 1)
    assert.isFalse(overload.overloaded(1_500, 900, 90, 1))
    assert.isAbove(overload.limit(1_500), 50)
  })
})
