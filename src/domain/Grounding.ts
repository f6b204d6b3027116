/** A stretch of a text, in UTF-16 code units. */
export interface Span {
  readonly start: number
  readonly end: number
}

const wordCharacter = /[\p{L}\p{N}\p{M}_]/u
/** Scripts that are written without spaces: a neighbouring letter says nothing about where a word ends. */
const unspaced =
  /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}\p{scx=Tibetan}]/u
const mark = /\p{M}/u

/** A longer one is no name, and a pattern as long as a book does not compile. */
const longestName = 1_000

const before = (text: string, index: number): string => {
  if (index === 0) return ""
  const low = text.charCodeAt(index - 1)
  return low >= 0xdc00 && low <= 0xdfff && index > 1 ? text.slice(index - 2, index) : text.slice(index - 1, index)
}

const after = (text: string, index: number): string =>
  index >= text.length ? "" : String.fromCodePoint(text.codePointAt(index) ?? 0)

/** Whether a word may end before `index` and another begin there. */
const isBoundary = (text: string, index: number): boolean => {
  const left = before(text, index)
  const right = after(text, index)
  if (!wordCharacter.test(left) || !wordCharacter.test(right)) return true
  return !mark.test(right) && (unspaced.test(left) || unspaced.test(right))
}

const isWholeToken = (text: string, { end, start }: Span): boolean => isBoundary(text, start) && isBoundary(text, end)

const find = (text: string, name: string, flags: string): ReadonlyArray<Span> => {
  const words = name.split(/\s+/u).filter((word) => word !== "")
  if (words.length === 0) return []
  const found: Array<Span> = []
  if (words.length === 1 && flags === "gu") {
    for (let start = text.indexOf(name); start !== -1;) {
      const span = { start, end: start + name.length }
      const isWhole = isWholeToken(text, span)
      if (isWhole) found.push(span)
      start = text.indexOf(name, isWhole ? span.end : start + 1)
    }
    return found
  }
  const pattern = new RegExp(words.map(RegExp.escape).join("\\s+"), flags)
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const span = { start: match.index, end: match.index + match[0].length }
    if (isWholeToken(text, span)) found.push(span)
    else pattern.lastIndex = span.start + after(text, span.start).length
  }
  return found
}

/**
 * Every whole-token occurrence of a name: as it is spelt; if it stands nowhere so, in another normalisation form or
 * case. White space in the name matches any white space. Empty: the name is ungrounded, as one of more than 1,000 code
 * units always is.
 */
export const occurrences = (text: string, name: string): ReadonlyArray<Span> => {
  const trimmed = name.trim()
  if (trimmed === "" || trimmed.length > longestName || !trimmed.isWellFormed()) return []
  for (const flags of ["gu", "giu"]) {
    for (const form of new Set([trimmed, trimmed.normalize("NFC"), trimmed.normalize("NFD")])) {
      const found = find(text, form, flags)
      if (found.length > 0) return found
    }
  }
  return []
}

export const isGrounded = (text: string, name: string): boolean => occurrences(text, name).length > 0
