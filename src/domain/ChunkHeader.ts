import { DateTime } from "effect"
import type { Block, ParsedDocument } from "./Document.ts"

/** UTF-16 code units. */
const longest = { header: 300, title: 100, part: 80, columns: 120, speakers: 8 }

const separator = " › "

/** Earlier times are counted from the start of a recording, later ones from the epoch: March 1973 in milliseconds. */
const earliestDate = 100_000_000_000
const latestDate = 8_640_000_000_000_000

/** One line, of limited length; only its beginning is read. */
const line = (text: string, limit: number): string => {
  const plain = text
    .slice(0, limit * 4)
    .toWellFormed()
    .replaceAll(/[\s\p{Cc}]+/gu, " ")
    .trim()
  return plain.length <= limit
    ? plain
    : `${plain
        .slice(0, limit - 1)
        .replace(/[\ud800-\udbff]$/, "")
        .trimEnd()}…`
}

/** A heading's words, without the marks of Markdown. */
const headingText = (text: string, block: Block): string =>
  line(
    text
      .slice(block.start, Math.min(block.end, block.start + 4 * longest.part))
      .trim()
      .replace(/^#{1,6}(?=\s|$)/, "")
      .replace(/\n[=-]+$/, "")
      .replace(/\s#+$/, ""),
    longest.part
  )

/** Parts after one another; headings give way from the outermost if all together are too long. */
const assemble = (title: string, headings: ReadonlyArray<string>, rest: ReadonlyArray<string>): string => {
  const path = headings.filter(
    (heading, index) => heading !== "" && heading !== (index === 0 ? title : headings[index - 1])
  )
  for (let dropped = 0; ; dropped++) {
    const header = [title, ...path.slice(dropped), ...rest].filter((part) => part !== "").join(separator)
    if (header.length <= longest.header || dropped >= path.length) return line(header, longest.header)
  }
}

interface Stretch {
  readonly start: number
  readonly end: number
}

/**
 * Headers of chunks, which ascend: title › headings that hold at the chunk's start › speakers › date › columns of a
 * table that the chunk continues. One line, at most 300 UTF-16 code units.
 */
export const headersOf = (
  document: ParsedDocument,
  blocks: ReadonlyArray<Block>,
  chunks: ReadonlyArray<Stretch>
): ReadonlyArray<string> => {
  const title = line(document.title, longest.title)
  let path: ReadonlyArray<{ readonly level: number; readonly text: string }> = []
  /** The first block that does not end before the chunk. */
  let first = 0
  return chunks.map(({ start, end }) => {
    for (let block = blocks[first]; block !== undefined && block.end <= start; block = blocks[++first]) {
      const level = block.level ?? 1
      if (block.kind === "heading")
        path = [...path.filter((heading) => heading.level < level), { level, text: headingText(document.text, block) }]
    }
    const opening = blocks[first]
    const level = opening?.kind === "heading" ? (opening.level ?? 1) : 7
    const headings = path.filter((heading) => heading.level < level).map((heading) => heading.text)
    const speakers = new Set<string>()
    let turns = false
    let said: number | undefined
    for (let index = first; index < blocks.length; index++) {
      const block = blocks[index]
      if (block === undefined || block.start >= end) break
      if (block.kind !== "turn") continue
      turns = true
      said ??= block.at
      if (block.speaker !== undefined) speakers.add(line(block.speaker, longest.part / 2))
    }
    const rest: Array<string> = []
    if (speakers.size > 0)
      rest.push([...speakers].slice(0, longest.speakers).join(", ") + (speakers.size > longest.speakers ? ", …" : ""))
    if (turns) {
      const dated = said !== undefined && said >= earliestDate && said <= latestDate
      if (dated) rest.push(DateTime.formatIsoDateUtc(DateTime.makeUnsafe(said ?? 0)))
      else if (document.date !== undefined) rest.push(line(document.date, longest.part))
    }
    if (opening?.kind === "table" && opening.start < start && opening.columns !== undefined)
      rest.push(line(opening.columns, longest.columns))
    return assemble(title, headings, rest)
  })
}
