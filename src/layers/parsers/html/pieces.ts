import type { rowReader } from "../statements.ts"
import type { Item, Writer } from "../Writer.ts"

/** A block of text before it is written; `links` are the names of what it links to. */
export type Piece = { readonly links: Array<string> } & (
  | { readonly kind: "heading"; readonly level: number; readonly text: string }
  | { readonly kind: "paragraph" | "code"; readonly text: string }
  | { readonly kind: "list"; readonly items: ReadonlyArray<Item> }
  | { readonly kind: "table"; readonly rows: ReadonlyArray<ReadonlyArray<string>>; readonly header: boolean }
)

/** Writes a piece; gives where it starts, -1 if it is blank. `read`: what a row of a table states. */
export const writePiece = (writer: Writer, piece: Piece, read: ReturnType<typeof rowReader>): number => {
  switch (piece.kind) {
    case "heading":
      return writer.heading(piece.level, piece.text)
    case "paragraph":
      return writer.paragraph(piece.text)
    case "code":
      return writer.code(piece.text)
    case "list":
      return writer.outline(piece.items)
    case "table":
      return writer.table(piece.rows, piece.header, read)
  }
}

const textOf = (piece: Piece): string =>
  piece.kind === "list" ? piece.items.map(({ text }) => text).join("; ") : "text" in piece ? piece.text : ""

interface Cell {
  readonly isHeader: boolean
  readonly column: number
  readonly pieces: ReadonlyArray<Piece>
}

interface Row {
  readonly cells: Array<Cell>
  readonly inHead: boolean
}

/** Cells beyond this length, in UTF-16 code units, hold text to read on its own, and no value. */
const longestValue = 800
/** Columns for whose cells it is known how far they reach; cells further right stand one after the other. */
const maxColumns = 64
const maxSpan = 1000

const isValue = ({ pieces }: Cell): boolean =>
  pieces.length <= 8 &&
  pieces.every(({ kind }) => kind === "paragraph" || kind === "list") &&
  pieces.reduce((length, piece) => length + textOf(piece).length, 0) <= longestValue

const span = (written: string | undefined): number => {
  const value = Number.parseInt(written ?? "", 10)
  return value >= 1 ? Math.min(value, maxSpan) : 1
}

/** A table as its cells come. */
export class Table {
  readonly #isLayout: boolean
  readonly #rows: Array<Row> = []
  /** For each column, how many rows more a cell from above reaches into. */
  readonly #reach: Array<number> = []
  #row: Row | undefined
  #column = 0
  #inHead = false

  constructor(isLayout: boolean) {
    this.#isLayout = isLayout
  }

  startHead(inHead: boolean): void {
    this.#inHead = inHead
  }

  startRow(): void {
    this.#row = { cells: [], inHead: this.#inHead }
    this.#rows.push(this.#row)
    this.#column = 0
  }

  endRow(): void {
    if (this.#row === undefined) return
    this.#row = undefined
    for (let column = this.#column; column < this.#reach.length; column++) {
      this.#reach[column] = Math.max(0, (this.#reach[column] ?? 0) - 1)
    }
  }

  add(pieces: ReadonlyArray<Piece>, isHeader: boolean, colspan: string | undefined, rowspan: string | undefined): void {
    if (this.#row === undefined) this.startRow()
    while ((this.#reach[this.#column] ?? 0) > 0) {
      this.#reach[this.#column] = (this.#reach[this.#column] ?? 0) - 1
      this.#column++
    }
    this.#row?.cells.push({ isHeader, column: this.#column, pieces })
    const rows = span(rowspan) - 1
    const end = this.#column + Math.min(span(colspan), Math.max(1, maxColumns - this.#column))
    for (; this.#column < end; this.#column++) if (this.#column < maxColumns) this.#reach[this.#column] = rows
  }

  /**
   * Rows of values are the rows of tables; a row that holds more (headings, code, long text), or whose table has one
   * column only or is said to be for looks, is its pieces one after the other.
   */
  pieces(): ReadonlyArray<Piece> {
    const found: Array<Piece> = []
    const isFlat = this.#isLayout || !this.#rows.some(({ cells }) => cells.filter(isFilled).length > 1)
    let run: Array<Row> = []
    const endRun = () => {
      if (run.length > 0) found.push(tableOf(run))
      run = []
    }
    for (const row of this.#rows) {
      const filled = row.cells.filter(isFilled)
      if (filled.length === 0) continue
      if (isFlat || !filled.every(isValue) || (run.length === 0 && filled.length === 1)) {
        endRun()
        for (const cell of filled) for (const piece of cell.pieces) found.push(piece)
      } else run.push(row)
    }
    endRun()
    return found
  }
}

const isFilled = ({ pieces }: Cell): boolean => pieces.length > 0

const tableOf = (rows: ReadonlyArray<Row>): Piece => {
  const [first] = rows
  const header =
    rows.length > 1 && first !== undefined && (first.inHead || first.cells.filter(isFilled).every((it) => it.isHeader))
  return {
    kind: "table",
    header,
    rows: rows.map(({ cells }) => {
      const values: Array<string> = []
      for (const { column, pieces } of cells) {
        while (values.length < Math.min(column, maxColumns)) values.push("")
        values.push(pieces.map(textOf).join(" "))
      }
      return values
    }),
    links: rows.flatMap(({ cells }) => cells.flatMap(({ pieces }) => pieces.flatMap(({ links }) => links)))
  }
}
