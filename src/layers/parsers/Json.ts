import { ParseError } from "../../domain/ParseError.ts"
import type { Parsed } from "../../services/Parser.ts"
import { readChat } from "./chats/exports.ts"
import { isoDate } from "./date.ts"
import { decode } from "./decode.ts"
import { formatOfName } from "./detect.ts"
import { fieldsOf, firstOf, firstText, isFields, namesIn, wordsIn } from "./fields.ts"
import type { Parse } from "./Format.ts"
import { readLenient, readLines, readValue } from "./json/read.ts"
import type { Item } from "./json/read.ts"
import { writeValue } from "./json/write.ts"
import { parseMarkdown } from "./Markdown.ts"
import { authored, keywords } from "./statements.ts"
import { readText } from "./Text.ts"
import { Writer } from "./Writer.ts"

const titleKeys = ["title", "name", "headline", "subject"]
const dateKeys = [
  "date",
  "datepublished",
  "published",
  "published_at",
  "publishedat",
  "created_at",
  "createdat",
  "created"
]

/** Values after one another are a list, in which there may be text that is no value. */
const write = (writer: Writer, items: ReadonlyArray<Item>): void => {
  let values: Array<unknown> = []
  const close = () => {
    if (values.length > 0) writeValue(writer, values.length === 1 ? values[0] : values)
    values = []
  }
  for (const item of items) {
    if (item.kind === "value") values.push(item.value)
    else {
      close()
      writer.paragraph(item.text)
    }
  }
  close()
}

const document = (uri: string, items: ReadonlyArray<Item>): Parsed => {
  const values = items.flatMap((item) => (item.kind === "value" ? [item.value] : []))
  const root = values.length === 1 ? values[0] : values
  const chat = readChat(uri, root)
  if (chat !== undefined) return chat
  const writer = new Writer(uri)
  write(writer, items)
  if (!isFields(root)) return writer.finish({ mediaType: "application/json" })
  const fields = fieldsOf(root)
  const title = firstText(root, titleKeys) ?? ""
  const date = firstOf(fields, dateKeys)
  writer.state(0, authored(namesIn(firstOf(fields, ["author", "authors", "creator"])), title))
  writer.state(0, keywords(wordsIn(firstOf(fields, ["keywords", "tags"])), title))
  return writer.finish({
    mediaType: "application/json",
    title: title.length > 300 ? "" : title,
    date: typeof date === "string" ? isoDate(date) : undefined
  })
}

/**
 * JSON, JSON lines, JSON with comments, and values after one another, as text that reads well. What chat programs export
 * is a conversation. Title, date, authors and keywords are those of the root's own fields. Of JSON lines, ones that are
 * broken are kept as they are, unless more than half are. What is no JSON, and is not named as such, is text.
 */
export const parseJson: Parse = (uri, bytes) => {
  const text = decode(uri, bytes)
  const read = readValue(text)
  if (read.ok) return document(uri, [{ kind: "value", value: read.value }])
  const lines = readLines(text)
  if (lines.values > 1 && lines.broken === 0) return document(uri, lines.items)
  const lenient = readLenient(text)
  if (lenient !== undefined) {
    return document(
      uri,
      lenient.map((value) => ({ kind: "value", value }))
    )
  }
  const isNamedLines = /\.(?:jsonl|ndjson)$/i.test(uri)
  const isLines = isNamedLines || (lines.items[0]?.kind === "value" && lines.values > 1)
  if (isLines && lines.broken <= lines.values) return document(uri, lines.items)
  const named = formatOfName(uri)
  if (named === "markdown") return parseMarkdown(uri, bytes)
  if (named !== "json") return readText(text)
  const malformed = (message: string) => new ParseError({ uri, reason: "malformed", message })
  if (isLines) {
    throw malformed(
      `${lines.broken} of ${lines.broken + lines.values} lines of ${uri} are no JSON, first line ${lines.firstBroken}: ` +
        "mend them, or name the file .txt to have it read as text"
    )
  }
  throw malformed(`${uri} is broken JSON: ${read.fault()}: mend it, or name the file .txt to have it read as text`)
}
