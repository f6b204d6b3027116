import type { Item } from "./Lines.ts"

/** What pdf.js says of a piece of text; `transform` is its text matrix in the page's own space. */
export interface TextItem {
  readonly str: string
  readonly dir: string
  readonly transform: ReadonlyArray<number>
  readonly width: number
  readonly height: number
  readonly fontName: string
  readonly hasEOL: boolean
}

type Turn = 0 | 1 | 2 | 3

/** Text by the quarter turn that it is read at, in the frame that makes it run to the right. */
export interface PageText {
  readonly turn: Turn
  readonly items: ReadonlyArray<Item>
  readonly height: number
}

const turnOf = (x: number, y: number): Turn => {
  if (Math.abs(x) >= Math.abs(y)) return x >= 0 ? 0 : 2
  return y > 0 ? 1 : 3
}

/**
 * The items of a page: those that are read as most of the page is, then those turned otherwise, such as a stamp along
 * the margin. `viewport` maps the page's space to what is shown (`[a b c d e f]`, y down).
 */
export const pageText = (
  items: ReadonlyArray<TextItem>,
  viewport: { readonly transform: ReadonlyArray<number>; readonly width: number; readonly height: number }
): ReadonlyArray<PageText> => {
  const [a = 1, b = 0, c = 0, d = -1, e = 0, f = 0] = viewport.transform
  const turns: Record<Turn, Array<Item>> = { 0: [], 1: [], 2: [], 3: [] }
  let order = 0
  let isApart = false
  for (const item of items) {
    if (item.str.trim() === "") {
      // An empty item that ends a line says nothing of a space: a raised character ends one too.
      isApart ||= item.str !== ""
      continue
    }
    const [ta = 0, tb = 0, tc = 0, td = 0, te = 0, tf = 0] = item.transform
    const [x, y] = [a * te + c * tf + e, b * te + d * tf + f]
    const [ux, uy] = [a * ta + c * tb, b * ta + d * tb]
    const size = Math.hypot(a * tc + c * td, b * tc + d * td) || item.height
    if (!Number.isFinite(x + y + ux + uy + size + item.width)) continue
    const turn = turnOf(ux, uy)
    const along = turn === 0 ? x : turn === 1 ? y : turn === 2 ? viewport.width - x : viewport.height - y
    const down = turn === 0 ? y : turn === 1 ? viewport.width - x : turn === 2 ? viewport.height - y : x
    turns[turn].push({
      text: item.str,
      left: along,
      right: along + item.width,
      y: down,
      size,
      font: item.fontName,
      order: order++,
      isApart,
      isRightToLeft: item.dir === "rtl"
    })
    isApart = false
  }
  const heights: Record<Turn, number> = {
    0: viewport.height,
    1: viewport.width,
    2: viewport.height,
    3: viewport.width
  }
  const all: ReadonlyArray<Turn> = [0, 1, 2, 3]
  return all
    .filter((turn) => turns[turn].length > 0)
    .toSorted((one, other) => turns[other].length - turns[one].length)
    .map((turn) => ({ turn, items: turns[turn], height: heights[turn] }))
}

/** What people filled in or noted on a page. */
export interface Annotated {
  /** The values of a form's fields, where they stand. */
  readonly values: ReadonlyArray<TextItem>
  readonly comments: ReadonlyArray<string>
}

const property = (of: object, name: string): unknown => Object.getOwnPropertyDescriptor(of, name)?.value
const maxValues = 5000
const fieldSize = 10

/** Of what pdf.js says of a page's annotations. */
export const annotated = (annotations: ReadonlyArray<unknown>): Annotated => {
  const values: Array<TextItem> = []
  const comments: Array<string> = []
  for (const annotation of annotations.slice(0, maxValues)) {
    if (typeof annotation !== "object" || annotation === null) continue
    const subtype = property(annotation, "subtype")
    const value = property(annotation, "fieldValue")
    const rectangle = property(annotation, "rect")
    const contents = property(annotation, "contentsObj")
    if (subtype === "Widget" && Array.isArray(rectangle) && property(annotation, "fieldType") !== "Btn") {
      const [left, bottom, right, top] = rectangle.map(Number)
      if (left === undefined || bottom === undefined || right === undefined || top === undefined) continue
      const shown = (Array.isArray(value) ? value : [value]).filter((one) => typeof one === "string").join(", ")
      for (const [index, str] of shown.split(/\r\n?|\n/).entries()) {
        const y = Math.max(bottom, top - fieldSize) - index * fieldSize * 1.2
        const transform = [fieldSize, 0, 0, fieldSize, left, y]
        values.push({
          str,
          dir: "ltr",
          transform,
          width: right - left,
          height: fieldSize,
          fontName: "field",
          hasEOL: true
        })
      }
    } else if (subtype !== "Link" && subtype !== "Popup" && typeof contents === "object" && contents !== null) {
      const text = property(contents, "str")
      if (typeof text === "string" && text.trim() !== "") comments.push(text)
    }
  }
  return { values, comments }
}
