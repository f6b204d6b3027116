import type { Block, BlockKind } from "../../../domain/Document.ts"
import { attribute } from "./header.ts"

const heading = /^(={1,6}|#{1,6})[ \t]+\S/
const fence = /^(?:-{4,}|\.{4,}|`{3,}|\+{4,}|\/{4,}|={4,}|\*{4,}|_{4,}|--|[|,:!]={3,})$/
const underline = /^([=~^+-])\1+$/
const underlineLevels: Readonly<Record<string, number>> = { "=": 1, "-": 2, "~": 3, "^": 4, "+": 5 }
const lead = /^(?:\[[^\n]*\]|\.[^\s.][^\n]*)$/
const item = /^[ \t]*(\*{1,5}|-|\.{1,5}|\d{1,5}\.|[A-Za-z]\.|<\d{1,3}>|<\.>)[ \t]+\S/
const term = /^[^\s:][^:\n]{0,200}(?::{2,4}|;;)(?:[ \t]|$)/

interface Line {
  readonly start: number
  readonly text: string
}

/** Text without comments and without attributes but the description, in lines. */
const shownLines = (source: string): { readonly text: string; readonly lines: ReadonlyArray<Line> } => {
  const parts: Array<string> = []
  const lines: Array<Line> = []
  let length = 0
  let open = ""
  for (let from = 0; from < source.length;) {
    const newline = source.indexOf("\n", from)
    const end = newline < 0 ? source.length : newline
    const text = source.slice(from, end).trimEnd()
    from = end + 1
    const isFence = fence.test(text)
    const isComment = open.startsWith("////") || (open === "" && text.startsWith("////") && isFence)
    if (open === "" && isFence && /^[-.`+/]{3}/.test(text)) open = text
    else if (open !== "" && text === open) open = ""
    if (isComment) continue
    if (open === "" && !isFence) {
      if (text.startsWith("//")) continue
      const name = attribute.exec(text)?.[1]
      if (name !== undefined && name !== "description") continue
    }
    lines.push({ start: length, text })
    parts.push(text, "\n")
    length += text.length + 1
  }
  return { text: parts.join(""), lines }
}

/** Of a table's lines, without those of its fence. */
const tableOf = (lines: ReadonlyArray<Line>, options: string) => {
  const rows: Array<Line> = []
  const isCells = (text: string) => /^[^\s|]{0,8}\|/.test(text)
  const first = lines.findIndex(({ text }) => isCells(text))
  const perLine = (lines[first]?.text.split("|").length ?? 0) > 2
  for (const [index, line] of lines.entries()) {
    if (!isCells(line.text) || fence.test(line.text)) continue
    if (perLine || index === first || lines[index - 1]?.text === "") rows.push(line)
  }
  const isHeader = /header/.test(options) || (lines[first + 1]?.text === "" && perLine)
  return { rows, isHeader, perLine }
}

const cellsOf = (row: string): ReadonlyArray<string> =>
  row
    .slice(row.indexOf("|") + 1)
    .split("|")
    .map((cell) => cell.trim())

export interface Table {
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<{ readonly start: number; readonly cells: ReadonlyArray<string> }>
}

export interface Blocks {
  readonly text: string
  readonly blocks: ReadonlyArray<Block>
  /** Those that have a line for each row, and a header. */
  readonly tables: ReadonlyArray<Table>
}

