import { isUtf8 } from "node:buffer"
import PostalMime from "postal-mime"
import type { Attachment, Email } from "postal-mime"
import { ParseError } from "../../../domain/ParseError.ts"
import { encodingOf } from "../encodings.ts"
import { decode } from "../decode.ts"
import { attachmentName } from "./attachments.ts"
import type { Message } from "./Message.ts"
import { people } from "./people.ts"

/** Bytes of the header of a message: a list of ten thousand recipients, addresses and names, takes half of it. */
const maxHeader = 1024 * 1024
/** Bytes of all headers, those of the parts too. */
const maxHeaders = 16 * 1024 * 1024
/** The library keeps each line apart; in Base64, 76 bytes a line, these are 70 MB. */
const maxLines = 1_000_000
/** Parts within parts; real mails have five. */
const maxNesting = 100

const LF = 0x0a
const CR = 0x0d

/** Where the header ends, at the line end before the first blank line; the whole if there is none. */
export const headerEnd = (bytes: Uint8Array): number => {
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    const next = bytes[at + 1]
    if (next === LF || (next === CR && bytes[at + 2] === LF)) return at
  }
  return bytes.length
}

/** Where a message begins that was taken from a mailbox with its `From ` line. */
export const afterFromLine = (bytes: Uint8Array): Uint8Array => {
  const isFrom = [0x46, 0x72, 0x6f, 0x6d, 0x20].every((byte, index) => bytes[index] === byte)
  const newline = isFrom ? bytes.indexOf(LF) : -1
  return newline < 0 ? bytes : bytes.subarray(newline + 1)
}

const hasTooManyLines = (bytes: Uint8Array): boolean => {
  let count = 0
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) if (++count > maxLines) return true
  return false
}

const parse = async (uri: string, bytes: Uint8Array): Promise<Email> => {
  const fail = (reason: ParseError["reason"], message: string) => new ParseError({ uri, reason, message })
  if (headerEnd(bytes) > maxHeader) {
    throw fail("too-large", `${uri} is a mail with a header of more than ${maxHeader / 1024} KB: cut it down`)
  }
  if (hasTooManyLines(bytes)) throw fail("too-large", `${uri} is a mail of more than ${maxLines} lines: split it`)
  try {
    return await PostalMime.parse(bytes, {
      forceRfc822Attachments: true,
      maxHeadersSize: maxHeaders,
      maxNestingDepth: maxNesting
    })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    if (/nesting depth/.test(why)) {
      throw fail("malformed", `${uri} is a mail with parts in parts, more than ${maxNesting} deep: take them out first`)
    }
    if (/header size/.test(why)) {
      throw fail("too-large", `${uri} is a mail with headers of more than ${maxHeaders / 1024 / 1024} MB: split it`)
    }
    throw fail("malformed", `${uri} cannot be read as a mail (${why.slice(0, 200)}): save it again, or as text`)
  }
}

