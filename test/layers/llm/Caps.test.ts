import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Caps, Learned } from "../../../src/layers/llm/Caps.ts"
import type { Random } from "../../support/random.ts"
import { makeRandom } from "../../support/random.ts"

const load = (tokens: number, items: number, names = 0) => ({ items, tokens, names })

describe("Caps", () => {
  it("knows nothing before the first answer, and leaves the less room the more it has seen", () => {
    const caps = new Caps()
    assert.isUndefined(caps.cap(load(400, 1)))
    assert.isFalse(caps.isSure)
    let before = Infinity
    for (let i = 0; i < 30; i++) {
      caps.observe(load(400, 1), 600)
      const cap = caps.cap(load(400, 1)) ?? Infinity
      assert.isAtMost(cap, before)
      assert.isAtLeast(cap, 600)
      before = cap
    }
    assert.isTrue(caps.isSure)
    assert.isBelow(before, 800)
  })

  it("what lone items teach holds for packs", () => {
    const caps = new Caps()
    const random = makeRandom(1)
    for (let i = 0; i < 6; i++) caps.observe(load(400, 1), random.between(700, 1_100))
    const pack = caps.cap(load(3_200, 8)) ?? 0
    assert.isAbove(pack, 8 * 900)
    assert.isBelow(pack, 8 * 900 * 1.6)
  })

  it("tells what a call answers at all from what its items add", () => {
    const caps = new Caps()
    for (let i = 0; i < 40; i++) {
      caps.observe(load(400, 1), 2_000 + 300)
      caps.observe(load(3_200, 8), 2_000 + 8 * 300)
    }
    assert.approximately(caps.expected(load(400, 1)) ?? 0, 2_300, 250)
    assert.approximately(caps.expected(load(3_200, 8)) ?? 0, 4_400, 250)
    assert.approximately(caps.expected(load(1_600, 4)) ?? 0, 3_200, 350)
  })

  it("follows the names in a text where they say more of its answer than its length", () => {
    const random = makeRandom(3)
    const caps = new Caps()
    const outputOf = (names: number) => Math.round(30 + 25 * names * (0.9 + 0.2 * random.next()))
    for (let i = 0; i < 60; i++) {
      const names = random.pick([0, 10, 60])
      caps.observe(load(random.between(100, 400), 1, names), outputOf(names))
    }
    for (const names of [0, 10, 60]) {
      const cap = caps.cap(load(250, 1, names)) ?? 0
      assert.isAbove(cap, 30 + 25 * names)
      assert.isBelow(cap, 400 + 1.6 * 25 * names)
    }
  })

  it("begins where an earlier run has stopped, and forgets it when answers are others", () => {
    const before = new Caps()
    assert.isUndefined(before.learned)
    for (let i = 0; i < 60; i++) before.observe(load(3_200, 8), 6_000 + 100 * (i % 7))
    const learned = Schema.decodeUnknownSync(Learned)(JSON.parse(JSON.stringify(before.learned)))
    const caps = new Caps()
    caps.restore(learned)
    assert.isTrue(caps.isSure)
    assert.approximately(caps.expected(load(3_200, 8)) ?? 0, before.expected(load(3_200, 8)) ?? 0, 300)
    assert.isAtLeast(caps.cap(load(3_200, 8)) ?? 0, before.cap(load(3_200, 8)) ?? Infinity)
    for (let i = 0; i < 40; i++) caps.observe(load(3_200, 8), 1_000)
    assert.isBelow(caps.expected(load(3_200, 8)) ?? Infinity, 1_500)
  })

  it("nothing learned restores to nothing", () => {
    const caps = new Caps()
    caps.restore({ perCall: 0, perItem: 0, perToken: 0, perName: 0, scatter: 0, answers: 0 })
    assert.isFalse(caps.isSure)
    assert.isUndefined(caps.cap(load(400, 1)))
  })

  it("leaves room for nearly every answer, and for little more", () => {
    const shapes = {
      even: (random: Random) => 0.5 + random.next(),
      alike: (random: Random) => 1 + 0.05 * random.next(),
      skewed: (random: Random) => Math.exp(0.5 * (random.next() + random.next() + random.next() - 1.5)),
      mixed: (random: Random) => (random.int(3) === 0 ? 0.2 : 1.2)
    }
    for (const [shape, ratio] of Object.entries(shapes)) {
      for (const items of [1, 3, 8]) {
        const random = makeRandom(items)
        const caps = new Caps()
        let cut = 0
        let room = 0
        let used = 0
        for (let i = 0; i < 2_000; i++) {
          const tokens = items * random.between(200, 400)
          const output = Math.round(
            (tokens * Array.from({ length: items }, () => ratio(random)).reduce((a, b) => a + b)) / items
          )
          const cap = caps.cap(load(tokens, items))
          if (cap !== undefined) {
            room += cap
            used += Math.min(cap, output)
            if (output > cap) cut++
          }
          if (cap !== undefined && output > cap) caps.cutOff(load(tokens, items), cap, Math.floor(items / 2))
          else caps.observe(load(tokens, items), output)
        }
        assert.isAtMost(cut / 2_000, 0.05, `${shape}, ${items}`)
        assert.isBelow(room, (items === 1 ? 2.2 : 1.9) * used, `${shape}, ${items}`)
      }
    }
  })

  it("widens where an answer was cut off, and one that runs away is no measure for others", () => {
    const caps = new Caps()
    for (let i = 0; i < 100; i++) caps.observe(load(400, 1), 200)
    const before = caps.cap(load(400, 1)) ?? 0
    caps.cutOff(load(400, 1), before, 0)
    const after = caps.cap(load(400, 1)) ?? 0
    assert.isAbove(after, before)
    caps.observe(load(400, 1), 16_000)
    assert.isBelow(caps.cap(load(400, 1)) ?? Infinity, 2_000)
  })
})
