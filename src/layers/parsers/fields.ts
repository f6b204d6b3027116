import { oneLine } from "./Writer.ts"

/** How much is taken of a field that may list any number of things. */
const maxItems = 200

const own = (value: object, key: string): unknown => Object.entries(value).find(([name]) => name === key)?.[1]

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

/** A name without the address after it: `Ada Moreno <ada@example.org> (https://example.org)`. */
const withoutAddress = (name: string): string => oneLine(name.slice(0, 500).replace(/\s*[<(][^<>()]*[>)]/g, ""))

/** The names in a field as people write it: a string (`;` and ` and ` part them), a mapping with a name, or a list. */
export const namesIn = (value: unknown): ReadonlyArray<string> => {
  const items: ReadonlyArray<unknown> = Array.isArray(value) ? value.slice(0, maxItems) : [value]
  return items
    .flatMap((item) => {
      if (typeof item === "string") return item.slice(0, 2000).split(/;|\s+and\s+|\s+&\s+/)
      if (!isObject(item)) return []
      const name = own(item, "name")
      const [first, last] = [own(item, "first"), own(item, "last")]
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
export const fieldsOf = (value: object): ReadonlyMap<string, unknown> => {
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
