import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { numberKind, showNumber } from "../../../src/layers/parsers/office/numbers.ts"
import { coreXml, read, readFails, relationships, shown, stated, survives } from "../../support/office.ts"
import type { Parts } from "../../support/office.ts"

type Value = string | number | boolean
const columnName = (index: number) => String.fromCodePoint(65 + index)
const cell = (value: Value, reference: string): string =>
  typeof value === "number"
    ? `<c r="${reference}"><v>${value}</v></c>`
    : typeof value === "boolean"
      ? `<c r="${reference}" t="b"><v>${value ? 1 : 0}</v></c>`
      : `<c r="${reference}" t="inlineStr"><is><t>${value}</t></is></c>`
const rows = (...values: ReadonlyArray<ReadonlyArray<Value>>): string =>
  values
    .map(
      (cells, row) =>
        `<row r="${row + 1}">${cells.map((value, column) => (value === "" ? "" : cell(value, `${columnName(column)}${row + 1}`))).join("")}</row>`
    )
    .join("")
const sheet = (data: string) =>
  `<worksheet xmlns="x"><dimension ref="A1:XFD1048576"/><sheetData>${data}</sheetData></worksheet>`
const xlsx = (sheets: Readonly<Record<string, string>>, parts: Parts = {}, workbook = ""): Parts => ({
  "xl/workbook.xml": `<workbook>${workbook}<sheets>${Object.keys(sheets)
    .map(
      (name, index) =>
        `<sheet name="${name}" sheetId="${index}" ${index > 0 ? 'state="hidden"' : ""} r:id="r${index}"/>`
    )
    .join("")}</sheets></workbook>`,
  "xl/_rels/workbook.xml.rels": relationships(
    ...Object.keys(sheets).map((_, index) => [`r${index}`, "worksheet", `worksheets/sheet${index}.xml`] as const)
  ),
  ...Object.fromEntries(Object.values(sheets).map((data, index) => [`xl/worksheets/sheet${index}.xml`, sheet(data)])),
  ...parts
})

