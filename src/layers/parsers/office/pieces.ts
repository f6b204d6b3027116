import { rowReader } from "../statements.ts"
import { oneLine } from "../Writer.ts"
import type { Writer } from "../Writer.ts"

/** A part of a document's text. The `level` of an item is how many lists its own is within; its `mark` is `- ` or `3. `. */
export type Piece =
  | { readonly kind: "heading"; readonly level: number; readonly text: string }
  | { readonly kind: "paragraph"; readonly text: string }
  | { readonly kind: "item"; readonly level: number; readonly mark: string; readonly text: string }
  /** Belongs to the piece before it: a footnote, a comment. */
  | { readonly kind: "note"; readonly text: string }
  /** `header`: whether the first row names the columns; left out, it is told from the rows. */
  | { readonly kind: "table"; readonly rows: ReadonlyArray<ReadonlyArray<string>>; readonly header?: boolean }

/** A piece within something that is one text: a cell, a note. */
export const plainText = (piece: Piece): string =>
  piece.kind === "table"
    ? piece.rows.map((cells) => cells.filter((cell) => cell !== "").join(", ")).join("\n")
    : piece.text

const maxHeaderCell = 60

/**
 * Whether the first row of a table names its columns: nothing but short, different words in at least two cells that
 * stand above further rows.
 */
export const hasHeader = (rows: ReadonlyArray<ReadonlyArray<string>>): boolean => {
  const [header = [], ...body] = rows.slice(0, 2).map((cells) => cells.map(oneLine))
  const named = header.filter((cell) => cell !== "")
  return (
    body.length > 0 &&
    named.length >= 2 &&
    named.length >= (body[0]?.filter((cell) => cell !== "").length ?? 0) - 1 &&
    named.every((cell) => cell.length <= maxHeaderCell && /\p{L}/u.test(cell) && !/^\d{4}-\d\d-\d\d/.test(cell)) &&
    new Set(named).size === named.length
  )
}

/** Writes a table, and what its rows state if its header says what they hold. */
const writeTable = (writer: Writer, rows: ReadonlyArray<ReadonlyArray<string>>, header: boolean | undefined): void => {
  const full = rows.filter((cells) => cells.some((cell) => oneLine(cell) !== ""))
  const isNamed = header ?? hasHeader(full)
  writer.table(full, isNamed, isNamed ? rowReader(full[0] ?? []) : undefined)
}

/** Writes pieces as blocks; items that follow each other make a list. */
export class PieceWriter {
  readonly #writer: Writer
  #items: Array<{ readonly depth: number; readonly mark: string; text: string }> = []

  constructor(writer: Writer) {
    this.#writer = writer
  }

  readonly write = (piece: Piece): void => {
    const last = this.#items.at(-1)
    if (piece.kind === "item") this.#items.push({ depth: piece.level, mark: piece.mark, text: piece.text })
    else if (piece.kind === "note" && last !== undefined) last.text += `\n${piece.text}`
    else {
      this.flush()
      if (piece.kind === "heading") this.#writer.heading(piece.level, piece.text)
      else if (piece.kind === "table") writeTable(this.#writer, piece.rows, piece.header)
      else this.#writer.paragraph(piece.text)
    }
  }

  /** Writes what still waits for more of it. */
  readonly flush = (): void => {
    const items = this.#items
    if (items.length === 0) return
    this.#items = []
    this.#writer.outline(items)
  }
}
