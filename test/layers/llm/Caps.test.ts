import { assert, describe, it } from "@effect/vitest"
import { Caps } from "../../../src/layers/llm/Caps.ts"
import { makeRandom } from "../../support/random.ts"

describe("Caps", () => {
  it("concludes nothing from a few answers", () => {
    const caps = new Caps()
    for (let i = 0; i < 19; i++) caps.observe(400, 1, 300)
    assert.isUndefined(caps.cap(400, 1))
    caps.observe(400, 1, 300)
    assert.isDefined(caps.cap(400, 1))
    assert.isUndefined(caps.cap(3_200, 8), "packs of another size answer otherwise")
  })

  it("leaves room for nearly every answer, and for little more", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const random = makeRandom(seed)
      const caps = new Caps()
      const outputOf = (tokens: number) => Math.round(tokens * (0.5 + random.next()))
      let cut = 0
      let room = 0
      let used = 0
      for (let i = 0; i < 2_000; i++) {
        const tokens = random.between(1_600, 3_200)
        const output = outputOf(tokens)
        const cap = caps.cap(tokens, 8)
        if (cap !== undefined) {
          room += cap
          used += output
          if (output > cap) cut++
        }
        caps.observe(tokens, 8, output)
      }
      assert.isAtMost(cut, 10, `seed ${seed}`)
      assert.isBelow(room, 2 * used, `seed ${seed}`)
    }
  })

  it("widens where an answer was cut off, and is never less than what was seen", () => {
    const caps = new Caps()
    for (let i = 0; i < 100; i++) caps.observe(400, 1, 200)
    const before = caps.cap(400, 1) ?? 0
    caps.cutOff(400, 1, before)
    assert.isAtLeast(caps.cap(400, 1) ?? 0, before)
    caps.observe(400, 1, 5_000)
    assert.isAtLeast(caps.cap(400, 1) ?? 0, 5_000)
  })
})
