import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { parseHtml, stateHtml, writeHtml } from "../../../src/layers/parsers/Html.ts"
import { Writer } from "../../../src/layers/parsers/Writer.ts"
import { facts, parse, parseFails, pieces, survivesDamage } from "../../support/parse.ts"

const files = process.env["SLUICE_TEST_FILES"]
const html = (body: string) => parse("a.html", `<!doctype html><html><body>${body}`)
const found = (body: string) => Effect.map(html(body), pieces)
const words = (text: string) => text.split(/\s+/).join(" ").trim()
const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0))

const article = `<!doctype html>
<html lang="en"><head><title>
  Rivers of  Europe &amp; Asia | Atlas</title>
<meta name="author" content="Ada Moreno"><meta name="keywords" content="Rivers, Geography">
<meta property="article:published_time" content="2024-05-06T07:08:09Z">
<style>p { color: red }</style><script>var hidden = "<p>not this</p>"</script></head>
<body><nav><ul><li><a href="/">Home page of all</a></ul></nav>
<a href="#content">Skip to content</a>
<main><article><h1>Rivers</h1><p>The <b>Dan</b>ube is <a href="/wiki/long">long</a>; see <a href="/d">Danube Commission</a>,
<a href="/x">our announcement</a> and <a href="#n">Note One</a>.<br>It flows.</p>
<h2>Lengths<span class="mw-editsection">[edit]</span></h2>
<table><caption>In km</caption><thead><tr><th>River<th>Length</tr></thead><tr><td>Volga<td>3,531<tr><td>Danube<td>2,850</table>
<ol start="3"><li>One<ul><li>inner <i>a</i><li>inner b</ul><li>Two</ol>
<dl><dt>Delta<dd>where it ends<dt>Source</dl>
<pre>  a
    b</pre><blockquote><p>Quoted<footer>by Bo</footer></blockquote>
<figure><img src="x.png" alt="A map"><figcaption>Fig. 1</figcaption></figure>
<details><summary>More</summary>Inside</details></article></main>
<div hidden>hidden words</div><p style="display: none">hidden too</p><footer>All rights reserved</footer></body></html>`

