import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { coreXml, read, readFails, relationships, shown, stated, survives } from "../../support/office.ts"
import type { Parts } from "../../support/office.ts"
import { makeZip } from "../../support/zip.ts"

const t = (text: string) => `<w:r><w:t xml:space="preserve">${text}</w:t></w:r>`
const p = (content: string, properties = "") =>
  `<w:p>${properties === "" ? "" : `<w:pPr>${properties}</w:pPr>`}${content.startsWith("<") ? content : t(content)}</w:p>`
const cell = (content: string) => `<w:tc><w:tcPr><w:tcW w:w="1"/></w:tcPr>${content}</w:tc>`
const table = (...rows: ReadonlyArray<ReadonlyArray<string>>) =>
  `<w:tbl><w:tblPr/>${rows.map((cells) => `<w:tr>${cells.map((text) => cell(p(text))).join("")}</w:tr>`).join("")}</w:tbl>`
const document = (body: string) =>
  `<?xml version="1.0"?><w:document xmlns:w="w" xmlns:r="r" xmlns:m="m"><w:body>${body}<w:sectPr/></w:body></w:document>`
const docx = (body: string, parts: Parts = {}): Parts => ({
  "[Content_Types].xml": "<Types/>",
  "word/document.xml": document(body),
  ...parts
})
const blocks = (body: string, parts?: Parts) => read("a.docx", docx(body, parts)).pipe(Effect.map(shown))

const styles = `<w:styles>
  <w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/><w:pPr><w:outlineLvl w:val="0"/></w:pPr></w:style>
  <w:style w:type="paragraph" w:styleId="Kapitel"><w:name w:val="Kapitel"/><w:basedOn w:val="Zwischen"/></w:style>
  <w:style w:type="paragraph" w:styleId="Zwischen"><w:name w:val="Zwischen"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>
  <w:style w:type="paragraph" w:styleId="Titel"><w:name w:val="Title"/></w:style>
  <w:style w:type="paragraph" w:styleId="Kreis"><w:name w:val="A"/><w:basedOn w:val="Kreis2"/></w:style>
  <w:style w:type="paragraph" w:styleId="Kreis2"><w:name w:val="B"/><w:basedOn w:val="Kreis"/></w:style>
  <w:style w:type="paragraph" w:styleId="Verzeichnis1"><w:name w:val="toc 1"/></w:style>
</w:styles>`
const numbering = `<w:numbering>
  <w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="3"/><w:numFmt w:val="decimal"/></w:lvl>
  <w:lvl w:ilvl="1"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>
  <w:num w:numId="7"><w:abstractNumId w:val="0"/></w:num></w:numbering>`
const styled = (style: string) => `<w:pStyle w:val="${style}"/>`
const listed = (level: number) => `<w:numPr><w:ilvl w:val="${level}"/><w:numId w:val="7"/></w:numPr>`

