import msgReader from "@kenjiuno/msgreader"
import type { FieldsData } from "@kenjiuno/msgreader"
import iconv from "iconv-lite"
import { ParseError } from "../../../domain/ParseError.ts"
import { attachmentName } from "../mail/attachments.ts"
import type { AttachmentName, Message } from "../mail/Message.ts"
import { displayName } from "../mail/people.ts"
import type { Correspondent } from "../statements.ts"
import { compoundProblem } from "./compound.ts"

/** A mail from a file, and its attachments, whose bytes are read when they are asked for. */
export interface OutlookMessage {
  readonly message: Message
  /** Whether its text is in a form that is not read. */
  readonly isRtfAlone: boolean
  readonly parts: ReadonlyArray<AttachmentName & { readonly read: () => Uint8Array }>
}

// A CommonJS module: Node gives what it exports under `default`, bundlers and test runners the class itself.
const MsgReader = "default" in msgReader ? msgReader.default : msgReader

const ansiString = 0x1e

const codepages: ReadonlyMap<number, string> = new Map([
  [20127, "utf-8"],
  [20866, "koi8-r"],
  [21866, "koi8-u"],
  [28591, "windows-1252"],
  [28592, "iso-8859-2"],
  [28595, "iso-8859-5"],
  [28605, "iso-8859-15"],
  [51932, "euc-jp"],
  [54936, "gb18030"],
  [65001, "utf-8"]
])

const encodingOf = (codepage: unknown): string | undefined => {
  if (typeof codepage !== "number") return undefined
  const name = codepages.get(codepage) ?? `cp${codepage}`
  return iconv.encodingExists(name) ? name : undefined
}

/** Opens the file; strings that are not Unicode are in the code page that it names, of western Europe if it names none. */
const open = (uri: string, bytes: Uint8Array) => {
  const fail = (why: string) => {
    const message = `${uri} is a damaged Outlook message (${why}): save it again, or export it as .eml`
    return new ParseError({ uri, reason: "malformed", message })
  }
  const problem = compoundProblem(bytes)
  if (problem !== undefined) throw fail(problem)
  let hasAnsi = false
  const read = (ansiEncoding?: string) => {
    const reader = new MsgReader(bytes.slice().buffer)
    reader.parserConfig = {
      ...(ansiEncoding === undefined ? {} : { ansiEncoding }),
      propertyObserver: (_, tag) => {
        hasAnsi ||= (tag & 0xffff) === ansiString
      }
    }
    return { reader, fields: reader.getFileData() }
  }
  try {
    const first = read()
    const { internetCodepage, messageCodepage } = first.fields
    const encoding = encodingOf(messageCodepage) ?? encodingOf(internetCodepage) ?? "cp1252"
    return { ...(hasAnsi ? read(encoding) : first), encoding: encodingOf(internetCodepage) ?? encoding }
  } catch (error) {
    throw fail(error instanceof Error ? error.message.slice(0, 200) : "it breaks off")
  }
}

/** The library gives each field as the type that the file says, which need not be the field's. */
const text = (...values: ReadonlyArray<unknown>): string =>
  values.find((value): value is string => typeof value === "string" && value.trim() !== "") ?? ""

const mailbox = (...values: ReadonlyArray<unknown>): string | undefined =>
  values.find((value): value is string => typeof value === "string" && value.includes("@"))

const recipients = (fields: FieldsData, kind: "to" | "cc"): ReadonlyArray<Correspondent> =>
  (fields.recipients ?? [])
    .filter(({ recipType }) => (recipType ?? "to") === kind)
    .map(({ email, name, smtpAddress }) => ({ name: displayName(text(name)), address: mailbox(smtpAddress, email) }))
    .filter(({ address, name }) => name !== "" || address !== undefined)

const headerField = (headers: string, name: string): string =>
  new RegExp(`^${name}:[ \\t]*([^\\r\\n]{1,500})`, "im").exec(headers)?.[1] ?? ""

const partOf = (reader: InstanceType<typeof MsgReader>, part: FieldsData, index: number) => {
  const inner = part.innerMsgContent === true ? part.innerMsgContentFields : undefined
  const type = inner === undefined ? text(part.attachMimeTag) : "application/vnd.ms-outlook"
  const given = text(part.fileName, part.fileNameShort, part.name)
  const subject = inner === undefined ? "" : text(part.name, inner.subject)
  const name = inner === undefined ? given : subject === "" ? "" : `${subject.replace(/\.msg$/i, "")}.msg`
  return {
    name: attachmentName(name, type, index + 1),
    type,
    ...(typeof part.contentLength === "number" ? { size: part.contentLength } : {}),
    isInline: part.attachmentHidden === true || (text(part.pidContentId) !== "" && type.startsWith("image/")),
    read: () =>
      part.dataId === undefined && inner === undefined ? new Uint8Array() : reader.getAttachment(part).content
  }
}

/** A body in RTF alone needs more bytes than this; Outlook writes some also for a body without words. */
const maxEmptyRtf = 400

/** Reads an Outlook message (MS-OXMSG). Fails with a `ParseError`. */
export const readOutlook = (uri: string, bytes: Uint8Array): OutlookMessage => {
  const { encoding, fields, reader } = open(uri, bytes)
  const headers = text(fields.headers)
  const parts = (fields.attachments ?? []).map((part, index) => partOf(reader, part, index))
  const page = fields.html instanceof Uint8Array ? iconv.decode(Buffer.from(fields.html), encoding) : ""
  const body = text(fields.body)
  const html = text(fields.bodyHtml, page)
  const isRtfAlone = body === "" && html === "" && (fields.compressedRtf?.length ?? 0) > maxEmptyRtf
  const message = {
    from: [
      {
        name: displayName(text(fields.senderName)),
        address: mailbox(fields.senderSmtpAddress, fields.senderEmail, fields.sentRepresentingSmtpAddress)
      }
    ].filter(({ address, name }) => name !== "" || address !== undefined),
    to: recipients(fields, "to"),
    cc: recipients(fields, "cc"),
    date: headerField(headers, "Date") || text(fields.clientSubmitTime, fields.messageDeliveryTime),
    subject: text(fields.subject),
    isAnswer: headerField(headers, "In-Reply-To") !== "",
    text: body,
    flowed: "no" as const,
    html,
    attachments: parts.filter(({ isInline }) => !isInline)
  }
  return { message, isRtfAlone, parts }
}
