/** JSON values in the order in which they stand, and what stands between them and is none. */
export type Item =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "broken"; readonly text: string }

interface Fault {
  /** Of the text, from 0. */
  readonly position: number
  readonly expected: string
}

const space = /[ \t\n\r]*/y
const scalar = /-?\d[\d.eE+-]*|true|false|null/y

/** Where a string that starts at a place ends; the place itself if none does. */
const afterString = (text: string, from: number): number => {
  if (text[from] !== '"') return from
  for (let at = from + 1; at < text.length; at++) {
    const character = text[at]
    if (character === '"') return at + 1
    if (character === "\n") return from
    if (character === "\\") at++
  }
  return from
}

/** Where text ceases to be JSON (RFC 8259), for the engine's errors say it of some faults only. */
const faultOf = (text: string): Fault => {
  const open: Array<"{" | "["> = []
  let at = 0
  const take = (token: RegExp): boolean => {
    space.lastIndex = at
    at += space.exec(text)?.[0].length ?? 0
    token.lastIndex = at
    const length = token.exec(text)?.[0].length ?? 0
    at += length
    return length > 0
  }
  const takeString = (): boolean => {
    space.lastIndex = at
    const from = at + (space.exec(text)?.[0].length ?? 0)
    at = afterString(text, from)
    return at > from
  }
  const isKey = (): boolean => takeString() && take(/:/y)
  for (;;) {
    if (take(/\{/y)) {
      if (!take(/\}/y)) {
        open.push("{")
        if (!isKey()) return { position: at, expected: "a key in quotes and a colon" }
        continue
      }
    } else if (take(/\[/y)) {
      if (!take(/\]/y)) {
        open.push("[")
        continue
      }
    } else if (!take(scalar) && !takeString()) return { position: at, expected: "a value" }
    while (open.at(-1) !== undefined && take(open.at(-1) === "{" ? /\}/y : /\]/y)) open.pop()
    const inside = open.at(-1)
    if (inside === undefined) return { position: at, expected: "the end of the file" }
    if (!take(/,/y)) return { position: at, expected: `a comma or ${inside === "{" ? "}" : "]"}` }
    if (inside === "{" && !isKey()) return { position: at, expected: "a key in quotes and a colon" }
  }
}

declare global {
  interface JSON {
    /** With the source of each number (ECMA-262, "JSON.parse source text access"). */
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown
    ): unknown
  }
}

const longNumber = /[\d.]{16}/
const whole = /^-?\d+$/

/** Whole numbers that a double cannot hold are kept as they are written: mostly they are ids. */
const parse = (text: string): unknown => {
  const value: unknown = JSON.parse(text)
  if (!longNumber.test(text)) return value
  try {
    return JSON.parse(text, (_, of, { source }) =>
      typeof of === "number" && !Number.isSafeInteger(of) && source !== undefined && whole.test(source) ? source : of
    )
  } catch {
    // Revivers are called by recursion, whose depth is bounded.
    return value
  }
}

/** The line and the column of a position, from 1. */
const placeOf = (text: string, position: number): { readonly line: number; readonly column: number } => {
  let line = 1
  let start = 0
  for (let at = text.indexOf("\n"); at >= 0 && at < position; at = text.indexOf("\n", at + 1)) {
    line++
    start = at + 1
  }
  return { line, column: position - start + 1 }
}

/** A value by itself; where the text is none, what is wrong with it: `in line 1, column 2, a value should come`. */
export const readValue = (
  text: string
): { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly fault: () => string } => {
  try {
    return { ok: true, value: parse(text) }
  } catch {
    return {
      ok: false,
      fault: () => {
        const { expected, position } = faultOf(text)
        const { column, line } = placeOf(text, position)
        return `in line ${line}, column ${column}, ${expected} should come`
      }
    }
  }
}

export interface Lines {
  readonly items: ReadonlyArray<Item>
  readonly values: number
  readonly broken: number
  /** Line, from 1, of the first that is broken. */
  readonly firstBroken: number
}

/** JSON lines: a value on each line that is not blank. */
export const readLines = (text: string): Lines => {
  const items: Array<Item> = []
  let broken = 0
  let firstBroken = 0
  let line = 0
  for (let from = 0; from < text.length;) {
    const newline = text.indexOf("\n", from)
    const end = newline < 0 ? text.length : newline
    const record = text.slice(from, end).trim()
    from = end + 1
    line++
    if (record === "") continue
    const read = readValue(record)
    if (read.ok) items.push({ kind: "value", value: read.value })
    else {
      items.push({ kind: "broken", text: record })
      if (broken++ === 0) firstBroken = line
    }
  }
  return { items, values: items.length - broken, broken, firstBroken }
}

/**
 * The text without comments (slashes and stars) and without commas before a closing bracket, in place of which there are
 * spaces, so that positions stand; and the stretches of its top-level values.
 */
const plain = (text: string): { readonly text: string; readonly ends: ReadonlyArray<number> } => {
  const gaps: Array<readonly [from: number, to: number]> = []
  const ends: Array<number> = []
  let depth = 0
  let comma = -1
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '"') {
      for (at++; at < text.length && text[at] !== '"' && text[at] !== "\n"; at++) if (text[at] === "\\") at++
    } else if (character === "/" && (text[at + 1] === "/" || text[at + 1] === "*")) {
      const isLine = text[at + 1] === "/"
      const close = text.indexOf(isLine ? "\n" : "*/", at + 2)
      const end = close < 0 ? text.length : close + (isLine ? 0 : 2)
      gaps.push([at, end])
      at = end - 1
      continue
    } else if (character === "{" || character === "[") depth++
    else if (character === "}" || character === "]") {
      if (comma >= 0) gaps.push([comma, comma + 1])
      depth--
      if (depth <= 0) ends.push(at + 1)
    }
    if (character === ",") comma = at
    else if (character !== undefined && !/\s/.test(character)) comma = -1
  }
  const parts: Array<string> = []
  let copied = 0
  for (const [from, to] of gaps.toSorted(([a], [b]) => a - b)) {
    parts.push(text.slice(copied, from), " ".repeat(to - from))
    copied = to
  }
  parts.push(text.slice(copied))
  return { text: parts.join(""), ends }
}

/** JSON with comments and commas too many, and values after one another; undefined if it is none. */
export const readLenient = (text: string): ReadonlyArray<unknown> | undefined => {
  const { ends, text: source } = plain(text)
  const values: Array<unknown> = []
  let from = 0
  for (const end of ends) {
    const read = readValue(source.slice(from, end).replace(/^\s*,/, ""))
    if (!read.ok) return undefined
    values.push(read.value)
    from = end
  }
  return values.length === 0 || source.slice(from).trim() !== "" ? undefined : values
}
