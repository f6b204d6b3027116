/** A stretch of a text, in UTF-16 code units. */
export interface Span {
  readonly start: number
  readonly end: number
}

const wordCharacter = /[\p{L}\p{N}\p{M}_]/u
/** Scripts that are written without spaces: a neighbouring letter says nothing about where a word ends. */
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}]/u

const before = (text: string, index: number): string => {
  if (index === 0) return ""
  const low = text.charCodeAt(index - 1)
  return low >= 0xdc00 && low <= 0xdfff && index > 1 ? text.slice(index - 2, index) : text.slice(index - 1, index)
}

const after = (text: string, index: number): string =>
  index >= text.length ? "" : String.fromCodePoint(text.codePointAt(index) ?? 0)

const isBoundary = (inside: string, outside: string): boolean =>
  outside === "" ||
  !wordCharacter.test(outside) ||
  !wordCharacter.test(inside) ||
  (unspaced.test(inside) && !/\p{M}/u.test(outside))

const isWholeToken = (text: string, { end, start }: Span): boolean =>
  isBoundary(after(text, start), before(text, start)) && isBoundary(before(text, end), after(text, end))

const find = (text: string, name: string, flags: string): ReadonlyArray<Span> => {
  const words = name.split(/\s+/u).filter((word) => word !== "")
  if (words.length === 0) return []
  const found: Array<Span> = []
  if (words.length === 1 && flags === "gu") {
    for (let start = text.indexOf(name); start !== -1; start = text.indexOf(name, start + name.length)) {
      const span = { start, end: start + name.length }
      if (isWholeToken(text, span)) found.push(span)
    }
    return found
  }
  for (const match of text.matchAll(new RegExp(words.map(RegExp.escape).join("\\s+"), flags))) {
    const span = { start: match.index, end: match.index + match[0].length }
    if (isWholeToken(text, span)) found.push(span)
  }
  return found
}

/**
 * Every whole-token occurrence of a name: as it is spelt; if it stands nowhere so, in another normalisation form or
 * case. White space in the name matches any white space. Empty: the name is ungrounded.
 */
export const occurrences = (text: string, name: string): ReadonlyArray<Span> => {
  const trimmed = name.trim()
  if (trimmed === "" || !trimmed.isWellFormed()) return []
  for (const flags of ["gu", "giu"]) {
    for (const form of new Set([trimmed, trimmed.normalize("NFC"), trimmed.normalize("NFD")])) {
      const found = find(text, form, flags)
      if (found.length > 0) return found
    }
  }
  return []
}

export const isGrounded = (text: string, name: string): boolean => occurrences(text, name).length > 0