describe("Word documents", () => {
  it.effect(
    "have headings by built-in, localised and derived styles and by outline level, and no table of contents",
    () =>
      Effect.gen(function* () {
        const body =
          p("Plan", styled("Titel")) +
          p("Eins 3", styled("Verzeichnis1")) +
          p("Eins", styled("berschrift1")) +
          p("Zwei", styled("Kapitel")) +
          p("Drei", `<w:outlineLvl w:val="1"/>`) +
          p("Vier", styled("Heading5")) +
          p("Text", styled("Kreis"))
        const parsed = yield* read("a.docx", docx(body, { "word/styles.xml": styles }))
        assert.deepStrictEqual(shown(parsed), [
          "heading1 Plan",
          "heading1 Eins",
          "heading3 Zwei",
          "heading2 Drei",
          "heading5 Vier",
          "paragraph Text"
        ])
        assert.strictEqual(parsed.title, "Plan")
      })
  )

  it.effect("that are transcripts of meetings are turns with who speaks and when, in both layouts of Teams", () =>
    Effect.gen(function* () {
      const said = ["Ingrid Dahl", "Oskar Lind", "Ingrid Dahl", "Oskar Lind"] as const
      const newer = said
        .map((name, at) => p(`${t(name)}${t(`   0:0${at}`)}<w:r><w:br/></w:r>${t(`Line ${at}.`)}`))
        .join("")
      const older = said.map((name, at) => p(`0:0:${at}.0 --> 0:0:${at}.500`) + p(name) + p(`Line ${at}.`)).join("")
      const turns = said.map((speaker, at) => ({ speaker, at: at * 1000, text: `${speaker}: Line ${at}.` }))
      for (const body of [p("Sync-20240305-Recording") + p("March 5, 2024, 9:00AM") + newer, older]) {
        const { blocks: found, date, text, title } = yield* read("a.docx", docx(body))
        assert.deepStrictEqual(
          found.flatMap(({ at, end, kind, speaker, start }) =>
            kind === "turn" ? [{ speaker, at, text: text.slice(start, end) }] : []
          ),
          turns
        )
        assert.strictEqual(title, body === older ? "" : "Sync-20240305-Recording")
        assert.strictEqual(date, body === older ? undefined : "2024-03-05")
      }
      assert.deepStrictEqual(yield* blocks(newer + table(["a", "b"])).pipe(Effect.map((all) => all.length)), 5)
    })
  )

  it.effect("have lists with their numbers and levels, and tables with nested ones in their cells", () =>
    Effect.gen(function* () {
      const nested = `<w:tbl><w:tr>${cell(p("Ann Lee"))}${cell(table(["inner"], ["words"]) + p(""))}</w:tr></w:tbl>`
      const body =
        p("one", listed(0)) +
        p("sub", listed(1)) +
        p("two", listed(0)) +
        p("between") +
        p("three", listed(0)) +
        table(["Name", "Team"], ["Ann Lee", "Press"]) +
        nested +
        table(["A box around"])
      assert.deepStrictEqual(yield* blocks(body, { "word/numbering.xml": numbering }), [
        "list 3. one\n  - sub\n4. two",
        "paragraph between",
        "list 5. three",
        "table Name | Team\nAnn Lee | Press",
        "table Ann Lee | inner words",
        "paragraph A box around"
      ])
    })
  )

  it.effect("show the final state: insertions, no deletions, nothing hidden, one of two forms of a text box", () =>
    Effect.gen(function* () {
      const box = (text: string) => `<w:txbxContent>${p(text)}</w:txbxContent>`
      const body =
        p(
          `${t("kept ")}<w:ins>${t("new ")}</w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del>` +
            `<w:moveFrom>${t("moved")}</w:moveFrom><w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r>` +
            `<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>seen</w:t></w:r>`
        ) +
        p(
          `<w:r><mc:AlternateContent><mc:Choice><w:drawing><wp:docPr id="1" descr="A crane"/>${box("In the box")}</w:drawing></mc:Choice>` +
            `<mc:Fallback><w:pict>${box("In the box")}</w:pict></mc:Fallback></mc:AlternateContent></w:r>${t("around")}`
        ) +
        `<w:tbl><w:tr><w:trPr><w:del/></w:trPr>${cell(p("gone row"))}</w:tr><w:tr>${cell(p("a"))}${cell(p("b"))}</w:tr></w:tbl>` +
        `<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>${p("Click here")}</w:sdtContent></w:sdt>` +
        `<w:sdt><w:sdtPr/><w:sdtContent>${p("Filled in")}</w:sdtContent></w:sdt>`
      assert.deepStrictEqual(yield* blocks(body), [
        "paragraph kept new seen",
        "paragraph [A crane] around",
        "paragraph In the box",
        "table a | b",
        "paragraph Filled in"
      ])
    })
  )

  it.effect("have footnotes, endnotes and comments after the block that refers to them, each once", () =>
    Effect.gen(function* () {
      const parts = {
        "word/footnotes.xml": `<w:footnotes><w:footnote w:type="separator" w:id="-1">${p("<w:r><w:separator/></w:r>")}</w:footnote><w:footnote w:id="2">${p("A note.")}</w:footnote></w:footnotes>`,
        "word/endnotes.xml": `<w:endnotes><w:endnote w:id="2">${p("An end.")}</w:endnote><w:endnote w:id="3">${p("Nobody asks.")}</w:endnote></w:endnotes>`,
        "word/comments.xml": `<w:comments><w:comment w:id="0" w:author="Carol Jones">${p("Really?")}</w:comment><w:comment w:id="1" w:author="Author">${p("Yes.")}</w:comment></w:comments>`
      }
      const note = (name: string, id: number) => `<w:r><w:${name} w:id="${id}"/></w:r>`
      const body =
        p(
          `${t("One")}${note("footnoteReference", 2)}${t(" two")}${note("endnoteReference", 2)}${note("footnoteReference", 2)}`
        ) + p(`${t("Three")}${note("commentReference", 0)}${note("commentReference", 1)}`)
      assert.deepStrictEqual(yield* blocks(body, parts), [
        "paragraph One[1] two[2]",
        "paragraph [1] A note.",
        "paragraph [2] An end.",
        "paragraph Three",
        "paragraph Comment by Carol Jones: Really?",
        "paragraph Comment: Yes.",
        "paragraph Nobody asks."
      ])
    })
  )

  it.effect("have equations in a line", () =>
    Effect.gen(function* () {
      const r = (text: string) => `<m:r><m:t>${text}</m:t></m:r>`
      const root = `<m:rad><m:deg/><m:e><m:sSup><m:e>${r("b")}</m:e><m:sup>${r("2")}</m:sup></m:sSup>${r("-4ac")}</m:e></m:rad>`
      const fraction = `<m:f><m:num>${r("-b±")}${root}</m:num><m:den>${r("2a")}</m:den></m:f>`
      const sum = `<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>${r("i=1")}</m:sub><m:sup>${r("n")}</m:sup><m:e>${r("i")}</m:e></m:nary>`
      const body = p(`${t("Thus ")}<m:oMath>${r("x=")}${fraction}</m:oMath>${t(" and ")}<m:oMath>${sum}</m:oMath>`)
      assert.deepStrictEqual(yield* blocks(body), ["paragraph Thus x=(-b±√(b^2-4ac))/2a and ∑_(i=1)^n i"])
    })
  )

  it.effect("state their authors, keywords and date, what their links are called, and the rows of their tables", () =>
    Effect.gen(function* () {
      const body =
        p(`<w:hyperlink r:id="rId9">${t("Port Authority")}</w:hyperlink>`) +
        table(["Name", "Employer"], ["Ann Lee", "Northwind"])
      const parsed = yield* read("a.docm", {
        ...docx(body),
        "_rels/.rels": relationships(
          ["a", "officeDocument", "/word/document.xml"],
          ["b", "core-properties", "docProps/core.xml"]
        ),
        "word/_rels/document.xml.rels": relationships(["rId9", "hyperlink", "http://127.0.0.1:9/x", true]),
        "docProps/core.xml": coreXml
      })
      assert.strictEqual(parsed.title, "Harbour plan")
      assert.strictEqual(parsed.date, "2024-05-06T07:08:09Z")
      assert.deepStrictEqual(stated(parsed), [
        "Ann Lee CREATED Harbour plan @ Port Au",
        "Bob Stone CREATED Harbour plan @ Port Au",
        "Harbour plan RELATED_TO harbour @ Port Au",
        "Harbour plan RELATED_TO cranes @ Port Au",
        "Harbour plan REFERS_TO Port Authority @ Port Au",
        "Ann Lee WORKS_FOR Northwind @ Ann Lee"
      ])
    })
  )

  it.effect("show charts and diagrams where they stand", () =>
    Effect.gen(function* () {
      const value = (name: string, text: string) =>
        `<c:${name}><c:strCache><c:pt idx="0"><c:v>${text}</c:v></c:pt></c:strCache></c:${name}>`
      const chart = `<c:chartSpace><c:title><c:tx><c:rich><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:rich></c:tx></c:title><c:ser>${value("tx", "Q1")}${value("cat", "East")}${value("val", "19.2")}</c:ser></c:chartSpace>`
      const diagram = `<dgm:dataModel><dgm:pt><dgm:t><a:p><a:r><a:t>Step</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:dataModel>`
      const body = p(
        `${t("See")}<w:r><w:drawing><c:chart r:id="c1"/><c:chart r:id="c1"/><dgm:relIds r:dm="d1"/></w:drawing></w:r>`
      )
      const found = yield* blocks(body, {
        "word/_rels/document.xml.rels": relationships(
          ["c1", "chart", "charts/chart1.xml"],
          ["d1", "diagramData", "diagrams/data1.xml"]
        ),
        "word/charts/chart1.xml": chart,
        "word/diagrams/data1.xml": diagram
      })
      assert.deepStrictEqual(found, ["paragraph See", "paragraph Sales", "table | Q1\nEast | 19.2", "list - Step"])
    })
  )
})

