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