describe("HTML", () => {
  it.effect("gives what a reader sees, block by block, and what the page states of itself", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("page", article)
      assert.strictEqual(parsed.mediaType, "text/html")
      assert.strictEqual(parsed.title, "Rivers of Europe & Asia | Atlas")
      assert.strictEqual(parsed.date, "2024-05-06T07:08:09Z")
      assert.deepStrictEqual(pieces(parsed), [
        ["heading", "Rivers"],
        ["paragraph", "The Danube is long; see Danube Commission, our announcement and Note One.\nIt flows."],
        ["heading", "Lengths"],
        ["paragraph", "In km"],
        ["table", "River | Length\nVolga | 3,531\nDanube | 2,850"],
        ["list", "3. One\n  - inner a\n  - inner b\n4. Two"],
        ["list", "- Delta: where it ends\n- Source"],
        ["code", "  a\n    b"],
        ["paragraph", "Quoted"],
        ["paragraph", "by Bo"],
        ["paragraph", "A map"],
        ["paragraph", "Fig. 1"],
        ["paragraph", "More"],
        ["paragraph", "Inside"]
      ])
      assert.strictEqual(parsed.blocks[4]?.columns, "River | Length")
      assert.strictEqual(parsed.blocks[5]?.splits?.length, 3)
      const title = "Rivers of Europe & Asia | Atlas"
      assert.deepStrictEqual(facts(parsed), [
        [`Ada Moreno CREATED ${title}`, "Rivers\n\nTh"],
        [`${title} RELATED_TO Rivers`, "Rivers\n\nTh"],
        [`${title} RELATED_TO Geography`, "Rivers\n\nTh"],
        [`${title} REFERS_TO long`, "The Danube"],
        [`${title} REFERS_TO Danube Commission`, "The Danube"]
      ])
    })
  )

  it.effect("reads pages made of divisions, spans and unclosed tags", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* found("<div>One<div><span>Two</span> words<div>Three</div></div>four"), [
        ["paragraph", "One"],
        ["paragraph", "Two words"],
        ["paragraph", "Three"],
        ["paragraph", "four"]
      ])
      assert.deepStrictEqual(yield* found("<h2>Title<p>a<p>b<ul><li>c<li>d</ul><h3>Next<h3>Last</h3>e</div></p>f"), [
        ["heading", "Title"],
        ["paragraph", "a"],
        ["paragraph", "b"],
        ["list", "- c\n- d"],
        ["heading", "Next"],
        ["heading", "Last"],
        ["paragraph", "e"],
        ["paragraph", "f"]
      ])
      assert.deepStrictEqual(yield* found("<b><p>x</b>y</p><i>z"), [
        ["paragraph", "xy"],
        ["paragraph", "z"]
      ])
      assert.deepStrictEqual(yield* found("<p>before<svg><text>drawn</text><p>after"), [
        ["paragraph", "before"],
        ["paragraph", "after"]
      ])
    })
  )

  it.effect("parts words where elements part them, and only there", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [string, string]> = [
        ["<span>Label</span><span>Value</span>", "Label Value"],
        ["<span>WEB</span>Microsoft", "WEB Microsoft"],
        ["<a href=x>one</a><a href=y>two</a>", "one two"],
        ["<b>T</b>he <span>wo</span><span>rd</span> e<i>B</i>ay", "The word eBay"],
        ["H<sub>2</sub>O 10<sup>6</sup> 1<sup>st</sup> re&shy;mark", "H2O 10^6 1st remark"],
        ["a&nbsp;b\n\t c<br>d", "a b c\nd"],
        ["x<img alt='picture of y' src=z>w <img alt='IMG_1.jpg'>", "x picture of y w"],
        ["<math><mi>x</mi><annotation encoding='application/x-tex'>x^2</annotation></math> holds", "x^2 holds"]
      ]
      for (const [body, text] of cases) assert.strictEqual((yield* html(`<p>${body}`)).text, text, body)
    })
  )

  it.effect("tells tables of values from tables for looks", () =>
    Effect.gen(function* () {
      const inner = "<table><tr><th>a<th>b<tr><td>1<td>2</table>"
      assert.deepStrictEqual(yield* found(`<table><tr><td><h2>Menu</h2><td>${inner}<p>text</table>`), [
        ["heading", "Menu"],
        ["table", "a | b\n1 | 2"],
        ["paragraph", "text"]
      ])
      assert.deepStrictEqual(yield* found("<table><tr><td>only<tr><td>column</table>"), [
        ["paragraph", "only"],
        ["paragraph", "column"]
      ])
      const spans = "<tr><td rowspan=2>a<td>b<td>c<tr><td>d<td>e<tr><td colspan=2>f<td>g"
      assert.deepStrictEqual(yield* found(`<table><tr><th>x<th>y<th>z${spans}</table>`), [
        ["table", "x | y | z\na | b | c\n| d | e\nf |  | g"]
      ])
      const people = yield* html(
        "<table><tr><th>Name<th>Employer<tr><td>Ada Moreno<td>Acme Ltd<tr><td>Bo Li<td>Globex</table>"
      )
      assert.deepStrictEqual(facts(people), [
        ["Ada Moreno WORKS_FOR Acme Ltd", "Ada Moreno"],
        ["Bo Li WORKS_FOR Globex", "Bo Li | Gl"]
      ])
    })
  )

  it.effect("leaves out navigation and hidden text, unless there is nothing else", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* html("<nav>menu</nav><p aria-hidden=true>x</p><p hidden>y</p><p>z")).text, "z")
      assert.strictEqual((yield* html("<div role=dialog>We use cookies</div><p hidden=until-found>z")).text, "z")
      assert.strictEqual((yield* html("<nav>unclosed <p>page")).text, "unclosed\n\npage")
      assert.strictEqual((yield* html("<div style='visibility:hidden'>shown by a script")).text, "shown by a script")
      const nothing = yield* parseFails("a.html", "<html><head><title>t</title><script>x</script><body><svg>")
      assert.strictEqual(nothing.reason, "empty")
    })
  )

  it.effect("takes title, date and authors from linked data, else from its first heading", () =>
    Effect.gen(function* () {
      const data = JSON.stringify({
        "@graph": [
          { "@type": "Organization", name: "Acme" },
          {
            "@type": ["NewsArticle"],
            headline: "The News",
            datePublished: "2023-02-01",
            author: [
              { "@type": "Person", name: "Bo Li" },
              { "@type": "Organization", name: "Staff" }
            ],
            keywords: "Dams, Floods"
          }
        ]
      })
      const linked = yield* html(`<script type="application/ld+json">${data}</script><p>text`)
      assert.strictEqual(linked.title, "The News")
      assert.strictEqual(linked.date, "2023-02-01")
      assert.deepStrictEqual(
        facts(linked).map(([fact]) => fact),
        ["Bo Li CREATED The News", "The News RELATED_TO Dams", "The News RELATED_TO Floods"]
      )
      for (const broken of ["{", "[".repeat(50_000), '{"@type":"Article","author":{"name":5},"__proto__":{"x":1}}']) {
        assert.strictEqual((yield* html(`<script type="application/ld+json">${broken}</script>x`)).text, "x")
      }
      const heading = yield* html("<h1>A <i>heading</i></h1><p>x <time datetime='2020-01-02'>then</time>")
      assert.strictEqual(heading.title, "A heading")
      assert.strictEqual(heading.date, "2020-01-02")
      const two = yield* html("x <time datetime='2020-01-02'>then</time> <time datetime='2021-01-02'>later</time>")
      assert.strictEqual(two.date, undefined)
    })
  )

  it.effect("decodes the encoding that it declares, and UTF-8 whatever it declares", () =>
    Effect.gen(function* () {
      const russian = '<html><meta http-equiv="Content-Type" content="text/html; charset=windows-1251"><p>\xcf\xf0\xe8'
      assert.strictEqual((yield* parse("a.html", latin1(russian))).text, "При")
      const japanese = "<html><meta charset=shift_jis><p>\x93\xfa\x96\x7b"
      assert.strictEqual((yield* parse("a.html", latin1(japanese))).text, "日本")
      assert.strictEqual((yield* parse("a.html", "<html><meta charset=iso-8859-1><p>日本é")).text, "日本é")
      assert.strictEqual(
        (yield* parse("a.html", latin1("<html><meta charset=utf-8><p>caf\xe9 au lait"))).text,
        "café au lait"
      )
      assert.strictEqual(
        (yield* parse("a.html", latin1("<html><meta charset=nonsense><p>caf\xe9 bar"))).text,
        "café bar"
      )
      const wide = new Uint8Array(Buffer.from("\ufeff<html><p>wide é", "utf16le"))
      assert.strictEqual((yield* parse("a.html", wide)).text, "wide é")
      assert.strictEqual((yield* html("<p>a\0b &#0; &#x202e;c &#xd800;")).text, "a\ufffdb \ufffd c \ufffd")
    })
  )

  it("is appended to what is written: under headings of its own, without the title that stands there already", () => {
    const writer = new Writer("x")
    writer.heading(1, "Book")
    const facts = writeHtml(writer, "<h1>Part One</h1><p>See <a href='https://x.example/'>The Thing</a>.", {
      headingOffset: 1,
      title: "Part One"
    })
    const second = writeHtml(writer, "<h1>Part Two</h1><script/><p/>end", { headingOffset: 1, xhtml: true })
    stateHtml(writer, facts, "Book One")
    const parsed = writer.finish({ mediaType: "text/html" })
    assert.strictEqual(parsed.text, "Book\n\nSee The Thing.\n\nPart Two\n\nend")
    assert.strictEqual(parsed.blocks[2]?.level, 2)
    assert.strictEqual(second.title, "Part Two")
    assert.deepStrictEqual(facts.links, [{ label: "The Thing", at: 6 }])
    assert.deepStrictEqual(
      parsed.statements?.map(({ at }) => at),
      [6]
    )
  })

  it.effect("states a link where it stands, also one around blocks, in a list or in a table", () =>
    Effect.gen(function* () {
      const parsed = yield* html(
        "<title>All Places</title><p>Before</p><a href=/a><h3>Alpha Centauri</h3><p>far</p></a><p>x <a href=/b>Beta Hall</a></p>" +
          "<ul><li>one<li><a href=/c>Gamma Street</a></ul><table><tr><td><a href=/d><p>Delta Road</p></a><td>1</table>" +
          "<a href=/de hreflang=de>Deutsch</a><a href=javascript:x()>Epsilon</a><a href=mailto:x>Zeta</a>"
      )
      assert.deepStrictEqual(facts(parsed), [
        ["All Places REFERS_TO Alpha Centauri far", "far\n\nx Bet"],
        ["All Places REFERS_TO Beta Hall", "x Beta Hal"],
        ["All Places REFERS_TO Gamma Street", "- one\n- Ga"],
        ["All Places REFERS_TO Delta Road", "Delta Road"]
      ])
    })
  )

  it.effect("states links at most 200 times", () =>
    Effect.gen(function* () {
      const links = Array.from({ length: 300 }, (_, index) => `<p><a href="/${index}">Place Number ${index}</a>`)
      const parsed = yield* parse("a.html", `<html><title>All Places</title>${links.join("")}`)
      assert.strictEqual(facts(parsed).length, 200)
    })
  )

  // Each is quadratic, or overflows the stack, in a parser that walks its open elements; the test's own timeout is the bound.
  it.effect.each([
    "<div>",
    "<div>x",
    "<table>",
    "<table><tr><td>x",
    "<ul><li>x",
    "<dl><dt>x<dd>y",
    "<b><p>x</b>y",
    "<i>a<b>c</i>d</b>",
    "<a href=/a>Foo ",
    "<button>a b c ",
    "<svg><g>",
    "<svg><p>x",
    "<math><mi>x<annotation encoding=tex>",
    "<h2>x<div>",
    "<span hidden>",
    "<pre>x",
    "<footer>x",
    "<td>",
    "<p title='",
    "&#x202e;&lt;&ampx",
    "<!--",
    "<![CDATA[",
    "</p></b></br>"
  ])("does not hang on 100,000 times %j", (piece) =>
    Effect.gen(function* () {
      const bytes = new TextEncoder().encode(`<p>start ${piece.repeat(100_000)} end`)
      const parsed = yield* Effect.promise(async () => parseHtml("a.html", bytes))
      assert.isTrue(parsed.text.startsWith("start"))
    })
  )

  it.effect("bears long attributes, many entities, and rows of which each cell claims a thousand", () =>
    Effect.gen(function* () {
      const parsed = yield* html(
        `<p title="${"x".repeat(200_000)}" style="${" ".repeat(200_000)}">one ${"&amp;".repeat(100_000)}` +
          `<table><tr>${"<td rowspan=1000 colspan=1000>x".repeat(2000)}${"<tr><td>y".repeat(2000)}</table>two`
      )
      assert.isTrue(parsed.text.startsWith(`one ${"&".repeat(100_000)}`) && parsed.text.endsWith("two"))
    })
  )

  it.effect("survives damage", () => survivesDamage("page.html", article, 300))
})

