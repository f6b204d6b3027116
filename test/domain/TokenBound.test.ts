import { assert, describe, it } from "@effect/vitest"
import { mostTokens, utf8Length } from "../../src/domain/TokenBound.ts"
import { countTokens } from "../../src/domain/Tokens.ts"
import { makeRandom } from "../support/random.ts"

describe("mostTokens", () => {
  it("no text has more tokens than that, and a text's bytes are counted as they are encoded", () => {
    const random = makeRandom(3)
    const texts = [
      "",
      "plain",
      "\u{1F3F4}\u{E0067}\u{E0062}",
      "\ud800",
      "a\udc00\ud800b",
      "ﷺﷺ",
      ...Array.from({ length: 300 }, () => random.unicode(random.between(1, 40)))
    ]
    for (const text of texts) {
      assert.strictEqual(utf8Length(text), new TextEncoder().encode(text).length, JSON.stringify(text))
      assert.isAtMost(countTokens(text), mostTokens(text), JSON.stringify(text))
      assert.isAtLeast(mostTokens(text), utf8Length(text.normalize("NFKC")))
    }
  })
})
