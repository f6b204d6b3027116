import type { Nodes, RootContent } from "mdast"
import { fromMarkdown } from "mdast-util-from-markdown"
import type { Extension as MdastExtension } from "mdast-util-from-markdown"
import { gfmFromMarkdown } from "mdast-util-gfm"
import { gfm } from "micromark-extension-gfm"
import type { Block } from "../../domain/Document.ts"
import { paragraphs } from "../../domain/Paragraphs.ts"
import { ParseError } from "../../domain/ParseError.ts"
import { decode, isBlank } from "./decode.ts"
import type { Parse } from "./Format.ts"
import { frontMatter } from "./markdown/front.ts"
import { linksOf } from "./markdown/links.ts"
import { cells, scan, segments } from "./segments.ts"
import type { Segment } from "./segments.ts"
import { authored, keywords } from "./statements.ts"
import { asTitle } from "./Writer.ts"

// Only top-level blocks are asked for, so what happens inside a line is not parsed: that is where CommonMark parsers go
// quadratic ("*a**a ", "](", "[^a]"), and it is half of the time on honest text.
const inline = [
  "attention",
  "autolink",
  "codeText",
  "emailAutolink",
  "gfmFootnoteCall",
  "gfmPotentialFootnoteCall",
  "hardBreakEscape",
  "htmlText",
  "labelEnd",
  "labelStartImage",
  "labelStartLink",
  "protocolAutolink",
  "strikethrough",
  "tasklistCheck",
  "wwwAutolink"
]
const syntax = gfm()
const blocksOnly = { disable: { null: inline } }
const tree = gfmFromMarkdown()
const withoutTransforms: Array<MdastExtension> = tree.map((extension) => ({ ...extension, transforms: [] }))

// Text beyond either limit is read by its lines alone. micromark takes about 2 s for a million characters of ordinary
// pages and 0.1 ms to start on a piece, however small; measured on one slow core.
const maxParsed = 2 * 1024 * 1024
const maxPieces = 20_000
const maxTitle = 300

const toText = (node: Nodes): string => {
  if ("value" in node) return node.value
  if ("alt" in node) return node.alt ?? ""
  return "children" in node ? node.children.map(toText).join("") : ""
}

const kinds: Partial<Record<RootContent["type"], Block["kind"]>> = {
  heading: "heading",
  list: "list",
  table: "table",
  code: "code"
}

const toBlock = (text: string, offset: number, node: RootContent): Block | undefined => {
  const position = node.position
  if (position?.start.offset === undefined || position.end.offset === undefined) return undefined
  const from = offset + position.start.offset
  const source = text.slice(from, offset + position.end.offset)
  const start = from + (source.length - source.trimStart().length)
  const block: Block = { kind: kinds[node.type] ?? "paragraph", start, end: from + source.trimEnd().length }
  if (node.type === "heading") return { ...block, level: node.depth }
  if (node.type !== "list" && node.type !== "table") return block
  const splits = node.children
    .slice(1)
    .flatMap((child) => (child.position?.start.offset === undefined ? [] : [offset + child.position.start.offset]))
    .filter((split) => split > block.start && split < block.end)
  if (node.type === "list") return { ...block, splits }
  const newline = text.indexOf("\n", block.start)
  return { ...block, splits, columns: cells(text.slice(block.start, newline < 0 ? block.end : newline)) }
}

/** A parser's blocks, in order and apart, with paragraphs for whatever visible text they leave out. */
const complete = (text: string, segment: Segment, found: ReadonlyArray<Block>): ReadonlyArray<Block> => {
  const blocks: Array<Block> = []
  let at = segment.start
  for (const block of found) {
    if (block.start < at || block.end > segment.end || block.end <= block.start) continue
    blocks.push(...paragraphs(text, at, block.start), block)
    at = block.end
  }
  blocks.push(...paragraphs(text, at, segment.end))
  return blocks
}

const parseSegment = (text: string, segment: Segment): ReadonlyArray<Block> => {
  try {
    const root = fromMarkdown(text.slice(segment.start, segment.end), {
      extensions: [syntax, blocksOnly],
      mdastExtensions: [withoutTransforms]
    })
    const blocks = root.children.flatMap((node) => toBlock(text, segment.start, node) ?? [])
    return complete(text, segment, blocks)
  } catch {
    return scan(text, segment)
  }
}

/** A paragraph or a fenced block that is all of a piece. */
const whole = (text: string, { end, kind, start }: Segment): ReadonlyArray<Block> => {
  const blocks = paragraphs(text, start, end)
  const first = blocks[0]
  const last = blocks.at(-1)
  return kind === "code" && first && last ? [{ kind, start: first.start, end: last.end }] : blocks
}

const headingTitle = (text: string, heading: Block): string => {
  const source = text.slice(heading.start, Math.min(heading.end, heading.start + maxTitle))
  try {
    return asTitle(toText(fromMarkdown(source, { extensions: [syntax], mdastExtensions: [tree] })))
  } catch {
    return asTitle(source.replace(/^#+/, ""))
  }
}

/** The blocks of Markdown without front matter: its top-level nodes, and whatever else is visible. */
export const markdownBlocks = (text: string): ReadonlyArray<Block> => {
  const blocks: Array<Block> = []
  let pieces = 0
  for (const segment of segments(text)) {
    const isParsed = segment.kind === "markup" && segment.end <= maxParsed && pieces++ < maxPieces
    const found = isParsed
      ? parseSegment(text, segment)
      : segment.kind === "hard" || segment.kind === "markup"
        ? scan(text, segment)
        : whole(text, segment)
    for (const block of found) blocks.push(block)
  }
  return blocks
}

/** The words of the first heading of level 1, empty if there is none. */
export const firstTitle = (text: string, blocks: ReadonlyArray<Block>): string => {
  const heading = blocks.find(({ kind, level }) => kind === "heading" && level === 1)
  return heading === undefined ? "" : headingTitle(text, heading)
}

/**
 * CommonMark with GitHub's extensions, kept as it is written, so that offsets are exact; its top-level nodes are the
 * blocks (a quote, raw HTML, a definition and a rule count as paragraphs). Front matter gives title, date, authors and
 * keywords, and is no part of the text. The title is that of the front matter, else the first heading of level 1. A piece
 * that would take the library more than linear time, and whatever comes after 2 M characters or 20,000 pieces, is read by
 * its lines alone.
 */
export const parseMarkdown: Parse = (uri, bytes) => {
  const source = decode(uri, bytes)
  const front = frontMatter(source)
  const text = source.slice(front?.end ?? 0)
  if (isBlank(text)) {
    throw new ParseError({ uri, reason: "empty", message: `${uri} holds nothing but front matter` })
  }
  const blocks = markdownBlocks(text)
  const title = front?.title || firstTitle(text, blocks)
  const stated = [authored(front?.authors ?? [], title), keywords(front?.keywords ?? [], title)]
  const statements = [
    ...stated.filter(({ entities }) => entities.length > 0).map((said) => ({ at: 0, ...said })),
    ...linksOf(text, blocks, title)
  ]
  return {
    mediaType: "text/markdown",
    title,
    ...(front?.date === undefined ? {} : { date: front.date }),
    text,
    blocks,
    ...(statements.length === 0 ? {} : { statements })
  }
}
