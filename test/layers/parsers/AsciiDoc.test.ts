import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { facts, parse, parseFails, pieces, survivesDamage } from "../../support/parse.ts"

const page = `// a comment
= The Guide
Ada Moreno <ada@example.org>; Bob Lee
v1.2, 2024-05-06: first
:toc: left
:keywords: graph theory, databases

Preamble text
over lines.

////
hidden
////

== One

[source,ruby]
.Listing
----
= no heading

x
----

NOTE: Mind this.

* a
** b
* c
+
----
code
----

* d

.People
[%header,cols=2*]
|===
|Name |Company

|Ada Moreno |Acme
|Bob Lee |Globex
|===

====
An example
====

Two-line
--------

term:: definition
other:: more

See https://example.org/g[The Manual] and <<one,Section One>>.

include::/etc/passwd[]
`

describe("AsciiDoc", () => {
  it.effect("gives blocks as they are written, without comments and attributes", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("a.adoc", page)
      assert.strictEqual(parsed.title, "The Guide")
      assert.strictEqual(parsed.date, "2024-05-06")
      assert.deepStrictEqual(
        pieces(parsed).filter(([, text]) => text !== "===="),
        [
          ["heading", "= The Guide"],
          ["paragraph", "Ada Moreno <ada@example.org>; Bob Lee\nv1.2, 2024-05-06: first"],
          ["paragraph", "Preamble text\nover lines."],
          ["heading", "== One"],
          ["code", "[source,ruby]\n.Listing\n----\n= no heading\n\nx\n----"],
          ["paragraph", "NOTE: Mind this."],
          ["list", "* a\n** b\n* c\n+\n----\ncode\n----\n\n* d"],
          ["table", ".People\n[%header,cols=2*]\n|===\n|Name |Company\n\n|Ada Moreno |Acme\n|Bob Lee |Globex\n|==="],
          ["paragraph", "An example"],
          ["heading", "Two-line\n--------"],
          ["list", "term:: definition\nother:: more"],
          ["paragraph", "See https://example.org/g[The Manual] and <<one,Section One>>."],
          ["paragraph", "include::/etc/passwd[]"]
        ]
      )
      const starts = (kind: string) =>
        parsed.blocks.find((block) => block.kind === kind)?.splits?.map((split) => parsed.text.slice(split, split + 5))
      assert.deepStrictEqual(starts("list"), ["* c\n+", "* d\n\n"])
      assert.deepStrictEqual(starts("table"), ["|Ada ", "|Bob "])
      assert.strictEqual(parsed.blocks.find(({ kind }) => kind === "table")?.columns, "Name | Company")
      assert.deepStrictEqual(
        parsed.blocks.filter(({ kind }) => kind === "heading").map(({ level }) => level),
        [1, 2, 2]
      )
    })
  )

  it.effect("states its authors, keywords, links and rows", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        facts(yield* parse("a.adoc", page)).map(([fact]) => fact),
        [
          "Ada Moreno CREATED The Guide",
          "Bob Lee CREATED The Guide",
          "The Guide RELATED_TO graph theory",
          "The Guide RELATED_TO databases",
          "Ada Moreno WORKS_FOR Acme",
          "Bob Lee WORKS_FOR Globex",
          "The Guide REFERS_TO The Manual",
          "The Guide REFERS_TO Section One"
        ]
      )
    })
  )

  it.effect("a fence that is never closed holds the rest; what is nothing but comments is empty", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("a.adoc", "Text\n\n----\nopen\n\n== no heading\n")
      assert.deepStrictEqual(pieces(parsed), [
        ["paragraph", "Text"],
        ["code", "----\nopen\n\n== no heading"]
      ])
      assert.strictEqual((yield* parseFails("a.adoc", "// x\n:a: b\n")).reason, "empty")
    })
  )

  it.effect("survives damage", () => survivesDamage("a.adoc", page))

  it.effect.each([
    "----\n",
    "====\n",
    "* a\n\n",
    "a\n=\n",
    "|===\n|a\n\n",
    "[x]\n",
    ".t\n",
    "* a\n+\n----\n",
    "link:",
    "<<",
    "////\n",
    "a::"
  ])("does not hang on a quarter of a megabyte of %j", (piece) =>
    Effect.result(parse("a.adoc", `x\n\n${piece.repeat(Math.ceil(250_000 / piece.length))}`))
  )
})
