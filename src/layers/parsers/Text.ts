import type { Block } from "../../domain/Document.ts"
import { paragraphs } from "../../domain/Paragraphs.ts"
import type { Parsed } from "../../services/Parser.ts"
import { decode } from "./decode.ts"
import type { Parse } from "./Format.ts"

export const endsSentence = /[.,;:!?…。！？]["'”’)\]]?$/
const maxTitle = 100

/** A first line that stands alone above the rest, is short and ends no sentence, is a heading. */
const titleLine = (text: string, blocks: ReadonlyArray<Block>): Block | undefined => {
  const first = blocks[0]
  if (first === undefined || blocks.length < 2 || first.end - first.start > maxTitle) return undefined
  const line = text.slice(first.start, first.end)
  return line.includes("\n") || endsSentence.test(line) ? undefined : { ...first, kind: "heading", level: 1 }
}

/** Plain text: paragraphs between blank lines. The title is a first line that stands alone. Linear in the text. */
export const parseText: Parse = (uri, bytes) => readText(decode(uri, bytes))

export const readText = (text: string): Parsed => {
  const blocks = paragraphs(text)
  const heading = titleLine(text, blocks)
  return {
    mediaType: "text/plain",
    title: heading === undefined ? "" : text.slice(heading.start, heading.end),
    text,
    blocks: heading === undefined ? blocks : [heading, ...blocks.slice(1)]
  }
}