describe("Excel workbooks", () => {
  it.effect("have a heading and tables for each sheet, split at empty rows, without empty rows and columns", () =>
    Effect.gen(function* () {
      const data = rows(
        [],
        ["", "", "Staff of 2024"],
        ["", "", "Name", "", "Employer", "Active"],
        ["", "", "Ann Lee", "", "Northwind", true],
        ["", "", "Bob Stone", "", "Contoso", false],
        [],
        ["", "", "The end"]
      )
      const parsed = yield* read(
        "a.xlsm",
        xlsx({ People: data, Empty: "", Secret: rows(["x", 1.5]) }, { "docProps/core.xml": coreXml })
      )
      assert.deepStrictEqual(shown(parsed), [
        "heading1 People",
        "paragraph Staff of 2024",
        "table Name | Employer | Active\nAnn Lee | Northwind | TRUE\nBob Stone | Contoso | FALSE",
        "paragraph The end",
        "heading1 Secret",
        "table x | 1.5"
      ])
      assert.strictEqual(parsed.blocks[2]?.columns, "Name | Employer | Active")
      assert.includeMembers(
        [...stated(parsed)],
        ["Ann Lee WORKS_FOR Northwind @ Ann Lee", "Bob Stone WORKS_FOR Contoso @ Bob Sto"]
      )
      assert.strictEqual(parsed.title, "Harbour plan")
    })
  )

  it.effect("show shared and rich texts, values of formulas, errors, and dates by their format", () =>
    Effect.gen(function* () {
      const parts = {
        "xl/sharedStrings.xml": `<sst><si><t>shared</t></si><si><r><t>ri</t></r><r><t>ch</t></r><rPh><t>reading</t></rPh></si></sst>`,
        "xl/styles.xml": `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="[$-407]d\\. mmmm yyyy;@"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="22"/><xf numFmtId="10"/></cellXfs></styleSheet>`
      }
      const data =
        `<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c><c t="s"><v>99</v></c><c t="str"><f>A1</f><v>text</v></c><c><f>1/0</f></c><c t="e"><v>#N/A</v></c></row>` +
        `<row><c s="1"><v>45351</v></c><c s="2"><v>45351.9</v></c><c s="3"><v>45351.5</v></c><c s="4"><v>0.155</v></c><c><v>0.30000000000000004</v></c><c t="d"><v>2024-02-03</v></c></row>`
      assert.deepStrictEqual(shown(yield* read("a.xlsx", xlsx({ A: data }, parts))), [
        "heading1 A",
        "table shared | rich | text | =1/0 | #N/A\n2024-02-29 | 2024-02-29 | 2024-02-29T12:00:00 | 0.155 | 0.3 | 2024-02-03".replace(
          "rich | text",
          "rich |  | text"
        )
      ])
      const mac = yield* read(
        "a.xlsx",
        xlsx({ A: `<row><c s="1"><v>43889</v></c></row>` }, parts, `<workbookPr date1904="1"/>`)
      )
      assert.include(mac.text, "2024-02-29")
    })
  )

  it.effect("have comments and drawings after their sheet; threads stand for the copies of them", () =>
    Effect.gen(function* () {
      const parsed = yield* read(
        "a.xlsx",
        xlsx(
          { A: rows(["x", "y"]), B: rows(["z", 1]) },
          {
            "xl/worksheets/_rels/sheet0.xml.rels": relationships(
              ["c", "comments", "../comments1.xml"],
              ["d", "drawing", "../drawings/drawing1.xml"]
            ),
            "xl/comments1.xml": `<comments><authors><author>Carol Jones</author></authors><commentList><comment ref="B1" authorId="0"><text><r><t>Really?</t></r></text></comment></commentList></comments>`,
            "xl/drawings/drawing1.xml": `<xdr:wsDr><xdr:sp><xdr:nvSpPr><xdr:cNvPr id="2" name="Box"/></xdr:nvSpPr><xdr:txBody><a:p><a:r><a:t>In a box</a:t></a:r></a:p></xdr:txBody></xdr:sp></xdr:wsDr>`,
            "xl/worksheets/_rels/sheet1.xml.rels": relationships(
              ["c", "comments", "../comments2.xml"],
              ["t", "threadedComment", "../threaded.xml"]
            ),
            "xl/comments2.xml": `<comments><commentList><comment ref="A1" authorId="0"><text><t>[Threaded comment] upgrade</t></text></comment></commentList></comments>`,
            "xl/threaded.xml": `<ThreadedComments><threadedComment ref="A1" personId="{1}"><text>Threaded</text></threadedComment></ThreadedComments>`,
            "xl/persons/person.xml": `<personList><person displayName="Dana Fox" id="{1}"/></personList>`,
            "xl/_rels/workbook.xml.rels": relationships(
              ["r0", "worksheet", "worksheets/sheet0.xml"],
              ["r1", "worksheet", "worksheets/sheet1.xml"],
              ["p", "person", "persons/person.xml"]
            )
          }
        )
      )
      assert.deepStrictEqual(shown(parsed), [
        "heading1 A",
        "table x | y",
        "paragraph In a box",
        "paragraph B1: Comment by Carol Jones: Really?",
        "heading1 B",
        "table z | 1",
        "paragraph A1: Comment by Dana Fox: Threaded"
      ])
    })
  )

  it("tell dates from numbers by their format, in both calendars", () => {
    const kinds: ReadonlyArray<readonly [string, string]> = [
      ["General", "number"],
      ["#,##0.00 [$€-407]", "number"],
      ["0.00E+00", "number"],
      ['0 "days"', "number"],
      ["[Red]0.0%", "number"],
      ["\\d0", "number"],
      ["yyyy-mm-dd", "date"],
      ["mmm", "date"],
      ["[$-F800]dddd, mmmm dd, yyyy", "date"],
      ["d/m/yy h:mm", "date-time"],
      ["h:mm AM/PM", "time"],
      ["mm:ss.0", "time"],
      ["[h]:mm:ss", "duration"]
    ]
    for (const [code, kind] of kinds) assert.strictEqual(numberKind(170, new Map([[170, code]])), kind, code)
    assert.strictEqual(numberKind(14, new Map()), "date")
    assert.strictEqual(numberKind(46, new Map()), "duration")
    assert.strictEqual(numberKind(49, new Map()), "number")
    const shows: ReadonlyArray<readonly [string, Parameters<typeof showNumber>[1], boolean, string]> = [
      ["1", "date", false, "1900-01-01"],
      ["59", "date", false, "1900-02-28"],
      ["61", "date", false, "1900-03-01"],
      ["2958465", "date", false, "9999-12-31"],
      ["2958466", "date", false, "2958466"],
      ["-1", "date", false, "-1"],
      ["0", "date", true, "1904-01-01"],
      ["45351.999999999", "date-time", false, "2024-03-01T00:00:00"],
      ["0.40625", "time", false, "09:45:00"],
      ["1.25347222222222", "duration", false, "30:05:00"],
      ["1e400", "number", false, "1e400"],
      ["12345678.9", "number", false, "12345678.9"]
    ]
    for (const [written, kind, from1904, text] of shows) assert.strictEqual(showNumber(written, kind, from1904), text)
  })
})

