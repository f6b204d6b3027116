import { normaliseName } from "./Names.ts"
import { compare } from "./Views.ts"

/** What of a query's text is looked at: more of it finds nothing more, and costs. */
const limits = { text: 1_000, words: 12, word: 64 }

const marks = /[\u0300-\u036f]/g
const plainForms: Readonly<Record<string, string>> = {
  æ: "ae",
  œ: "oe",
  ø: "o",
  ł: "l",
  đ: "d",
  ð: "d",
  þ: "th",
  ı: "i"
}

/** Scripts that put no spaces between words: each character is taken for one. */
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}]/gu

/**
 * Words with one space between them, without case, accents and punctuation; characters of scripts without spaces stand
 * alone. What is indexed and what is asked for meet in this form.
 */
export const searchText = (text: string): string =>
  ascii.test(text)
    ? text
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, " ")
        .trim()
    : folded(text)

const ascii = /^[\0-\x7f]*$/

const folded = (text: string): string =>
  text
    .toWellFormed()
    .normalize("NFKD")
    .replace(marks, "")
    // By way of upper case, so that ß and SS are one.
    .toLowerCase()
    .toUpperCase()
    .toLowerCase()
    .normalize("NFKC")
    .replace(marks, "")
    .replace(/[æœøłđðþı]/g, (letter) => plainForms[letter] ?? letter)
    .replace(unspaced, " $& ")
    .replace(/[^\p{L}\p{N}\p{M}]+/gu, " ")
    .trim()

/** The words of a query, each once. */
export const searchWords = (text: string): ReadonlyArray<string> =>
  [...new Set(searchText(text.slice(0, limits.text)).split(" "))]
    .filter((word) => word !== "")
    .slice(0, limits.words)
    .map((word) => [...word].slice(0, limits.word).join(""))

/** Slips that a word of this length is forgiven. */
export const slips = (word: string): number => (word.length <= 2 ? 0 : word.length <= 5 ? 1 : 2)

/**
 * Single letters left out, put in, replaced, or swapped with their neighbour, that part two words (optimal string
 * alignment: Damerau 1964, https://doi.org/10.1145/363958.363994); Infinity if more than `limit`.
 */
export const distance = (one: string, other: string, limit: number): number => {
  if (one === other) return 0
  if (Math.abs(one.length - other.length) > limit) return Infinity
  let last: ReadonlyArray<number> = []
  let before = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (let row = 1; row <= one.length; row++) {
    const now = [row]
    let least = row
    for (let at = 1; at <= other.length; at++) {
      const isSame = one.charCodeAt(row - 1) === other.charCodeAt(at - 1)
      let found = Math.min((before[at - 1] ?? 0) + (isSame ? 0 : 1), (before[at] ?? 0) + 1, (now[at - 1] ?? 0) + 1)
      const isSwapped =
        row > 1 &&
        at > 1 &&
        one.charCodeAt(row - 1) === other.charCodeAt(at - 2) &&
        one.charCodeAt(row - 2) === other.charCodeAt(at - 1)
      if (isSwapped) found = Math.min(found, (last[at - 2] ?? 0) + 1)
      now.push(found)
      if (found < least) least = found
    }
    if (least > limit) return Infinity
    last = before
    before = now
  }
  const found = before[other.length] ?? Infinity
  return found > limit ? Infinity : found
}

/** How alike a word of the query and a word of a name are: 1 the same, less for a beginning, less again for slips, else 0. */
const likeness = (asked: string, word: string): number => {
  if (asked === word) return 1
  if (asked.length > 1 && word.startsWith(asked)) return 0.85 + (0.1 * asked.length) / word.length
  const edits = distance(asked, word, slips(asked))
  return edits === Infinity ? 0 : 0.9 - edits / Math.max(asked.length, word.length)
}

