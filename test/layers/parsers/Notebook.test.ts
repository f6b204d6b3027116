import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { facts, parse, parseFails, pieces, survivesDamage } from "../../support/parse.ts"

const files = process.env["SLUICE_TEST_FILES"]

const cells = [
  {
    cell_type: "markdown",
    source: [
      "# A *study*\n",
      "\n",
      "See [The Manual](https://x.org) ![p](data:image/png;base64,AAAA).\n",
      "\n",
      "- a\n",
      "- b"
    ]
  },
  {
    cell_type: "code",
    source: "# no heading\nprint(1)",
    outputs: [
      { output_type: "stream", name: "stdout", text: ["1\n", "\u001b[31mred\u001b[0m\n"] },
      {
        output_type: "display_data",
        data: { "image/png": "AAAA", "text/plain": ["<Figure size 640x480 with 1 Axes>"] }
      },
      { output_type: "execute_result", data: { "text/html": ["<p>only <b>html</b></p>"] } },
      {
        output_type: "execute_result",
        data: {
          "text/plain": "   a\n0  1",
          "text/html": "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>"
        }
      },
      { output_type: "error", ename: "ValueError", evalue: "no", traceback: ["\u001b[0;31m---"] },
      { output_type: "stream", text: `${"x".repeat(20_000)}END` }
    ]
  },
  { cell_type: "raw", source: "raw words" }
]
const notebook = JSON.stringify({
  nbformat: 4,
  cells,
  metadata: { authors: [{ name: "Ada Moreno" }], language_info: { name: "python" } }
})

describe("Jupyter notebooks", () => {
  it.effect("are their Markdown as it is written, their code and what it printed, without pictures", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("a.ipynb", notebook)
      assert.strictEqual(parsed.title, "A study")
      const found = pieces(parsed)
      assert.deepStrictEqual(found.slice(0, 6), [
        ["heading", "# A *study*"],
        ["paragraph", "See [The Manual](https://x.org) ![p]()."],
        ["list", "- a\n- b"],
        ["code", "# no heading\nprint(1)"],
        ["code", "1\nred"],
        ["paragraph", "only html"]
      ])
      const list = parsed.blocks[2]
      assert.deepStrictEqual(
        list?.splits?.map((split) => parsed.text.slice(split)[2]),
        ["b"]
      )
      assert.strictEqual(found[6]?.[0], "table")
      assert.deepStrictEqual(found[7], ["code", "ValueError: no"])
      assert.isBelow(found[8]?.[1].length ?? Infinity, 8100)
      assert.deepStrictEqual(found[9], ["paragraph", "raw words"])
      assert.includeDeepMembers(facts(parsed), [
        ["Ada Moreno CREATED A study", "# A *study"],
        ["A study USES python", "# A *study"],
        ["A study REFERS_TO The Manual", "See [The M"]
      ])
    })
  )

  it.effect("of version 3 are read, and known by their content", () =>
    Effect.gen(function* () {
      const old = {
        metadata: { name: "Old one" },
        nbformat: 3,
        worksheets: [
          {
            cells: [
              { cell_type: "heading", level: 2, source: ["Part"] },
              { cell_type: "code", input: ["a = 1\n", "a"], outputs: [{ output_type: "pyout", text: ["1"] }] }
            ]
          }
        ]
      }
      const parsed = yield* parse("unnamed", JSON.stringify(old))
      assert.strictEqual(parsed.title, "Old one")
      assert.deepStrictEqual(pieces(parsed), [
        ["heading", "Part"],
        ["code", "a = 1\na"],
        ["code", "1"]
      ])
    })
  )

  it.effect("take title and authors from front matter in the first cell", () =>
    Effect.gen(function* () {
      const source = "---\ntitle: Fronted\nauthor: Bob Lee\ndate: 2024-05-06\n---\n"
      const parsed = yield* parse("a.ipynb", JSON.stringify({ cells: [{ cell_type: "raw", source }, cells[0]] }))
      assert.strictEqual(parsed.title, "Fronted")
      assert.strictEqual(parsed.date, "2024-05-06")
      assert.strictEqual(facts(parsed)[0]?.[0], "Bob Lee CREATED Fronted")
      assert.notInclude(parsed.text, "Fronted")
    })
  )

  it.effect("that are broken are malformed, those without cells empty", () =>
    Effect.gen(function* () {
      const error = yield* parseFails("a.ipynb", '{"cells": [\n{"a" 1}]}')
      assert.strictEqual(error.reason, "malformed")
      assert.include(error.message, "line 2")
      assert.strictEqual(
        (yield* parseFails("a.ipynb", '{"cells": [{"cell_type":"code","source":""}]}')).reason,
        "empty"
      )
    })
  )

  it.effect("survive damage", () => survivesDamage("a.ipynb", notebook, 150))

  it.effect.skipIf(files === undefined)("real ones are read", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("t.ipynb", readFileSync(`${files}/test_notebook.ipynb`))
      assert.strictEqual(parsed.title, "Test Notebook Title")
      assert.deepStrictEqual(pieces(parsed).slice(0, 3), [
        ["heading", "# Test Notebook"],
        ["code", 'print("markitdown")'],
        ["code", "markitdown"]
      ])
    })
  )
})
