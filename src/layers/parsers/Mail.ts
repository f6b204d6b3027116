import type { Parse } from "./Format.ts"
import { decode, utf16Mark } from "./decode.ts"
import { afterFromLine, headerEnd, readMime } from "./mail/mime.ts"
import { documentOf, writeMessage } from "./mail/Message.ts"
import { readPrinted } from "./mail/printed.ts"
import { readSubject } from "./mail/subjects.ts"
import { readText } from "./Text.ts"
import { Writer } from "./Writer.ts"

const known = /^(?:from|to|cc|subject|date|received|message-id|mime-version|content-type|return-path|sender):/im
const maxPrinted = 64 * 1024

/** Mails of a text file, one after the other; the subject of the first is the thread's where others have none. */
const parsePrinted = (uri: string, bytes: Uint8Array) => {
  const mails = readPrinted(decode(uri, bytes))
  const [first] = mails ?? []
  if (mails === undefined || first === undefined) return undefined
  const writer = new Writer(uri)
  const { thread } = readSubject(first.subject)
  for (const mail of mails) writeMessage(writer, mail, thread)
  return writer.finish({ mediaType: "text/plain", ...documentOf(first) })
}

/**
 * A mail: one as it is sent (RFC 5322, MIME), a `From ` line of a mailbox before it or not, or mails as they are printed
 * in a text file. See `writeMessage`. The title is the subject, the date what the header says. What has no header of a
 * mail at all is plain text. Attachments are named; reading them is for `partsOf`.
 */
export const parseMail: Parse = async (uri, bytes) => {
  const inUtf8 = utf16Mark(bytes) !== undefined ? new TextEncoder().encode(decode(uri, bytes)) : bytes
  const message = afterFromLine(inUtf8)
  const head = new TextDecoder("latin1").decode(message.subarray(0, Math.min(headerEnd(message), maxPrinted)))
  if (!known.test(head)) return readText(decode(uri, bytes))
  const isSent = message.length < inUtf8.length || /\.eml$/i.test(uri)
  const printed =
    isSent || /^(?:received|message-id|mime-version|content-type|return-path):/im.test(head)
      ? undefined
      : parsePrinted(uri, message)
  if (printed !== undefined) return printed
  const mail = await readMime(uri, message)
  const writer = new Writer(uri)
  writeMessage(writer, mail)
  return writer.finish({ mediaType: "message/rfc822", ...documentOf(mail) })
}
