import { int } from "neo4j-driver"
import type { Integer } from "neo4j-driver"
import type { Row } from "./Connection.ts"

const unexpected = (field: string, value: unknown) =>
  new Error(`The graph holds a ${value === null ? "null" : typeof value} for ${field}, which cannot be: it is damaged.`)

function assertText<Text extends string>(field: string, value: unknown): asserts value is Text {
  if (typeof value !== "string") throw unexpected(field, value)
}

/** A string; `Text` is a brand or a set of literals that it was written with. */
export const text = <Text extends string = string>(row: Row, field: string): Text => {
  const value = row[field]
  assertText<Text>(field, value)
  return value
}

export const integer = (row: Row, field: string): number => {
  const value = row[field]
  if (typeof value !== "number") throw unexpected(field, value)
  return value
}

export const boolean = (row: Row, field: string): boolean => {
  const value = row[field]
  if (typeof value !== "boolean") throw unexpected(field, value)
  return value
}

/** `{ [field]: text }`, or nothing where it is null. */
export const optionalText = <Field extends string>(row: Row, field: Field): { readonly [_ in Field]?: string } => {
  const value = row[field]
  const entry: { [_ in Field]?: string } = {}
  if (typeof value === "string") entry[field] = value
  return entry
}

export const list = (row: Row, field: string): ReadonlyArray<unknown> => {
  const value = row[field]
  if (!Array.isArray(value)) throw unexpected(field, value)
  return value
}

/** A list of strings. */
export const texts = <Text extends string = string>(row: Row, field: string): ReadonlyArray<Text> =>
  list(row, field).map((value) => {
    assertText<Text>(field, value)
    return value
  })

const isRow = (value: unknown): value is Row => typeof value === "object" && value !== null

/** A list of maps. */
export const rows = (row: Row, field: string): ReadonlyArray<Row> =>
  list(row, field).map((value) => {
    if (!isRow(value)) throw unexpected(field, value)
    return value
  })

/** A number of JavaScript would be written as a float. */
export const whole = (value: number): Integer => int(value)

/** An index cannot hold a name of any length: names are found and sorted by this much of them first. */
const headLength = 500

/** No character is halved. */
export const headOf = (name: string): string => {
  const cut = name.slice(0, headLength)
  return /[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut
}
