import { oneLine } from "./Writer.ts"

/** A JSON object, nothing known of its fields. */
export type Fields = Readonly<Record<string, unknown>>

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** An object's own field, for a document chooses its keys and may choose `constructor`. */
export const field = (fields: unknown, ...path: ReadonlyArray<string>): unknown => {
  let value: unknown = fields
  for (const key of path) {
    if (!isFields(value) || !Object.hasOwn(value, key)) return undefined
    value = value[key]
  }
  return value
}

const isWritten = (value: unknown): value is string => typeof value === "string" && value.trim() !== ""

/** The text of a field, empty if it is no text. */
export const textOf = (fields: unknown, ...path: ReadonlyArray<string>): string => {
  const value = field(fields, ...path)
  return typeof value === "string" ? value : ""
}

/** The first of these fields of an object that holds text. */
export const firstText = (fields: unknown, keys: ReadonlyArray<string>): string | undefined =>
  keys.map((key) => field(fields, key)).find(isWritten)

/** What identifies something: text, or a whole number as text. */
export const idOf = (fields: unknown, ...path: ReadonlyArray<string>): string | undefined => {
  const value = field(fields, ...path)
  if (typeof value === "number" && Number.isSafeInteger(value)) return String(value)
  return isWritten(value) ? value : undefined
}

const nothing: ReadonlyArray<never> = []

const itemsOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : nothing)

export const listOf = (fields: unknown, ...path: ReadonlyArray<string>): ReadonlyArray<unknown> =>
  itemsOf(field(fields, ...path))

/** The objects in a list; anything else in it is passed over. */
export const objects = (value: unknown): ReadonlyArray<Fields> => itemsOf(value).filter(isFields)

/** How many items of a list show what all of them are. */
const sampled = 50

/** Whether most of a list's first items, and two of them or all at least, are objects of a kind. */
export const mostly = (value: unknown, is: (item: Fields) => boolean): boolean => {
  const sample = itemsOf(value).slice(0, sampled)
  const found = sample.filter((item) => isFields(item) && is(item)).length
  return found > 0 && found * 2 > sample.length
}

/** How much is taken of a field that may list any number of things. */
const maxItems = 200

/** A name without the address after it: `Ada Moreno <ada@example.org> (https://example.org)`. */
const withoutAddress = (name: string): string => oneLine(name.slice(0, 500).replace(/\s*[<(][^<>()]*[>)]/g, ""))

/** The names in a field as people write it: a string (`;` and ` and ` part them), a mapping with a name, or a list. */
export const namesIn = (value: unknown): ReadonlyArray<string> => {
  const items: ReadonlyArray<unknown> = Array.isArray(value) ? value.slice(0, maxItems) : [value]
  return items
    .flatMap((item) => {
      if (typeof item === "string") return item.slice(0, 2000).split(/;|\s+and\s+|\s+&\s+/)
      const name = field(item, "name")
      const [first, last] = [field(item, "first"), field(item, "last")]
      if (typeof name === "string") return [name]
      return typeof first === "string" && typeof last === "string" ? [`${first} ${last}`] : []
    })
    .map(withoutAddress)
    .filter((name) => name !== "")
}

/** The words in a field as people write it: a string (`,` and `;` part them), or a list. */
export const wordsIn = (value: unknown): ReadonlyArray<string> => {
  const items: ReadonlyArray<unknown> = Array.isArray(value) ? value.slice(0, maxItems) : [value]
  return items
    .flatMap((item) => (typeof item === "string" ? item.slice(0, 5000).split(/[,;]/) : []))
    .map((word) => oneLine(word).replace(/^#/, ""))
    .filter((word) => word !== "")
    .slice(0, maxItems)
}

/** The values of the keys that a mapping has of its own, the case of letters aside; the first of equal keys. */
export const fieldsOf = (value: Fields): ReadonlyMap<string, unknown> => {
  const found = new Map<string, unknown>()
  for (const [key, of] of Object.entries(value)) {
    const name = key.toLowerCase()
    if (!found.has(name)) found.set(name, of)
  }
  return found
}

/** The first of these keys that a mapping has with a value. */
export const firstOf = (fields: ReadonlyMap<string, unknown>, keys: ReadonlyArray<string>): unknown =>
  keys.map((key) => fields.get(key)).find((value) => value !== undefined && value !== null && value !== "")
