import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { facts, parse, pieces, survivesDamage } from "../../support/parse.ts"

const people =
  '\ufeffname,company,city,e-mail\r\nAda Moreno,Acme,Paris,ada@example.org\r\n"Lee, Bob","Globex ""G""",,\r\n\r\nCid Doe,Hooli,"New\nYork",x\r\n'

describe("delimited text", () => {
  it.effect("is a table whose rows are lines and whose columns are named by the first", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("people.csv", people)
      assert.deepStrictEqual(pieces(parsed), [
        [
          "table",
          "name | company | city | e-mail\nAda Moreno | Acme | Paris | ada@example.org\n" +
            'Lee, Bob | Globex "G"\nCid Doe | Hooli | New York | x'
        ]
      ])
      const [table] = parsed.blocks
      assert.strictEqual(table?.columns, "name | company | city | e-mail")
      assert.deepStrictEqual(
        table?.splits?.map((split) => parsed.text.slice(split, split + 3)),
        ["Ada", "Lee", "Cid"]
      )
    })
  )

  it.effect("states what the names of its columns say, where each row begins", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("people.csv", people)
      assert.deepStrictEqual(facts(parsed).slice(0, 3), [
        ["Ada Moreno WORKS_FOR Acme", "Ada Moreno"],
        ["Ada Moreno LOCATED_IN Paris", "Ada Moreno"],
        ['Lee, Bob WORKS_FOR Globex "G"', "Lee, Bob |"]
      ])
      assert.deepStrictEqual(parsed.statements?.[0]?.entities[0], {
        name: "Ada Moreno",
        type: "Person",
        aliases: ["ada@example.org"]
      })
      const jobs = yield* parse("jobs.csv", "Name,Title,Company\nAda Moreno,Engineer,Acme\nBob Lee,Clerk,Globex\n")
      assert.deepStrictEqual(
        facts(jobs).map(([fact]) => fact),
        ["Ada Moreno WORKS_FOR Acme", "Bob Lee WORKS_FOR Globex"]
      )
    })
  )

  it.effect("puts given and family names together, and takes no state of things for a place", () =>
    Effect.gen(function* () {
      const factsIn = (text: string) =>
        Effect.map(parse("a.csv", text), (parsed) => facts(parsed).map(([fact]) => fact))
      assert.deepStrictEqual(
        yield* factsIn("First Name,Last Name,Company,Position\nAda,Moreno,Acme,CTO\nBob,Lee,Globex,Clerk\n"),
        ["Ada Moreno WORKS_FOR Acme", "Bob Lee WORKS_FOR Globex"]
      )
      assert.deepStrictEqual(yield* factsIn("Vorname;Nachname;Firma;Ort\nUte;Groß;BASF;Mainz\nJan;Ek;Saab;Kiel\n"), [
        "Ute Groß WORKS_FOR BASF",
        "Ute Groß LOCATED_IN Mainz",
        "Jan Ek WORKS_FOR Saab",
        "Jan Ek LOCATED_IN Kiel"
      ])
      assert.deepStrictEqual(yield* factsIn("title,state,assignee\nProbe drifts,open,Ann Lee\nModem hangs,closed,\n"), [
        "Ann Lee RESPONSIBLE_FOR Probe drifts"
      ])
      assert.deepStrictEqual(yield* factsIn("company,city,state\nAcme,Austin,Texas\nHooli,Reno,Nevada\n"), [
        "Acme LOCATED_IN Austin",
        "Acme LOCATED_IN Texas",
        "Hooli LOCATED_IN Reno",
        "Hooli LOCATED_IN Nevada"
      ])
    })
  )

  it.effect.each([
    ["Preis;Name\n1,5;Apfel\n2,3;Birne, rot\n", "1,5 | Apfel"],
    ["a\tb, c\n1\tx, y\n", "1 | x, y"],
    ["a|b\n1|x, y\n2|z\n", "1 | x, y"],
    ["sep=;\na;b,c,d\n1;x,y,z\n", "1 | x,y,z"],
    ['a,b\n"1;1;1;1",2\n"1;1;1",3\n', "1;1;1;1 | 2"]
  ])("finds the delimiter of %j", ([text, row]) =>
    Effect.map(parse("a.csv", text ?? ""), (parsed) => assert.include(parsed.text.split("\n"), row))
  )

  it.effect("a quote that is not closed costs its own line at most", () =>
    Effect.gen(function* () {
      const rows = Array.from({ length: 50 }, (_, row) => `${row},"Name ${row}","x, y"`)
      rows[7] = '7,"open,z'
      rows[9] = '9,"Name" 9,5" pipe'
      const parsed = yield* parse("a.csv", `id,name,note\n${rows.join("\n")}\n`)
      const lines = parsed.text.split("\n")
      assert.strictEqual(lines.length, 51)
      assert.strictEqual(lines[8], "7 | open | z")
      assert.strictEqual(lines[9], "8 | Name 8 | x, y")
      assert.include(lines[10], '5" pipe')
      assert.strictEqual(lines[50], "49 | Name 49 | x, y")
    })
  )

  it.effect("keeps ragged rows, and lines above the table as paragraphs", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("a.csv", "Annual report\n\nyear,sales\n2023,1,2,3\n2024\n2025,7\n2026,8\n")
      assert.deepStrictEqual(pieces(parsed), [
        ["paragraph", "Annual report"],
        ["table", "year | sales\n2023 | 1 | 2 | 3\n2024\n2025 | 7\n2026 | 8"]
      ])
    })
  )

  it.effect("has no header where the first row is data", () =>
    Effect.gen(function* () {
      for (const text of ["1,Ada,2024-01-02\n2,Bob,2024-01-03\n", "x,yes\ny,no\n", "a,b\na,c\n", "Ada,5\nBob,6\n"]) {
        assert.isUndefined((yield* parse("a.csv", text)).blocks[0]?.columns, text)
      }
      const years = yield* parse("a.csv", "country,2019,2020\nChile,1,2\nPeru,3,4\n")
      assert.strictEqual(years.blocks[0]?.columns, "country | 2019 | 2020")
    })
  )

  it.effect("rows of long texts are paragraphs that are understood alone", () =>
    Effect.gen(function* () {
      const long = "A sentence of some words. ".repeat(30).trim()
      const parsed = yield* parse("a.csv", `id,name,text\n1,First,"${long}\n\nMore"\n2,Second,"${long}"\n`)
      assert.deepStrictEqual(pieces(parsed), [
        ["paragraph", `id: 1\nname: First\ntext: ${long}\nMore`],
        ["paragraph", `id: 2\nname: Second\ntext: ${long}`]
      ])
    })
  )

  it.effect("survives damage", () => survivesDamage("people.csv", people))

  // The test's own timeout is the bound.
  it.effect.each(['x,"\n', '"a\n', ",", '"""', 'a"', '"a"x\n', '"aa ""\n', ',"a', "\t\n"])(
    "does not hang on a quarter of a megabyte of %j",
    (piece) => Effect.result(parse("a.csv", `n,m\n${piece.repeat(Math.ceil(250_000 / piece.length))}`))
  )
})
