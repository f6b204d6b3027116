import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { parseXml } from "../../../src/layers/parsers/Xml.ts"
import { facts, parse, parseFails, pieces, survivesDamage } from "../../support/parse.ts"

const book = `<?xml version="1.0"?><book><info><title>The Book</title><author>Ada Moreno</author><pubdate>2024-05-06</pubdate></info>
<chapter><title>One</title>
  <para>Some <emphasis>bold</emphasis> text
    over lines: <itemizedlist><listitem><para>First.</para></listitem><listitem><para>Second.</para></listitem></itemizedlist> and after.</para>
  <sect1><title>Deeper</title><para><b>One</b> <i>two</i> three.</para><programlisting>a
  b</programlisting></sect1></chapter>
<chapter><title>Two</title><record><name>Bo</name><home-town>Rome</home-town></record></chapter></book>`

describe("XML", () => {
  it.effect("is the text of its elements, its titles as headings by how they are nested", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("a.xml", book)
      assert.strictEqual(parsed.mediaType, "application/xml")
      assert.strictEqual(parsed.title, "The Book")
      assert.strictEqual(parsed.date, "2024-05-06")
      assert.deepStrictEqual(pieces(parsed), [
        ["heading", "The Book"],
        ["paragraph", "author: Ada Moreno\npubdate: 2024-05-06"],
        ["heading", "One"],
        ["paragraph", "Some bold text over lines:"],
        ["paragraph", "First."],
        ["paragraph", "Second."],
        ["paragraph", "and after."],
        ["heading", "Deeper"],
        ["paragraph", "One two three."],
        ["code", "a\n  b"],
        ["heading", "Two"],
        ["paragraph", "name: Bo\nhome town: Rome"]
      ])
      assert.deepStrictEqual(
        parsed.blocks.flatMap(({ level }) => (level === undefined ? [] : [level])),
        [1, 2, 3, 2]
      )
      assert.deepStrictEqual(facts(parsed), [["Ada Moreno CREATED The Book", "The Book\n\n"]])
    })
  )

  it.effect("has no entities but its own: none unfolds, none is fetched", () =>
    Effect.gen(function* () {
      const laughs = Array.from(
        { length: 10 },
        (_, level) => `<!ENTITY lol${level + 1} "${`&lol${level};`.repeat(10)}">`
      ).join("\n")
      const bomb = `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY lol0 "lol">\n${laughs}]><a>start &lol10; &amp; end</a>`
      assert.strictEqual((yield* parse("a.xml", bomb)).text, "start &lol10; & end")
      const external = `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY % y SYSTEM "http://x.example/y.dtd"> %y;]><a>read &x; this</a>`
      assert.strictEqual((yield* parse("a.xml", external)).text, "read &x; this")
    })
  )

  it.effect("leaves out pictures in base64, and reads CDATA, namespaces and declared encodings", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("a.xml", `<a><b>${"QUJD".repeat(200)}</b><x:c><![CDATA[<kept> & said.]]></x:c></a>`)
      assert.strictEqual(parsed.text, "<kept> & said.")
      const latin = Uint8Array.from('<?xml version="1.0" encoding="iso-8859-2"?><a>\xb3\xf3d\xbc</a>', (c) =>
        c.charCodeAt(0)
      )
      assert.strictEqual((yield* parse("a.xml", latin)).text, "łódź")
      assert.strictEqual((yield* parseFails("a.xml", "<?xml version='1.0'?><a><b/></a>")).reason, "empty")
    })
  )

  it.effect.each(["<a>", "<a>x y ", "<a>x y </b>", "<sec><title>x", "x<para>y", "<![CDATA[", "<!DOCTYPE a ["])(
    "does not hang on 100,000 times %j",
    (piece) =>
      Effect.gen(function* () {
        const bytes = new TextEncoder().encode(`<r><p>start.</p>\n${piece.repeat(100_000)}`)
        assert.include((yield* Effect.promise(async () => parseXml("a.xml", bytes))).text, "start.")
      })
  )

  it.effect("survives damage", () => survivesDamage("a.xml", book))
})
