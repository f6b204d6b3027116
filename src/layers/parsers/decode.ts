import { ParseError } from "../../services/Parser.ts"

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

const strictUtf8 = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

const count = (text: string, pattern: RegExp): number => {
  let found = 0
  for (const _ of text.matchAll(pattern)) found++
  return found
}

// White space and ESC are controls that text files do hold.
const binaryControls = /[\u0000-\u0008\u000e-\u001a\u001c-\u001f]/g
const beyondAscii = /[^\u0000-\u007f]/gu
const replaced = /\ufffd/g
const undefinedIn1252 = /[\u0081\u008d\u008f\u0090\u009d]/

/** Above one control in ten characters a file is binary, whatever else it is. */
const looksBinary = (text: string): boolean => count(text, binaryControls) * 10 > text.length

const utf16 = (bytes: Uint8Array): string | undefined => {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes)
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder("utf-16be").decode(bytes)
  return undefined
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

/**
 * Windows-1252, a superset of Latin-1, when it plausibly is the text of a western language: no byte that it does not
 * define, no control, and at most a quarter of the characters beyond ASCII.
 */
const windows1252 = (bytes: Uint8Array): string | undefined => {
  const text = new TextDecoder("windows-1252").decode(bytes)
  const plausible =
    !undefinedIn1252.test(text) && text.search(binaryControls) < 0 && count(text, beyondAscii) * 4 <= text.length
  return plausible ? text : undefined
}

/**
 * Bytes to clean text: UTF-16 by its byte order mark, strict UTF-8, UTF-8 with damage, Windows-1252. Fails with a
 * `ParseError`: `unsupported` for anything else, `empty` for text that shows nothing.
 */
export const decode = (uri: string, bytes: Uint8Array): string => {
  const fail = (reason: ParseError["reason"], message: string) => new ParseError({ uri, reason, message })
  if (bytes.length === 0) throw fail("empty", `${uri} is an empty file`)
  const decoded = utf16(bytes) ?? strictUtf8(bytes) ?? damagedUtf8(bytes) ?? windows1252(bytes)
  if (decoded === undefined || looksBinary(decoded)) {
    const message = bytes.includes(0)
      ? `${uri} is a binary file: leave it out, or convert it to text (UTF-16 text needs a byte order mark)`
      : `${uri} is neither UTF-8 nor UTF-16 nor Windows-1252 text: save it as UTF-8, or leave it out`
    throw fail("unsupported", message)
  }
  const text = clean(decoded)
  if (isBlank(text)) throw fail("empty", `${uri} holds no text that can be read`)
  return text
}
