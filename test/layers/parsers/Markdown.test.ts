import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { facts, parse, survivesDamage } from "../../support/parse.ts"

const page = `---
title: The page
date: 2024-05-06
Author:
  - name: Ada Moreno
  - Bob Lee <bob@example.org>
tags: [graph theory, "#notes"]
categories: essays; drafts
---
See [The *Guide*](https://example.org/g), ![pic](a.png), [here](b), [toc](#x) and [The *Guide*](again).

Related: [[Other Page|that one]] [[folder/Deep Page#part|the deep page]] ![[embedded.png]]

\`\`\`
[code](x)
\`\`\`
`

describe("Markdown's statements", () => {
  it.effect("are authors and keywords of front matter, and links at their blocks", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("p.md", page)
      assert.strictEqual(parsed.date, "2024-05-06")
      assert.deepStrictEqual(facts(parsed), [
        ["Ada Moreno CREATED The page", "See [The *"],
        ["Bob Lee CREATED The page", "See [The *"],
        ["The page RELATED_TO graph theory", "See [The *"],
        ["The page RELATED_TO notes", "See [The *"],
        ["The page RELATED_TO essays", "See [The *"],
        ["The page RELATED_TO drafts", "See [The *"],
        ["The page REFERS_TO The Guide", "See [The *"],
        ["The page REFERS_TO Other Page", "Related: ["],
        ["The page REFERS_TO Deep Page", "Related: ["]
      ])
      const pages = parsed.statements?.at(-1)?.entities
      assert.deepStrictEqual(pages?.slice(1), [
        { name: "Other Page", type: "Thing", aliases: [] },
        { name: "Deep Page", type: "Thing", aliases: ["the deep page"] }
      ])
    })
  )

  it.effect("name the pages that a note without a title links to", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("p.md", "Some [[Page One]] and [[Page One]].")
      assert.deepStrictEqual(
        parsed.statements?.flatMap(({ entities }) => entities.map(({ name }) => name)),
        ["Page One"]
      )
      assert.isUndefined((yield* parse("p.md", "Some text")).statements)
    })
  )

  it.effect.each([
    ["author: Ada Moreno and Bob Lee", ["Ada Moreno", "Bob Lee"]],
    ["by: Ada Moreno", ["Ada Moreno"]],
    ["authors: {name: Ada Moreno}", ["Ada Moreno"]],
    ["author: {first: Ada, last: Moreno}", ["Ada Moreno"]],
    ["author: 5", []]
  ] as const)("read the authors of %j", ([line, names]) =>
    Effect.map(parse("p.md", `---\ntitle: The page\n${line}\n---\ntext\n`), (parsed) =>
      assert.deepStrictEqual(
        facts(parsed).map(([fact]) => fact),
        names.map((name) => `${name} CREATED The page`)
      )
    )
  )

  it.effect("come from TOML between plus signs too", () =>
    Effect.gen(function* () {
      const toml =
        '+++\ntitle = "A \\"post\\"" # note\ndate = 2024-05-06T07:08:09Z\nauthors = ["Ada Moreno", \'Bob Lee\']\n\n' +
        '[taxonomies]\ntags = ["a tag"]\n+++\nText\n'
      const parsed = yield* parse("p.md", toml)
      assert.strictEqual(parsed.title, 'A "post"')
      assert.strictEqual(parsed.date, "2024-05-06T07:08:09Z")
      assert.strictEqual(parsed.text, "Text\n")
      assert.deepStrictEqual(
        facts(parsed).map(([fact]) => fact),
        ['Ada Moreno CREATED A "post"', 'Bob Lee CREATED A "post"', 'A "post" RELATED_TO a tag']
      )
      assert.strictEqual((yield* parse("p.md", "+++\nno toml\n+++\ntext\n")).text, "+++\nno toml\n+++\ntext\n")
    })
  )

  it.effect("are of 200 links at most", () =>
    Effect.gen(function* () {
      const links = Array.from({ length: 1000 }, (_, link) => `[Label of ${link}](x)`)
      assert.strictEqual(facts(yield* parse("p.md", `# The page\n\n${links.join("\n\n")}`)).length, 200)
    })
  )

  it.effect("survive damage", () => survivesDamage("p.md", page))

  it.effect.each(["[a", "[[a|", "](", "[[a#", "![[x]]", "[a](b) ", "[a\\", "[[x]](", "* [["])(
    "do not hang on a quarter of a megabyte of %j",
    (piece) => Effect.result(parse("p.md", `x ${piece.repeat(Math.ceil(250_000 / piece.length))}`))
  )
})
