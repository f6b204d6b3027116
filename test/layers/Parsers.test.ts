import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { layer, layerCalling } from "../../src/layers/Parsers.ts"
import { isoDate } from "../../src/layers/parsers/date.ts"
import { clean } from "../../src/layers/parsers/decode.ts"
import { Parser } from "../../src/services/Parser.ts"
import type { Parsed } from "../../src/services/Parser.ts"
import { assertParsed, suite } from "../suites/Parser.ts"

suite("formats", layer)

const bytesOf = (content: string | ReadonlyArray<number>): Uint8Array =>
  typeof content === "string" ? new TextEncoder().encode(content) : Uint8Array.from(content)
const parse = (uri: string, content: string | ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const parser = yield* Parser
    const parsed = yield* parser.parse(uri, bytesOf(content))
    assertParsed(parsed, uri)
    return parsed
  }).pipe(Effect.provide(layerCalling))
const fails = (uri: string, content: string | ReadonlyArray<number>) => Effect.flip(parse(uri, content))
const pieces = ({ blocks, text }: Parsed) => blocks.map(({ end, kind, start }) => [kind, text.slice(start, end)])
const latin1 = (text: string) => Array.from(text, (character) => character.charCodeAt(0))

describe("decode", () => {
  it.effect("reads UTF-8 and UTF-16 with a byte order mark, which is no part of the text", () =>
    Effect.gen(function* () {
      const utf16le = [0xff, 0xfe, ...Array.from("Añb 🙂", (c) => c).flatMap((c) => [...Buffer.from(c, "utf16le")])]
      const utf16be = [0xfe, 0xff, 0, 0x41, 0x20, 0xac]
      assert.strictEqual((yield* parse("a.txt", utf16le)).text, "Añb 🙂")
      assert.strictEqual((yield* parse("a.txt", utf16be)).text, "A€")
      assert.strictEqual((yield* parse("a.txt", "\ufeffé")).text, "é")
    })
  )

  it.effect("reads Windows-1252 where it is plausible, and UTF-8 with a broken byte as UTF-8", () =>
    Effect.gen(function* () {
      const french = latin1("Le caf\u00e9 de Z\u00fcrich co\u00fbte 5 \u0080 \u0096 ou plus.")
      assert.strictEqual((yield* parse("a.txt", french)).text, "Le café de Zürich coûte 5 € – ou plus.")
      const cut = [...bytesOf("Ñandú, ñu y pingüino años después: camión"), 0xc3]
      assert.strictEqual((yield* parse("a.txt", cut)).text, "Ñandú, ñu y pingüino años después: camión\ufffd")
    })
  )

  it.effect("refuses other encodings and binary files, and says what they seem to be and what to do", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [ReadonlyArray<number>, string]> = [
        [latin1("PK\x03\x04\0\0"), "a zip archive"],
        [latin1("\x89PNG\r\n\x1a\n"), "a PNG image"],
        [latin1("\x1f\x8b\x08\0"), "a gzip archive"],
        [latin1("{\\rtf1 hello}"), "an RTF document"],
        [latin1("\xd0\xcf\x11\xe0"), "an old Microsoft Office file"],
        [latin1("SQLite format 3\0"), "an SQLite database"],
        [latin1("text\0\0\0\0\xff\x80"), "a binary file"],
        [latin1("text\0\0\0\0\x01\x80"), "a binary file"]
      ]
      for (const [bytes, words] of cases) {
        const error = yield* fails("dir/file.txt", bytes)
        assert.strictEqual(error.reason, "unsupported", words)
        assert.include(error.message, words)
        assert.include(error.message, "dir/file.txt")
      }
    })
  )

  it("makes text safe: line ends, controls, terminal escapes, bidi and tag characters, lone surrogates", () => {
    assert.strictEqual(clean("a\r\nb\rc\fd"), "a\nb\nc\nd")
    assert.strictEqual(clean("p\0w\u0007\u009b"), "p\ufffdw\ufffd\ufffd")
    assert.strictEqual(clean("\u001b[31mred\u001b[0m \u001b]8;;http://x\u001b\\link\u001b]8;;\u0007."), "red link.")
    assert.strictEqual(clean("\u202eevil\u2069\u{e0041}\ufeff"), "evil")
    assert.strictEqual(clean("a\ud800"), "a\ufffd")
  })

  it.effect("text that shows nothing is empty", () =>
    Effect.gen(function* () {
      for (const content of ["\u202e\u2066", "\ufeff", "\u200b\u00ad \n", "\u001b[2J"]) {
        assert.strictEqual((yield* fails("a.txt", content)).reason, "empty")
      }
    })
  )
})

