import { isUtf8 } from "node:buffer"
import { ParseError } from "../../domain/ParseError.ts"
import { encodingOf } from "./encodings.ts"

// CSI and OSC sequences (ECMA-48 §5.4, §8.3.89) go whole, since what is left of one without its first byte is noise.
// Each class excludes what ends it, so that a match never looks at a character twice.
const terminalEscape = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\))/g
const newlines = /\r\n?|[\u000b\u000c\u0085]/g
const controls = /[\u0000-\u0008\u000e-\u001f\u007f-\u009f]/g
const hidden = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\u{e0000}-\u{e007f}]/gu
const shown = /[^\s\ufffd\u00ad\u200b-\u200d\u2060-\u2064]/

/**
 * Text that is safe to show and to quote. `\r\n`, `\r`, `\v`, `\f` and NEL become `\n`; terminal escape sequences go;
 * any other C0 or C1 control but `\t` and `\n` becomes U+FFFD, so that it joins no words; what only changes how text is
 * drawn goes: bidi controls (Unicode TR9), byte order marks, and the invisible tag characters U+E0000 to U+E007F. Lone
 * surrogates become U+FFFD.
 */
export const clean = (text: string): string =>
  text
    .toWellFormed()
    .replace(terminalEscape, "")
    .replace(newlines, "\n")
    .replace(controls, "\ufffd")
    .replace(hidden, "")

/** Whether there is anything in a text that a person could read. */
export const isBlank = (text: string): boolean => !shown.test(text)

const strictUtf8 = (bytes: Uint8Array): string | undefined =>
  isUtf8(bytes) ? new TextDecoder().decode(bytes) : undefined

const count = (text: string, pattern: RegExp): number => {
  let found = 0
  for (const _ of text.matchAll(pattern)) found++
  return found
}

// White space and ESC are controls that text files do hold.
const binaryControls = /[\u0000-\u0008\u000e-\u001a\u001c-\u001f]/g
const notUtf16 = /[\ufffd\u0000-\u0008\u000e-\u001a\u001c-\u001f\ud800-\udfff\p{Co}\p{Cn}]/gu
const beyondAscii = /[^\u0000-\u007f]/gu
const replaced = /\ufffd/g

/** Above one control in ten characters a file is binary, whatever else it is. */
const looksBinary = (text: string): boolean => count(text, binaryControls) * 10 > text.length

type Utf16 = "utf-16le" | "utf-16be"

/** The UTF-16 that a byte order mark names. */
export const utf16Mark = (bytes: Uint8Array): Utf16 | undefined => {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le"
  return bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : undefined
}

/** UTF-16 without a byte order mark, known by the `<` that markup begins with (XML 1.0, appendix F). */
export const utf16OfMarkup = (bytes: Uint8Array): Utf16 | undefined => {
  if (bytes[0] === 0x3c && bytes[1] === 0 && bytes[3] === 0) return "utf-16le"
  return bytes[0] === 0 && bytes[1] === 0x3c && bytes[2] === 0 ? "utf-16be" : undefined
}

/**
 * UTF-16 by its byte order mark, or by where its NULs are: of text without a mark, one half of the bytes at least nearly
 * always holds some (spaces, line ends, Latin letters), the other hardly any. Looks at 4 KB.
 */
export const utf16Of = (bytes: Uint8Array): Utf16 | undefined => {
  const mark = utf16Mark(bytes)
  if (mark !== undefined) return mark
  const head = bytes.subarray(0, 4096)
  if (!head.includes(0)) return undefined
  const nulls = [0, 0]
  for (const [at, byte] of head.entries()) if (byte === 0) nulls[at % 2] = (nulls[at % 2] ?? 0) + 1
  const [even = 0, odd = 0] = nulls
  const high = Math.max(even, odd)
  if (high * 16 < head.length || Math.min(even, odd) * 50 > high) return undefined
  const encoding = odd > even ? "utf-16le" : "utf-16be"
  const text = new TextDecoder(encoding).decode(head.subarray(0, head.length - (head.length % 2)))
  return count(text, notUtf16) * 100 > text.length ? undefined : encoding
}

const utf16 = (bytes: Uint8Array): string | undefined => {
  const encoding = utf16Of(bytes)
  return encoding && new TextDecoder(encoding).decode(bytes)
}

// What three escape sequences of ISO-2022-JP (RFC 1468) begin with; all of its bytes are ASCII.
const shiftOut = /\u001b(?:\$[@B]|\([BJ])/

const iso2022 = (bytes: Uint8Array, text: string | undefined): string | undefined => {
  if (text === undefined || !shiftOut.test(text)) return text
  const japanese = new TextDecoder("iso-2022-jp").decode(bytes)
  return japanese.includes("\ufffd") ? text : japanese
}

/**
 * UTF-8 with a few broken bytes (cut off, or pasted from elsewhere): four whole characters beyond ASCII to a broken one.
 * In another encoding whole ones are rare chance.
 */
const damagedUtf8 = (bytes: Uint8Array): string | undefined => {
  const text = new TextDecoder("utf-8").decode(bytes)
  const broken = count(text, replaced)
  return count(text, beyondAscii) - broken >= broken * 4 ? text : undefined
}

// A file of MS-DOS ends with Ctrl-Z.
const endOfFile = 0x1a

/** Text in an older encoding: it has no controls, whatever the encoding is. */
const legacy = (bytes: Uint8Array): string | undefined => {
  const body = bytes.at(-1) === endOfFile ? bytes.subarray(0, -1) : bytes
  if (body.some((byte) => byte < 0x20 && !(byte >= 0x09 && byte <= 0x0d) && byte !== 0x1b)) return undefined
  const encoding = encodingOf(body)
  return encoding && new TextDecoder(encoding).decode(body)
}

/**
 * Bytes to clean text: UTF-16 by its byte order mark or its NULs, strict UTF-8, ISO-2022-JP, UTF-8 with damage, and the
 * older encodings by what they make of the bytes. Fails with a `ParseError`: `unsupported` for anything else, `empty` for
 * text that shows nothing.
 */
export const decode = (uri: string, bytes: Uint8Array): string => {
  const fail = (reason: ParseError["reason"], message: string) => new ParseError({ uri, reason, message })
  if (bytes.length === 0) throw fail("empty", `${uri} is an empty file`)
  const decoded = utf16(bytes) ?? iso2022(bytes, strictUtf8(bytes)) ?? damagedUtf8(bytes) ?? legacy(bytes)
  if (decoded === undefined || looksBinary(decoded)) {
    const message = bytes.includes(0)
      ? `${uri} is a binary file: leave it out, or convert it to text first`
      : `${uri} is not text in an encoding that can be recognised: save it as UTF-8, or leave it out`
    throw fail("unsupported", message)
  }
  const text = clean(decoded)
  if (isBlank(text)) throw fail("empty", `${uri} holds no text that can be read`)
  return text
}
