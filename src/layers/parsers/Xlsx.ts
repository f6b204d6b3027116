import { ParseError } from "../../domain/ParseError.ts"
import type { Parse } from "./Format.ts"
import { coreProperties, openPackage, stateProperties } from "./office/package.ts"
import type { Package } from "./office/package.ts"
import { plainText } from "./office/pieces.ts"
import { readAuthors, readRemarks } from "./office/remarks.ts"
import { SheetWriter } from "./office/sheet.ts"
import { readSlide } from "./office/slide.ts"
import { readCells, readFormats, readStrings } from "./office/spreadsheet.ts"
import { attribute, prefixed } from "./office/xml.ts"
import { Writer } from "./Writer.ts"

const maxSheets = 10_000

/** The sheets in their order, each part once, and whether days are counted from 1904. */
const workbookOf = async (from: Package, main: string) => {
  const parts = new Map((await from.relationships(main)).map(({ id, part }) => [id, part]))
  const sheets = new Map<string, string>()
  let from1904 = false
  await from.read(main, {
    open: (name, attributes) => {
      if (name === "workbookPr") from1904 = ["1", "true"].includes(attribute(attributes, "date1904") ?? "")
      const part = name === "sheet" ? parts.get(prefixed(attributes, "id") ?? "") : undefined
      if (part === undefined || sheets.has(part) || sheets.size >= maxSheets) return
      sheets.set(part, attribute(attributes, "name") ?? "")
    }
  })
  return { sheets, from1904 }
}

/** Drawings on a sheet: text boxes, charts and the words for pictures. */
const drawingsOf = async (from: Package, part: string): Promise<ReadonlyArray<string>> => {
  const { content, title } = await readSlide(from, part, await from.relationships(part))
  return [title, ...content.map(plainText)]
}

/**
 * Excel workbooks (SpreadsheetML, ECMA-376-1, 18), with or without macros: each sheet, hidden ones too, a heading and
 * its cells as tables, with the values that formulas had when the file was saved, and dates in ISO 8601; then its
 * drawings and comments.
 */
export const parseXlsx: Parse = async (uri, bytes) => {
  const from = await openPackage(uri, bytes)
  const main = await from.main(from.has("xl/workbook.bin") ? "xl/workbook.bin" : "xl/workbook.xml")
  if (main.endsWith(".bin")) {
    const message = `${uri} is a binary Excel workbook (.xlsb), which cannot be read: save it as .xlsx first`
    throw new ParseError({ uri, reason: "unsupported", message })
  }
  const properties = await coreProperties(from)
  const relationships = await from.relationships(main)
  const part = (type: string) => relationships.find((one) => one.type === type)?.part ?? `xl/${type}.xml`
  const strings = await readStrings(from, part("sharedStrings"))
  const kinds = await readFormats(from, part("styles"))
  const authors = await readAuthors(from, main)
  const { from1904, sheets } = await workbookOf(from, main)
  const writer = new Writer(uri)
  const sheet = new SheetWriter(uri, writer)
  for (const [name, called] of sheets) {
    sheet.begin(called)
    await readCells(from, name, { strings, kinds, from1904, row: (index, row) => sheet.row(index, row) })
    sheet.finish()
    const beside = await from.relationships(name)
    for (const { part: drawing, type } of beside) {
      if (type === "drawing") for (const text of await drawingsOf(from, drawing)) sheet.paragraph(text)
    }
    // Programs that do not know threads find a copy of them in the classic comments.
    const threads = beside.filter(({ type }) => type === "threadedComment")
    for (const remarks of threads.length > 0 ? threads : beside.filter(({ type }) => type === "comments")) {
      for (const { at, text } of await readRemarks(from, remarks.part, authors)) sheet.paragraph(`${at}: ${text}`)
    }
  }
  stateProperties(writer, properties, properties.title)
  return writer.finish({
    mediaType: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    title: properties.title,
    date: properties.date
  })
}