describe("isoDate", () => {
  it("reads dates as they are written and keeps a zone; without a zone it keeps the day", () => {
    const cases: ReadonlyArray<readonly [string, string | undefined]> = [
      ["2025-03-04", "2025-03-04"],
      ["2025-03-04T09:12:00Z", "2025-03-04T09:12:00Z"],
      ["2025-03-04 09:12 +0130", "2025-03-04T09:12:00+01:30"],
      ["2025-03-04T09:12:00", "2025-03-04"],
      ["Tue, 4 Mar 2025 09:12:33 +0100", "2025-03-04T09:12:33+01:00"],
      ["4 Mar 2025 9:05 GMT", "2025-03-04T09:05:00Z"],
      ["March 4, 2025", "2025-03-04"],
      ["Tuesday, March 4, 2025 9:12 AM", "2025-03-04"],
      ["2024-02-29", "2024-02-29"],
      ["2025-02-29", undefined],
      ["04/03/2025", undefined],
      ["soon", undefined],
      ["", undefined]
    ]
    for (const [written, expected] of cases) assert.strictEqual(isoDate(written), expected, written)
  })
})

describe("plain text", () => {
  it.effect("is paragraphs; a short first line that stands alone is title and heading", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("dir/x.y.txt", "A title\n\n  one\n two  \n \n\nthree")
      assert.strictEqual(parsed.title, "A title")
      assert.deepStrictEqual(pieces(parsed), [
        ["heading", "A title"],
        ["paragraph", "one\n two"],
        ["paragraph", "three"]
      ])
      assert.strictEqual((yield* parse("dir/x.y.txt", "A sentence.\n\nmore")).title, "")
      assert.strictEqual((yield* parse("dir/x.txt", "alone")).title, "")
    })
  )
})

