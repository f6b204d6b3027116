import { firstText, isFields } from "../fields.ts"
import type { Fields } from "../fields.ts"
import { isBlank } from "../decode.ts"
import { writeHtml } from "../Html.ts"
import { rowReader } from "../statements.ts"
import type { Stated } from "../statements.ts"
import { oneLine } from "../Writer.ts"
import type { Writer } from "../Writer.ts"

/** UTF-16 code units. */
const longest = { key: 100, value: 200, list: 400, columns: 200, heading: 100 }
const maxColumns = 12
const sampleItems = 200
const maxInline = 6
const maxLines = 50

const markup = /<(?:p|br|div|ul|ol|li|h[1-6]|table|a|span|strong|em|b|i|blockquote)(?:\s[^<>]*)?\/?>/i
const closing = /<\/[a-z][a-z0-9]*\s*>|<br\s*\/?>/i

type Scalar = string | number | boolean

const isScalar = (value: unknown): value is Scalar =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean"

const isHtml = (text: string): boolean => markup.test(text) && closing.test(text)

const isShort = (value: unknown): boolean =>
  value === null ||
  (isScalar(value) &&
    (typeof value !== "string" || (value.length <= longest.value && !value.includes("\n") && !isHtml(value))))

/** A list of short values as one; undefined if it is none. */
const listed = (value: unknown): string | undefined => {
  if (!Array.isArray(value) || !value.every(isShort)) return undefined
  const text = value.filter((item) => item !== null).join(", ")
  return text.length <= longest.list ? text : undefined
}

/** What stands on one line: a short value, or a short list of such. */
const line = (value: unknown): string | undefined => (isShort(value) ? String(value ?? "") : listed(value))

const isFlat = (fields: Fields): boolean => Object.values(fields).every((value) => line(value) !== undefined)

// What these hold is what the object is about, so that it needs no name before it.
const unnamed = /^(?:text|content|contents|body|abstract|html|markdown|article|page_content|value)$/i
const code = /^(?:code|source|script|snippet|sql|query|command)$/i
const titleKeys = ["title", "name", "headline", "subject", "label", "question", "id"]

const label = (key: string): string =>
  oneLine(key.slice(0, longest.key * 4))
    .slice(0, longest.key)
    .toWellFormed()

/** The first name among an object's fields, or among those of an object in it. */
const titleOf = (fields: Fields): string => {
  const inner = Object.values(fields).slice(0, maxInline).filter(isFields)
  const text = [fields, ...inner].map((of) => firstText(of, titleKeys)).find((title) => title !== undefined)
  return text === undefined || text.length > longest.heading ? "" : oneLine(text)
}

interface Task {
  /** Over the value, if that is not empty. */
  readonly heading: string
  readonly level: number
  readonly value: unknown
  /** What an object in a list states, by its fields. */
  readonly read?: Read | undefined
}

type Read = (fields: Fields) => Stated

const writeProse = (writer: Writer, key: string, text: string): void => {
  if (isHtml(text)) {
    if (!unnamed.test(key)) writer.paragraph(`${label(key)}:`)
    writeHtml(writer, text)
    return
  }
  const start = key === "" || unnamed.test(key) ? "" : `${label(key)}: `
  if (code.test(key) && text.includes("\n")) {
    writer.paragraph(start)
    writer.code(text)
    return
  }
  let isFirst = true
  for (const part of text.replaceAll("\r", "").split(/\n[ \t]*\n/)) {
    if (isBlank(part)) continue
    writer.paragraph(`${isFirst ? start : ""}${part}`)
    isFirst = false
  }
}

const isSmall = (value: unknown): value is Fields =>
  isFields(value) && Object.keys(value).length <= maxInline && isFlat(value)

/**
 * Short fields as lines `key: value`, those of small objects in them as `key.field: value`, a paragraph for every fifty.
 * Gives back the others, and where the lines start. `heading` is left out where it is the value.
 */
const writeFields = (
  writer: Writer,
  fields: Fields,
  heading: string
): { readonly at: number; readonly rest: ReadonlyArray<readonly [key: string, value: unknown]> } => {
  const rest: Array<readonly [string, unknown]> = []
  let lines: Array<string> = []
  let at = -1
  const close = () => {
    const start = writer.paragraph(lines.join("\n"))
    if (at < 0) at = start
    lines = []
  }
  const add = (key: string, value: string) => {
    if (isBlank(value) || (value === heading && titleKeys.includes(key))) return
    lines.push(`${label(key)}: ${oneLine(value)}`)
    if (lines.length >= maxLines) close()
  }
  for (const [key, value] of Object.entries(fields)) {
    const text = line(value)
    if (text !== undefined) add(key, text)
    else if (isSmall(value)) for (const [inner, of] of Object.entries(value)) add(`${key}.${inner}`, line(of) ?? "")
    else rest.push([key, value])
  }
  close()
  return { at, rest }
}

