import { isUtf8 } from "node:buffer"
import { utf16Mark } from "../parsers/decode.ts"

/** A `Content-Type` header (RFC 9110, 8.3) in parts. */
export interface ContentType {
  /** In lower case, as `text/html`; empty if there is none. */
  readonly mediaType: string
  readonly charset: string
}

export const parseContentType = (header: string): ContentType => {
  const mediaType = /^\s*([\w!#$&^.+-]+\/[\w!#$&^.+-]+)/.exec(header)?.[1]?.toLowerCase() ?? ""
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(header)?.[1]?.toLowerCase() ?? ""
  return { mediaType, charset }
}

const isText = (mediaType: string): boolean =>
  mediaType.startsWith("text/") ||
  /^application\/(?:json|xml|yaml|x-yaml|javascript|[\w.-]+\+(?:json|xml))$/.test(mediaType)

const hasByteOrderMark = (bytes: Uint8Array): boolean =>
  (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) || utf16Mark(bytes) !== undefined

const decoderOf = (charset: string) => {
  try {
    return new TextDecoder(charset)
  } catch {
    return undefined
  }
}

const encoder = new TextEncoder()

/**
 * Text in UTF-8, by the charset that its server names. A byte order mark outranks that (WHATWG Encoding, 6.1), and so do
 * bytes that are valid UTF-8 where the charset is Western, which servers name by default. What is transcoded begins with
 * a byte order mark, for a document that names its charset itself names the old one.
 */
export const toUtf8 = (bytes: Uint8Array, { charset, mediaType }: ContentType): Uint8Array => {
  if (charset === "" || !isText(mediaType) || hasByteOrderMark(bytes)) return bytes
  const decoder = decoderOf(charset)
  if (decoder === undefined || decoder.encoding === "utf-8") return bytes
  if (decoder.encoding === "windows-1252" && isUtf8(bytes)) return bytes
  return encoder.encode(`\ufeff${decoder.decode(bytes)}`)
}
