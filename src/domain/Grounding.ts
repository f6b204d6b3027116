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

/** Of ASCII characters, whether they are part of a word. */
const asciiWord = Uint8Array.from({ length: 0x80 }, (_, code) => (/\w/.test(String.fromCharCode(code)) ? 1 : 0))

const before = (text: string, index: number): string => {
  if (index === 0) return ""
  const low = text.charCodeAt(index - 1)
  return low >= 0xdc00 && low <= 0xdfff && index > 1 ? text.slice(index - 2, index) : text.slice(index - 1, index)
}

const after = (text: string, index: number): string =>
  index >= text.length ? "" : String.fromCodePoint(text.codePointAt(index) ?? 0)

/** Whether a word may end before `index` and another begin there. */
const isBoundary = (text: string, index: number): boolean => {
  const [behind, ahead] = [text.charCodeAt(index - 1), text.charCodeAt(index)]
  // The common case, without the patterns.
  if (behind < 0x80 && ahead < 0x80) return asciiWord[behind] === 0 || asciiWord[ahead] === 0
  const left = before(text, index)
  const right = after(text, index)
  if (!wordCharacter.test(left) || !wordCharacter.test(right)) return true
  return !mark.test(right) && (unspaced.test(left) || unspaced.test(right))
}

const isWholeToken = (text: string, { end, start }: Span): boolean => isBoundary(text, start) && isBoundary(text, end)

const space = /\s/

/** The index behind the white space at `index`, which is `index` where there is none. */
const skipSpace = (text: string, index: number): number => {
  let end = index
  while (end < text.length && (text.charCodeAt(end) === 0x20 || space.test(text.charAt(end)))) end++
  return end
}

/** The end of the words, with white space between them, that stand at `start`, where the first one does; -1 if others do. */
const endOfWords = (text: string, start: number, words: ReadonlyArray<string>): number => {
  let end = start
  for (const [index, word] of words.entries()) {
    const next = index === 0 ? start : skipSpace(text, end)
    if (index > 0 && (next === end || !text.startsWith(word, next))) return -1
    end = next + word.length
  }
  return end
}

const findSpelt = (text: string, words: ReadonlyArray<string>): ReadonlyArray<Span> => {
  const [first = ""] = words
  const found: Array<Span> = []
  for (let start = text.indexOf(first); start !== -1;) {
    const span = { start, end: endOfWords(text, start, words) }
    const isWhole = span.end !== -1 && isWholeToken(text, span)
    if (isWhole) found.push(span)
    start = text.indexOf(first, isWhole ? span.end : start + 1)
  }
  return found
}

const findFolded = (text: string, words: ReadonlyArray<string>): ReadonlyArray<Span> => {
  const found: Array<Span> = []
  const pattern = new RegExp(words.map(RegExp.escape).join("\\s+"), "giu")
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const span = { start: match.index, end: match.index + match[0].length }
    if (isWholeToken(text, span)) found.push(span)
    else pattern.lastIndex = span.start + after(text, span.start).length
  }
  return found
}

const wordsOf = (name: string): ReadonlyArray<string> => name.split(/\s+/u).filter((word) => word !== "")

/**
 * Every whole-token occurrence of a name: as it is spelt; if it stands nowhere so, in another normalisation form or
 * case. White space in the name matches any white space. Empty: the name is ungrounded, as one of more than 1,000 code
 * units always is.
 */
export const occurrences = (text: string, name: string): ReadonlyArray<Span> => {
  const trimmed = name.trim()
  if (trimmed === "" || trimmed.length > longestName || !trimmed.isWellFormed()) return []
  const asGiven = findSpelt(text, wordsOf(trimmed))
  if (asGiven.length > 0) return asGiven
  const forms = [...new Set([trimmed, trimmed.normalize("NFC"), trimmed.normalize("NFD")])].map(wordsOf)
  for (const find of [findSpelt, findFolded]) {
    for (const words of forms) {
      const found = find(text, words)
      if (found.length > 0) return found
    }
  }
  return []
}

export const isGrounded = (text: string, name: string): boolean => occurrences(text, name).length > 0
