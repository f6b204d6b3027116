import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import type { Layer } from "effect"
import { ParseError } from "../../src/domain/ParseError.ts"
import { Parser } from "../../src/services/Parser.ts"
import type { Parsed } from "../../src/services/Parser.ts"
import { makeRandom } from "../support/random.ts"

const isSorted = (values: ReadonlyArray<number>): boolean =>
  values.every((value, index) => index === 0 || value > (values[index - 1] ?? 0))

/** What every parsed document must hold; see `ParsedDocument`. */
export const assertParsed = (parsed: Parsed, context: string): void => {
  const { blocks, text } = parsed
  assert.isTrue(text.isWellFormed(), `${context}: text is not well-formed`)
  assert.isTrue(parsed.title.isWellFormed() && parsed.title.trim() === parsed.title, `${context}: bad title`)
  assert.match(text, /\S/, `${context}: text is blank`)
  let at = 0
  for (const block of blocks) {
    assert.isTrue(
      block.start >= at && block.end > block.start,
      `${context}: block at ${block.start} overlaps or is empty`
    )
    assert.isTrue(text.slice(at, block.start).trim() === "", `${context}: text left out before ${block.start}`)
    const splits = block.splits ?? []
    assert.isTrue(isSorted(splits), `${context}: splits do not ascend`)
    assert.isTrue(
      splits.every((split) => split > block.start && split < block.end),
      `${context}: split outside of its block`
    )
    at = block.end
  }
  assert.isTrue(at <= text.length && text.slice(at).trim() === "", `${context}: text left out at the end`)
}

const names = ["a.txt", "b.md", "c.vtt", "-", "noextension", "d.bin", "odd\nname.md", ".md"] as const
const markdownish = [
  "# ",
  "## h\n",
  "- a\n",
  "1. b\n",
  "> q\n",
  "| a | b |\n",
  "|---|---|\n",
  "```\n",
  "~~~js\n",
  "\n",
  "\n\n",
  "    code\n",
  "word ",
  "*x* ",
  "[l](u) ",
  "<div>\n",
  "<!-- ",
  "-->\n",
  "---\n",
  "===\n",
  "title: x\n",
  "\t",
  "  ",
  "[a]: b\n",
  "[^1]: n\n",
  "\u0000",
  "\u001b[31m",
  "\r\n",
  "\r",
  "é",
  "🙂",
  "\u202e",
  "\ud800",
  "\ufeff",
  "\\",
  "&amp;",
  "\u00a0",
  "\u2028"
] as const
const captionish = [
  "WEBVTT\n",
  "\n",
  "\n\n",
  "00:01.000 --> 00:02.000\n",
  "00:00:03.000 --> 00:00:04.500 line:0\n",
  "<v Ann>",
  "<v ",
  "ANN: ",
  "Bob Lee: ",
  "hello ",
  "- ",
  ">> ",
  "-->",
  "&amp;",
  "&#0;",
  "&#xD800;",
  "&#x202e;",
  "</v>",
  "<",
  ">",
  "NOTE x\n",
  "REGION\nid\n",
  "STYLE\n",
  "\r\n",
  "\u0000",
  "🙂",
  "\n00:05.000 --> 00:04.000\n",
  "\n01:00.000 --> 01:01.000 region\n"
] as const

/** The contract of `Parser`, over any layer. */
export const suite = (name: string, layer: Layer.Layer<Parser>): void => {
  const encoder = new TextEncoder()
  const cases = (kind: string, seeds: number, make: (random: ReturnType<typeof makeRandom>) => Uint8Array) =>
    it.effect(`holds its invariants over ${kind}, or fails with a ParseError`, () =>
      Effect.gen(function* () {
        const parser = yield* Parser
        let parsedCount = 0
        for (let seed = 1; seed <= seeds; seed++) {
          const random = makeRandom(seed)
          const uri = random.pick(names)
          const bytes = make(random)
          const result = yield* Effect.result(parser.parse(uri, bytes))
          if (Result.isSuccess(result)) {
            parsedCount++
            assertParsed(result.success, `${kind}, seed ${seed}, ${uri}`)
          } else {
            assert.instanceOf(result.failure, ParseError)
            assert.strictEqual(result.failure.uri, uri)
            assert.isAbove(result.failure.message.length, 10)
          }
        }
        if (kind !== "random bytes")
          assert.isAbove(parsedCount, seeds / 4, `too few of ${kind} parsed to test anything`)
      }).pipe(Effect.provide(layer))
    )

  describe(`Parser: ${name}`, () => {
    cases("random bytes", 300, (random) => random.bytes(random.int(200)))
    cases("any Unicode", 300, (random) => encoder.encode(random.unicode(1 + random.int(100))))
    cases("Markdown-like text", 1200, (random) => encoder.encode(random.concat(markdownish, 40)))
    cases("caption-like text", 600, (random) =>
      encoder.encode(`WEBVTT\n\n00:01.000 --> 00:02.000\nANN: so\n${random.concat(captionish, 30)}`)
    )

    it.effect("gives the same for the same bytes, and names its version", () =>
      Effect.gen(function* () {
        const parser = yield* Parser
        const bytes = encoder.encode("# One\n\ntwo\n\n- three\n- four\n")
        assert.deepStrictEqual(yield* parser.parse("a.md", bytes), yield* parser.parse("a.md", bytes))
        assert.notStrictEqual(parser.version, "")
      }).pipe(Effect.provide(layer))
    )

    it.effect("fails with reason `empty` for what holds no text", () =>
      Effect.gen(function* () {
        const parser = yield* Parser
        for (const content of ["", " \n\t\n", "\n\n\n"]) {
          const error = yield* Effect.flip(parser.parse("a.txt", encoder.encode(content)))
          assert.strictEqual(error.reason, "empty")
        }
      }).pipe(Effect.provide(layer))
    )
  })
}
