import { assert, describe, it } from "@effect/vitest"
import { isGrounded, occurrences } from "../../src/domain/Grounding.ts"
import { makeRandom } from "../support/random.ts"

const found = (text: string, name: string) => occurrences(text, name).map(({ end, start }) => text.slice(start, end))
const starts = (text: string, name: string) => occurrences(text, name).map(({ start }) => start)
const folded = (text: string) => text.normalize("NFC").toUpperCase().toLowerCase().replace(/\s+/gu, " ").trim()

describe("occurrences", () => {
  it("finds every one, as it is spelt; in another case or form only if it stands nowhere so", () => {
    assert.deepStrictEqual(starts("Ada met ADA. Ada left.", "Ada"), [0, 13])
    assert.deepStrictEqual(found("ADA met aDa.", "Ada"), ["ADA", "aDa"])
    assert.deepStrictEqual(found("Zoe\u0308 came.", "Zo\u00eb"), ["Zoe\u0308"])
    assert.deepStrictEqual(found("Zo\u00eb came.", "Zoe\u0308"), ["Zo\u00eb"])
    assert.deepStrictEqual(found("Marie\n   Curie", "Marie Curie"), ["Marie\n   Curie"])
    assert.deepStrictEqual(found("Marie Curie", " Marie\u00a0\tCurie "), ["Marie Curie"])
    assert.deepStrictEqual(found("Nobody", "Ada"), [])
  })

  it("finds names with hyphens, points and every character that a pattern gives a meaning to", () => {
    for (const name of [
      "Jean-Luc Picard",
      "A/B-C d",
      "C++ Core",
      "(((",
      "[x] {1} ^$ |",
      "a.b c*d?",
      "\\d \\u",
      "#1 & co",
      "a,b c",
      "- -"
    ]) {
      assert.deepStrictEqual(found(`so ${name} it is`, name), [name])
      assert.deepStrictEqual(found(`so ${name.toUpperCase()} it is`, name).length, 1, name)
    }
  })

  it("finds whole tokens only", () => {
    for (const [text, name] of [
      ["the bus", "us"],
      ["use it", "us"],
      ["us_east", "us"],
      ["e\u0301t", "e"],
      ["cafe\u0301", "cafe"],
      ["\u{10400}Ada", "Ada"],
      ["Ada\u{10428}", "Ada"],
      ["Ada2", "Ada"],
      ["กรุงเทพ่", "กรุงเทพ"]
    ] as const) {
      assert.deepStrictEqual(found(text, name), [], `${name} in ${text}`)
    }
    assert.deepStrictEqual(found("(us), 'us'. us\u{1F600}us", "us").length, 4)
  })

  it("misses none that begins within a stretch that is no whole token", () => {
    assert.deepStrictEqual(starts("ba a a", "a a"), [3])
    assert.deepStrictEqual(starts("ax-x-x", "x-x"), [3])
  })

  it("finds names within running text of scripts that know no spaces, and Latin names there", () => {
    assert.deepStrictEqual(starts("彼は東京に住む。東京", "東京"), [2, 8])
    assert.deepStrictEqual(found("新しいコンピューターは速い", "コンピューター"), ["コンピューター"])
    assert.deepStrictEqual(found("東京のSonyは大きい", "Sony"), ["Sony"])
    assert.deepStrictEqual(found("ที่กรุงเทพ", "กรุงเทพ"), ["กรุงเทพ"])
    assert.deepStrictEqual(found("在2024年", "2024"), ["2024"])
  })

  it("each span reproduces the name up to case, form and white space; spans ascend and do not overlap", () => {
    const pieces: readonly [string, ...ReadonlyArray<string>] = [
      "a",
      "A",
      "b",
      " ",
      "\n",
      "-",
      ".",
      "(",
      "é",
      "e\u0301",
      "\u0301",
      "\u{10428}",
      "東",
      "ー",
      "ก",
      "่",
      "ß",
      "1",
      "_",
      "us"
    ]
    let hits = 0
    for (let seed = 1; seed <= 3_000; seed++) {
      const random = makeRandom(seed)
      const text = random.concat(pieces, 30)
      const name = random.concat(pieces, 4)
      let last = 0
      for (const { end, start } of occurrences(text, name)) {
        hits++
        assert.isTrue(last <= start && start < end && end <= text.length, `seed ${seed}`)
        assert.strictEqual(folded(text.slice(start, end)), folded(name), `seed ${seed}`)
        last = end
      }
    }
    assert.isAbove(hits, 100)
  })

  it("a blank or broken name is ungrounded, and never an error", () => {
    for (const name of ["", " \n", "\ud800", "a\udc00", "a".repeat(100_000)]) {
      assert.isFalse(isGrounded("a \ud800 text a\udc00 with \udc00 halves", name))
    }
    const random = makeRandom(11)
    for (let round = 0; round < 2_000; round++) occurrences(random.unicode(20), random.unicode(3))
  })

  it("stays fast whatever the name", () => {
    const text = "aa ".repeat(70_000)
    for (const name of [
      "aa ".repeat(33_000),
      "A".repeat(100_000),
      "(".repeat(100_000),
      "aa ".repeat(300),
      "a",
      "AA AB"
    ]) {
      occurrences(text, name)
    }
    occurrences(`a${" ".repeat(200_000)}`.repeat(2), "a b")
  }, 5_000)
})