/** AsciiDoc in blocks, by its lines: a fenced block ends with the document if its fence is not closed. Linear. */
export const readBlocks = (source: string): Blocks => {
  const { lines, text } = shownLines(source)
  const blocks: Array<Block> = []
  const tables: Array<Table> = []
  /** Fences of blocks that hold others. */
  const open = new Set<string>()
  // Where each fence stands next, so that one that is not closed costs nothing.
  const lastOf = new Map<string, number>()
  for (const [index, line] of lines.entries()) if (fence.test(line.text)) lastOf.set(line.text, index)
  const add = (kind: BlockKind, from: number, to: number, more: Partial<Block> = {}) => {
    const last = lines[to - 1]
    const first = lines[from]
    if (first === undefined || last === undefined) return
    const start = first.start + (first.text.length - first.text.trimStart().length)
    const end = last.start + last.text.length
    if (end > start) blocks.push({ kind, start, end, ...more })
  }
  const isBlank = (index: number) => (lines[index]?.text ?? "") === ""
  const isItem = (index: number) => item.test(lines[index]?.text ?? "") || term.test(lines[index]?.text ?? "")
  /** Where a block ends whose fence stands at `at`. */
  const closing = (at: number): number => {
    const mark = lines[at]?.text ?? ""
    if ((lastOf.get(mark) ?? at) <= at) return lines.length
    let end = at + 1
    while (lines[end]?.text !== mark) end++
    return end + 1
  }
  const listEnd = (from: number): number => {
    let to = from
    while (to < lines.length) {
      const line = lines[to]?.text ?? ""
      if (line === "") {
        let next = to
        while (next < lines.length && isBlank(next)) next++
        if (!isItem(next)) return to
        to = next
      } else if (line === "+" && fence.test(lines[to + 1]?.text ?? "")) to = closing(to + 1)
      else if (fence.test(line) || heading.test(line)) return to
      else to++
    }
    return to
  }
  for (let at = 0; at < lines.length;) {
    if (isBlank(at)) {
      at++
      continue
    }
    let body = at
    while (lead.test(lines[body]?.text ?? "") && !isItem(body)) body++
    const line = lines[body]?.text ?? ""
    const next = lines[body + 1]?.text ?? ""
    const level =
      underline.test(next) && Math.abs(next.length - line.length) <= 1 ? underlineLevels[next[0] ?? ""] : undefined
    if (line === "") {
      add("paragraph", at, body)
      at = body
    } else if (heading.test(line)) {
      if (body > at) add("paragraph", at, body)
      add("heading", body, body + 1, { level: /^[=#]+/.exec(line)?.[0].length ?? 1 })
      at = body + 1
    } else if (/^[|,:!]===+$/.test(line)) {
      const end = closing(body)
      const { isHeader, perLine, rows } = tableOf(
        lines.slice(body + 1, end),
        lines
          .slice(at, body)
          .map((one) => one.text)
          .join(" ")
      )
      const columns = isHeader && perLine ? cellsOf(rows[0]?.text ?? "") : []
      add("table", at, end, {
        splits: rows.slice(1).map(({ start }) => start),
        ...(columns.length === 0 ? {} : { columns: columns.join(" | ") })
      })
      if (columns.length > 0) {
        tables.push({ columns, rows: rows.slice(1).map(({ start, text: row }) => ({ start, cells: cellsOf(row) })) })
      }
      at = end
    } else if (fence.test(line) && /^[-.`+]{3}/.test(line)) {
      const end = closing(body)
      add("code", at, end)
      at = end
    } else if (fence.test(line)) {
      // What a block holds is read as if it stood outside: the lines around it belong to what is next to them.
      if (open.has(line)) open.delete(line)
      else open.add(line)
      add("paragraph", at, body + 1)
      at = body + 1
    } else if (level !== undefined && !isItem(body) && /[\p{L}\p{N}]/u.test(line) && !open.has(next)) {
      if (body > at) add("paragraph", at, body)
      add("heading", body, body + 2, { level })
      at = body + 2
    } else if (isItem(body)) {
      const end = Math.max(body + 1, listEnd(body))
      const mark = item.exec(line)?.[1]?.replace(/\d+/, "1")
      const splits = lines
        .slice(body + 1, end)
        .filter(({ text: one }) =>
          mark === undefined ? term.test(one) : item.exec(one)?.[1]?.replace(/\d+/, "1") === mark
        )
        .map(({ start, text: one }) => start + (one.length - one.trimStart().length))
      add("list", at, end, { splits })
      at = end
    } else {
      let end = body + 1
      while (
        end < lines.length &&
        !isBlank(end) &&
        !fence.test(lines[end]?.text ?? "") &&
        !heading.test(lines[end]?.text ?? "")
      )
        end++
      add("paragraph", at, end)
      at = end
    }
  }
  return { text, blocks, tables }
}
