import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { facts, parse, parseFails, pieces, survivesDamage } from "../../support/parse.ts"
import { zipOf } from "../../support/zip.ts"

const files = process.env["SLUICE_TEST_FILES"]

const container =
  '<container><rootfiles><rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
const opf = `<?xml version="1.0"?><package xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:opf="http://www.idpf.org/2007/opf"><metadata>
<dc:title>The Rivers</dc:title><dc:creator>Ada Moreno</dc:creator><dc:creator>Bo Li</dc:creator><dc:subject>Geography</dc:subject>
<dc:date opf:event="modification">2025-01-01</dc:date><dc:date>2024-05-06</dc:date><dc:description>&lt;p&gt;On &lt;b&gt;rivers&lt;/b&gt;.&lt;/p&gt;</dc:description></metadata>
<manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="a" href="text/a%20one.xhtml" media-type="application/xhtml+xml"/><item id="b" href="./text/b.xhtml#x" media-type="application/xhtml+xml"/>
<item id="c" href="text/gone.xhtml" media-type="application/xhtml+xml"/><item id="i" href="i.png" media-type="image/png"/></manifest>
<spine><itemref idref="nav"/><itemref idref="b"/><itemref idref="c"/><itemref idref="i"/><itemref idref="a"/><itemref idref="zz"/></spine></package>`
const chapter = (body: string) =>
  `<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="x"/></head><body>${body}</body></html>`
const parts = {
  mimetype: "application/epub+zip",
  "META-INF/container.xml": container,
  "OEBPS/book.opf": opf,
  "OEBPS/nav.xhtml": chapter("<nav><ol><li><a href='a'>Contents</a></li></ol></nav>"),
  "OEBPS/text/a one.xhtml": chapter("<h1>Second</h1><p>Words&#160;here<a id='x'/> too.</p>"),
  "OEBPS/text/b.xhtml": chapter("<h1>The Rivers</h1><h2>First</h2><aside><p>A note</p></aside>")
}
const encryption = (algorithm: string, ...names: ReadonlyArray<string>) =>
  `<encryption>${names
    .map(
      (name) =>
        `<enc:EncryptedData><enc:EncryptionMethod Algorithm="${algorithm}"/><enc:CipherData><enc:CipherReference URI="${name}"/></enc:CipherData></enc:EncryptedData>`
    )
    .join("")}</encryption>`

describe("EPUB", () => {
  it.effect("is the chapters in the order of its spine, those that are missing passed over", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("book", zipOf(parts))
      assert.strictEqual(parsed.mediaType, "application/epub+zip")
      assert.strictEqual(parsed.title, "The Rivers")
      assert.strictEqual(parsed.date, "2024-05-06")
      assert.deepStrictEqual(pieces(parsed), [
        ["heading", "The Rivers"],
        ["paragraph", "By Ada Moreno, Bo Li"],
        ["paragraph", "On rivers."],
        ["heading", "First"],
        ["paragraph", "A note"],
        ["heading", "Second"],
        ["paragraph", "Words here too."]
      ])
      assert.deepStrictEqual(
        facts(parsed).map(([fact]) => fact),
        ["Ada Moreno CREATED The Rivers", "Bo Li CREATED The Rivers", "The Rivers RELATED_TO Geography"]
      )
    })
  )

  it.effect("without a spine that can be read is its pages by name; without pages it is malformed", () =>
    Effect.gen(function* () {
      const { "OEBPS/book.opf": _, ...rest } = parts
      assert.include((yield* parse("b.epub", zipOf(rest))).text, "Second")
      const empty = { "META-INF/container.xml": container, "OEBPS/book.opf": opf }
      const error = yield* parseFails("b.epub", zipOf(empty))
      assert.strictEqual(error.reason, "malformed")
      assert.include(error.message, "none of whose chapters")
      const pictures = { ...parts, "OEBPS/text/a one.xhtml": chapter("<img/>"), "OEBPS/text/b.xhtml": chapter("") }
      assert.strictEqual((yield* parseFails("b.epub", zipOf(pictures))).reason, "empty")
    })
  )

  it.effect("is protected if its chapters are encrypted, not if its fonts are", () =>
    Effect.gen(function* () {
      const locked = encryption(
        "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
        "OEBPS/text/a%20one.xhtml",
        "OEBPS/text/b.xhtml"
      )
      const error = yield* parseFails("b.epub", zipOf({ ...parts, "META-INF/encryption.xml": locked }))
      assert.strictEqual(error.reason, "protected")
      const fonts = encryption("http://www.idpf.org/2008/embedding", "OEBPS/text/b.xhtml", "OEBPS/f.otf")
      assert.include((yield* parse("b.epub", zipOf({ ...parts, "META-INF/encryption.xml": fonts }))).text, "First")
    })
  )

  it.effect("names nothing outside of itself", () =>
    Effect.gen(function* () {
      const outside = opf.replace("text/a%20one.xhtml", "../../../../etc/passwd.xhtml")
      assert.notInclude((yield* parse("b.epub", zipOf({ ...parts, "OEBPS/book.opf": outside }))).text, "Second")
    })
  )

  it.effect("survives damage", () => survivesDamage("b.epub", zipOf(parts)))
})

describe.skipIf(files === undefined)("EPUB, real files (SLUICE_TEST_FILES)", () => {
  it.effect("a book has its title, its author and its chapters", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("b.epub", readFileSync(`${files}/test.epub`))
      assert.strictEqual(parsed.title, "Test EPUB Document")
      assert.include(parsed.text, "Chapter 2: More Content\n\nHere's a second chapter with a different style.")
      assert.deepStrictEqual(
        facts(parsed).map(([fact]) => fact),
        ["Test Author CREATED Test EPUB Document"]
      )
    })
  )
})
