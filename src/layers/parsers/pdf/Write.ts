import type { Parsed } from "../../../services/Parser.ts"
import { authored, keywords } from "../statements.ts"
import { Writer } from "../Writer.ts"
import type { Body, Piece } from "./Blocks.ts"
import { headingKey } from "./Metadata.ts"
import type { Information } from "./Metadata.ts"

const maxHeading = 200
const maxHeadingLines = 4
/** A heading's size over the body's. */
const larger = 1.12
const sentence = /[.!?:;,]$/
const shown = /[\p{L}\p{Nd}]/u

// The first heading of an excerpt, or of a document whose title is a picture.
const noTitle = /^(?:[\d.]+\s|(?:introduction|abstract|summary|preface|foreword|contents|table of contents)$)/i

type Text = Extract<Piece, { readonly kind: "text" }>

const mayHead = ({ lines, text }: Text): boolean =>
  text.length <= maxHeading && lines <= maxHeadingLines && shown.test(text)

/** Sizes of headings, the largest first: at most five levels, so that one is left for what is bold alone. */
const headingSizes = (pieces: ReadonlyArray<Piece>, body: Body): ReadonlyArray<number> => {
  const sizes = new Set<number>()
  for (const piece of pieces) {
    if (piece.kind === "text" && piece.size > larger * body.size && mayHead(piece)) sizes.add(piece.size)
  }
  const levels: Array<number> = []
  for (const size of [...sizes].toSorted((a, b) => b - a)) {
    const last = levels.at(-1)
    if (last === undefined || size < last * 0.92) levels.push(size)
  }
  return levels.slice(0, 5)
}

/** A line in another font that stands by itself above a paragraph in the body's. */
const isBoldHeading = (piece: Text, next: Piece | undefined, body: Body): boolean =>
  piece.font !== body.font &&
  piece.lines === 1 &&
  !piece.isFull &&
  piece.isApart &&
  piece.size >= 0.95 * body.size &&
  piece.text.length <= 80 &&
  !sentence.test(piece.text) &&
  /^[\p{Lu}\p{Nd}]/u.test(piece.text) &&
  /\p{L}{3}/u.test(piece.text) &&
  next !== undefined &&
  (next.kind !== "text" || (next.font === body.font && next.text.length > 80))

const unmarked = (text: string, mark: string): string => text.slice(mark.length).trim()

/** The pieces as a document. */
export const write = (
  uri: string,
  pieces: ReadonlyArray<Piece>,
  body: Body,
  info: Information,
  outline: ReadonlyMap<string, number>
): Parsed => {
  const writer = new Writer(uri)
  const sizes = headingSizes(pieces, body)
  let largest: { readonly text: string; readonly size: number } | undefined
  const levelOf = (piece: Text, next: Piece | undefined): number | undefined => {
    if (!mayHead(piece)) return undefined
    const named = outline.get(headingKey(piece.text))
    if (named !== undefined) return named
    const size = sizes.findIndex((one) => piece.size >= one * 0.92)
    if (piece.size > larger * body.size && size >= 0) return size + 1
    return isBoldHeading(piece, next, body) ? sizes.length + 1 : undefined
  }
  let items: Array<string> = []
  let mark = ""
  const closeItems = (): void => {
    const isCounted = items.every((item, index) => item.startsWith(`${index + 1}. `))
    if (items.length > 0 && isCounted)
      writer.list(
        items.map((item) => item.replace(/^\d+\. /, "")),
        "1. "
      )
    else if (/^[\p{L}\p{N}(]/u.test(mark)) for (const item of items) writer.paragraph(item)
    else writer.list(items.map((item) => unmarked(item, mark)))
    items = []
  }
  for (const [index, piece] of pieces.entries()) {
    if (piece.kind === "item") {
      const isWord = /^[\p{L}\p{N}(]/u.test(piece.mark)
      if (items.length > 0 && (isWord ? !/^[\p{L}\p{N}(]/u.test(mark) : mark !== piece.mark)) closeItems()
      mark = piece.mark
      items.push(piece.text)
      continue
    }
    closeItems()
    if (piece.kind === "table") {
      writer.table(piece.rows, hasHeader(piece.rows))
      continue
    }
    if (piece.kind === "comment") {
      writer.paragraph(piece.text)
      continue
    }
    const level = levelOf(piece, pieces[index + 1])
    if (level === undefined) writer.paragraph(piece.text)
    else {
      writer.heading(level, piece.text)
      if (piece.page === 0 && piece.size > larger * body.size && piece.size > (largest?.size ?? 0)) {
        largest = { text: piece.text, size: piece.size }
      }
    }
  }
  closeItems()
  const title = info.title ?? (largest === undefined || noTitle.test(largest.text) ? "" : largest.text)
  writer.state(0, authored(info.authors, title))
  writer.state(0, keywords(info.keywords, title))
  return writer.finish({ mediaType: "application/pdf", title, date: info.date })
}

const isNumber = (cell: string): boolean => /\d/.test(cell) && !/\p{L}{3}/u.test(cell)

/** Whether the first row names the columns: it fills them all with words, and the next rows hold numbers or other words. */
const hasHeader = ([first, ...rest]: ReadonlyArray<ReadonlyArray<string>>): boolean =>
  first !== undefined &&
  rest.length > 0 &&
  first.every((cell) => cell !== "" && !isNumber(cell) && !sentence.test(cell) && cell.length <= 40) &&
  (first.length > 2 || rest.some((row) => row.some(isNumber)))
