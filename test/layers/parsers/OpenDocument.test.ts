import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { read, readFails, shown, stated, survives } from "../../support/office.ts"
import type { Parts } from "../../support/office.ts"

const p = (text: string, style = "") => `<text:p text:style-name="${style}">${text}</text:p>`
const cell = (content: string, attributes = "") => `<table:table-cell ${attributes}>${content}</table:table-cell>`
const table = (...rows: ReadonlyArray<ReadonlyArray<string>>) =>
  `<table:table>${rows.map((cells) => `<table:table-row>${cells.map((text) => cell(p(text))).join("")}</table:table-row>`).join("")}</table:table>`
const odf = (kind: "text" | "spreadsheet" | "presentation", body: string, parts: Parts = {}, styles = ""): Parts => ({
  mimetype: `application/vnd.oasis.opendocument.${kind}`,
  "META-INF/manifest.xml": `<manifest:manifest><manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.${kind}"/></manifest:manifest>`,
  "content.xml": `<office:document-content><office:automatic-styles>${styles}</office:automatic-styles><office:body><office:${kind}>${body}</office:${kind}></office:body></office:document-content>`,
  ...parts
})
const meta = `<office:document-meta><office:meta><dc:title>Harbour plan</dc:title><meta:initial-creator>Ann Lee</meta:initial-creator><dc:creator>Bob Stone</dc:creator><meta:creation-date>2024-05-06T07:08:09.123</meta:creation-date><meta:keyword>harbour</meta:keyword><meta:keyword>cranes</meta:keyword></office:meta></office:document-meta>`

describe("OpenDocument texts", () => {
  it.effect("have headings, lists with numbers and levels, and tables", () =>
    Effect.gen(function* () {
      const styles =
        `<text:list-style style:name="L1"><text:list-level-style-number text:level="1" style:num-format="1"/><text:list-level-style-bullet text:level="2"/></text:list-style>` +
        `<style:style style:name="P1" style:parent-style-name="Title"/>`
      const body =
        p("Harbour", "P1") +
        `<text:h text:outline-level="2">Part<text:s text:c="3"/>one</text:h>` +
        `<text:list text:style-name="L1"><text:list-item>${p("one")}${p("still one")}<text:list><text:list-item>${p("sub")}</text:list-item></text:list></text:list-item><text:list-item>${p("two")}</text:list-item></text:list>` +
        table(["Name", "Team"], ["Ida Wells", "Press"]) +
        `<text:table-of-content><text:index-body>${p("Part one 1")}</text:index-body></text:table-of-content>` +
        `<text:tracked-changes><text:changed-region>${p("deleted")}</text:changed-region></text:tracked-changes>`
      const parsed = yield* read("a.odt", odf("text", body, { "meta.xml": meta }, styles))
      assert.deepStrictEqual(shown(parsed), [
        "heading1 Harbour",
        "heading2 Part one",
        "list 1. one\nstill one\n  - sub\n2. two",
        "table Name | Team\nIda Wells | Press"
      ])
      assert.strictEqual(parsed.title, "Harbour plan")
      assert.strictEqual(parsed.date, "2024-05-06")
      assert.strictEqual(parsed.mediaType, "application/vnd.oasis.opendocument.text")
      assert.deepStrictEqual(stated(parsed), [
        "Ann Lee CREATED Harbour plan @ Harbour",
        "Harbour plan RELATED_TO harbour @ Harbour",
        "Harbour plan RELATED_TO cranes @ Harbour",
        "Ida Wells MEMBER_OF Press @ Ida Wel"
      ])
    })
  )

  it.effect("have notes, comments, text boxes, alternative texts, formulas and charts", () =>
    Effect.gen(function* () {
      const body =
        p(
          `A note<text:note><text:note-citation>1</text:note-citation><text:note-body>${p("below")}</text:note-body></text:note> here`
        ) +
        p(
          `Said<office:annotation><dc:creator>Carol Jones</dc:creator><dc:date>2024-01-01T00:00:00</dc:date>${p("Really?")}</office:annotation>`
        ) +
        p(
          `Seen <draw:frame><draw:image/><svg:desc>A crane</svg:desc></draw:frame><draw:frame><draw:text-box>${p("boxed")}</draw:text-box></draw:frame>`
        ) +
        p(`Math<draw:frame><draw:object xlink:href="./Object 1"/></draw:frame>`)
      const parts = {
        "META-INF/manifest.xml": `<manifest:manifest><manifest:file-entry manifest:full-path="Object 1/content.xml"/></manifest:manifest>`,
        "Object 1/content.xml": `<math><semantics><mi>x</mi><annotation encoding="StarMath 5.0">x = 2 over 3</annotation></semantics></math>`
      }
      assert.deepStrictEqual(shown(yield* read("a.odt", odf("text", body, parts))), [
        "paragraph A note[1] here",
        "paragraph [1] below",
        "paragraph Said",
        "paragraph Comment by Carol Jones: Really?",
        "paragraph Seen [A crane]",
        "paragraph boxed",
        "paragraph Math",
        "paragraph x = 2 over 3"
      ])
    })
  )
})