/** The columns of a list of flat objects, if it reads well as a table. */
const columnsOf = (items: ReadonlyArray<unknown>): ReadonlyArray<string> | undefined => {
  if (items.length < 2) return undefined
  const columns = new Set<string>()
  for (const item of items) {
    if (!isFields(item) || !isFlat(item)) return undefined
    for (const key of Object.keys(item)) columns.add(key)
    if (columns.size > maxColumns) return undefined
  }
  return [...columns].join(" | ").length > longest.columns ? undefined : [...columns]
}

const own = (fields: Fields, key: string): unknown => (Object.hasOwn(fields, key) ? fields[key] : undefined)

const cellsOf = (fields: Fields, columns: ReadonlyArray<string>): ReadonlyArray<string> =>
  columns.map((column) => line(own(fields, column)) ?? "")

const writeTable = (writer: Writer, items: ReadonlyArray<unknown>, columns: ReadonlyArray<string>): void => {
  const rows = function* () {
    yield columns.map(label)
    for (const item of items) if (isFields(item)) yield cellsOf(item, columns)
  }
  writer.table(rows(), true, rowReader(columns))
}

/** By the fields of the first of them. */
const readerOf = (items: ReadonlyArray<unknown>): Read | undefined => {
  const columns = [...new Set(items.slice(0, sampleItems).flatMap((item) => (isFields(item) ? Object.keys(item) : [])))]
  const read = rowReader(columns)
  return read && ((fields) => read(cellsOf(fields, columns)))
}

/** Writes a list that is of one kind, and gives back what is left to do of others. */
const writeList = (writer: Writer, { heading, level }: Task, items: ReadonlyArray<unknown>): ReadonlyArray<Task> => {
  if (items.every((item) => typeof item === "number")) {
    writer.paragraph(items.join(", "))
    return []
  }
  if (items.every(isShort)) {
    writer.list(items.map((item) => String(item ?? "")))
    return []
  }
  if (items.every(Array.isArray) && items.every((item) => item.every(isShort))) {
    writer.table(
      items.map((item) => item.map((cell) => String(cell ?? ""))),
      false
    )
    return []
  }
  const columns = columnsOf(items)
  if (columns !== undefined) {
    writeTable(writer, items, columns)
    return []
  }
  const read = readerOf(items)
  return items.map((value, index) => {
    if (!isFields(value)) return { heading: "", level, value }
    const isRecord = Object.values(value).every((of) => typeof of === "string" || line(of) !== undefined || isSmall(of))
    const title = isRecord && isFlat(value) ? "" : titleOf(value) || (isRecord ? "" : `${heading} ${index + 1}`.trim())
    return { heading: title, level, value, read }
  })
}

const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === "" ||
  (Array.isArray(value) ? value.length === 0 : isFields(value) && Object.keys(value).length === 0)

/**
 * Writes a value: an object's short fields as lines, its long texts as paragraphs, then what else is in it under a heading
 * each; a list of flat objects as a table; null and what is empty not at all. What is left to do is kept in a list, so
 * that any depth can be read.
 */
export const writeValue = (writer: Writer, root: unknown): void => {
  const tasks: Array<Task> = [{ heading: "", value: root, level: 1 }]
  for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
    const { heading, level, read, value } = task
    if (isEmpty(value)) continue
    writer.heading(level, heading)
    const inside = heading === "" ? level : Math.min(level + 1, 6)
    if (Array.isArray(value)) {
      for (const next of writeList(writer, { ...task, level: inside }, value).toReversed()) tasks.push(next)
    } else if (isFields(value)) {
      const from = writer.length
      const { at, rest } = writeFields(writer, value, heading)
      for (const [key, of] of rest) if (typeof of === "string") writeProse(writer, key, of)
      if (read !== undefined) writer.state(at < 0 ? from : at, read(value))
      for (const [key, of] of rest.toReversed()) {
        if (typeof of !== "string") tasks.push({ heading: label(key), value: of, level: inside })
      }
    } else if (typeof value === "string") writeProse(writer, "", value)
    else if (isScalar(value)) writer.paragraph(String(value))
  }
}
