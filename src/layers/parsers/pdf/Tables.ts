import type { Flow } from "./Columns.ts"
import type { Row } from "./Lines.ts"

interface Span {
  left: number
  right: number
}

const minColumns = 2
const maxColumns = 50
/** A cell's characters, on average: beyond, they are columns of text. */
const maxCell = 60
/** How far apart the rows of a table may be, in ems. */
const maxDistance = 4

/** What the segments of many rows cover together, apart where none of them is. */
const spansOf = (rows: ReadonlyArray<Row>): ReadonlyArray<Span> => {
  const spans: Array<Span> = []
  const all = rows.flatMap((row) => row.segments).toSorted((a, b) => a.left - b.left)
  for (const { left, right } of all) {
    const last = spans.at(-1)
    if (last !== undefined && left <= last.right + 1) last.right = Math.max(last.right, right)
    else spans.push({ left, right })
  }
  return spans
}

/** The text of each column; what goes across some stands in the first of them. */
const cellsOf = (row: Row, spans: ReadonlyArray<Span>): ReadonlyArray<string> => {
  const cells = spans.map(() => "")
  for (const one of row.segments) {
    const column = Math.max(
      0,
      spans.findIndex(({ right }) => one.left < right)
    )
    cells[column] = `${cells[column] ?? ""} ${one.text}`.trim()
  }
  return cells
}

const isFilled = (cells: ReadonlyArray<string>): boolean =>
  2 * cells.filter((cell) => cell !== "").length >= cells.length

/**
 * The table that begins at a row: rows close together, of two pieces at least, whose pieces stand in columns that no
 * piece joins. A row that leaves its first cell empty goes on with the row before. Without a table there, `end` says from
 * where to look again.
 */
export const tableAt = (
  flow: Flow,
  from: number
): { readonly rows?: ReadonlyArray<ReadonlyArray<string>>; readonly end: number } => {
  const found: Array<Row> = []
  let spans: ReadonlyArray<Span> = []
  for (let index = from; index < flow.length; index++) {
    const row = flow[index]
    const previous = found.at(-1)
    if (row === undefined) break
    if (previous !== undefined && row.y - previous.y > maxDistance * Math.max(row.size, previous.size)) break
    if (row.segments.length < minColumns) {
      // Part of a cell, if it lies within one column other than the first, close below.
      const isPart =
        previous !== undefined &&
        row.y - previous.y < 1.5 * row.size &&
        spans.slice(1).some(({ left, right }) => row.left >= left - 1 && row.right <= right + 1)
      const following = flow[index + 1]
      const isBetween =
        !isPart &&
        previous !== undefined &&
        Math.abs(row.size - previous.size) < 0.08 * row.size &&
        row.y - previous.y < 1.8 * row.size &&
        found.filter(({ segments }) => segments.length >= minColumns).length >= minColumns &&
        following !== undefined &&
        following.segments.length >= minColumns &&
        following.y - row.y < maxDistance * row.size &&
        spansOf([...spans.map((span) => spanRow(span, row)), following]).length >= spans.length
      if (!isPart && !isBetween) break
      found.push(row)
      continue
    }
    const wider = spansOf([...spans.map((span) => spanRow(span, row)), row])
    // A row that joins all but one column is of another table, or of none.
    if (spans.length > 0 && wider.length < Math.max(minColumns, spans.length / 2)) break
    if (wider.length > maxColumns) break
    spans = wider
    found.push(row)
  }
  while ((found.at(-1)?.segments.length ?? minColumns) < minColumns) found.pop()
  const full = found.filter(({ segments }) => segments.length >= minColumns)
  const none = { end: from + Math.max(1, found.length) }
  if (full.length < (spans.length > 2 ? 2 : 3)) return none
  const cells = found.map((row) => cellsOf(row, spans))
  const characters = full.reduce(
    (sum, { segments }) => sum + segments.reduce((all, { text }) => all + text.length, 0),
    0
  )
  const count = full.reduce((sum, { segments }) => sum + segments.length, 0)
  if (characters > maxCell * count) return none
  if (2 * cells.filter(isFilled).length < cells.length) return none
  const rows: Array<Array<string>> = []
  for (const [index, row] of cells.entries()) {
    const last = rows.at(-1)
    const [above, here] = [found[index - 1], found[index]]
    const isClose = above !== undefined && here !== undefined && here.y - above.y < 1.5 * here.size
    if (last !== undefined && isClose && row[0] === "" && !isFilled(row)) {
      for (const [column, cell] of row.entries()) if (cell !== "") last[column] = `${last[column] ?? ""} ${cell}`.trim()
    } else rows.push([...row])
  }
  return { rows, end: from + found.length }
}

const spanRow = ({ left, right }: Span, like: Row): Row => ({
  ...like,
  left,
  right,
  segments: [{ text: "", left, right, y: like.y, size: like.size, font: like.font, order: 0, last: 0 }]
})