describe("Excel workbooks, hostile", () => {
  it.effect("are as large as what is in them: not as their dimension, their gaps or their last column", () =>
    Effect.gen(function* () {
      const far = `<row r="1"><c r="A1"><v>1</v></c><c r="XFD1"><v>2</v></c></row><row r="1048576"><c r="B1048576"><v>3</v></c></row>`
      assert.deepStrictEqual(shown(yield* read("a.xlsx", xlsx({ A: far }))), [
        "heading1 A",
        "table 1 | 2",
        "paragraph 3"
      ])
      const diagonal = Array.from({ length: 3000 }, (_, index) => {
        const name = `${columnName(Math.floor(index / 676) % 26)}${columnName(Math.floor(index / 26) % 26)}${columnName(index % 26)}`
        return `<row r="${index + 1}"><c r="${name}${index + 1}"><v>${index}</v></c></row>`
      }).join("")
      const parsed = yield* read("a.xlsx", xlsx({ A: diagonal }))
      assert.isBelow(parsed.text.length, 30_000)
      const sparse = Array.from(
        { length: 5000 },
        (_, index) => `<row r="${index * 2 + 1}"><c><v>1</v></c><c><v>2</v></c></row>`
      )
      assert.isBelow((yield* read("a.xlsx", xlsx({ A: sparse.join("") }))).blocks.length, 250)
    })
  )

  it.effect("do not grow by texts that many cells share", () =>
    Effect.gen(function* () {
      const parts = { "xl/sharedStrings.xml": `<sst><si><t>${"x".repeat(100_000)}</t></si></sst>` }
      const error = yield* readFails("a.xlsx", xlsx({ A: `<row>${'<c t="s"><v>0</v></c>'.repeat(1000)}</row>` }, parts))
      assert.strictEqual(error.reason, "too-large")
    })
  )

  it.effect("in the binary form are not supported, which is said with what to do", () =>
    Effect.gen(function* () {
      const error = yield* readFails("a.xlsb", { "xl/workbook.bin": "x", "xl/worksheets/sheet1.bin": "y" })
      assert.strictEqual(error.reason, "unsupported")
      assert.include(error.message, "save it as .xlsx")
    })
  )

  it.effect("survive any damage", () =>
    survives("a.xlsx", xlsx({ A: rows(["Name", "City"], ["Ann Lee", "Oslo"], ["x", 2]) }), 200)
  )
})

const files = process.env["SLUICE_TEST_FILES"]

describe.skipIf(files === undefined)("Excel workbooks, real files (SLUICE_TEST_FILES)", () => {
  it.effect("are read sheet by sheet", () =>
    Effect.gen(function* () {
      const parsed = yield* read("test.xlsx", new Uint8Array(readFileSync(join(files ?? "", "test.xlsx"))))
      assert.deepStrictEqual(
        parsed.blocks.map(({ columns, kind }) => [kind, columns]),
        [
          ["heading", undefined],
          ["table", "Alpha | Beta | Gamma | Delta"],
          ["heading", undefined],
          ["table", "ColA | ColB | ColC | ColD"]
        ]
      )
      assert.include(parsed.text, "58 | 6ff4173b-42a5-4784-9b19-f49caff4d93d | 22 | 9")
    })
  )
})
