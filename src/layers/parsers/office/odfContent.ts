import { Flow } from "./Flow.ts"
import type { FrameKind, Style } from "./Flow.ts"
import { OdfStyles } from "./odfStyles.ts"
import { remark } from "./package.ts"
import type { Package } from "./package.ts"
import { plainText } from "./pieces.ts"
import type { Piece } from "./pieces.ts"
import type { SheetWriter } from "./sheet.ts"
import { attribute } from "./xml.ts"
import type { Attributes } from "./xml.ts"

/** What is not shown, or shows what is elsewhere: deletions, indexes, numbers of notes, readings of characters. */
const leftOut = new Set([
  "tracked-changes",
  "table-of-content",
  "illustration-index",
  "table-index",
  "object-index",
  "user-index",
  "alphabetical-index",
  "note-citation",
  "ruby-text",
  "hidden-text",
  "forms",
  "scripts",
  "event-listeners",
  "page-thumbnail",
  "annotation-end"
])
/** On every slide the same. */
const repeated = new Set(["date-time", "footer", "header", "page-number"])
const shapes: ReadonlyArray<string> = [
  "text-box",
  "custom-shape",
  "rect",
  "ellipse",
  "circle",
  "polygon",
  "polyline",
  "path",
  "line",
  "connector",
  "caption",
  "measure",
  "regular-polygon"
]
const shapeSet = new Set([...shapes, "frame", "g"])
const blocks: ReadonlyMap<string, FrameKind> = new Map<string, FrameKind>([
  ["table", "table"],
  ["table-row", "row"],
  ["table-cell", "cell"],
  ["covered-table-cell", "cell"],
  ...shapes.map((name) => [name, "box"] as const)
])
/** Empty cells and rows are only counted, and those with content not written out further than this. */
const maxRepeatedCells = 50
const maxRepeatedRows = 20
const maxIndex = 1_048_576

interface List {
  readonly style: string
  count: number
  /** Whether the open item has had its first paragraph. */
  isBegun: boolean
}

interface Page {
  readonly title: Array<string>
  readonly content: Array<Piece>
  readonly notes: Array<Piece>
}

export interface ContentOptions {
  readonly styles: OdfStyles
  /** What the documents within the document say, by their names. */
  readonly objects: ReadonlyMap<string, ReadonlyArray<Piece>>
  readonly sheets: SheetWriter
  readonly emit: (piece: Piece) => void
}

const repeat = (attributes: Attributes, name: string): number => {
  const count = Math.trunc(Number(attribute(attributes, name) ?? 1))
  return count >= 1 ? Math.min(count, maxIndex) : 1
}

export const readListStyles = async (from: Package, part: string): Promise<OdfStyles> => {
  const styles = new OdfStyles()
  await from.read(part, { open: (name, attributes) => styles.read(name, attributes) })
  return styles
}

/** Charts, and formulas as they were typed. */
export const readObjects = async (
  from: Package,
  parts: ReadonlyArray<string>
): Promise<ReadonlyMap<string, ReadonlyArray<Piece>>> => {
  const found = new Map<string, ReadonlyArray<Piece>>()
  for (const part of parts) {
    const pieces: Array<Piece> = []
    const flow = new Flow((piece) => pieces.push(piece))
    const kindOf = (name: string): FrameKind | undefined =>
      name === "p" || name === "annotation" ? "paragraph" : blocks.get(name)
    await from.read(part, {
      open: (name) => {
        const kind = kindOf(name)
        if (kind !== undefined) flow.open(kind)
      },
      text: (text) => flow.text(text),
      close: (name) => {
        if (kindOf(name) !== undefined) flow.close()
      }
    })
    found.set(part.slice(0, part.indexOf("/")), pieces)
  }
  return found
}

