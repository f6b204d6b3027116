import { row } from "./Lines.ts"
import type { Row, Segment } from "./Lines.ts"

/** Rows that are read from top to bottom, and then the next flow. */
export type Flow = ReadonlyArray<Row>

/** Columns within columns; a page has four at most that way, and nothing is looked for in slivers. */
const maxDepth = 2
const minLines = 5
/** How many characters a line of a column has at least, on average: else it is a table's. */
const minCharacters = 14

const average = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

// Not with a spread, for a page may hold more pieces than a call may have arguments.
const lowest = (values: ReadonlyArray<number>): number => values.reduce((a, b) => Math.min(a, b), Infinity)
const highest = (values: ReadonlyArray<number>): number => values.reduce((a, b) => Math.max(a, b), -Infinity)

/**
 * Where the right one of two columns begins, if the rows are in columns: where many segments begin, beside others that
 * end before it, few cross it, and both sides are filled with text as tables are not.
 */
const columnStart = (rows: ReadonlyArray<Row>): number | undefined => {
  const segments = rows.flatMap((one) => one.segments)
  if (segments.length < 2 * minLines) return undefined
  const left = lowest(segments.map((one) => one.left))
  const right = highest(segments.map((one) => one.right))
  const starts = new Map<number, number>()
  for (const one of segments) {
    if (one.left < left + 0.2 * (right - left)) continue
    const bucket = Math.round(one.left / 3)
    starts.set(bucket, (starts.get(bucket) ?? 0) + 1)
  }
  const candidates = [...starts]
    .filter(([, count]) => count >= Math.max(minLines, segments.length / 10))
    .toSorted(([a, some], [b, more]) => more - some || a - b)
    .slice(0, 6)
  for (const [bucket] of candidates) {
    const at = bucket * 3 - 3
    if (isGutter(rows, segments, at, right)) return at
  }
  return undefined
}

const isGutter = (rows: ReadonlyArray<Row>, segments: ReadonlyArray<Segment>, at: number, end: number): boolean => {
  const after = segments.filter((one) => one.left >= at)
  const top = lowest(after.map(({ y }) => y))
  const bottom = highest(after.map(({ y }) => y))
  const before = segments.filter((one) => one.right <= at + 3 && one.y >= top && one.y <= bottom)
  const crossing = segments.filter((one) => one.left < at && one.right > at + 3 && one.y >= top && one.y <= bottom)
  if (before.length < minLines || after.length < minLines) return false
  if (crossing.length > 0.25 * (before.length + after.length)) return false
  const start = lowest(before.map((one) => one.left))
  const stop = highest(before.map((one) => one.right))
  const fill = Math.min(
    average(before.map((one) => one.right - one.left)) / Math.max(1, stop - start),
    average(after.map((one) => one.right - one.left)) / Math.max(1, end - at)
  )
  const characters = Math.min(
    average(before.map((one) => one.text.length)),
    average(after.map((one) => one.text.length))
  )
  if (characters < minCharacters || fill < 0.35) return false
  // The content of columns goes down the one and then the other; that of a table goes along its rows.
  const besides = rows.flatMap((one) => {
    const second = one.segments.findIndex((part) => part.left >= at)
    const [a, b] = [one.segments[second - 1], one.segments[second]]
    return a === undefined || b === undefined ? [] : [b.order === a.last + 1]
  })
  const alongRows = besides.filter(Boolean).length / Math.max(1, besides.length)
  return alongRows < 0.5 || (fill > 0.75 && characters > 2 * minCharacters)
}

/**
 * The rows of a page in reading order: column by column between what goes across them. In the manner of the recursive
 * X-Y cut (Nagy and Seth, 1984), but cut where lines begin, which holds where headings and figures cross the gutter.
 */
export const flows = (rows: ReadonlyArray<Row>, depth = 0): ReadonlyArray<Flow> => {
  const at = depth < maxDepth ? columnStart(rows) : undefined
  if (at === undefined) return rows.length === 0 ? [] : [rows]
  const found: Array<Flow> = []
  let [before, after, across]: [Array<Row>, Array<Row>, Array<Row>] = [[], [], []]
  const close = (): void => {
    found.push(...flows(before, depth + 1), ...flows(after, depth + 1))
    before = []
    after = []
  }
  const closeAcross = (): void => {
    if (across.length > 0) found.push(across)
    across = []
  }
  for (const one of rows) {
    if (one.segments.some(({ left, right }) => left < at && right > at + 3)) {
      close()
      across.push(one)
      continue
    }
    closeAcross()
    const second = row(one.segments.filter(({ left }) => left >= at))
    const first = row(one.segments.filter(({ left }) => left < at))
    if (first !== undefined) before.push(first)
    if (second !== undefined) after.push(second)
  }
  close()
  closeAcross()
  return found
}
