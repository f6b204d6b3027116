import { assert, describe, it } from "@effect/vitest"
import { sentences } from "../../src/domain/Sentences.ts"
import { makeRandom } from "../support/random.ts"

const split = (text: string) => sentences(text).map(([start, end]) => text.slice(start, end))

describe("sentences", () => {
  it("cover any text exactly", () => {
    const parts = [
      "a",
      "B",
      ". ",
      "! ",
      "\n",
      "Dr. ",
      "e.g. ",
      "😀",
      "\u0301",
      "。",
      "؟ ",
      "\r\n",
      '"',
      ")",
      "1.5",
      " "
    ] as const
    for (let seed = 0; seed < 500; seed++) {
      const random = makeRandom(seed)
      const text = Array.from({ length: random.between(0, 80) }, () => random.pick(parts)).join("")
      let covered = 0
      for (const [start, end] of sentences(text)) {
        assert.strictEqual(start, covered, `seed ${seed}`)
        assert.isAbove(end, start)
        assert.isTrue(text.slice(start, end).isWellFormed())
        covered = end
      }
      assert.strictEqual(covered, text.length, `seed ${seed}`)
    }
  })

  it("end at full stops, not at abbreviations and initials", () => {
    assert.deepStrictEqual(split("He came. She went! Why? 好。再见。"), [
      "He came. ",
      "She went! ",
      "Why? ",
      "好。",
      "再见。"
    ])
    for (const text of [
      "Dr. Smith met Mr. Jones on Jan. 5.",
      "J. R. R. Tolkien wrote it.",
      "See Fig. 3, e.g. The left one.",
      "Acme Inc. Chairman Bob (Prof. Lee) left."
    ])
      assert.deepStrictEqual(split(text), [text])
  })

  it("end at a line break, whatever stands before it", () => {
    assert.deepStrictEqual(split("It was Dr.\nSmith came."), ["It was Dr.\n", "Smith came."])
  })
})
