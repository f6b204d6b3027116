import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { layer } from "../../../src/layers/Parsers.ts"
import { ParseError } from "../../../src/domain/ParseError.ts"
import { Parser } from "../../../src/services/Parser.ts"
import { assertParsed } from "../../suites/Parser.ts"
import { makeRandom } from "../../support/random.ts"

const parse = (content: string, uri = "talk.srt") =>
  Effect.gen(function* () {
    const parser = yield* Parser
    const parsed = yield* parser.parse(uri, new TextEncoder().encode(content))
    assertParsed(parsed, uri)
    return parsed
  }).pipe(Effect.provide(layer))

const cue = (index: number, second: number, text: string) =>
  `${index}\r\n00:00:${String(second).padStart(2, "0")},500 --> 00:00:${String(second + 1).padStart(2, "0")},000\r\n${text}\r\n\r\n`

const talk =
  cue(1, 1, "<i>[MUSIC]</i>") +
  cue(2, 3, "{\\an8}ADA MORENO: The probe is\ncalibrated.") +
  cue(3, 5, '<font color="#fff">It came &amp; works.</font>') +
  cue(4, 7, "- HELEN OKAFOR (host): Who installs it?\n- I do.") +
  cue(5, 59, "HELEN OKAFOR: Thanks.")

describe("SubRip", () => {
  it.effect("gives a line and a block for each turn, without tags, with times", () =>
    Effect.gen(function* () {
      const parsed = yield* parse(talk)
      assert.strictEqual(parsed.mediaType, "application/x-subrip")
      assert.strictEqual(
        parsed.text,
        "[MUSIC]\nADA MORENO: The probe is calibrated. It came & works.\nHELEN OKAFOR: Who installs it?\nI do.\nHELEN OKAFOR: Thanks.\n"
      )
      assert.deepStrictEqual(
        parsed.blocks.map(({ at, speaker }) => [speaker, at]),
        [
          [undefined, 1500],
          ["ADA MORENO", 3500],
          ["HELEN OKAFOR", 7500],
          [undefined, 7500],
          ["HELEN OKAFOR", 59_500]
        ]
      )
      assert.deepStrictEqual(
        parsed.statements?.map(({ entities, facts }) => [entities.map(({ name }) => name), facts]),
        [
          [["ADA MORENO"], []],
          [["HELEN OKAFOR"], []]
        ]
      )
    })
  )

  it.effect("names nobody by a field, and of a film whoever is named for the cue alone", () =>
    Effect.gen(function* () {
      const film = [
        "[door slams]",
        "MILLER: I never left.",
        "You told me the case",
        "was closed.",
        "JANE: They told me",
        "that it was.",
        "- Where?\n- Denver.",
        "♪ music ♪",
        "Note: this is not over.",
        "MILLER: Go.",
        "Six months later",
        "[sighs]",
        "Nobody came."
      ]
      const parsed = yield* parse(film.map((text, index) => cue(index + 1, index + 1, text)).join(""))
      assert.deepStrictEqual(
        parsed.blocks.flatMap(({ end, speaker, start }) =>
          speaker === undefined ? [] : [parsed.text.slice(start, end)]
        ),
        ["MILLER: I never left.", "JANE: They told me that it was.", "MILLER: Go."]
      )
    })
  )

  it.effect("is known by how it begins, whatever its name", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* parse(talk, "talk.txt")).mediaType, "application/x-subrip")
    })
  )

  it.effect("loses no text to blank lines, to none where one should be, or to times that are odd", () =>
    Effect.gen(function* () {
      const parsed = yield* parse(
        "1\n0:00:01,5 --> 0:00:01,5\none\n\ntwo --> three\n2\n00:00:03.000-->00:00:04.000\nfour\n1984\n3\n100:00:05,000 --> 100:00:06,000\nfive"
      )
      for (const word of ["one", "two", "three", "four", "1984", "five"]) assert.include(parsed.text, word)
      assert.notInclude(parsed.text, "00:")
    })
  )

  it.effect("without a line of times is malformed, without words empty", () =>
    Effect.gen(function* () {
      const malformed = yield* Effect.flip(parse("just\ntext"))
      assert.strictEqual(malformed.reason, "malformed")
      assert.include(malformed.message, "talk.srt")
      assert.strictEqual((yield* Effect.flip(parse(cue(1, 1, "<i></i>")))).reason, "empty")
    })
  )

  it.effect("broken anywhere holds the invariants of documents, or fails with a ParseError", () =>
    Effect.gen(function* () {
      const parser = yield* Parser
      const whole = new TextEncoder().encode(talk)
      for (let seed = 0; seed < 300; seed++) {
        const random = makeRandom(seed)
        const bytes = whole.slice(0, random.int(2) === 0 ? whole.length : random.int(whole.length))
        for (let flips = random.int(6); flips > 0 && bytes.length > 0; flips--) {
          const index = random.int(bytes.length)
          bytes[index] = (bytes[index] ?? 0) ^ (1 << random.int(8))
        }
        const result = yield* Effect.result(parser.parse("talk.srt", bytes))
        if (result._tag === "Success") assertParsed(result.success, `seed ${seed}`)
        else assert.instanceOf(result.failure, ParseError)
      }
    }).pipe(Effect.provide(layer))
  )
})