describe("OpenDocument sheets", () => {
  it.effect("have a heading for each sheet, dates in ISO 8601, and no more rows than are filled", () =>
    Effect.gen(function* () {
      const row = (content: string, attributes = "") => `<table:table-row ${attributes}>${content}</table:table-row>`
      const empty = cell("", 'table:number-columns-repeated="16384"')
      const body =
        `<table:table table:name="People"><table:shapes><draw:frame><draw:text-box>${p("boxed")}</draw:text-box></draw:frame></table:shapes>` +
        row(cell(p("Name")) + cell(p("Joined")) + empty) +
        row(
          cell(
            p("Ann Lee") + `<office:annotation><dc:creator>Carol Jones</dc:creator>${p("Where?")}</office:annotation>`
          ) +
            cell(p("3 Feb 24"), 'office:value-type="date" office:date-value="2024-02-03"') +
            empty
        ) +
        row(empty, 'table:number-rows-repeated="1048000"') +
        row(cell(p("7"), 'table:number-columns-repeated="16384"'), 'table:number-rows-repeated="99999999999"') +
        `</table:table><table:table table:name="Hidden" table:display="false">${row(cell("", 'office:value-type="float" office:value="5"') + cell(p("x")))}</table:table>`
      const parsed = yield* read("a.ods", odf("spreadsheet", body))
      assert.isBelow(parsed.text.length, 6000)
      const found = shown(parsed)
      assert.deepStrictEqual(found.slice(0, 2), ["heading1 People", "table Name | Joined\nAnn Lee | 2024-02-03"])
      assert.match(found[2] ?? "", /^table 7 \| 7/)
      assert.sameMembers(found.slice(3), [
        "paragraph boxed",
        "paragraph Comment by Carol Jones: Where?",
        "heading1 Hidden",
        "table 5 | x"
      ])
    })
  )
})

describe("OpenDocument presentations", () => {
  it.effect("have a heading for each slide, its text and its notes", () =>
    Effect.gen(function* () {
      const frame = (text: string, kind = "") =>
        `<draw:frame presentation:class="${kind}"><draw:text-box>${p(text)}</draw:text-box></draw:frame>`
      const body =
        `<draw:page draw:name="page1">${frame("Body")}${frame("The title", "title")}${frame("3", "page-number")}<presentation:notes>${frame("Spoken", "notes")}</presentation:notes></draw:page>` +
        `<draw:page draw:name="page2"><draw:custom-shape>${p("In a shape")}</draw:custom-shape></draw:page><draw:page draw:name="page3"/>`
      assert.deepStrictEqual(shown(yield* read("a.odp", odf("presentation", body))), [
        "heading1 The title",
        "paragraph Body",
        "paragraph Speaker notes:",
        "paragraph Spoken",
        "heading1 Slide 2",
        "paragraph In a shape"
      ])
    })
  )
})

describe("OpenDocument files, hostile", () => {
  it.effect("that are encrypted, broken, empty or nested without end say so", () =>
    Effect.gen(function* () {
      const encrypted = odf("text", p("x"), {
        "META-INF/manifest.xml": `<manifest:manifest><manifest:file-entry manifest:full-path="content.xml"><manifest:encryption-data/></manifest:file-entry></manifest:manifest>`
      })
      assert.strictEqual((yield* readFails("a.odt", encrypted)).reason, "protected")
      const { "content.xml": _, ...rest } = odf("text", "")
      assert.strictEqual((yield* readFails("a.odt", rest)).reason, "malformed")
      assert.strictEqual((yield* readFails("a.odt", odf("text", p(" ")))).reason, "empty")
      const nested = odf("text", "<text:list><text:list-item>".repeat(50_000) + p("x"))
      assert.strictEqual((yield* readFails("a.odt", nested)).reason, "malformed")
    })
  )

  it.effect("survive any damage", () =>
    Effect.gen(function* () {
      yield* survives(
        "a.odt",
        odf(
          "text",
          p("Text") +
            table(["a", "b"], ["c", "d"]) +
            `<text:list><text:list-item>${p("x")}</text:list-item></text:list>`
        ),
        120
      )
      yield* survives("a.ods", odf("spreadsheet", table(["a", "b"], ["c", "d"])), 80)
    })
  )
})
