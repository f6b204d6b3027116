import type { Flow } from "./Columns.ts"
import { most } from "./Lines.ts"
import type { Row } from "./Lines.ts"
import { tableAt } from "./Tables.ts"
import { Vocabulary } from "./Words.ts"

/** A piece of the document as it is written, before headings are told from paragraphs by their size. */
export type Piece =
  | {
      readonly kind: "text"
      text: string
      readonly page: number
      readonly size: number
      readonly font: string
      lines: number
      /** Whether the last line is as wide as lines get, so that the text may go on elsewhere. */
      isFull: boolean
      /** Whether there is room above it. */
      readonly isApart: boolean
    }
  | { readonly kind: "item"; text: string; readonly page: number; readonly mark: string }
  /** What somebody noted on the page. */
  | { readonly kind: "comment"; readonly page: number; readonly text: string }
  | { readonly kind: "table"; readonly page: number; readonly rows: ReadonlyArray<ReadonlyArray<string>> }

type Open = Extract<Piece, { readonly kind: "text" | "item" }>
type Text = Extract<Piece, { readonly kind: "text" }>

export interface Body {
  readonly size: number
  readonly font: string
}

const bullet = /^([•‣▪▫◦●○■□◆◇➢➤✓✔·∙–—*\uf0b7\uf0a7-])\s+(?=\S)/u
const ordinal = /^(\(?(?:\d{1,3}|[a-z]|[ivx]{1,5})[.)]|\.\d{1,2})\s+(?=\S)/
const ends = /[.!?:;。！？…]["'”’»)\]]*$/u
const parted = /\p{L}[-\u00ad\u2010]/u
const leaders = /(?:\. ?){4,}|…{2,}|_{4,}/g
const opens = /^["'“‘«([]?[\p{Lu}\p{Nd}]/u

const textOf = (row: Row): string => {
  const text = row.segments.map((one) => one.text).join(" ")
  return text.includes("...") || text.includes(". .") || text.includes("__") || text.includes("……")
    ? text.replace(leaders, " ").replaceAll(/\s+/g, " ").trim()
    : text
}

const isSameSize = (a: number, b: number): boolean => Math.abs(a - b) <= 0.08 * Math.max(a, b)

/** The size and the font of most of the text. */
export const bodyOf = (pages: ReadonlyArray<ReadonlyArray<Flow>>): Body => {
  const rows = pages.flat(2)
  return {
    size: most(rows.map((row) => [Math.round(row.size * 4) / 4, textOf(row).length])) ?? 10,
    font: most(rows.map((row) => [row.font, textOf(row).length])) ?? ""
  }
}

/** The distance of two lines of one paragraph, in ems: the most common one, from 1 to 2. */
const leadingOf = (pages: ReadonlyArray<ReadonlyArray<Flow>>, body: Body): number => {
  const distances: Array<readonly [number, number]> = []
  for (const flow of pages.flat()) {
    for (const [index, row] of flow.entries()) {
      const previous = flow[index - 1]
      if (previous === undefined || !isSameSize(row.size, body.size) || !isSameSize(previous.size, body.size)) continue
      const distance = Math.round(((row.y - previous.y) / body.size) * 20) / 20
      if (distance >= 0.9 && distance <= 2.2) distances.push([distance, 1])
    }
  }
  return most(distances) ?? 1.2
}

/** Where lines end that go on in the next one: nearly the rightmost, since a few may stick out. */
const rightEdge = (flow: Flow): number => {
  const rights = flow.filter((row) => row.right - row.left > 10 * row.size).map(({ right }) => right)
  const sorted = (rights.length > 0 ? rights : flow.map(({ right }) => right)).toSorted((a, b) => a - b)
  return sorted[Math.floor(0.9 * (sorted.length - 1))] ?? 0
}

/** How wide the first word of a line is, by its share of the characters. */
const firstWidth = (row: Row): number => {
  const first = row.segments[0]
  if (first === undefined) return 0
  const space = first.text.indexOf(" ")
  return ((space < 0 ? first.text.length : space) / Math.max(1, first.text.length)) * (first.right - first.left)
}

export class Pieces {
  readonly pieces: Array<Piece> = []
  readonly #vocabulary = new Vocabulary()
  readonly #leading: number
  readonly #body: Body
  #page = 0

  constructor(pages: ReadonlyArray<ReadonlyArray<Flow>>, comments: ReadonlyArray<ReadonlyArray<string>>, body: Body) {
    this.#body = body
    this.#leading = leadingOf(pages, body)
    for (const flow of pages.flat()) this.#vocabulary.add(flow.map(textOf))
    for (const [page, flowsOfPage] of pages.entries()) {
      this.#page = page
      for (const flow of flowsOfPage) this.#flow(flow)
      for (const text of comments[page] ?? []) this.pieces.push({ kind: "comment", page, text })
    }
  }

  #flow(flow: Flow): void {
    const right = rightEdge(flow)
    const left = flow.reduce((least, row) => Math.min(least, row.left), Number.POSITIVE_INFINITY)
    let isFirst = true
    let lookAgain = 0
    for (let index = 0; index < flow.length;) {
      if (index >= lookAgain) {
        const { end, rows } = tableAt(flow, index)
        lookAgain = end
        if (rows !== undefined) {
          this.pieces.push({ kind: "table", page: this.#page, rows })
          index = end
          isFirst = false
          continue
        }
      }
      const row = flow[index]
      if (row !== undefined) this.#row(row, flow[index - 1], flow[index + 1], { left, right, isFirst })
      isFirst = false
      index++
    }
  }

  #row(
    row: Row,
    previous: Row | undefined,
    next: Row | undefined,
    column: { readonly left: number; readonly right: number; readonly isFirst: boolean }
  ): void {
    const text = textOf(row)
    if (text === "") return
    const isFull = row.right > column.right - 3 * row.size
    const open = column.isFirst ? this.#goesOn(row, text) : this.#open()
    const mark = bullet.exec(text)?.[1] ?? ordinal.exec(text)?.[1]
    if (open !== undefined && mark === undefined) {
      const how =
        column.isFirst || previous === undefined ? "on" : this.#breaks(row, previous, next, text, open, column)
      if (how !== "break") {
        open.text = how === "on" ? this.#vocabulary.join(open.text, text) : `${open.text}\n${text}`
        if (open.kind === "text") {
          open.lines++
          open.isFull = isFull
        }
        return
      }
    }
    const apart = previous === undefined || row.y - previous.y > 1.3 * this.#leading * row.size
    if (mark !== undefined && row.size <= 1.12 * this.#body.size) {
      this.pieces.push({ kind: "item", page: this.#page, mark, text })
    } else {
      const { font, size } = row
      this.pieces.push({ kind: "text", page: this.#page, text, size, font, lines: 1, isFull, isApart: apart })
    }
  }

  /** What the next line may belong to. */
  #open(): Open | undefined {
    const last = this.pieces.at(-1)
    return last?.kind === "text" || last?.kind === "item" ? last : undefined
  }

  /**
   * What a new column or page goes on with: a paragraph of the same size whose last line was full and ended no sentence;
   * it may stand before footnotes, which are smaller.
   */
  #goesOn(row: Row, text: string): Text | undefined {
    for (const piece of this.pieces.slice(-6).toReversed()) {
      if (piece.kind === "comment") continue
      if (piece.kind !== "text" || piece.page < this.#page - 1) return undefined
      if (isSameSize(piece.size, row.size)) {
        const isOpen = !ends.test(piece.text.slice(-8)) && (piece.isFull || /^\p{Ll}/u.test(text))
        return isOpen && piece.font === row.font ? piece : undefined
      }
      if (piece.size > row.size) return undefined
    }
    return undefined
  }

  /** Whether a line begins a paragraph (`break`), stands alone in one (`line`), or goes on with the line before (`on`). */
  #breaks(
    row: Row,
    previous: Row,
    next: Row | undefined,
    text: string,
    open: Open,
    column: { readonly left: number; readonly right: number }
  ): "break" | "line" | "on" {
    const em = row.size
    const before = textOf(previous)
    if (!isSameSize(row.size, previous.size)) return "break"
    const distance = row.y - previous.y
    if (distance <= 0 || distance > 1.3 * this.#leading * em) return "break"
    const wasFlush = previous.left < column.left + 0.6 * em
    const indent = row.left - previous.left
    const nextIndent = next === undefined ? 0 : next.left - row.left
    const room = column.right - previous.right - firstWidth(row) - 0.25 * em
    const isCentred = Math.abs(row.left + row.right - previous.left - previous.right) < em && Math.abs(indent) > em
    if (open.kind === "item") {
      // An item goes on below its text; what stands left of that begins something else.
      if (indent < -0.6 * em || (Math.abs(indent) < 0.3 * em && row.left <= column.left + 0.6 * em)) {
        return room > 0 ? "break" : "on"
      }
      return "on"
    }
    if (!isCentred) {
      const isFirstLine = indent > 0.8 * em && indent < 5 * em && wasFlush && nextIndent < -0.6 * em
      if (isFirstLine) return "break"
      if (indent > 0.8 * em && indent < 5 * em && wasFlush && next === undefined && ends.test(before)) return "break"
      if (indent < -0.8 * em && open.lines > 1 && opens.test(text)) return "break"
    }
    if (row.font !== previous.font && open.lines === 1 && room > 2 * em && previous.font !== this.#body.font) {
      return "break"
    }
    // A word that would have fitted above stands here on purpose.
    if (room > em && !parted.test(before.slice(-2)))
      return ends.test(before) && opens.test(text) ? "break" : isCentred ? "on" : "line"
    return "on"
  }
}
