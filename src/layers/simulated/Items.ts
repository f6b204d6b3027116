import { Option, Predicate, Schema } from "effect"
import { hash53 } from "../../domain/Hashing.ts"

/** A sentence, and the names in it in their order. */
export interface Sentence {
  readonly text: string
  readonly names: ReadonlyArray<string>
}

export interface Reading {
  /** Each once, in order of appearance. */
  readonly names: ReadonlyArray<string>
  readonly sentences: ReadonlyArray<Sentence>
}

/** One of the things that a request asks about. */
export interface Item {
  /** Absent where the whole message is the item. */
  readonly id?: string | number
  readonly text: string
  /** All of the item's strings but its id, its text included: what decides its answer, and its key in the ledger. */
  readonly whole: string
  readonly hash: number
}

const capitalised = String.raw`\p{Lu}[\p{L}\p{M}\p{N}]*(?:['’&-][\p{L}\p{N}]+)*`
const run = new RegExp(
  String.raw`(?<![\p{L}\p{N}])${capitalised}(?: (?:(?:of|de|van|von|la|del) )?${capitalised}){0,5}(?![\p{L}\p{N}])`,
  "gu"
)

const notNames = new Set(
  (
    "the a an in on at he she it they we i you this that these those but and or if when while after before for as by " +
    "from with his her its their our my your there then what who where why how not no yes so also to of is was are " +
    "were be been both all each some many most one two three today however although because since until during nobody nothing everybody everyone somebody someone there here only"
  ).split(" ")
)

const isNoName = (word: string): boolean => notNames.has(word.toLowerCase())

const namesIn = (sentence: string): Array<string> => {
  const names: Array<string> = []
  for (const [found] of sentence.matchAll(run)) {
    const words = found.replace(/['’]s$/u, "").split(" ")
    while (words.length > 0 && isNoName(words[0] ?? "")) words.shift()
    const name = words.join(" ")
    if (name.length > 1) names.push(name)
  }
  return names
}

/** The names in a text: runs of capitalised words, without the small words that sentences begin with. */
export const read = (text: string): Reading => {
  const sentences = text
    .split(/(?<=[.!?])\s+|\n+/u)
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => ({ text: part, names: namesIn(part) }))
  return { names: [...new Set(sentences.flatMap((sentence) => sentence.names))], sentences }
}

const idField = /^(?:id|key|ref|label|index|ordinal|chunk|item|pair)$|_id$|[a-z]I[dD]$/

/** Beside a short text, its context can be the longest string. */
const textField = /^(?:text|content|body|passage)$/i

/** Whether a field of this name says which item something is about. */
export const isIdField = (name: string): boolean => idField.test(name)

export const itemHash = (whole: string): number => hash53(whole)

const item = (text: string, whole: string, id?: string | number): Item => ({
  ...(id === undefined ? {} : { id }),
  text,
  whole,
  hash: itemHash(whole)
})

/** The strings in a value, however deep. */
const strings = (value: unknown, depth = 0): ReadonlyArray<string> => {
  if (typeof value === "string") return [value]
  if (typeof value !== "object" || value === null || depth > 4) return []
  return Object.values(value).flatMap((inner) => strings(inner, depth + 1))
}

const itemOf = (value: unknown): Item | undefined => {
  if (!Predicate.isObject(value)) return undefined
  const ids = Object.entries(value).filter(
    ([name, field]) => isIdField(name) && (typeof field === "string" || typeof field === "number")
  )
  const id = ids.find(([name]) => name === "id") ?? ids[0]
  if (id === undefined || (typeof id[1] !== "string" && typeof id[1] !== "number")) return undefined
  const rest = Object.entries(value)
    .filter(([name]) => name !== id[0])
    .map(([, field]) => strings(field))
  const named = Object.entries(value).find(([name, field]) => textField.test(name) && typeof field === "string")
  const longest = rest.flat().reduce((most, field) => (field.length > most.length ? field : most), "")
  const text = typeof named?.[1] === "string" ? named[1] : longest
  return rest.length === 0 ? undefined : item(text, rest.flat().join("\u0000"), id[1])
}

/** The first array of objects that have an id and a text. */
const arrayOfItems = (value: unknown, depth = 0): ReadonlyArray<Item> | undefined => {
  if (depth > 4 || typeof value !== "object" || value === null) return undefined
  if (Array.isArray(value) && value.length > 0) {
    const items = value.map(itemOf).filter((found) => found !== undefined)
    if (items.length === value.length) return items
  }
  for (const inner of Object.values(value)) {
    const found = arrayOfItems(inner, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

const parse = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

const between = (text: string, open: string, close: string): string | undefined => {
  const from = text.indexOf(open)
  const to = text.lastIndexOf(close)
  return from >= 0 && to > from ? text.slice(from, to + 1) : undefined
}

/**
 * What a user's message asks about: the objects with an id and a text in the JSON that it is or contains; without such
 * JSON the whole message, as one item without an id.
 */
export const itemsOf = (message: string): ReadonlyArray<Item> => {
  for (const candidate of [message, between(message, "[", "]"), between(message, "{", "}")]) {
    if (candidate === undefined || !/^\s*[[{]/.test(candidate)) continue
    const items = Option.flatMapNullishOr(parse(candidate), (value) => arrayOfItems(value))
    if (Option.isSome(items)) return items.value
  }
  return [item(message, message)]
}
