import { isBlank } from "../decode.ts"
import { isoDate } from "../date.ts"
import { writeHtml } from "../Html.ts"
import { corresponded } from "../statements.ts"
import type { Correspondent } from "../statements.ts"
import { oneLine } from "../Writer.ts"
import type { Writer } from "../Writer.ts"
import { withoutHtmlQuotes } from "./htmlQuotes.ts"
import { writeProse } from "./prose.ts"
import { withoutQuotes } from "./quotes.ts"
import { readSubject } from "./subjects.ts"

export interface AttachmentName {
  readonly name: string
  /** Media type; empty if it is not known. */
  readonly type: string
  /** In bytes, if it is known. */
  readonly size?: number
}

/** A mail, whatever it is stored in. */
export interface Message {
  readonly from: ReadonlyArray<Correspondent>
  readonly to: ReadonlyArray<Correspondent>
  readonly cc: ReadonlyArray<Correspondent>
  /** As it is written in the mail. */
  readonly date: string
  readonly subject: string
  /** Whether it says so itself, by naming the message that it answers. */
  readonly isAnswer: boolean
  /** Whether a program sends it to many, as newsletters and reports are sent, and nobody answers it there. */
  readonly isBulk?: boolean
  readonly text: string
  /** Lines of the text that end with a space go on in the next one (RFC 3676); with `delSp` that space is dropped. */
  readonly flowed: "no" | "yes" | "delSp"
  readonly html: string
  readonly attachments: ReadonlyArray<AttachmentName>
}

const named = ({ address, name }: Correspondent): string => {
  const shown = oneLine(name ?? "").replace(/^["']+|["']+$/g, "")
  const mailbox = oneLine(address ?? "")
  return shown === "" || shown === mailbox ? mailbox : mailbox === "" ? shown : `${shown} <${mailbox}>`
}

const list = (people: ReadonlyArray<Correspondent>): string =>
  people
    .map(named)
    .filter((one) => one !== "")
    .join(", ")

/** Behind which there is no one person. */
const role =
  /^(?:(?:do-?)?no-?t?-?reply|info|support|team|list|all|staff|office|sales|contact|admin|hello|help|billing|service|news|newsletter|notifications?|mailer-daemon|postmaster|everyone|undisclosed)(?:[-+.][^@]{0,60})?@/i

/** Whoever has a name, or an address that may be a person's. */
const isSomebody = ({ address, name }: Correspondent): boolean => {
  const mailbox = oneLine(address ?? "")
  const shown = oneLine(name ?? "")
  return (shown !== "" && shown !== mailbox) || !role.test(mailbox)
}

/** A mail to more people than this is a circular: that they got it says little of each. */
const maxCorrespondents = 50

/** `12 KB`, in steps of 1,024 bytes. */
const sizeOf = (bytes: number): string => {
  if (bytes < 1024) return `${bytes} bytes`
  const inKilobytes = bytes / 1024
  return inKilobytes < 1024 ? `${Math.round(inKilobytes)} KB` : `${(inKilobytes / 1024).toFixed(1)} MB`
}

const attachmentLine = ({ name, size, type }: AttachmentName): string => {
  const about = [oneLine(type), size === undefined ? "" : sizeOf(size)].filter((part) => part !== "").join(", ")
  return `Attachment: ${oneLine(name)}${about === "" ? "" : ` (${about})`}`
}

/**
 * Letters and digits, without those within tags: how much there is to read. A plain part that says only that a mail
 * should be read as a page holds a fraction of that.
 */
const readable = (html: string): number => {
  let count = 0
  let inTag = false
  for (let at = 0; at < html.length; at++) {
    const code = html.charCodeAt(at)
    if (code === 60) inTag = true
    else if (code === 62) inTag = false
    else if (!inTag && code > 47) count++
  }
  return count
}

const insteadOfPage = /\b(?:html|browser|view this|anzeigen|navigateur|navegador)\b/i

/** Whether the plain part merely stands in for the page. */
const isStandIn = ({ html, text }: Message): boolean => {
  if (html === "") return false
  if (isBlank(text)) return true
  const length = text.trim().length
  return length < 500 && insteadOfPage.test(text) && readable(html.slice(0, 1_000_000)) > 3 * length
}

/** Whether the writer got anything. */
const writes = (writer: Writer, write: () => void): boolean => {
  const before = writer.length
  write()
  return writer.length > before
}

/**
 * Writes a mail as people read it: the header in a paragraph, its body, the names of its attachments. Of an answer the
 * quotes of what it answers are left out, which are copies of another mail; answers between them stay, and the quotes
 * too if there is nothing else. What is passed on stays whole. States who wrote to whom in which thread, if it is no
 * circular of a program's.
 */
export const writeMessage = (writer: Writer, message: Message, thread = ""): void => {
  const subject = readSubject(oneLine(message.subject))
  const fields = [
    ["From", list(message.from)],
    ["To", list(message.to)],
    ["Cc", list(message.cc)],
    ["Date", oneLine(message.date)],
    ["Subject", oneLine(message.subject)]
  ] as const
  const header = fields.filter(([, value]) => value !== "").map(([name, value]) => `${name}: ${value}`)
  const at = writer.paragraph(header.join("\n"))
  const from = message.from.slice(0, 5).filter(isSomebody)
  const to = [...message.to, ...message.cc].slice(0, maxCorrespondents).filter(isSomebody)
  // What is sent to a list of subscribers is no conversation, and its sender seldom a person.
  if (message.isBulk !== true)
    writer.state(at, corresponded({ from, to, thread: subject.thread || thread, text: header.join(", ") }))
  const kind = { isAnswer: (message.isAnswer || subject.isAnswer) && !subject.isForward, isForward: subject.isForward }
  const writePage = () => writeHtml(writer, withoutHtmlQuotes(message.html, kind))
  const writeText = () => writeProse(writer, withoutQuotes(message.text, kind), message.flowed)
  const bodies = isStandIn(message) ? [writePage, writeText] : [writeText, ...(message.html === "" ? [] : [writePage])]
  bodies.some((write) => writes(writer, write))
  writer.paragraph(message.attachments.map(attachmentLine).join("\n"))
}

/** What a whole document that is one mail states of itself. */
export const documentOf = (message: Message): { readonly title: string; readonly date: string | undefined } => ({
  title: message.subject,
  date: isoDate(message.date)
})
