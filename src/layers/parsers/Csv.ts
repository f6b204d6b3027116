import { decode, isBlank } from "./decode.ts"
import { delimiterOf, records } from "./csv/records.ts"
import type { Parse } from "./Format.ts"
import { rowReader } from "./statements.ts"
import { oneLine, Writer } from "./Writer.ts"

/** Rows from which the header, the width and the kind of the table are told. */
const sampleRows = 200

/** UTF-16 code units, of a table in which each row is a line: above either, rows are read as `column: value`. */
const maxColumnsLine = 120
const maxRow = 400
const maxColumnName = 80

const number = /^[-+(]?[$€£¥]?\s?\d[\d.,'\s]*%?\)?$/
const year = /^(?:18|19|20)\d\d$/
const data = /^\d{1,4}[-/.:]\d|@|:\/\/|^(?:true|false|yes|no|null|n\/a)$/i

const widthOf = (rows: ReadonlyArray<ReadonlyArray<string>>): number => {
  const counts = new Map<number, number>()
  for (const cells of rows) counts.set(cells.length, (counts.get(cells.length) ?? 0) + 1)
  return [...counts].toSorted(([a, x], [b, y]) => y - x || b - a)[0]?.[0] ?? 0
}

/** Names are words, each for one column, and none of them is a value that the column holds again. */
const isHeader = (first: ReadonlyArray<string>, rest: ReadonlyArray<ReadonlyArray<string>>): boolean => {
  const names = first.map((cell) => cell.trim())
  const filled = names.filter((name) => name !== "")
  if (filled.length < 2 || filled.length * 2 < names.length || rest.length === 0) return false
  if (new Set(filled).size < filled.length || filled.some((name) => name.length > maxColumnName)) return false
  if (filled.some((name) => data.test(name) || (number.test(name) && !year.test(name)))) return false
  if (filled.every((name) => year.test(name))) return false
  return !names.some((name, column) => name !== "" && rest.some((cells) => cells[column]?.trim() === name))
}

const isProse = (rows: ReadonlyArray<ReadonlyArray<string>>, columns: ReadonlyArray<string>): boolean => {
  if (columns.join(" | ").length > maxColumnsLine) return true
  const lengths = rows.map((cells) => cells.reduce((sum, cell) => sum + cell.length, 0)).toSorted((a, b) => a - b)
  return (lengths[Math.floor(lengths.length * 0.75)] ?? 0) > maxRow
}

const fields = function* (columns: ReadonlyArray<string>, cells: ReadonlyArray<string>): Generator<string> {
  for (const [index, cell] of cells.entries()) {
    if (cell.trim() === "") continue
    const name = oneLine(columns[index] ?? "")
    yield name === "" ? cell : `${name}: ${cell}`
  }
}

/**
 * Delimited text: the delimiter and whether the first row names the columns are told from the first rows. Lines above
 * the table that have one cell are paragraphs. Rows are lines of a table; those of a table with long or very many cells
 * are a paragraph each of `column: value` lines, which are understood without the header. Rows state what the names of
 * their columns say of them.
 */
export const parseCsv: Parse = (uri, bytes) => {
  const source = decode(uri, bytes)
  const separator = /^sep=([,;\t|])[ \t]*\n/i.exec(source)
  const text = separator === null ? source : source.slice(separator[0].length)
  const isTabbed = /\.(?:tsv|tab)$/i.test(uri)
  const delimiter = delimiterOf(separator?.[1] === undefined ? text : separator[1], isTabbed ? "\t" : ",")
  const rows = records(text, delimiter)
  const sample: Array<ReadonlyArray<string>> = []
  for (let next = rows.next(); next.done !== true; next = rows.next()) {
    if (next.value.some((cell) => !isBlank(cell))) sample.push(next.value)
    if (sample.length >= sampleRows) break
  }
  const writer = new Writer(uri)
  const width = widthOf(sample)
  const start = Math.max(
    0,
    sample.findIndex(
      (cells) => cells.length === width && (width < 2 || cells.filter((cell) => !isBlank(cell)).length > 1)
    )
  )
  for (const cells of sample.slice(0, start)) writer.paragraph(cells.filter((cell) => !isBlank(cell)).join(" | "))
  const first = sample[start] ?? []
  const body = sample.slice(start + 1)
  const columns = isHeader(first, body) ? first : undefined
  const read = columns && rowReader(columns)
  const all = function* (): Generator<ReadonlyArray<string>> {
    yield* sample.slice(start)
    yield* rows
  }
  if (columns === undefined || !isProse(body, columns)) {
    writer.table(all(), columns !== undefined, read)
    return writer.finish({ mediaType: "text/csv" })
  }
  let isFirst = true
  for (const cells of all()) {
    const at = isFirst ? -1 : writer.paragraph([...fields(columns, cells)].join("\n"))
    if (read !== undefined && at >= 0) writer.state(at, read(cells))
    isFirst = false
  }
  return writer.finish({ mediaType: "text/csv" })
}
