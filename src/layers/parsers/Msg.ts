import { ParseError } from "../../domain/ParseError.ts"
import type { Parse } from "./Format.ts"
import { documentOf, writeMessage } from "./mail/Message.ts"
import { readOutlook } from "./msg/outlook.ts"
import { Writer } from "./Writer.ts"

/** An Outlook message, as the same document that it would be as a mail; see `parseMail`. */
export const parseMsg: Parse = (uri, bytes) => {
  const { isRtfAlone, message } = readOutlook(uri, bytes)
  if (isRtfAlone) {
    const advice = `${uri} is an Outlook message whose text is in RTF alone: save it as .eml or as text first`
    throw new ParseError({ uri, reason: "unsupported", message: advice })
  }
  const writer = new Writer(uri)
  writeMessage(writer, message)
  return writer.finish({ mediaType: "application/vnd.ms-outlook", ...documentOf(message) })
}
