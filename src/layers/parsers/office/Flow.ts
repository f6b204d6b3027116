import { plainText } from "./pieces.ts"
import type { Piece } from "./pieces.ts"

/** How a paragraph is shown; `hidden` not at all. */
export type Style =
  | { readonly kind: "heading"; readonly level: number }
  | { readonly kind: "paragraph" }
  | { readonly kind: "note" }
  | { readonly kind: "hidden" }
  | { readonly kind: "item"; readonly level: number; readonly mark: string }

export type FrameKind = "paragraph" | "table" | "row" | "cell" | "box"

interface Frame {
  readonly kind: FrameKind | "none"
  style: Style
  span: number
  isDropped: boolean
  readonly text: Array<string>
  readonly pieces: Array<Piece>
  readonly cells: Array<string>
  readonly rows: Array<ReadonlyArray<string>>
}

/** Tables within each other; deeper ones are text of the cell that they are in. */
const maxTables = 8
const maxSpan = 64
/** Wider rows get no empty cells for those that span several columns. */
const maxColumns = 1024
const plain: Style = { kind: "paragraph" }

/**
 * Makes pieces of the nested elements of a text document. What `open` opens, `close` closes, in the reverse order. What
 * stands within a paragraph without being part of its text (notes, text boxes) comes after the piece that holds it.
 */
export class Flow {
  readonly #emit: (piece: Piece) => void
  readonly #stack: Array<Frame> = []
  #tables = 0
  #pending: Array<Piece> = []

  constructor(emit: (piece: Piece) => void) {
    this.#emit = emit
  }

  open(kind: FrameKind): void {
    const above = this.#stack.at(-1)?.kind
    const isMisplaced =
      (kind === "table" && this.#tables >= maxTables) ||
      (kind === "row" && above !== "table") ||
      (kind === "cell" && above !== "row")
    if (kind === "table" && !isMisplaced) this.#tables++
    this.#stack.push({
      kind: isMisplaced ? "none" : kind,
      style: plain,
      span: 1,
      isDropped: false,
      text: [],
      pieces: [],
      cells: [],
      rows: []
    })
  }

  /** Of the paragraph that is open. */
  style(style: Style): void {
    const top = this.#stack.at(-1)
    if (top?.kind === "paragraph") top.style = style
  }

  /** How many columns the open cell takes. */
  span(columns: number): void {
    const top = this.#stack.at(-1)
    if (top?.kind === "cell" && columns > 1) top.span = Math.min(maxSpan, Math.trunc(columns))
  }

  /** The open row is not part of the document any more. */
  drop(): void {
    const top = this.#stack.at(-1)
    if (top?.kind === "row") top.isDropped = true
  }

  get isInParagraph(): boolean {
    return this.#stack.at(-1)?.kind === "paragraph"
  }

  /** Text outside of paragraphs is white space between elements. */
  text(text: string): void {
    const top = this.#stack.at(-1)
    if (top?.kind === "paragraph") top.text.push(text)
  }

  /** Comes after the outermost piece that is open. */
  after(pieces: ReadonlyArray<Piece>): void {
    for (const piece of pieces) this.#pending.push(piece)
    if (this.#stack.length === 0) this.#flush()
  }

  close(): void {
    const frame = this.#stack.pop()
    if (frame === undefined) return
    if (frame.kind === "paragraph") this.#closeParagraph(frame)
    else if (frame.kind === "cell") {
      const row = this.#stack.at(-1)
      row?.cells.push(textOf(frame.pieces))
      // A table of one cell is a frame around text, so its pieces may be needed.
      if (row?.cells.length === 1) for (const piece of frame.pieces) row.pieces.push(piece)
      for (let more = 1; more < frame.span && (row?.cells.length ?? 0) < maxColumns; more++) row?.cells.push("")
    } else if (frame.kind === "row") this.#closeRow(frame)
    else if (frame.kind === "table") this.#closeTable(frame)
    else if (frame.kind === "box") this.after(frame.pieces)
    if (this.#stack.length === 0) this.#flush()
  }

  /** Closes a box, whose text this is. */
  take(): string {
    const frame = this.#stack.pop()
    if (this.#stack.length === 0) this.#flush()
    return frame === undefined ? "" : textOf(frame.pieces)
  }

  #closeParagraph({ style, text }: Frame): void {
    const whole = text.join("")
    if (style.kind !== "hidden" && whole.trim() !== "") this.#place({ ...style, text: whole })
  }

  #closeRow({ cells, isDropped, pieces }: Frame): void {
    const table = this.#stack.at(-1)
    if (isDropped || table === undefined) return
    table.rows.push(cells)
    if (table.rows.length === 1 && cells.length === 1) for (const piece of pieces) table.pieces.push(piece)
  }

  #closeTable({ pieces, rows }: Frame): void {
    this.#tables--
    if (rows.length === 1 && rows[0]?.length === 1) for (const piece of pieces) this.#place(piece)
    else if (rows.length > 0) this.#place({ kind: "table", rows })
  }

  #place(piece: Piece): void {
    const holder = this.#stack.findLast(({ kind }) => kind === "cell" || kind === "box")
    if (holder === undefined) this.#emit(piece)
    else holder.pieces.push(piece)
  }

  #flush(): void {
    const pending = this.#pending
    this.#pending = []
    for (const piece of pending) this.#emit(piece)
  }
}

const textOf = (pieces: ReadonlyArray<Piece>): string => pieces.map(plainText).join("\n")
