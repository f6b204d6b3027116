import type { Row } from "./Lines.ts"

export interface Sheet {
  readonly height: number
  readonly rows: ReadonlyArray<Row>
}

/** How many lines at the top and at the bottom of a page may be running headers and footers, and how far in. */
const maxLines = 3
const margin = 0.15
const minPages = 3
/** Of the pages: headers of left and right pages differ. */
const share = 0.4

const maxKey = 200

const textOf = (row: Row): string => row.segments.map(({ text }) => text).join(" ")
const keyOf = (row: Row): string =>
  textOf(row).slice(0, maxKey).replaceAll(/\d+/g, "#").replaceAll(/\s+/g, " ").toLowerCase()
const numbering =
  /^[\s|·•–—-]*(?:page|seite|p\.?|pág\.?|página)?\s*(?:#|[ivxl]{1,7})(?:\s*(?:\/|of|von|de|sur)\s*#)?[\s|·•–—-]*$/

const edges = ({ height, rows }: Sheet): ReadonlyArray<Row> => [
  ...rows.slice(0, maxLines).filter(({ y }) => y < margin * height),
  ...rows.slice(-maxLines).filter(({ y }) => y > (1 - margin) * height)
]

/**
 * Pages without the headers, footers and page numbers that run through them. What runs through the document from its
 * first page on stays there once, if it is words.
 */
export const withoutFurniture = (sheets: ReadonlyArray<Sheet>): ReadonlyArray<ReadonlyArray<Row>> => {
  const pages = new Map<string, number>()
  const edged = sheets.map((sheet) => new Map(edges(sheet).map((row) => [row, keyOf(row)])))
  for (const rows of edged) for (const key of new Set(rows.values())) pages.set(key, (pages.get(key) ?? 0) + 1)
  const least = Math.max(minPages, share * sheets.length)
  const runs = (key: string): boolean => {
    const count = pages.get(key) ?? 0
    return count >= least || (count >= minPages && numbering.test(key))
  }
  return sheets.map(({ rows }, page) =>
    rows.filter((row) => {
      const key = edged[page]?.get(row)
      if (key === undefined) return true
      if (numbering.test(key) && (row === rows[0] || row === rows.at(-1))) return false
      return !runs(key) || (page === 0 && !numbering.test(key))
    })
  )
}
