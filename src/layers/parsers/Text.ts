import type { Block } from "../../domain/Document.ts"
import { paragraphs } from "../../domain/Paragraphs.ts"
import type { Parsed } from "../../services/Parser.ts"
import { isoDate } from "./date.ts"
import { decode } from "./decode.ts"
import type { Parse } from "./formats.ts"

const headerLine = /^([A-Z][A-Za-z-]{0,30}):[ \t]*(.*)$/
const mailHeaders = new Set(["from", "to", "cc", "subject", "date", "sent", "reply-to", "message-id"])
const endsSentence = /[.,;:!?…。！？]["'”’)\]]?$/
const maxTitle = 100
const maxHeader = 64 * 1024

/**
 * `Subject` and `Date` of a header block at the very start, as a mail program prints it: every line up to the first
 * blank one is `Name: value` or the indented rest of the line before, and two at least are headers of a mail.
 */
const mailHeader = (text: string): { readonly title?: string; readonly date?: string } | undefined => {
  const end = text.indexOf("\n\n")
  if (end < 0 || end > maxHeader) return undefined
  const fields = new Map<string, string>()
  let last = ""
  for (const line of text.slice(0, end).split("\n")) {
    const field = headerLine.exec(line)
    if (field) {
      last = (field[1] ?? "").toLowerCase()
      if (!fields.has(last)) fields.set(last, (field[2] ?? "").trim())
    } else if (last !== "" && /^[ \t]+\S/.test(line)) fields.set(last, `${fields.get(last)} ${line.trim()}`)
    else return undefined
  }
  if ([...fields.keys()].filter((name) => mailHeaders.has(name)).length < 2) return undefined
  const title = fields.get("subject")
  const date = isoDate(fields.get("date") ?? fields.get("sent") ?? "")
  return { ...(title ? { title: title.slice(0, 300).toWellFormed() } : {}), ...(date ? { date } : {}) }
}

/** A first line that stands alone above the rest, is short and ends no sentence, is a heading. */
const titleLine = (text: string, blocks: ReadonlyArray<Block>): Block | undefined => {
  const first = blocks[0]
  if (first === undefined || blocks.length < 2 || first.end - first.start > maxTitle) return undefined
  const line = text.slice(first.start, first.end)
  return line.includes("\n") || endsSentence.test(line) ? undefined : { ...first, kind: "heading", level: 1 }
}

/**
 * Plain text: paragraphs between blank lines. The title is the `Subject` of a mail's header block, else a first line
 * that stands alone. Linear in the text.
 */
export const parseText: Parse = (uri, bytes) => readText(decode(uri, bytes))

export const readText = (text: string): Parsed => {
  const blocks = paragraphs(text)
  const header = mailHeader(text)
  const heading = header === undefined ? titleLine(text, blocks) : undefined
  return {
    mediaType: "text/plain",
    title: header?.title ?? (heading && text.slice(heading.start, heading.end)) ?? "",
    ...(header?.date ? { date: header.date } : {}),
    text,
    blocks: heading ? [heading, ...blocks.slice(1)] : blocks
  }
}
