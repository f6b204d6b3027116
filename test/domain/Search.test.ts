import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import {
  asked,
  cosineTo,
  distance,
  hasDirection,
  rank,
  searchText,
  searchWords,
  share
} from "../../src/domain/Search.ts"

const rankOf = (query: string, ...names: ReadonlyArray<string>): number => {
  const known = asked(query)
  return known === undefined ? 0 : rank(known, names)
}

describe("searchText", () => {
  it("leaves words without case, accents and punctuation, in every script", () => {
    assert.strictEqual(searchText("  Dr. José GARCÍA-Straße\n"), "dr jose garcia strasse")
    assert.strictEqual(searchText("Łukasz Ørsted, Æsir"), "lukasz orsted aesir")
    assert.strictEqual(searchText("ΟΔΥΣΣΕΎΣ"), searchText("Οδυσσεύς"))
    assert.strictEqual(searchText("東京大学に"), "東 京 大 学 に")
    assert.strictEqual(searchText("हिन्दी"), "हिन्दी")
    assert.strictEqual(searchText('"*?:^~(\u0000\ud800'), "")
  })

  it.effect.prop(
    "is letters, digits and single spaces, and what it makes of itself",
    { text: Schema.String },
    ({ text }) =>
      Effect.sync(() => {
        const found = searchText(text)
        assert.match(found, /^(?:[\p{L}\p{N}\p{M}]+(?: [\p{L}\p{N}\p{M}]+)*)?$/u)
        assert.strictEqual(searchText(found), found)
      })
  )

  it("of a long query the beginning counts", () => {
    assert.strictEqual(searchWords("word ".repeat(100_000)).length, 1)
    assert.isAtMost(searchWords(Array.from({ length: 9_999 }, (_, i) => `w${i}`).join(" ")).length, 12)
    assert.isAtMost(searchWords("x".repeat(1e6))[0]?.length ?? 0, 64)
  })
})

describe("distance", () => {
  it("counts letters left out, put in, replaced and swapped, up to a limit", () => {
    for (const [one, other, edits] of [
      ["", "", 0],
      ["ada", "ada", 0],
      ["ada", "adda", 1],
      ["lovelace", "lovelase", 1],
      ["moreno", "morneo", 1],
      ["moreno", "moren", 1],
      ["abcd", "badc", 2],
      ["ca", "abc", Infinity],
      ["kitten", "sitting", Infinity]
    ] as const) {
      assert.strictEqual(distance(one, other, 2), edits, `${one} ${other}`)
      assert.strictEqual(distance(other, one, 2), edits, `${other} ${one}`)
    }
  })
})

describe("rank", () => {
  it("puts the name itself first, then beginnings, then all words, then slips, and others nowhere", () => {
    const names = ["Ada", "Ada Moreno", "Adana", "Lady Ada", "Adda Moreno", "Charles Babbage"]
    const found = names.map((name) => rankOf("ada", name))
    assert.deepStrictEqual(
      found.toSorted((a, b) => b - a),
      found
    )
    assert.strictEqual(found[0], 1)
    assert.strictEqual(found.at(-1), 0)
  })

  it("the best of several names counts, an alias a little less", () => {
    assert.isAbove(rankOf("ibm", "IBM", "Big Blue"), rankOf("ibm", "International Business Machines", "IBM"))
    assert.isAbove(rankOf("ibm", "International Business Machines", "IBM"), 0.9)
  })

  it("a name in a question is found, and a name that shares little is not", () => {
    assert.isAbove(rankOf("who founded Northwind Instruments?", "Northwind Instruments"), 0.5)
    assert.strictEqual(rankOf("Ada Smith", "Ada Moreno"), 0)
    assert.isAbove(rankOf("north wind", "Northwind"), 0.5)
  })
})

describe("share", () => {
  it("is 1 of a text that has every word, and counts long words for more", () => {
    const query = asked("who founded Northwind")
    if (query === undefined) return assert.fail()
    assert.strictEqual(share(query, "Northwind was founded by those who care."), 1)
    assert.isAbove(share(query, "Northwind"), share(query, "who"))
    assert.strictEqual(share(query, ""), 0)
  })
})

describe("cosineTo", () => {
  it("does not depend on lengths, and a vector without a direction is none", () => {
    assert.approximately(cosineTo(new Float32Array([1, 1]))(new Float32Array([9, 0])), Math.SQRT1_2, 1e-7)
    assert.isNaN(cosineTo(new Float32Array([0, 0]))(new Float32Array([1, 0])))
    assert.isFalse(hasDirection(new Float32Array([0, 0])))
    assert.isFalse(hasDirection(new Float32Array([Number.NaN, 1])))
    assert.isTrue(hasDirection(new Float32Array([0, 0.1])))
  })
})
