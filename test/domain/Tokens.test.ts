import { assert, describe, it } from "@effect/vitest"
import { countTokens as reference } from "gpt-tokenizer/encoding/o200k_base"
import { countTokens, estimateReaches, estimateTokens } from "../../src/domain/Tokens.ts"
import { sentence } from "../fixtures/documents.ts"
import { makeRandom } from "../support/random.ts"

describe("countTokens", () => {
  it("agrees with o200k_base on ordinary text", () => {
    for (let seed = 0; seed < 50; seed++) {
      const random = makeRandom(seed)
      const text = Array.from({ length: 20 }, () => sentence(random)).join(
        random.pick([" ", "\n\n", "。漢字 ", " 😀 "])
      )
      assert.strictEqual(countTokens(text), reference(text), `seed ${seed}`)
    }
    assert.strictEqual(countTokens(""), 0)
  })

  it("takes the names of special tokens for text", () => {
    assert.isAbove(countTokens("<|endoftext|>"), 3)
    assert.strictEqual(countTokens("a <|im_start|> b"), reference("a <|im_start|> b", { disallowedSpecial: new Set() }))
  })

  it("counts long runs in pieces, at most a token more for each", () => {
    for (const run of ["a", "ab", "é", "!", " ", "\n", "😀"]) {
      const text = run.repeat(2000)
      assert.isAtLeast(countTokens(text), reference(text))
      assert.isAtMost(countTokens(text), reference(text) + text.length / 128)
    }
  })
})

describe("estimateTokens", () => {
  it("is near the count for prose of many scripts", () => {
    for (const text of [
      "The committee met on Tuesday in Brussels to discuss the subsidies that had been proposed earlier this year.",
      "Die Bundesregierung hat am Mittwoch einen Gesetzentwurf zur Digitalisierung der Verwaltung vorgelegt.",
      "Правительство объявило о новых мерах поддержки малого бизнеса, которые вступят в силу с начала года.",
      "政府昨天宣布了一项新的经济刺激计划,旨在帮助受疫情影响的中小企业恢复生产和经营活动。",
      "정부는 어제 중소기업을 지원하기 위한 새로운 경제 대책을 발표했습니다.",
      "सरकार ने कल छोटे और मध्यम उद्यमों के समर्थन के लिए एक नई आर्थिक योजना की घोषणा की।"
    ]) {
      const ratio = estimateTokens(text, 0, text.length) / 1000 / countTokens(text)
      assert.isAbove(ratio, 0.75, text)
      assert.isBelow(ratio, 1.4, text)
    }
  })

  it("reaches a limit where the estimate of what lies before does", () => {
    const text = "Some words, 123 numbers; und Straßen 漢字 😀 ".repeat(9)
    for (let limit = 1; limit < estimateTokens(text, 0, text.length); limit += 777) {
      const end = estimateReaches(text, 0, text.length, limit)
      assert.isAtLeast(estimateTokens(text, 0, end), limit)
      assert.isBelow(estimateTokens(text, 0, end - 1), limit)
    }
    assert.strictEqual(estimateReaches(text, 0, text.length, 1e9), text.length)
  })
})
