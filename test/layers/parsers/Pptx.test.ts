import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { coreXml, read, readFails, relationships, shown, stated, survives } from "../../support/office.ts"
import type { Parts } from "../../support/office.ts"
import { makeZip, zipOf } from "../../support/zip.ts"

const p = (text: string, properties = "") => `<a:p>${properties}<a:r><a:t>${text}</a:t></a:r></a:p>`
const shape = (content: string, placeholder?: string, descr = "") =>
  `<p:sp><p:nvSpPr><p:cNvPr id="1" name="n" descr="${descr}"/><p:nvPr>${
    placeholder === undefined ? "" : placeholder === "" ? "<p:ph/>" : `<p:ph type="${placeholder}"/>`
  }</p:nvPr></p:nvSpPr><p:txBody>${content}</p:txBody></p:sp>`
const slide = (content: string) =>
  `<?xml version="1.0"?><p:sld xmlns:p="p" xmlns:a="a"><p:cSld><p:spTree>${content}</p:spTree></p:cSld></p:sld>`
const table = (...rows: ReadonlyArray<ReadonlyArray<string>>) =>
  `<p:graphicFrame><a:tbl>${rows.map((cells) => `<a:tr>${cells.map((text) => `<a:tc><a:txBody>${p(text)}</a:txBody></a:tc>`).join("")}</a:tr>`).join("")}</a:tbl></p:graphicFrame>`

/** Slides in reverse order in the file; the presentation shows `slide1` first. */
const pptx = (slides: ReadonlyArray<string>, parts: Parts = {}): Parts => ({
  "ppt/presentation.xml": `<p:presentation><p:sldIdLst>${slides.map((_, index) => `<p:sldId id="${256 + index}" r:id="r${index + 1}"/>`).join("")}</p:sldIdLst></p:presentation>`,
  "ppt/_rels/presentation.xml.rels": relationships(
    ...slides.map((_, index) => [`r${index + 1}`, "slide", `slides/slide${index + 1}.xml`] as const).toReversed(),
    ["au", "commentAuthors", "commentAuthors.xml"]
  ),
  ...Object.fromEntries(
    slides.map((content, index) => [`ppt/slides/slide${index + 1}.xml`, slide(content)]).toReversed()
  ),
  ...parts
})

