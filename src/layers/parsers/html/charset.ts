import iconv from "iconv-lite"
import { clean, decode, isBlank } from "../decode.ts"
import { ParseError } from "../../../services/Parser.ts"

/** The HTML standard looks for the declaration in the first 1,024 bytes; pages have it later (browsers look further). */
const headBytes = 8192
const declared =
  /<\?xml[^>]{0,200}\bencoding\s{0,9}=\s{0,9}["']?([\w.:-]{2,40})|<meta[^>]{0,500}\bcharset\s{0,9}=\s{0,9}["']?\s{0,9}([\w.:-]{2,40})/i

const strict = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

const decodeAs = (bytes: Uint8Array, encoding: string): string | undefined => {
  try {
    return new TextDecoder(encoding).decode(bytes)
  } catch {
    return iconv.encodingExists(encoding) ? iconv.decode(bytes, encoding) : undefined
  }
}

/** UTF-16 without a byte order mark, known by the `<` that markup begins with (XML 1.0, appendix F). */
const wide = (bytes: Uint8Array): string | undefined =>
  bytes[0] === 0x3c && bytes[1] === 0 && bytes[3] === 0
    ? "utf-16le"
    : bytes[0] === 0 && bytes[1] === 0x3c && bytes[2] === 0
      ? "utf-16be"
      : undefined

/**
 * The text of HTML or XML: by byte order mark, as UTF-8 if it is that, in the encoding that it declares, or as any other
 * text (`decode`, with the same failures). A page that is UTF-8 and declares something else is common, the reverse is not
 * to be had by chance.
 */
export const decodeMarkup = (uri: string, bytes: Uint8Array): string => {
  const mark = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
  if (mark) return decode(uri, bytes)
  const utf16 = wide(bytes)
  if (utf16 === undefined && strict(bytes) !== undefined) return decode(uri, bytes)
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