/** Reads the content of an OpenDocument file of any kind; gives the titles of a text, by their style. */
export const readContent = async (
  from: Package,
  part: string,
  { emit, objects, sheets, styles }: ContentOptions
): Promise<{ readonly titles: ReadonlyArray<string> }> => {
  const titles: Array<string> = []
  const path: Array<string> = []
  const lists: Array<List> = []
  const paragraphs: Array<Style> = []
  let skipped = 0
  let notes = 0
  let pages = 0
  let page: Page | undefined
  let into: Array<Piece> | undefined
  let isTitleFrame = false
  let author: Array<string> = []
  let alternative: Array<string> = []
  let inBody = false
  let isSheet = false
  let tables = 0
  let rowIndex = 0
  let rowRepeat = 1
  let column = 0
  let cellRepeat = 1
  let cellValue = ""
  /** For cells that have no text, which is how their value is shown. */
  let cellDefault = ""
  let row: { readonly columns: Array<number>; readonly texts: Array<string> } = { columns: [], texts: [] }
  const beside: Array<string> = []

  const flow = new Flow((piece) => {
    if (isSheet) beside.push(plainText(piece))
    else if (page !== undefined && isTitleFrame) page.title.push(plainText(piece))
    else if (into !== undefined) into.push(piece)
    else {
      if (piece.kind === "heading" && piece.level === 0) titles.push(piece.text)
      emit(piece.kind === "heading" && piece.level === 0 ? { ...piece, level: 1 } : piece)
    }
  })

  const styleOf = (name: string, attributes: Attributes): Style => {
    if (name === "h") return { kind: "heading", level: Number(attribute(attributes, "outline-level") ?? 1) || 1 }
    const list = lists.at(-1)
    if (list !== undefined && path.at(-2) !== "list-header") {
      if (list.isBegun) return { kind: "note" }
      list.isBegun = true
      const isOrdered = styles.isOrdered(list.style, lists.length)
      return { kind: "item", level: lists.length - 1, mark: isOrdered ? `${list.count}. ` : "- " }
    }
    // Level 0 stands for a title.
    return styles.isTitle(attribute(attributes, "style-name") ?? "")
      ? { kind: "heading", level: 0 }
      : { kind: "paragraph" }
  }

  const openSheetPart = (name: string, attributes: Attributes): boolean => {
    if (!isSheet || (tables > 1 && name !== "table")) return false
    if (name === "table") {
      if (++tables > 1) return false
      sheets.begin(attribute(attributes, "name") ?? "")
      rowIndex = 0
      return true
    }
    if (name === "table-row") {
      rowRepeat = repeat(attributes, "number-rows-repeated")
      row = { columns: [], texts: [] }
      column = 0
      return true
    }
    if (name !== "table-cell" && name !== "covered-table-cell") return false
    cellRepeat = repeat(attributes, "number-columns-repeated")
    const isDate = attribute(attributes, "value-type") === "date"
    cellValue = isDate ? (attribute(attributes, "date-value") ?? "") : ""
    cellDefault = attribute(attributes, "value") ?? attribute(attributes, "string-value") ?? ""
    flow.open("box")
    return true
  }

  const closeSheetPart = (name: string): boolean => {
    if (!isSheet) return false
    if (name === "table") {
      if (tables-- > 1) return false
      for (const text of beside.splice(0)) sheets.paragraph(text)
      sheets.finish()
      return true
    }
    if (tables > 1) return false
    if (name === "table-row") {
      const shown = row.columns.length === 0 ? 0 : Math.min(rowRepeat, maxRepeatedRows)
      for (let copy = 0; copy < shown; copy++) sheets.row(rowIndex + copy, row)
      rowIndex += row.columns.length === 0 ? rowRepeat : shown
      return true
    }
    if (name !== "table-cell" && name !== "covered-table-cell") return false
    const written = flow.take()
    const text = cellValue || (written.trim() === "" ? cellDefault : written)
    if (text.trim() !== "") {
      for (let copy = 0; copy < Math.min(cellRepeat, maxRepeatedCells); copy++) {
        row.columns.push(column + copy)
        row.texts.push(text)
      }
    }
    column += cellRepeat
    return true
  }

  const openPagePart = (name: string, attributes: Attributes): void => {
    const kind = attribute(attributes, "class") ?? ""
    if (name === "page") {
      pages++
      page = { title: [], content: [], notes: [] }
      into = page.content
    } else if (name === "notes" && page !== undefined) into = page.notes
    else if (name === "frame" && page !== undefined) {
      if (repeated.has(kind)) skipped = 1
      else isTitleFrame = kind === "title"
    }
  }

  const closePagePart = (name: string): void => {
    if (name === "frame") isTitleFrame = false
    else if (name === "notes" && page !== undefined) into = page.content
    else if (name === "page" && page !== undefined) {
      const { content, notes: spoken, title } = page
      page = undefined
      into = undefined
      const called = title.join(" ").trim()
      if (called === "" && content.length + spoken.length === 0) return
      emit({ kind: "heading", level: 1, text: called === "" ? `Slide ${pages}` : called })
      for (const piece of content) emit(piece)
      if (spoken.length > 0) emit({ kind: "paragraph", text: "Speaker notes:" })
      for (const piece of spoken) emit(piece)
    }
  }

  const open = (name: string, attributes: Attributes): void => {
    path.push(name)
    if (skipped > 0) skipped++
    else if (leftOut.has(name)) skipped = 1
    else if (!inBody) {
      styles.read(name, attributes)
      inBody = name === "body"
    } else if (openSheetPart(name, attributes)) return
    else if (name === "spreadsheet") isSheet = true
    else if (name === "p" || name === "h") {
      flow.open("paragraph")
      paragraphs.push(styleOf(name, attributes))
    } else if (name === "s") flow.text(" ")
    else if (name === "tab") flow.text("\t")
    else if (name === "line-break") flow.text("\n")
    else if (name === "list") {
      const style = attribute(attributes, "style-name") ?? lists.at(-1)?.style ?? ""
      lists.push({ style, count: 0, isBegun: false })
    } else if (name === "list-item") {
      const list = lists.at(-1)
      if (list === undefined) return
      list.count++
      list.isBegun = false
    } else if (name === "note-body" || name === "annotation") {
      author = []
      flow.open("box")
    } else if (name === "object") {
      const target = (attribute(attributes, "href") ?? "").replace(/^\.\//, "").replace(/\/$/, "")
      flow.after(objects.get(target) ?? [])
    } else if ((name === "title" || name === "desc") && shapeSet.has(path.at(-2) ?? "")) alternative = []
    else {
      openPagePart(name, attributes)
      const kind = skipped > 0 ? undefined : blocks.get(name)
      if (kind !== undefined) flow.open(kind)
    }
  }

  const close = (name: string): void => {
    path.pop()
    const parent = path.at(-1) ?? ""
    if (skipped > 0) skipped--
    else if (!inBody || name === "body") inBody = false
    else if (closeSheetPart(name)) return
    else if (name === "p" || name === "h") {
      flow.style(paragraphs.pop() ?? { kind: "paragraph" })
      flow.close()
    } else if (name === "list") lists.pop()
    else if (name === "note-body") {
      const text = flow.take().trim()
      if (text === "") return
      notes++
      flow.text(`[${notes}]`)
      flow.after([{ kind: "note", text: `[${notes}] ${text}` }])
    } else if (name === "annotation") {
      const text = flow.take().trim()
      if (text !== "") flow.after([{ kind: "note", text: remark(author.join(""), text) }])
    } else if ((name === "title" || name === "desc") && shapeSet.has(parent)) {
      const text = alternative.join("").trim()
      if (text === "") return
      if (flow.isInParagraph) flow.text(` [${text}] `)
      else flow.after([{ kind: "paragraph", text: `[${text}]` }])
    } else {
      if (blocks.has(name)) flow.close()
      closePagePart(name)
    }
  }

  const text = (piece: string): void => {
    if (skipped > 0) return
    const name = path.at(-1)
    if (name === "creator" && path.at(-2) === "annotation") author.push(piece)
    else if ((name === "date" || name === "date-string") && path.at(-2) === "annotation") return
    else if ((name === "title" || name === "desc") && shapeSet.has(path.at(-2) ?? "")) alternative.push(piece)
    else flow.text(piece)
  }

  await from.read(part, { open, close, text })
  return { titles }
}
