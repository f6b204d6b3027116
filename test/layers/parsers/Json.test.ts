import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { facts, parse, parseFails, pieces, survivesDamage } from "../../support/parse.ts"

const post = {
  title: "On graphs",
  author: { name: "Ada Moreno", email: "ada@example.org" },
  date: "2024-05-06",
  tags: ["graph theory", "databases"],
  draft: null,
  views: 12,
  body: "First paragraph.\n\nSecond one.",
  comments: [
    { user: "Bob", text: "long ".repeat(60).trim(), likes: 2 },
    { user: "Cy", text: "Short.", replies: [{ user: "Di", at: { day: 1 } }] }
  ],
  staff: [
    { full_name: "Ada Moreno", company: "Acme" },
    { full_name: "Bob Lee", company: "Globex", age: 33 }
  ]
}

describe("JSON", () => {
  it.effect("is fields as lines, prose as paragraphs, nested objects under headings, flat lists as tables", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("post.json", JSON.stringify(post))
      assert.strictEqual(parsed.title, "On graphs")
      assert.strictEqual(parsed.date, "2024-05-06")
      assert.deepStrictEqual(pieces(parsed).slice(0, 5), [
        [
          "paragraph",
          "title: On graphs\nauthor.name: Ada Moreno\nauthor.email: ada@example.org\ndate: 2024-05-06\n" +
            "tags: graph theory, databases\nviews: 12"
        ],
        ["paragraph", "First paragraph."],
        ["paragraph", "Second one."],
        ["heading", "comments"],
        ["paragraph", "user: Bob\nlikes: 2"]
      ])
      assert.deepStrictEqual(pieces(parsed).at(-1), [
        "table",
        "full_name | company | age\nAda Moreno | Acme\nBob Lee | Globex | 33"
      ])
      assert.includeDeepMembers(facts(parsed), [
        ["Ada Moreno CREATED On graphs", "title: On "],
        ["On graphs RELATED_TO databases", "title: On "],
        ["Ada Moreno WORKS_FOR Acme", "Ada Moreno"],
        ["Bob Lee WORKS_FOR Globex", "Bob Lee | "]
      ])
    })
  )

  it.effect("HTML in strings is read as HTML", () =>
    Effect.gen(function* () {
      const parsed = yield* parse(
        "a.json",
        JSON.stringify({ body: "<p>One <b>two</b>.</p><script>x()</script><p>Three</p>" })
      )
      assert.deepStrictEqual(pieces(parsed), [
        ["paragraph", "One two."],
        ["paragraph", "Three"]
      ])
      assert.strictEqual((yield* parse("a.json", '{"a":"if x<b and c>d"}')).text, "a: if x<b and c>d")
    })
  )

  it.effect("JSON lines are a record each; a broken line is kept, unless more than half are", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("a.jsonl", '{"a":1}\n{"a":2}\n{"a":\n\n{"b":[{"c":1}]}\n')
      assert.strictEqual(parsed.text, 'a\n1\n2\n\n{"a":\n\nb\n\nc: 1')
      const error = yield* parseFails("a.ndjson", '{"a":1}\nx\ny\n')
      assert.strictEqual(error.reason, "malformed")
      assert.include(error.message, "2 of 3 lines")
      assert.include(error.message, "line 2")
    })
  )

  it.effect("values after one another, comments and commas too many are read", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* parse("a.json", '{"a":1}{"b":2}\n["c","d"]')).text, "a: 1\n\nb: 2\n\n- c\n- d")
      const commented = '// note\n{"a":"http://x//y", /* , } */ "b":[1,2, /*t*/],\n}\n'
      assert.strictEqual((yield* parse("a.json", commented)).text, "a: http://x//y\nb: 1, 2")
    })
  )

  it.effect.each([
    ['{\n "a": 1,\n "b": tru\n}', "line 3, column 7"],
    ['{"a": [1,2', "line 1, column 11"],
    ['{"a" 1}', "a colon"],
    ['{"a":1]', "a comma or }"],
    ['{"a":"x', "a value"],
    ['{"a":1} x', "the end"]
  ])("says where %j is broken", ([text, words]) =>
    Effect.map(parseFails("a.json", text ?? ""), (error) => {
      assert.strictEqual(error.reason, "malformed")
      assert.include(error.message, words ?? "?")
    })
  )

  it.effect("what is no JSON and is not named so is text", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* parse("a.txt", '{"a": [1,2')).mediaType, "text/plain")
      assert.strictEqual((yield* parse("a.md", "[[Page]] and\n\n# more")).mediaType, "text/markdown")
    })
  )

  it.effect("any depth is read", () =>
    Effect.gen(function* () {
      const depth = 100_000
      assert.strictEqual((yield* parse("a.json", "[".repeat(depth) + '"x"' + "]".repeat(depth))).text, "x")
      const nested = yield* parse("a.json", '{"a":'.repeat(depth) + "1" + "}".repeat(depth))
      assert.isTrue(nested.text.endsWith("a: 1") || nested.text.endsWith("a.a: 1"))
      assert.strictEqual((yield* parseFails("a.json", "[".repeat(1_000_000))).reason, "malformed")
    })
  )

  it.effect(
    "keys of prototypes are keys; long whole numbers keep their digits; null and what is empty is left out",
    () =>
      Effect.gen(function* () {
        const text =
          '{"__proto__":{"polluted":1},"constructor":"c","n":null,"id":12345678901234567890,"f":0.1,"e":{},"z":[]}'
        const parsed = yield* parse("a.json", text)
        assert.strictEqual(parsed.text, "__proto__.polluted: 1\nconstructor: c\nid: 12345678901234567890\nf: 0.1")
        assert.isFalse("polluted" in {})
        assert.strictEqual((yield* parseFails("a.json", '{"a":null,"b":[]}')).reason, "empty")
      })
  )

  it.effect("survives damage", () => survivesDamage("post.json", JSON.stringify(post, null, 1)))

  it.effect.each(['{"a":"', '["\\', '{"a":1,', "[/*", "[/", '{"a":1}', '"a" ', "[1,"])(
    "does not hang on a quarter of a megabyte of %j",
    (piece) => Effect.result(parse("a.json", piece.repeat(Math.ceil(250_000 / piece.length))))
  )
})