describe("PowerPoint presentations", () => {
  it.effect("have a heading for each slide, in the order of the presentation, and lists of what has bullets", () =>
    Effect.gen(function* () {
      const parsed = yield* read(
        "a.pptx",
        pptx(
          [
            shape(p("Ann Lee"), "subTitle") + shape(p("Harbour"), "ctrTitle"),
            shape(p("Why"), "title") +
              shape(
                p("first") + p("deeper", `<a:pPr lvl="1"/>`) + p("plain", "<a:pPr><a:buNone/></a:pPr>") + p("last"),
                ""
              ) +
              shape(p("3"), "sldNum") +
              shape(p("The company"), "ftr"),
            shape(p("One", "<a:pPr><a:buAutoNum/></a:pPr>") + p("Two", "<a:pPr><a:buAutoNum/></a:pPr>")) +
              shape(p("A") + p("B")) +
              table(["Product", "Owner"], ["Crane", "Eve Adams"]) +
              `<p:grpSp><p:grpSp>${shape(p("in a group"), undefined, "A drawn crane")}</p:grpSp></p:grpSp>` +
              `<p:pic><p:nvPicPr><p:cNvPr id="4" name="Picture 4" descr="A photo"/></p:nvPicPr></p:pic>`
          ],
          { "docProps/core.xml": coreXml.replace("Harbour plan", "PowerPoint Presentation") }
        )
      )
      assert.deepStrictEqual(shown(parsed), [
        "heading1 Harbour",
        "paragraph Ann Lee",
        "heading1 Why",
        "list - first\n  - deeper",
        "paragraph plain",
        "list - last",
        "heading1 Slide 3",
        "list 1. One\n2. Two",
        "paragraph A",
        "paragraph B",
        "table Product | Owner\nCrane | Eve Adams",
        "paragraph [A drawn crane]",
        "paragraph in a group",
        "paragraph [A photo]"
      ])
      assert.strictEqual(parsed.title, "Harbour")
      assert.includeMembers(
        [...stated(parsed)],
        ["Ann Lee CREATED Harbour @ Harbour", "Eve Adams RESPONSIBLE_FOR Crane @ Crane |"]
      )
    })
  )

  it.effect("have speaker notes and comments, classic and threaded, after their slide, and charts on it", () =>
    Effect.gen(function* () {
      const notes = slide(shape(p("ignored"), "sldNum") + shape(p("Smile.") + p("Breathe."), "body"))
      const parsed = yield* read(
        "a.pptx",
        pptx([shape(p("Numbers"), "title") + `<p:graphicFrame><c:chart r:id="c"/></p:graphicFrame>`], {
          "ppt/slides/_rels/slide1.xml.rels": relationships(
            ["n", "notesSlide", "../notesSlides/notesSlide1.xml"],
            ["m", "comments", "../comments/comment1.xml"],
            ["t", "comments", "../comments/modernComment1.xml"],
            ["c", "chart", "../charts/chart1.xml"]
          ),
          "ppt/notesSlides/notesSlide1.xml": notes,
          "ppt/commentAuthors.xml": `<p:cmAuthorLst><p:cmAuthor id="0" name="Carol Jones"/></p:cmAuthorLst>`,
          "ppt/comments/comment1.xml": `<p:cmLst><p:cm authorId="0"><p:pos x="1" y="2"/><p:text>Too small</p:text></p:cm></p:cmLst>`,
          "ppt/comments/modernComment1.xml": `<p188:cmLst><p188:cm authorId="0"><p188:replyLst><p188:reply authorId="9"><p188:txBody>${p("Answer")}</p188:txBody></p188:reply></p188:replyLst><p188:txBody>${p("Question")}</p188:txBody></p188:cm></p188:cmLst>`,
          "ppt/charts/chart1.xml": `<c:chartSpace><c:title>${p("Sales")}</c:title></c:chartSpace>`
        })
      )
      assert.deepStrictEqual(shown(parsed), [
        "heading1 Numbers",
        "paragraph Sales",
        "paragraph Speaker notes:",
        "paragraph Smile.",
        "paragraph Breathe.",
        "paragraph Comment by Carol Jones: Too small",
        "paragraph Comment by Carol Jones: Question",
        "paragraph Comment: Answer"
      ])
    })
  )

  it.effect("show a slide once, whatever refers to it, and do without parts that are missing", () =>
    Effect.gen(function* () {
      const parts = {
        ...pptx([shape(p("Only"), "title")]),
        "ppt/presentation.xml": `<p:presentation>${'<p:sldId id="1" r:id="r1"/>'.repeat(1000)}<p:sldId r:id="gone"/></p:presentation>`,
        "ppt/slides/_rels/slide1.xml.rels": relationships(
          ["n", "notesSlide", "../notes/missing.xml"],
          ["c", "comments", "../../../../../etc/passwd"]
        )
      }
      assert.deepStrictEqual(shown(yield* read("a.pptx", parts)), ["heading1 Only"])
      const nested = `${"<p:grpSp>".repeat(20_000)}${shape(p("deep"))}${"</p:grpSp>".repeat(20_000)}`
      assert.strictEqual((yield* readFails("a.pptx", pptx([nested]))).reason, "malformed")
      assert.strictEqual((yield* readFails("a.pptx", pptx([]))).reason, "empty")
    })
  )

  it.effect("are told from the workbooks that are packed in them", () =>
    Effect.gen(function* () {
      const workbook = zipOf({ "xl/workbook.xml": "<workbook/>" })
      const parts = pptx([shape(p("Only"), "title")])
      const packed = [...Object.entries(parts), ["ppt/embeddings/sheet1.xlsx", workbook] as const]
      const bytes = makeZip(packed.map(([name, data]) => ({ name, data: Buffer.from(data), isStored: true })))
      assert.deepStrictEqual(shown(yield* read("a.pptx", bytes)), ["heading1 Only"])
    })
  )

  it.effect("survive any damage", () =>
    survives(
      "a.pptx",
      pptx([shape(p("Title"), "title") + shape(p("a") + p("b"), "body") + table(["x", "y"], ["1", "2"])]),
      200
    )
  )
})

const files = process.env["SLUICE_TEST_FILES"]

describe.skipIf(files === undefined)("PowerPoint presentations, real files (SLUICE_TEST_FILES)", () => {
  it.effect("are read with tables, charts, groups and alternative texts", () =>
    Effect.gen(function* () {
      const parsed = yield* read("test.pptx", new Uint8Array(readFileSync(join(files ?? "", "test.pptx"))))
      assert.strictEqual(parsed.blocks.filter(({ kind }) => kind === "heading").length, 6)
      for (const text of [
        "7 | 8 | 9 | 1b92870d-e3b5-4e65-8153-919f4ff45592 | 11 | 12",
        "a3f6004b-6f4f-4ea8-bee3-3741f4dc385f",
        "This is a nested shape with content in 2 shapes",
        "[This phrase of the caption is Human-written.]"
      ]) {
        assert.include(parsed.text, text)
      }
    })
  )
})
