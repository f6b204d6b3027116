import iconv from "iconv-lite"
import { isUtf8 } from "node:buffer"
import { clean, decode, isBlank, utf16Mark, utf16OfMarkup } from "../decode.ts"
import { ParseError } from "../../../domain/ParseError.ts"

/** The HTML standard looks for the declaration in the first 1,024 bytes; pages have it later (browsers look further). */
const headBytes = 8192
const declared =
  /<\?xml[^>]{0,200}\bencoding\s{0,9}=\s{0,9}["']?([\w.:-]{2,40})|<meta[^>]{0,500}\bcharset\s{0,9}=\s{0,9}["']?\s{0,9}([\w.:-]{2,40})/i

const decodeAs = (bytes: Uint8Array, encoding: string): string | undefined => {
  try {
    return new TextDecoder(encoding).decode(bytes)
  } catch {
    return iconv.encodingExists(encoding) ? iconv.decode(bytes, encoding) : undefined
  }
}

/**
 * The text of HTML or XML: by byte order mark, as UTF-8 if it is that, in the encoding that it declares, or as any other
 * text (`decode`, with the same failures). A page that is UTF-8 and declares something else is common, the reverse is not
 * to be had by chance.
 */
export const decodeMarkup = (uri: string, bytes: Uint8Array): string => {
  if (utf16Mark(bytes) !== undefined) return decode(uri, bytes)
  const utf16 = utf16OfMarkup(bytes)
  if (utf16 === undefined && isUtf8(bytes)) return decode(uri, bytes)
  const found = declared.exec(new TextDecoder("latin1").decode(bytes.subarray(0, headBytes)))
  const encoding = utf16 ?? (found?.[1] ?? found?.[2] ?? "").toLowerCase()
  const text =
    encoding === "" || (/^utf-?(?:8|16|32)|^unicode/.test(encoding) && utf16 === undefined)
      ? undefined
      : decodeAs(bytes, encoding)
  if (text === undefined) return decode(uri, bytes)
  const safe = clean(text)
  if (isBlank(safe)) {
    throw new ParseError({ uri, reason: "empty", message: `${uri} holds no text that can be read` })
  }
  return safe
}