describe("Markdown", () => {
  const page = [
    "---",
    "title: The page",
    "date: 2025-03-04",
    "tags: [a]",
    "---",
    "# One *two*",
    "",
    "Some text",
    "over lines.",
    "",
    "- a",
    "  more",
    "- b",
    "",
    "  - c",
    "- d",
    "",
    "| n | v |",
    "|---|---|",
    "| x | 1 |",
    "| y | 2 |",
    "",
    "```js",
    "# no heading",
    "",
    "Nor this",
    "```",
    "",
    "> quote",
    "",
    "<div>",
    "raw",
    "</div>",
    "",
    "Setext",
    "---",
    "",
    "***"
  ].join("\n")

  it.effect("gives top-level nodes as blocks with exact offsets; front matter is no part of the text", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("p.md", page)
      assert.strictEqual(parsed.title, "The page")
      assert.strictEqual(parsed.date, "2025-03-04")
      assert.isTrue(page.endsWith(parsed.text))
      assert.deepStrictEqual(pieces(parsed), [
        ["heading", "# One *two*"],
        ["paragraph", "Some text\nover lines."],
        ["list", "- a\n  more\n- b\n\n  - c\n- d"],
        ["table", "| n | v |\n|---|---|\n| x | 1 |\n| y | 2 |"],
        ["code", "```js\n# no heading\n\nNor this\n```"],
        ["paragraph", "> quote"],
        ["paragraph", "<div>\nraw\n</div>"],
        ["heading", "Setext\n---"],
        ["paragraph", "***"]
      ])
      const [heading, , list, table] = parsed.blocks
      assert.strictEqual(heading?.level, 1)
      assert.deepStrictEqual(
        list?.splits?.map((split) => parsed.text.slice(split, split + 3)),
        ["- b", "- d"]
      )
      assert.deepStrictEqual(
        table?.splits?.map((split) => parsed.text.slice(split, split + 5)),
        ["| x |", "| y |"]
      )
      assert.strictEqual(table?.columns, "n | v")
    })
  )

  it.effect("takes its title from the first heading of level 1, without marks, never from the file", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* parse("p.md", "## x\n\n# The *real* [one](u) `c`\n")).title, "The real one c")
      assert.strictEqual((yield* parse("dir/p.md", "## x\n")).title, "")
    })
  )

  it.effect("front matter that is broken, no mapping, or a bomb is text", () =>
    Effect.gen(function* () {
      const bomb = `---\na: &a [x,x]\nb: &b [*a,*a]\ntitle: [*b,*b]\n---\ntext\n`
      for (const content of ["---\n: [\n---\ntext\n", "---\njust words\n---\ntext\n", bomb, "---\nno end\n"]) {
        const parsed = yield* parse("p.md", content)
        assert.strictEqual(parsed.text, content)
        assert.strictEqual(parsed.title, "")
      }
      assert.strictEqual((yield* parse("p.md", "---\ntitle: 12\ndate: [1]\n---\ntext\n")).title, "12")
      assert.strictEqual((yield* fails("p.md", "---\ntitle: x\n---\n\n")).reason, "empty")
    })
  )

  it.effect("is what a name without extension holds if it begins as such", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* parse("README", "# Title\n\nText")).mediaType, "text/markdown")
      assert.strictEqual((yield* parse("README.txt", "# Title\n\nText")).mediaType, "text/plain")
      assert.strictEqual((yield* parse("script", "# a comment\nrun")).mediaType, "text/plain")
    })
  )

  it.effect("a paragraph put in anywhere leaves the blocks before and after it as they were", () =>
    Effect.gen(function* () {
      const before = pieces(yield* parse("p.md", page))
      const added = pieces(yield* parse("p.md", page.replace("> quote", "Put in.\n\n> quote")))
      assert.deepStrictEqual(
        added.filter(([, text]) => text !== "Put in."),
        before
      )
    })
  )

  it.effect("lists and tables beyond the size that is parsed are still lists and tables that can be split", () =>
    Effect.gen(function* () {
      const rows = Array.from({ length: 3000 }, (_, row) => `| ${row} | text |`)
      const items = Array.from({ length: 3000 }, (_, item) => `- item ${item}\n  more`)
      const parsed = yield* parse(
        "p.md",
        `# T\n\n| a | b |\n|---|---|\n${rows.join("\n")}\n\nText\n\n${items.join("\n")}\n`
      )
      assert.deepStrictEqual(
        parsed.blocks.map(({ kind, splits }) => [kind, splits?.length]),
        [
          ["heading", undefined],
          ["table", 3000],
          ["paragraph", undefined],
          ["list", 2999]
        ]
      )
      assert.strictEqual(parsed.blocks[1]?.columns, "a | b")
    })
  )

  it.effect("code of any length is one block, also when its fence is never closed", () =>
    Effect.gen(function* () {
      const code = `\`\`\`ts\n${"line\n\n# no heading\n".repeat(500)}\`\`\``
      const parsed = yield* parse("p.md", `Text\n${code}\nMore\n\n~~~\nopen\n\n# still code`)
      assert.deepStrictEqual(pieces(parsed), [
        ["paragraph", "Text"],
        ["code", code],
        ["paragraph", "More"],
        ["code", "~~~\nopen\n\n# still code"]
      ])
    })
  )

  // Each takes micromark alone more than a minute, or its stack, at this size; the test's own timeout is the bound.
  it.effect.each([
    "> > ".repeat(20),
    "- ".repeat(20),
    "a\n=\n",
    "> a\nb\n",
    "*a **a ",
    "[",
    "](",
    "[^a]",
    "<!--",
    "> a\n> > b\n",
    "|a|\n|-|\n"
  ])("does not hang on 200,000 characters of %j", (piece) =>
    parse("p.md", piece.repeat(Math.ceil(200_000 / piece.length)))
  )
})

