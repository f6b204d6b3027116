import type { Parse } from "./Format.ts"
import { readBody } from "./office/docxBody.ts"
import type { Notes } from "./office/docxBody.ts"
import { readNumbering, readStyles } from "./office/docxStyles.ts"
import { readDrawings } from "./office/drawing.ts"
import { coreProperties, openPackage, stateProperties } from "./office/package.ts"
import { PieceWriter, plainText } from "./office/pieces.ts"
import type { Piece } from "./office/pieces.ts"
import { readChatLog } from "./ChatLog.ts"
import type { Parsed } from "../../services/Parser.ts"
import { linked } from "./statements.ts"
import { Writer } from "./Writer.ts"

const mediaType = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

/** Above what somebody said: from when to when, and who it was, in lines of their own. */
const cue = /^(\d{1,2}):(\d{1,2}):(\d{1,2})\.\d{1,3} --> [\d:.]{5,14}\n+(\S[^\n]{0,80})\n/gm

/** The transcript of a meeting that such a document is, as Teams writes it, or an interview; undefined for any other. */
const transcriptIn = (uri: string, document: Parsed): Parsed | undefined => {
  if (document.blocks.some(({ kind }) => kind !== "paragraph" && kind !== "heading")) return undefined
  const text = document.text.replaceAll(
    cue,
    (_, hour: string, minute: string, second: string, name: string) =>
      `${name} ${[hour, minute, second].map((part) => part.padStart(2, "0")).join(":")}\n`
  )
  const talk = readChatLog(uri, text)
  if (talk === undefined) return undefined
  const whole = (document.statements ?? []).filter(({ at }) => at === 0)
  const date = talk.date ?? document.date
  return {
    ...talk,
    mediaType,
    title: talk.title || document.title,
    ...(date === undefined ? {} : { date }),
    ...(whole.length === 0 ? {} : { statements: [...whole, ...(talk.statements ?? [])] })
  }
}

/**
 * Word documents (WordprocessingML, ECMA-376-1, 17), with or without macros. What a reader of the final state sees, in
 * the order of the text: insertions but no deletions, no hidden text, no page headers and tables of contents; footnotes
 * and comments after the block that refers to them. A transcript is a conversation.
 */
export const parseDocx: Parse = async (uri, bytes) => {
  const from = await openPackage(uri, bytes)
  const main = await from.main("word/document.xml")
  const properties = await coreProperties(from)
  const relationships = await from.relationships(main)
  const folder = main.slice(0, main.lastIndexOf("/") + 1)
  const part = (type: string) => relationships.find((one) => one.type === type)?.part ?? `${folder}${type}.xml`
  const styles = await readStyles(from, part("styles"))
  const numbering = await readNumbering(from, part("numbering"))
  const notes: Notes = new Map()
  const stray = (piece: Piece): void => {
    notes.set(`stray ${notes.size}`, { text: plainText(piece) })
  }
  for (const type of ["footnotes", "endnotes", "comments"]) {
    if (part(type) === main) continue
    await readBody(from, part(type), { styles, numbering, notes, drawings: () => [], emit: stray })
  }

  const writer = new Writer(uri)
  const pieces = new PieceWriter(writer)
  let titled: string | undefined
  const emit = (piece: Piece): void => {
    if (writer.length === 0 && piece.kind === "heading") titled = piece.text
    pieces.write(piece)
  }
  const drawings = await readDrawings(from, relationships)
  const { links, titles } = await readBody(from, main, { styles, numbering, notes, drawings, emit })
  // Notes that nothing refers to are still in the file.
  for (const { text } of notes.values()) pieces.write({ kind: "note", text })
  pieces.flush()

  const title = properties.title || titles[0] || titled || ""
  stateProperties(writer, properties, title)
  writer.state(0, linked(title, links))
  const document = writer.finish({ mediaType, title, date: properties.date })
  return transcriptIn(uri, document) ?? document
}