describe.skipIf(files === undefined)("HTML, real files (SLUICE_TEST_FILES)", () => {
  const real = (name: string) => readFileSync(`${files}/${name}`)

  it.effect("a blog post is its text, with its date and without its navigation", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("b.html", real("test_blog.html"))
      assert.match(parsed.title, /^Does Model and Inference Parameter Matter/)
      assert.strictEqual(parsed.date, "2023-04-21T00:00:00Z")
      assert.include(parsed.text, "The need for model selection, parameter tuning and cost saving")
      assert.notInclude(parsed.text, "Getting-Started")
      assert.notInclude(parsed.text, "Other Languages")
    })
  )

  it.effect("an encyclopedia's tables, lists and sections are that", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("w.html", real("test_wikipedia.html"))
      assert.strictEqual(parsed.title, "Microsoft - Wikipedia")
      assert.include(parsed.text, "Year | Revenue in million US$[190] | Net income in million US$[190]")
      assert.include(words(parsed.text), "2005 | 39,788 | 12,254 | 70,815 | 61,000")
      assert.notInclude(parsed.text, "[edit]")
      assert.isTrue(parsed.blocks.filter(({ kind }) => kind === "heading").length > 20)
    })
  )

  it.effect("a page of search results is its results", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("s.html", real("test_serp.html"))
      assert.include(parsed.text, "Microsoft Corporation is an American multinational corporation")
    })
  )

  it.effect("a blog post survives damage", () => survivesDamage("b.html", real("test_blog.html"), 60))
})