describe("WebVTT", () => {
  const cue = (at: string, text: string) => `00:${at}.000 --> 00:${at}.900\n${text}\n\n`

  it.effect("gives a line and a block for each turn; cues of one speaker are one turn until a silence", () =>
    Effect.gen(function* () {
      const parsed = yield* parse(
        "call.vtt",
        `WEBVTT - Weekly &amp; sync\n\nNOTE not said\n\n1\n${cue("01", "<v Ada Moreno>Hello <i>all</i>,")}` +
          `${cue("02", "<v Ada Moreno>R&amp;D is\nfine.</v>")}${cue("03", "<v.loud Bo>Good.<v Ada Moreno>Yes.")}` +
          `${cue("50", "<v Ada Moreno>Later.")}`
      )
      assert.strictEqual(parsed.title, "Weekly & sync")
      assert.strictEqual(parsed.mediaType, "text/vtt")
      assert.strictEqual(
        parsed.text,
        "Ada Moreno: Hello all, R&D is fine.\nBo: Good.\nAda Moreno: Yes.\nAda Moreno: Later.\n"
      )
      assert.deepStrictEqual(
        parsed.blocks.map(({ at, kind, speaker }) => [kind, speaker, at]),
        [
          ["turn", "Ada Moreno", 1000],
          ["turn", "Bo", 3000],
          ["turn", "Ada Moreno", 3000],
          ["turn", "Ada Moreno", 50_000]
        ]
      )
    })
  )

  it.effect("knows speakers by name and colon, and changes by dashes and arrows", () =>
    Effect.gen(function* () {
      const parsed = yield* parse(
        "call.vtt",
        `WEBVTT\n\n${cue("01", "ADA: One")}${cue("02", "goes on: here")}${cue("03", "- Bo Li: Two\n- ADA: Three")}` +
          `${cue("04", ">> unknown")}`
      )
      assert.strictEqual(parsed.text, "ADA: One goes on: here\nBo Li: Two\nADA: Three\nunknown\n")
      assert.strictEqual(parsed.title, "")
      const once = yield* parse("call.vtt", `WEBVTT\n\n${cue("01", "Note: this")}${cue("02", "is no name")}`)
      assert.strictEqual(once.text, "Note: this is no name\n")
    })
  )

  it.effect("knows those who call themselves anything where nearly every cue has its speaker", () =>
    Effect.gen(function* () {
      const said = [
        "Dr. Hannah Weiss: Hello.",
        "Sanjay's iPhone: Sorry.",
        "Dr. Hannah Weiss: Yes: a note.",
        "kofi_m: ok"
      ]
      const cues = [...said, ...said].map((text, at) => `00:0${at}.000 --> 00:0${at}.900\n${text}\n`)
      const parsed = yield* parse("talk.vtt", `WEBVTT\n\n${cues.join("\n")}`)
      assert.strictEqual(parsed.text, `${[...said, ...said].join("\n")}\n`)
      assert.deepStrictEqual(
        [...new Set(parsed.blocks.map(({ speaker }) => speaker))],
        ["Dr. Hannah Weiss", "Sanjay's iPhone", "kofi_m"]
      )
    })
  )

  it.effect("is known by its first word whatever its name, and read without it if its name says so", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* parse("call.txt", `WEBVTT\n\n${cue("01", "a")}`)).mediaType, "text/vtt")
      assert.strictEqual((yield* parse("call.vtt", cue("01", "a"))).text, "a\n")
    })
  )

  it.effect("decoded entities cannot bring back what was made safe", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("a.vtt", `WEBVTT\n\n${cue("01", "a&#27;[31mb&#x202e;c&#xD800;d&#0;&#9999999;")}`)
      assert.strictEqual(parsed.text, "abc\ufffdd\ufffd\ufffd\n")
    })
  )

  it.effect("without cues is empty; with cues that cannot be read, or without header and cues, malformed", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* fails("a.vtt", "WEBVTT\n\nNOTE nothing\n")).reason, "empty")
      assert.strictEqual((yield* fails("a.vtt", `WEBVTT\n\n${cue("01", "<i></i>")}`)).reason, "empty")
      const times = yield* fails("a.vtt", "WEBVTT\n\nyesterday --> today\nhello\n")
      assert.strictEqual(times.reason, "malformed")
      assert.include(times.message, "line 3")
      assert.strictEqual((yield* fails("a.vtt", "hello")).reason, "malformed")
    })
  )
})
