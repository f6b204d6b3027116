import { ParseError } from "../../../domain/ParseError.ts"
import { rowReader } from "../statements.ts"
import { oneLine } from "../Writer.ts"
import type { Writer } from "../Writer.ts"
import { hasHeader } from "./pieces.ts"

/** A row of a sheet: what is in it, ascending by column. */
export interface Row {
  readonly columns: ReadonlyArray<number>
  readonly texts: ReadonlyArray<string>
}

/** The whole workbook's, since small shared strings may fill any number of cells. */
const maxCells = 5_000_000
const maxText = 64 * 1024 * 1024
/** Beyond it, gaps between rows no more begin a new table. */
const maxTables = 200
const maxTitles = 5
/** A cell of the grid for each so many that are filled: more empty ones are not worth to be shown as such. */
const maxSparseness = 20

/** Writes the sheets of a workbook, row by row: a heading each, and a table for each run of rows that are not empty. */
export class SheetWriter {
  readonly #uri: string
  readonly #writer: Writer
  #name = ""
  #rows: Array<Row> = []
  #next = 0
  #tables = 0
  #cells = 0
  #text = 0

  constructor(uri: string, writer: Writer) {
    this.#uri = uri
    this.#writer = writer
  }

  /** Begins a sheet, which shows if there is something in it. */
  begin(name: string): void {
    this.finish()
    this.#name = name
    this.#next = 0
    this.#tables = 0
  }

  /** `index`: of the row in its sheet, ascending. */
  row(index: number, row: Row): void {
    if (row.columns.length === 0) return
    if (index > this.#next && this.#tables < maxTables) this.finish()
    this.#next = index + 1
    this.#rows.push(row)
    this.#cells += row.columns.length
    for (const text of row.texts) this.#text += text.length
    if (this.#cells > maxCells || this.#text > maxText) {
      const message = `${this.#uri} holds more than 5 million cells or 64 million characters: split it`
      throw new ParseError({ uri: this.#uri, reason: "too-large", message })
    }
  }

  /** What belongs to the sheet beside its cells. */
  paragraph(text: string): void {
    if (oneLine(text) === "") return
    this.finish()
    this.#heading()
    this.#writer.paragraph(text)
  }

  /** Writes the rows so far as a table of their own. */
  finish(): void {
    const rows = this.#rows
    this.#rows = []
    if (rows.length === 0) return
    this.#tables++
    this.#heading()
    let start = 0
    // What stands alone above the rows is their title.
    while (start < Math.min(rows.length, maxTitles) && rows[start]?.texts.length === 1 && isTitle(rows, start)) {
      this.#writer.paragraph(rows[start]?.texts[0] ?? "")
      start++
    }
    this.#table(rows, start)
  }

  #heading(): void {
    if (this.#name !== "") this.#writer.heading(1, this.#name)
    this.#name = ""
  }

  #table(rows: ReadonlyArray<Row>, start: number): void {
    const used = new Set<number>()
    let cells = 0
    for (let at = start; at < rows.length; at++) {
      const columns = rows[at]?.columns ?? []
      cells += columns.length
      for (const column of columns) used.add(column)
    }
    const places = new Map([...used].toSorted((a, b) => a - b).map((column, place) => [column, place]))
    const isGrid = places.size * (rows.length - start) <= cells * maxSparseness + 10_000
    const aligned = (row: Row | undefined): ReadonlyArray<string> => {
      if (row === undefined) return []
      if (!isGrid) return row.texts
      const shown: Array<string> = Array.from({ length: places.size }, () => "")
      for (const [index, column] of row.columns.entries()) shown[places.get(column) ?? 0] = row.texts[index] ?? ""
      return shown
    }
    const header = aligned(rows[start])
    const isNamed = isGrid && hasHeader(rows.slice(start, start + 2).map(aligned))
    const all = function* (): Generator<ReadonlyArray<string>> {
      for (let at = start; at < rows.length; at++) yield aligned(rows[at])
    }
    if (start < rows.length) this.#writer.table(all(), isNamed, isNamed ? rowReader(header) : undefined)
  }
}

/** Rows of one cell are titles if a wider one follows them, or nothing does. */
const isTitle = (rows: ReadonlyArray<Row>, at: number): boolean => {
  const next = rows.slice(at + 1, at + 1 + maxTitles).find(({ texts }) => texts.length > 1)
  return next !== undefined || rows.length === 1
}
