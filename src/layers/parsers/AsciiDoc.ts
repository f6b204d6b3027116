import type { Statement } from "../../domain/Extraction.ts"
import { ParseError } from "../../domain/ParseError.ts"
import { readBlocks } from "./asciidoc/blocks.ts"
import { readHeader } from "./asciidoc/header.ts"
import { decode, isBlank } from "./decode.ts"
import type { Parse } from "./Format.ts"
import { authored, keywords, linked, rowReader } from "./statements.ts"
import { asTitle } from "./Writer.ts"

const maxHeader = 64 * 1024
const maxLabels = 200
const link =
  /(?:\blink:|\bxref:|https?:\/\/)[^\s[\]<>]{1,300}\[([^[\]\n]{1,200})\]|<<[^<>,\n]{1,200},([^<>\n]{1,200})>>/g

/** The lines of the header: up to a blank one, comments and blank lines above it aside. */
const headerLines = (source: string): ReadonlyArray<string> => {
  const lines = source
    .slice(0, maxHeader)
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => !/^\/\/(?!\/)/.test(line))
  const first = lines.findIndex((line) => line !== "")
  const end = lines.indexOf("", Math.max(0, first))
  return lines.slice(Math.max(0, first), end < 0 ? lines.length : end)
}

/**
 * AsciiDoc, kept as it is written but for comments and attributes. The header gives title, date, authors and keywords.
 * Includes are never followed. Linear in the text.
 */
export const parseAsciiDoc: Parse = (uri, bytes) => {
  const source = decode(uri, bytes)
  const header = readHeader(headerLines(source))
  const { blocks, tables, text } = readBlocks(source)
  if (isBlank(text)) {
    throw new ParseError({ uri, reason: "empty", message: `${uri} holds nothing but comments and attributes` })
  }
  const first = blocks.find(({ kind, level }) => kind === "heading" && level === 1)
  const title = header.title || (first === undefined ? "" : titleOf(text.slice(first.start, first.end)))
  const statements: Array<Statement> = []
  const state = (at: number, said: Omit<Statement, "at">) => {
    if (said.entities.length > 0) statements.push({ at, ...said })
  }
  state(0, authored(header.authors, title))
  state(0, keywords(header.keywords, title))
  let labels = 0
  for (const block of blocks) {
    if (block.kind === "code" || labels >= maxLabels) continue
    const found = Array.from(text.slice(block.start, block.end).matchAll(link), ([, label, id]) => label ?? id ?? "")
    labels += found.length
    state(block.start, linked(title, found.slice(0, maxLabels)))
  }
  for (const { columns, rows } of tables) {
    const read = rowReader(columns)
    if (read !== undefined) for (const { cells, start } of rows) state(start, read(cells))
  }
  return {
    mediaType: "text/asciidoc",
    title: asTitle(title),
    ...(header.date === undefined ? {} : { date: header.date }),
    text,
    blocks,
    ...(statements.length === 0 ? {} : { statements: statements.toSorted((a, b) => a.at - b.at) })
  }
}

const titleOf = (heading: string): string => (heading.split("\n", 1)[0] ?? "").replace(/^[=#]+[ \t]+/, "").trim()
