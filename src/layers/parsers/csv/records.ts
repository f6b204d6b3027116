export type Delimiter = "," | ";" | "\t" | "|"

/** A quoted field that is longer was never closed. */
const maxField = 1024 * 1024

/** Where a quoted field that starts at `from` is closed, -1 if not before `limit`. */
const closingQuote = (text: string, from: number, limit: number): number => {
  for (let at = from + 1; at < limit; at++) {
    if (text[at] !== '"') continue
    if (text[at + 1] !== '"') return at
    at++
  }
  return -1
}

const afterLine = (text: string, from: number): number => {
  const newline = text.indexOf("\n", from)
  return newline < 0 ? text.length : newline + 1
}

interface Row {
  /** Undefined if a quote in it is not closed before a delimiter or the end of a line: then it is not to be believed. */
  readonly cells: ReadonlyArray<string> | undefined
  /** After its line break; of a row without cells, how far was looked for the quote. */
  readonly end: number
}

/** The row that starts at `from`, whose fields may be quoted and hold line breaks; `reach`: how long such a field may be. */
const quotedRow = (text: string, from: number, delimiter: Delimiter, reach: number): Row => {
  const cells: Array<string> = []
  let end = afterLine(text, from)
  for (let at = from; ;) {
    const start = at
    if (text[at] === '"') {
      const limit = Math.min(text.length, Math.max(end, at + reach))
      const quote = closingQuote(text, at, limit)
      const after = text[quote + 1] ?? "\n"
      if (quote < 0 || (after !== delimiter && after !== "\n")) {
        return { cells: undefined, end: quote < 0 ? limit : quote }
      }
      cells.push(text.slice(start + 1, quote).replaceAll('""', '"'))
      at = quote + 1
      if (at >= end) end = afterLine(text, at)
    } else {
      while (at < end && text[at] !== delimiter && text[at] !== "\n") at++
      cells.push(text.slice(start, at))
    }
    if (at >= end || text[at] !== delimiter) return { cells, end }
    at++
  }
}

/** The cells of a line whose quotes cannot be believed: what stands between delimiters. */
const literal = (line: string, delimiter: Delimiter): ReadonlyArray<string> =>
  line.split(delimiter).map((cell) => cell.trim().replace(/^"/, "").replace(/"$/, "").replaceAll('""', '"'))

/**
 * The rows of delimited text (RFC 4180, with other delimiters), but for blank lines. A quote that nothing closes within a
 * megabyte, or that more text follows, is no quote: its line is read by its delimiters alone, so that it swallows no
 * others. Linear. (csv-parse gives up at such a quote, and makes an error with a stack for every row of another length.)
 */
export const records = function* (text: string, delimiter: Delimiter): Generator<ReadonlyArray<string>> {
  let wasted = 0
  let quote = text.indexOf('"')
  for (let from = 0; from < text.length;) {
    const end = afterLine(text, from)
    if (quote >= 0 && quote < from) quote = text.indexOf('"', from)
    const isQuoted = quote >= 0 && quote < end
    const reach = wasted > text.length + maxField ? 0 : maxField
    const row = isQuoted ? quotedRow(text, from, delimiter, reach) : undefined
    if (row?.cells !== undefined) {
      yield row.cells
      from = row.end
      continue
    }
    if (row !== undefined) wasted += row.end - from
    const line = text.slice(from, text[end - 1] === "\n" ? end - 1 : end)
    if (line !== "") yield isQuoted ? literal(line, delimiter) : line.split(delimiter)
    from = end
  }
}

const guessLines = 60

/**
 * The character that stands equally often in most of the first lines: in the first of them as often as in the others,
 * so that decimal commas do not count. Of ties a tab wins, which prose does not hold, then `likely`.
 */
export const delimiterOf = (text: string, likely: Delimiter): Delimiter => {
  const lines = text
    .slice(0, 64 * 1024)
    .split("\n", guessLines)
    .map((line) => line.replaceAll(/"[^"]*"/g, ""))
    .filter((line) => line.trim() !== "")
  let best: Delimiter = likely
  let most = 0
  for (const delimiter of new Set<Delimiter>(["\t", likely, ",", ";", "|"])) {
    const counts = lines.map((line) => line.split(delimiter).length - 1)
    const frequencies = new Map<number, number>()
    for (const count of counts) if (count > 0) frequencies.set(count, (frequencies.get(count) ?? 0) + 1)
    const usual = Math.max(0, ...frequencies.values())
    const isHeader = counts[0] !== undefined && counts[0] > 0 && frequencies.get(counts[0]) === usual
    const score = usual * 2 + (isHeader ? lines.length : 0)
    if (score > most) {
      best = delimiter
      most = score
    }
  }
  return best
}
