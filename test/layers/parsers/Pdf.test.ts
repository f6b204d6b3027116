import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Result } from "effect"
import PdfKit from "pdfkit"
import { layer, layerCalling } from "../../../src/layers/Parsers.ts"
import { pdfDate } from "../../../src/layers/parsers/pdf/Metadata.ts"
import { ParseError } from "../../../src/domain/ParseError.ts"
import { Parser } from "../../../src/services/Parser.ts"
import type { Parsed } from "../../../src/services/Parser.ts"
import { assertParsed } from "../../suites/Parser.ts"
import { makeRandom } from "../../support/random.ts"

type Pdf = InstanceType<typeof PdfKit>
type Options = NonNullable<ConstructorParameters<typeof PdfKit>[0]>

const pdf = (draw: (document: Pdf) => void, options: Options = {}) =>
  Effect.promise(
    () =>
      new Promise<Uint8Array>((resolve, reject) => {
        const parts: Array<Uint8Array> = []
        const document = new PdfKit({ size: "A4", margin: 60, compress: false, ...options })
        document.on("data", (part: Uint8Array) => parts.push(part))
        document.on("end", () => resolve(new Uint8Array(Buffer.concat(parts))))
        document.on("error", reject)
        draw(document)
        document.end()
      })
  )

const read = (bytes: Uint8Array) =>
  Effect.gen(function* () {
    const parser = yield* Parser
    const parsed = yield* parser.parse("a.pdf", bytes)
    assertParsed(parsed, "a.pdf")
    return parsed
  }).pipe(Effect.provide(layerCalling))
const made = (draw: (document: Pdf) => void, options?: Options) => pdf(draw, options).pipe(Effect.flatMap(read))
const pieces = ({ blocks, text }: Parsed) =>
  blocks.map(({ end, kind, level, start }) => [kind + String(level ?? ""), text.slice(start, end)])

const prose = [
  "The gate admits a call when its request slot, its token cost and a concurrency slot are all free at once.",
  "It debits them together and orders the waiting by one sort key, so that nobody waits for ever behind the others.",
  "Levels are reconciled downward from the headers of every answer, and upward slowly while nothing is known.",
  "A refusal freezes only the dimension that it names, and the scheduler never polls while it waits for a slot."
] as const
const paragraph = (from: number, count = 4) =>
  Array.from({ length: count }, (_, index) => prose[(from + index) % prose.length]).join(" ")

/** A PDF of hand-written objects, numbered from 1; the first is the catalog. */
const objects = (...bodies: ReadonlyArray<string>): Uint8Array => {
  let file = "%PDF-1.7\n"
  const offsets = bodies.map((body, index) => {
    const at = file.length
    file += `${index + 1} 0 obj\n${body}\nendobj\n`
    return `${String(at).padStart(10, "0")} 00000 n \n`
  })
  const table = `xref\n0 ${bodies.length + 1}\n0000000000 65535 f \n${offsets.join("")}`
  const trailer = `trailer<</Size ${bodies.length + 1}/Root 1 0 R>>\nstartxref\n${file.length}\n%%EOF`
  return Uint8Array.from(Buffer.from(`${file}${table}${trailer}`, "latin1"))
}
const catalog = "<</Type/Catalog/Pages 2 0 R>>"
const page =
  "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R" +
  "/Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>"
const content = (text: string) => `<</Length ${text.length}>>stream\n${text}\nendstream`
const hello = content("BT /F1 12 Tf 50 700 Td (Hello there) Tj ET")