const latin1 = new TextDecoder("latin1")
/** `multipart` parts whose header names no boundary, or one that is not there, are told by the first that is. */
const firstBoundary = /^--([^\s"]{1,70})[ \t]*\r?\ncontent-(?:type|transfer-encoding|disposition):/im

/** A mail whose parts were not found: by the boundary that stands in it, else all that is not header is its text. */
const readDamaged = async (uri: string, bytes: Uint8Array): Promise<Email | undefined> => {
  const body = bytes.subarray(headerEnd(bytes))
  const boundary = firstBoundary.exec(latin1.decode(body))?.[1]
  if (boundary !== undefined) {
    // Of a header that is there twice the first counts.
    const field = new TextEncoder().encode(`Content-Type: multipart/mixed; boundary="${boundary}"\r\n`)
    const told = new Uint8Array(field.length + bytes.length)
    told.set(field)
    told.set(bytes, field.length)
    return parse(uri, told)
  }
  try {
    const text = decode(uri, body)
    return { headers: [], headerLines: [], attachments: [], text }
  } catch {
    return undefined
  }
}

const isBlankEmail = ({ attachments, html = "", text = "" }: Email): boolean =>
  attachments.length === 0 && text.trim() === "" && html.trim() === ""

/**
 * Reads a message into its parts. Messages in it are parts like others, not read. If none of the parts is found that it
 * should have, the boundary between them is looked for. Fails with a `ParseError`.
 */
export const readParts = async (uri: string, bytes: Uint8Array): Promise<Email> => {
  const email = await parse(uri, bytes)
  const type = email.headers.find(({ key }) => key === "content-type")?.value ?? ""
  if (!/^multipart\//i.test(type) || !isBlankEmail(email)) return email
  const { attachments, html, text } = (await readDamaged(uri, bytes)) ?? email
  return { ...email, attachments, ...(html === undefined ? {} : { html }), ...(text === undefined ? {} : { text }) }
}

const contentType = /^content-type:[^\n]{0,2000}(?:\n[ \t][^\n]{0,2000}){0,20}/gim
const charset = /charset[ \t]{0,5}=[ \t]{0,5}"?([a-z0-9_.:-]{1,40})/gi

/**
 * The same message for a library that takes it at its word. Bytes that are not in the encoding which is named, or none
 * is, are put in UTF-8. `us-ascii` means UTF-8, since programs that know no better say so. `format=flowed` is struck out:
 * it is for us to join lines, as quotes must not be joined with what follows them.
 */
const mended = (bytes: Uint8Array): { readonly bytes: Uint8Array; readonly flowed: Message["flowed"] } => {
  const raw = latin1.decode(bytes)
  let flowed: Message["flowed"] = "no"
  const charsets = new Set<string>()
  const edits: Array<readonly [at: number, text: string]> = []
  for (const field of raw.matchAll(contentType)) {
    const isPlain = /^content-type:[ \t]*(?:\n[ \t]+)?text\/plain/i.test(field[0])
    const format = isPlain ? /format[ \t]{0,5}=[ \t]{0,5}"?(flowed)/i.exec(field[0]) : null
    if (format !== null) {
      flowed = flowed === "delSp" || /delsp[ \t]{0,5}=[ \t]{0,5}"?yes/i.test(field[0]) ? "delSp" : "yes"
      edits.push([field.index + format.index + format[0].length - 6, "fixed "])
    }
    for (const found of field[0].matchAll(charset)) {
      const name = (found[1] ?? "").toLowerCase()
      charsets.add(name)
      if (name === "us-ascii") edits.push([field.index + found.index + found[0].length - 8, "utf-8   "])
    }
  }
  const isPlain = [...charsets].every((name) => ["utf-8", "utf8", "us-ascii", "ascii"].includes(name))
  const encoding = isPlain && !isUtf8(bytes) ? encodingOf(bytes) : undefined
  const mend = bytes.slice()
  for (const [at, text] of edits) new TextEncoder().encodeInto(text, mend.subarray(at))
  return {
    bytes: encoding === undefined ? mend : new TextEncoder().encode(new TextDecoder(encoding).decode(mend)),
    flowed
  }
}

/** Bytes of a part's content. */
export const contentOf = ({ content }: Attachment): Uint8Array =>
  typeof content === "string"
    ? new TextEncoder().encode(content)
    : content instanceof Uint8Array
      ? content
      : new Uint8Array(content)

const automatic =
  /^(?:(?:do-?)?no-?t?-?reply|newsletter|news|notifications?|mailer-daemon|marketing|updates?|alerts?)(?:[-+.][^@]{0,60})?@/i

/** Newsletters can be unsubscribed from, but unlike the mails of a discussion not be answered to a list. */
const isCircular = (header: (key: string) => string, address: string): boolean => {
  const isTold =
    /^(?:bulk|junk)\b/i.test(header("precedence")) || /^auto-(?:generated|notified)/i.test(header("auto-submitted"))
  const isList = header("list-post") !== "" || header("in-reply-to") !== "" || header("references") !== ""
  return !isList && (header("list-unsubscribe") !== "" || isTold || automatic.test(address))
}

/** Reads a message as it is sent (RFC 5322, MIME). Fails with a `ParseError`. */
export const readMime = async (uri: string, bytes: Uint8Array): Promise<Message> => {
  const message = mended(bytes)
  const email = await readParts(uri, message.bytes)
  const header = (key: string) => email.headers.find((line) => line.key === key)?.value ?? ""
  const from = people(email.from === undefined ? undefined : [email.from])
  return {
    from: from.length > 0 ? from : people(email.sender === undefined ? undefined : [email.sender]),
    to: people(email.to),
    cc: people(email.cc),
    date: header("date"),
    subject: email.subject ?? "",
    isAnswer: (email.inReplyTo ?? "") !== "",
    isBulk: isCircular(header, email.from?.address ?? ""),
    text: email.text ?? "",
    flowed: message.flowed,
    html: email.html ?? "",
    attachments: email.attachments
      .map((part, index) => ({
        name: attachmentName(part.filename ?? undefined, part.mimeType, index + 1),
        type: part.mimeType,
        size: contentOf(part).length,
        isInline: part.related === true && part.mimeType.startsWith("image/")
      }))
      .filter(({ isInline }) => !isInline)
  }
}