/** What part of `words`, by letters, is found among `others`. */
const coverage = (
  words: ReadonlyArray<string>,
  others: ReadonlyArray<string>,
  alike: (word: string, other: string) => number
): number => {
  let found = 0
  let all = 0
  for (const word of words) {
    let best = 0
    for (const other of others) best = Math.max(best, alike(word, other))
    found += best * word.length
    all += word.length
  }
  return all === 0 ? 0 : found / all
}

const least = 0.3

const likenessOf = (asked: Asked, name: string): number => {
  const text = searchText(name)
  if (text === "") return 0
  if (text === asked.text || normaliseName(name) === asked.key) return 1
  if (text.startsWith(asked.text)) {
    return (text.charAt(asked.text.length) === " " ? 0.93 : 0.9) + (0.03 * asked.text.length) / text.length
  }
  const words = text.split(" ")
  const ofQuery = coverage(asked.words, words, likeness)
  const ofName = coverage(words, asked.words, (word, one) => likeness(one, word))
  if (ofQuery === 1) return 0.8 + 0.08 * ofName
  const joined = text.replaceAll(" ", "")
  const edits = distance(asked.joined, joined, slips(asked.joined))
  const ofWhole = edits === Infinity ? 0 : 0.85 * (1 - edits / Math.max(asked.joined.length, joined.length))
  const found = Math.max(ofWhole, 0.8 * (0.6 * ofQuery + 0.4 * ofName))
  return found < least ? 0 : found
}

export interface Asked {
  readonly text: string
  readonly key: string
  readonly joined: string
  readonly words: ReadonlyArray<string>
}

/** A query as names are compared with it; undefined where it has no word. */
export const asked = (text: string): Asked | undefined => {
  const words = searchWords(text)
  if (words.length === 0) return undefined
  const whole = searchText(text.slice(0, limits.text))
  return { text: whole, key: normaliseName(text.slice(0, limits.text)), joined: words.join(""), words }
}

/**
 * How well an entity's best name fits a query, from 0 to 1, and 0 if it does not: a name that is the query, then one that
 * begins with it, then one that has all of its words, then by how much of query and name are found in each other with
 * slips. The entity's own name comes first among `names`; another one counts a little less. Candidates come from an
 * index; this alone decides their order, so that every store answers in the same one.
 */
export const rank = (query: Asked, names: ReadonlyArray<string>): number => {
  let best = 0
  for (const [index, name] of names.entries()) {
    best = Math.max(best, likenessOf(query, name) - (index === 0 ? 0 : 0.005))
  }
  return best <= 0 ? 0 : Math.round(best * 10_000) / 10_000
}

/**
 * What part of a query a text has, by letters, so that a long word, which says more, counts for more than a short one; a
 * full-text index by itself may prefer a text with one rare word to a text with all the others.
 */
export const share = (query: Asked, text: string): number => {
  const words = searchText(text).split(" ")
  return Math.round(coverage(query.words, words, likeness) * 10_000) / 10_000
}

/** Best first; among equals what is spoken of most, then by id, so that the order is always the same. */
export const byRank = (
  a: { readonly score: number; readonly mentions?: number; readonly id: string },
  b: { readonly score: number; readonly mentions?: number; readonly id: string }
): number => b.score - a.score || (b.mentions ?? 0) - (a.mentions ?? 0) || compare(a.id, b.id)

/** The cosine of the angle between a vector and others of its length, from -1 to 1; NaN where one has no direction. */
export const cosineTo = (vector: Float32Array): ((other: Float32Array) => number) => {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
  return (other) => {
    let dot = 0
    let square = 0
    for (let i = 0; i < vector.length; i++) {
      const x = other[i] ?? 0
      dot += x * (vector[i] ?? 0)
      square += x * x
    }
    return dot / (length * Math.sqrt(square))
  }
}

/** Whether a vector has a direction that others can be compared with. */
export const hasDirection = (vector: Float32Array): boolean => {
  const square = vector.reduce((sum, value) => sum + value * value, 0)
  return Number.isFinite(square) && square > 0
}
