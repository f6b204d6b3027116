import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { facts, parse, parseFails, pieces, survivesDamage } from "../../support/parse.ts"

const files = process.env["SLUICE_TEST_FILES"]

const rss = `<?xml version="1.0"?><rss version="2.0" xmlns:d="http://purl.org/dc/elements/1.1/"
 xmlns:c="http://purl.org/rss/1.0/modules/content/" xmlns:m="http://search.yahoo.com/mrss/"><channel>
<title>River &amp; Lake News</title><description>About &lt;b&gt;water&lt;/b&gt;</description>
<lastBuildDate>Mon, 06 May 2024 07:08:09 +0000</lastBuildDate><image><title>no title</title></image>
<item><title>Dams &amp;amp; Floods</title><link>https://x.example/1</link><d:creator>Ada Moreno</d:creator>
<pubDate>Sun, 05 May 2024 10:00:00 +0000</pubDate><category>Dams</category><m:title>again</m:title>
<description>Teaser</description><c:encoded><![CDATA[<h1>Dams &amp; Floods</h1><p>The <a href="/d">Danube Commission</a> met.</p><ul><li>a<li>b</ul>]]></c:encoded></item>
<item><author>bo@x.example (Bo Li)</author><description>Only &lt;i&gt;this&lt;/i&gt;, unescaped <b>here</b> too</description></item>
</channel></rss>`

const atom = `<feed xmlns="http://www.w3.org/2005/Atom"><title type="text">A &lt; B</title><updated>2024-01-02T03:04:05Z</updated>
<author><name>Feed Owner</name><email>o@x.example</email></author>
<entry><title type="html">Fish &amp;amp; Chips</title><author><name>Cy Young</name></author><published>2024-01-01T00:00:00Z</published>
<source><title>Other feed</title></source><category term="food" label="Food"/><summary>short</summary>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>One &amp; <em>two</em></p><p>three</p></div></content></entry>
</feed>`

describe("Feeds", () => {
  it.effect("in RSS give each item as a section with its author, its date and its content", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("news.xml", rss)
      assert.strictEqual(parsed.mediaType, "application/rss+xml")
      assert.strictEqual(parsed.title, "River & Lake News")
      assert.strictEqual(parsed.date, "2024-05-06T07:08:09+00:00")
      assert.deepStrictEqual(pieces(parsed), [
        ["heading", "River & Lake News"],
        ["paragraph", "Mon, 06 May 2024 07:08:09 +0000"],
        ["paragraph", "About water"],
        ["heading", "Dams & Floods"],
        ["paragraph", "By Ada Moreno, Sun, 05 May 2024 10:00:00 +0000"],
        ["paragraph", "Categories: Dams"],
        ["paragraph", "The Danube Commission met."],
        ["list", "- a\n- b"],
        ["paragraph", "By Bo Li"],
        ["paragraph", "Only this, unescaped here too"]
      ])
      assert.deepStrictEqual(facts(parsed), [
        ["Ada Moreno CREATED Dams & Floods", "Dams & Flo"],
        ["Dams & Floods RELATED_TO Dams", "Dams & Flo"],
        ["Dams & Floods REFERS_TO Danube Commission", "The Danube"]
      ])
    })
  )

  it.effect("in Atom give text, HTML and XHTML as what they are", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("feed.atom", atom)
      assert.strictEqual(parsed.mediaType, "application/atom+xml")
      assert.strictEqual(parsed.title, "A < B")
      assert.strictEqual(parsed.date, "2024-01-02T03:04:05Z")
      assert.deepStrictEqual(pieces(parsed).slice(2), [
        ["heading", "Fish & Chips"],
        ["paragraph", "By Cy Young, 2024-01-01T00:00:00Z"],
        ["paragraph", "Categories: Food"],
        ["paragraph", "One & two"],
        ["paragraph", "three"]
      ])
    })
  )

  it.effect("in RSS 1.0 have their items beside the channel", () =>
    Effect.gen(function* () {
      const parsed = yield* parse(
        "f.rss",
        `<rdf:RDF xmlns:rdf="r"><channel><title>T</title></channel><item><title>I</title><description>x</description></item></rdf:RDF>`
      )
      assert.strictEqual(parsed.text, "T\n\nI\n\nx")
    })
  )

  it.effect("that are cut off are read as far as they go; what is no feed is read as XML", () =>
    Effect.gen(function* () {
      const cut = yield* parse("news.rss", rss.slice(0, rss.indexOf("met.") + 4))
      assert.isTrue(cut.text.endsWith("The Danube Commission met."))
      assert.strictEqual((yield* parse("a.rss", "<rss><other>words</other></rss>")).mediaType, "application/xml")
      assert.strictEqual((yield* parseFails("a.rss", "<rss><channel></channel></rss>")).reason, "empty")
    })
  )

  it.effect.each(["<item><title>x", "<channel><title>x", "<item><description>&lt;div&gt;x", "<author><name>x"])(
    "do not hang on 50,000 times %j",
    (piece) => parse("a.rss", `<rss><channel><title>T</title>${piece.repeat(50_000)}`)
  )

  it.effect("survive damage", () =>
    Effect.gen(function* () {
      yield* survivesDamage("news.rss", rss)
      yield* survivesDamage("feed.atom", atom)
    })
  )
})

describe.skipIf(files === undefined)("Feeds, real files (SLUICE_TEST_FILES)", () => {
  it.effect("a blog's feed is its posts", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("f.xml", readFileSync(`${files}/test_rss.xml`))
      assert.strictEqual(parsed.title, "The Official Microsoft Blog")
      assert.include(parsed.text, "Ignite 2024: Why nearly 70% of the Fortune 500 now use Microsoft 365 Copilot")
      assert.isTrue(facts(parsed).some(([fact]) => fact.startsWith("Satish Thomas CREATED ")))
    })
  )
})