describe("Word documents, hostile", () => {
  it.effect("are refused when nested too deep, and read when tables are nested deep but in bounds", () =>
    Effect.gen(function* () {
      const nested = (depth: number) =>
        `${"<w:tbl><w:tr><w:tc>".repeat(depth)}${p("core")}${"</w:tc></w:tr></w:tbl>".repeat(depth)}`
      const error = yield* readFails("a.docx", docx(nested(50_000)))
      assert.strictEqual(error.reason, "malformed")
      assert.include(error.message, "nests its elements")
      assert.deepStrictEqual(yield* blocks(nested(60)), ["paragraph core"])
    })
  )

  it.effect("never expand entities, and stop at what unpacks to too much", () =>
    Effect.gen(function* () {
      const bomb = `<!DOCTYPE x [<!ENTITY a "boom"><!ENTITY b "&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>`
      const parsed = yield* read("a.docx", { "word/document.xml": bomb + document(p("x&b;y&c;")) })
      assert.strictEqual(parsed.text, "x&b;y&c;")
      const zeros = new Uint8Array(15 * 1024 * 1024)
      const packed = makeZip([
        { name: "word/document.xml", data: zeros, declaredSize: 100 },
        ...Array.from({ length: 5 }, (_, index) => ({
          name: `word/${["footnotes", "endnotes", "comments", "styles", "numbering"][index]}.xml`,
          data: zeros,
          sharesData: true
        }))
      ])
      const error = yield* readFails("a.docx", packed)
      assert.strictEqual(error.reason, "too-large")
    })
  )

  it.effect("do not follow relationships out of the package, or round in circles", () =>
    Effect.gen(function* () {
      const parts = {
        "_rels/.rels": relationships(["a", "officeDocument", "../../../word/document.xml"]),
        "word/_rels/document.xml.rels": relationships(
          ["a", "styles", "file:///etc/passwd"],
          ["b", "footnotes", "document.xml"],
          ["c", "chart", "document.xml"],
          ["d", "comments", "../../../../etc/passwd"],
          ["e", "endnotes", "http://127.0.0.1:9/", true]
        )
      }
      const found = yield* blocks(p(`${t("Text")}<w:r><c:chart r:id="c"/></w:r>`), parts)
      assert.deepStrictEqual(found, ["paragraph Text"])
    })
  )

  it.effect("say what is wrong: nothing in it, or the main part missing", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* readFails("a.docx", docx(p(" ")))).reason, "empty")
      const lost = yield* readFails("a.docx", { "word/documents.txt": "x" })
      assert.strictEqual(lost.reason, "malformed")
      assert.include(lost.message, "lacks its main part word/document.xml")
    })
  )

  it.effect("survive any damage", () =>
    survives(
      "a.docx",
      docx(
        p("Text", styled("berschrift1")) +
          table(["a", "b"], ["c", "d"]) +
          p("item", listed(1)) +
          p(`<m:oMath><m:f><m:num><m:r><m:t>1</m:t></m:r></m:num></m:f></m:oMath>`),
        {
          "word/styles.xml": styles,
          "word/numbering.xml": numbering,
          "docProps/core.xml": coreXml
        }
      ),
      200
    )
  )
})

const files = process.env["SLUICE_TEST_FILES"]

describe.skipIf(files === undefined)("Word documents, real files (SLUICE_TEST_FILES)", () => {
  const real = (name: string) => read(name, new Uint8Array(readFileSync(join(files ?? "", name))))

  it.effect("are read with headings, tables, comments and equations", () =>
    Effect.gen(function* () {
      const plain = yield* real("test.docx")
      assert.strictEqual(plain.title, "AutoGen: Enabling Next-Gen LLM Applications via Multi-Agent Conversation")
      assert.includeMembers([...shown(plain)], ["heading1 Abstract", "heading2 d666f1f7-46cb-42bd-9a39-9a39cf2a509f"])
      assert.include(plain.text, "13 | 14 | 49e168b7-d2ae-407f-a055-2167576f39a1 | 15 | 16 | 17")
      assert.include((yield* real("test_with_comment.docx")).text, "Comment: This is a test comment. 12df-321a")
      assert.include((yield* real("equations.docx")).text, "a/λ=m/(sin θ)=1/(sin 45.0^∘)=1.41.")
    })
  )
})
