import type { Block } from "../../domain/Document.ts"
import { paragraphs } from "../../domain/Paragraphs.ts"

const atxHeading = /^#{1,6}(?:[ \t]|$)/
const fence = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})/
const setextLine = /^ {0,3}(?:=+|-+)[ \t]*$/
const container = /[ \t]*(?:>|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t]))/y
const newBlock = /^(?:[\p{L}["(!|]|\d+(?![\d.)]))/u
const plainLine = /^(?:[\p{L}"(]|\d+(?![\d.)]))/u

export interface Segment {
  readonly start: number
  readonly end: number
  /**
   * `plain`: one paragraph and nothing else. `code`: one fenced block at the margin. `hard`: a CommonMark parser may need
   * more than linear time for it.
   */
  readonly kind: "plain" | "code" | "markup" | "hard"
}

// micromark's cost grows with the square of the lines in unbroken lists, lazy quotes and the like, faster yet with
// setext headings, and its stack with containers in containers: 16,000 characters of "> a\nb\n" took 1.1 s.
const maxSegment = 8 * 1024
const maxLines = 128
const maxSetextLines = 8
const maxDepth = 6

const depth = (line: string): number => {
  let markers = 0
  container.lastIndex = 0
  while (markers <= maxDepth && container.test(line)) markers++
  return markers
}

/**
 * Markdown in pieces that parse by themselves: one begins at each ATX heading and fence at the margin, and at each line
 * after a blank one that can neither continue a list, a quote or indented code, nor stand in a fence. Where pieces end
 * depends on what is near, never on what stands far above.
 */
export const segments = function* (text: string): Generator<Segment> {
  let start = 0
  let lines = 0
  let setext = 0
  let deep = false
  let plain = true
  let afterBlank = false
  let open = ""
  let isCode = false
  const close = (end: number): ReadonlyArray<Segment> => {
    const hard = end - start > maxSegment || lines > maxLines || setext > maxSetextLines || deep
    const kind = isCode ? "code" : plain ? "plain" : hard ? "hard" : "markup"
    const closed: ReadonlyArray<Segment> = end > start ? [{ start, end, kind }] : []
    start = end
    lines = 0
    setext = 0
    deep = false
    plain = true
    isCode = false
    return closed
  }
  for (let from = 0; from < text.length;) {
    const newline = text.indexOf("\n", from)
    const to = newline < 0 ? text.length : newline
    const line = text.slice(from, to)
    const marks = fence.exec(line)?.[1]
    if (open === "") {
      const opensCode = marks !== undefined && line.startsWith(marks)
      if (opensCode || atxHeading.test(line) || (afterBlank && newBlock.test(line))) yield* close(from)
      isCode ||= opensCode
      open = marks ?? ""
    } else if (marks?.startsWith(open) && line.trim() === marks) {
      open = ""
      if (isCode) yield* close(Math.min(to + 1, text.length))
    }
    afterBlank = line.trim() === ""
    if (from >= start) {
      lines++
      if (setextLine.test(line)) setext++
      deep ||= depth(line) > maxDepth
      plain &&= afterBlank || plainLine.test(line)
    }
    from = to + 1
  }
  yield* close(text.length)
}

const marker = /^(?:[-*+]|\d{1,9}[.)])[ \t]/
const delimiterRow = /^[ \t|:-]+$/

/** The starts of the lines of `[start,end)` that pass a test, but the first line's. */
const lineStarts = (text: string, { end, start }: Block, keep: (line: string) => boolean): ReadonlyArray<number> => {
  const starts: Array<number> = []
  for (let from = text.indexOf("\n", start) + 1; from > 0 && from < end; from = text.indexOf("\n", from) + 1) {
    const newline = text.indexOf("\n", from)
    if (keep(text.slice(from, newline < 0 ? end : Math.min(newline, end)))) starts.push(from)
  }
  return starts
}

/**
 * Blocks of a piece that is too large or too deep for a CommonMark parser, by its lines, in linear time: a run of lines
 * that begins with a list marker is a list with a split at each marker at the margin, one with a delimiter row below its
 * first is a table, anything else a paragraph.
 */
export const scan = (text: string, { end, start }: Segment): ReadonlyArray<Block> =>
  paragraphs(text, start, end).map((block) => {
    const firstEnd = text.indexOf("\n", block.start)
    if (firstEnd < 0 || firstEnd >= block.end) return block
    const first = text.slice(block.start, firstEnd)
    if (marker.test(first))
      return { ...block, kind: "list", splits: lineStarts(text, block, (line) => marker.test(line)) }
    const secondEnd = text.indexOf("\n", firstEnd + 1)
    const second = text.slice(firstEnd + 1, secondEnd < 0 ? block.end : Math.min(secondEnd, block.end))
    if (!first.includes("|") || !second.includes("-") || !delimiterRow.test(second)) {
      return block
    }
    const columns = cells(first)
    return { ...block, kind: "table", columns, splits: lineStarts(text, block, () => true).slice(1) }
  })

/** The cells of a table's row, as text on one line. */
export const cells = (row: string): string =>
  row
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim())
    .filter((cell) => cell !== "")
    .join(" | ")