describe("PDF", () => {
  it.effect("lines become paragraphs, and sizes headings; a paragraph goes on over the page", () =>
    Effect.gen(function* () {
      const long = Array.from({ length: 14 }, (_, index) => paragraph(index)).join(" ")
      const parsed = yield* made((document) => {
        document.fontSize(24).text("Of Gates").moveDown(0.5)
        for (const [index, title] of ["First", "Second"].entries()) {
          document.fontSize(16).text(title).moveDown(0.3)
          document.fontSize(11).text(index === 0 ? paragraph(0) : long, { align: "justify" })
          document.moveDown(1)
        }
      })
      assert.deepStrictEqual(pieces(parsed), [
        ["heading1", "Of Gates"],
        ["heading2", "First"],
        ["paragraph", paragraph(0)],
        ["heading2", "Second"],
        ["paragraph", long]
      ])
      assert.strictEqual(parsed.title, "Of Gates")
      assert.strictEqual(parsed.mediaType, "application/pdf")
    })
  )

  it.effect("columns are read one after the other, below what goes across them", () =>
    Effect.gen(function* () {
      const [left, right] = [paragraph(0, 12), paragraph(2, 12)]
      const parsed = yield* made((document) => {
        document.fontSize(20).text("A title that goes across both of the columns", 60, 60)
        document.fontSize(10).text(left, 60, 120, { width: 225, align: "justify" })
        document.text(right, 310, 120, { width: 225, align: "justify" })
      })
      assert.deepStrictEqual(pieces(parsed), [
        ["heading1", "A title that goes across both of the columns"],
        ["paragraph", left],
        ["paragraph", right]
      ])
    })
  )

  it.effect("words that the end of a line parts are whole, and compounds keep their hyphen", () =>
    Effect.gen(function* () {
      const lines = [
        "The well-known scheduler of the gate is de-",
        "scribed here at length, with what is well-",
        "known of it and of Jean-",
        "Pierre, who wrote some of it in the coun-",
        "try."
      ]
      const parsed = yield* made((document) => {
        for (const [index, line] of lines.entries()) document.fontSize(11).text(line, 60, 60 + 13 * index)
      })
      assert.match(parsed.text.replaceAll("\n", " "), /is described here at length, with what is well-known of it/)
      assert.match(parsed.text.replaceAll("\n", " "), /of Jean-Pierre, who wrote some of it in the country\./)
    })
  )

  it.effect("running headers and page numbers are left out; what runs from the first page on stays once", () =>
    Effect.gen(function* () {
      const parsed = yield* made(
        (document) => {
          for (let number = 1; number <= 6; number++) {
            if (number > 1) document.addPage()
            document.fontSize(9).text("The Journal of Gates", 60, 30, { lineBreak: false })
            document.text(`Page ${number} of 6`, 280, 790, { lineBreak: false })
            document.fontSize(11).text(paragraph(number), 60, 80)
          }
        },
        { margin: 20 }
      )
      assert.strictEqual(parsed.text.match(/The Journal of Gates/g)?.length, 1)
      assert.notMatch(parsed.text, /Page \d/)
      for (let number = 1; number <= 6; number++) assert.include(parsed.text, paragraph(number))
    })
  )

  it.effect("aligned columns of short pieces are a table, with its header; marks make lists", () =>
    Effect.gen(function* () {
      const rows = [
        ["Month", "Shows", "Amount"],
        ["December", "48", "12,500"],
        ["January", "12", "3,600"]
      ]
      const parsed = yield* made((document) => {
        document.fontSize(11).text(paragraph(0), 60, 60)
        for (const [line, cells] of rows.entries()) {
          for (const [column, cell] of cells.entries()) {
            document.text(cell, 60 + 150 * column, 200 + 16 * line, { lineBreak: false })
          }
        }
        document.text("Things to do:", 60, 300)
        document.text("• first this one", 70, 320).text("• then that one", 70, 336)
      })
      const [, table, , list] = parsed.blocks
      assert.deepStrictEqual(pieces(parsed).slice(1), [
        ["table", "Month | Shows | Amount\nDecember | 48 | 12,500\nJanuary | 12 | 3,600"],
        ["paragraph", "Things to do:"],
        ["list", "- first this one\n- then that one"]
      ])
      assert.strictEqual(table?.columns, "Month | Shows | Amount")
      assert.strictEqual(list?.splits?.length, 1)
    })
  )

  it.effect("states title, date, authors and keywords, and takes no program's words for a title", () =>
    Effect.gen(function* () {
      const info = {
        Title: "Of Gates",
        Author: "Ada Moreno, Bo Li",
        Keywords: "gates, schedulers",
        CreationDate: DateTime.toDate(DateTime.makeUnsafe("2025-03-04T09:12:00Z"))
      }
      const parsed = yield* made((document) => document.text(paragraph(0)), { info })
      assert.strictEqual(parsed.title, "Of Gates")
      assert.strictEqual(parsed.date, "2025-03-04T09:12:00Z")
      assert.deepStrictEqual(
        parsed.statements?.flatMap(({ facts }) => facts.map((fact) => [fact.source, fact.type, fact.target])),
        [
          ["Ada Moreno", "CREATED", "Of Gates"],
          ["Bo Li", "CREATED", "Of Gates"],
          ["Of Gates", "RELATED_TO", "gates"],
          ["Of Gates", "RELATED_TO", "schedulers"]
        ]
      )
      for (const Title of ["Microsoft Word - x.doc", "untitled", "report-final.docx", "Presentation1", "-"]) {
        const other = yield* made((document) => document.text(paragraph(0)), { info: { Title, Author: "admin" } })
        assert.strictEqual(other.title, "", Title)
        assert.isUndefined(other.statements)
      }
    })
  )

  it("reads dates as PDF writes them", () => {
    assert.strictEqual(pdfDate("D:20240102030405+01'30'"), "2024-01-02T03:04:05+01:30")
    assert.strictEqual(pdfDate("D:20240102030405Z"), "2024-01-02T03:04:05Z")
    assert.strictEqual(pdfDate("D:20240102030405"), "2024-01-02")
    assert.strictEqual(pdfDate("D:2024"), "2024-01-01")
    assert.isUndefined(pdfDate("D:20241399"))
    assert.isUndefined(pdfDate(""))
  })

  it.effect("bookmarks give the levels of headings", () =>
    Effect.gen(function* () {
      const parsed = yield* made((document) => {
        const chapter = document.outline.addItem("Chapter One")
        chapter.addItem("A Section")
        document.fontSize(11)
        for (const title of ["Chapter One", "A Section"])
          document.text(title).moveDown(1).text(paragraph(0)).moveDown(1)
      })
      assert.deepStrictEqual(
        pieces(parsed).filter(([kind]) => kind !== "paragraph"),
        [
          ["heading1", "Chapter One"],
          ["heading2", "A Section"]
        ]
      )
    })
  )

  it.effect("keeps what is turned, filled in or noted", () =>
    Effect.gen(function* () {
      const parsed = yield* made((document) => {
        document.fontSize(11).text(paragraph(0), 60, 60)
        document
          .save()
          .rotate(90, { origin: [500, 400] })
          .text("Stamped in the margin", 500, 400, { lineBreak: false })
          .restore()
        document.initForm()
        document.formText("name", 60, 300, 200, 20, { value: "Ada Moreno" })
        document.note(300, 300, 20, 20, "Ask Bo about this")
      })
      for (const words of [paragraph(0), "Stamped in the margin", "Ada Moreno", "Ask Bo about this"]) {
        assert.include(parsed.text, words)
      }
    })
  )

  it.effect("needs the password, or says that its pages are pictures, or that it has too many", () =>
    Effect.gen(function* () {
      const secret = yield* pdf((document) => document.text("secret"), { userPassword: "x", ownerPassword: "y" })
      const locked = yield* Effect.flip(read(secret))
      assert.strictEqual(locked.reason, "protected")
      assert.include(locked.message, "password")
      const open = yield* made((document) => document.text("not secret"), { ownerPassword: "y" })
      assert.strictEqual(open.text, "not secret")
      const scan = yield* pdf((document) => document.rect(0, 0, 100, 100).fill().addPage().rect(0, 0, 10, 10).fill())
      const pictures = yield* Effect.flip(read(scan))
      assert.strictEqual(pictures.reason, "empty")
      assert.include(pictures.message, "its 2 pages are pictures")
      assert.include(pictures.message, "OCR")
      const kids = Array.from({ length: 10_001 }, (_, index) => `${index + 3} 0 R`).join(" ")
      const leaf = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]>>"
      const many = objects(
        catalog,
        `<</Type/Pages/Count 10001/Kids[${kids}]>>`,
        ...Array.from({ length: 10_001 }, () => leaf)
      )
      const tooMany = yield* Effect.flip(read(many))
      assert.strictEqual(tooMany.reason, "too-large")
      assert.include(tooMany.message, "10001 pages")
    })
  )

  it.effect("ends on loops, lies and deep nesting, with what there is to read", () =>
    Effect.gen(function* () {
      const pages = "<</Type/Pages/Count 1/Kids[3 0 R]>>"
      const deep = `<</Type/Catalog/Pages 2 0 R/X ${"[".repeat(100_000)}>>`
      const form =
        `<</Type/XObject/Subtype/Form/BBox[0 0 600 800]/Resources<</XObject<</X 4 0 R>>>>` +
        content("BT /F1 12 Tf 50 700 Td (Hello there) Tj ET /X Do /X Do").slice(2)
      const cases: Readonly<Record<string, readonly [Uint8Array, string]>> = {
        plain: [objects(catalog, pages, page, hello), "Hello there"],
        lie: [objects(catalog, "<</Type/Pages/Count 5000/Kids[3 0 R]>>", page, hello), "Hello there"],
        loop: [objects(catalog, "<</Type/Pages/Count 5/Kids[2 0 R 3 0 R]>>", page, hello), "malformed"],
        nested: [objects(deep, pages, page, hello), "malformed"],
        recursion: [objects(catalog, pages, page, form), "Hello there"],
        outline: [
          objects(
            "<</Type/Catalog/Pages 2 0 R/Outlines 5 0 R>>",
            pages,
            page,
            hello,
            "<</First 6 0 R/Last 6 0 R>>",
            "<</Title(a)/Parent 5 0 R/Next 6 0 R/First 6 0 R>>"
          ),
          "Hello there"
        ],
        header: [Uint8Array.from(Buffer.from("%PDF-1.4\n")), "malformed"]
      }
      for (const [name, [bytes, expected]] of Object.entries(cases)) {
        const result = yield* Effect.result(read(bytes))
        const is = Result.isSuccess(result) ? result.success.text : result.failure.reason
        assert.strictEqual(is, expected, name)
      }
    })
  )

  it.effect("says so if the fonts do not tell their letters", () =>
    Effect.gen(function* () {
      const codes = content("BT /F1 12 Tf 50 700 Td (\u0001\u0002\u0003\u0004\u0005) Tj ET")
      const font =
        "<</Type/Font/Subtype/Type3/FontBBox[0 0 1 1]/FontMatrix[1 0 0 1 0 0]/FirstChar 1/LastChar 5" +
        "/Widths[1 1 1 1 1]/CharProcs<<>>/Encoding<</Differences[1/g1/g2/g3/g4/g5]>>>>"
      const other = page.replace("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", font)
      const error = yield* Effect.flip(read(objects(catalog, "<</Type/Pages/Count 1/Kids[3 0 R]>>", other, codes)))
      assert.strictEqual(error.reason, "malformed")
      assert.include(error.message, "OCR")
    })
  )

  it.effect("damage of any kind ends in what can be read, or in a ParseError", () =>
    Effect.gen(function* () {
      const whole = yield* pdf((document) => {
        document.fontSize(18).text("Of Gates").fontSize(11).text(paragraph(0)).addPage().text(paragraph(1))
      })
      let readable = 0
      for (let seed = 1; seed <= 300; seed++) {
        const random = makeRandom(seed)
        const bytes = whole.slice(0, seed % 2 === 0 ? whole.length : 20 + random.int(whole.length - 20))
        for (let flips = random.int(12); flips > 0; flips--) bytes[random.int(bytes.length)] = random.int(256)
        const result = yield* Effect.result(read(bytes))
        if (Result.isSuccess(result)) readable++
        else assert.instanceOf(result.failure, ParseError, `seed ${seed}`)
      }
      assert.isAbove(readable, 75)
    })
  )

  it.effect("is read in a worker as on the calling thread, and leaves the bytes as they are", () =>
    Effect.gen(function* () {
      const bytes = yield* pdf((document) => document.fontSize(20).text("Of Gates").fontSize(11).text(paragraph(0)))
      const copy = Uint8Array.from(bytes)
      const there = yield* Parser.pipe(
        Effect.flatMap((parser) => parser.parse("a.pdf", bytes)),
        Effect.provide(layer)
      )
      assert.deepStrictEqual(there, yield* read(bytes))
      assert.deepStrictEqual(bytes, copy)
    })
  )
})

const files = process.env["SLUICE_TEST_FILES"]

describe.skipIf(files === undefined)("PDF, real files (SLUICE_TEST_FILES)", () => {
  const file = (name: string) => read(new Uint8Array(readFileSync(join(files ?? "", name))))

  it.effect("a scan is empty, and a paper, an order and an invoice are read", () =>
    Effect.gen(function* () {
      const scan = yield* Effect.flip(file("MEDRPT-2024-PAT-3847_medical_report_scan.pdf"))
      assert.strictEqual(scan.reason, "empty")
      assert.include(scan.message, "pages are pictures")
      const paper = yield* file("test.pdf")
      assert.strictEqual(pieces(paper)[0]?.join(), "heading1,1 Introduction")
      assert.include(paper.text, "While there is contemporaneous exploration of multi-agent approaches")
      const order = pieces(yield* file("movie-theater-booking-2024.pdf"))
      assert.isTrue(
        order.some(
          ([kind, text]) =>
            kind === "table" && text?.includes("December 2024 | 48 | $12,500.00 | $11,250.00 | 85%") === true
        )
      )
      assert.include((yield* file("REPAIR-2022-INV-001_multipage.pdf")).text, "Parts |  |  | 99,999")
    })
  )
})
