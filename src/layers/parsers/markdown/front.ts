import { parse as parseYaml } from "yaml"
import { isoDate } from "../date.ts"
import { fieldsOf, firstOf, isFields, namesIn, wordsIn } from "../fields.ts"
import { asTitle } from "../Writer.ts"

/** What stands above a page about the page; `end` is where the page begins. */
export interface Front {
  readonly title: string
  readonly date?: string
  readonly authors: ReadonlyArray<string>
  readonly keywords: ReadonlyArray<string>
  readonly end: number
}

const maxFrontMatter = 16 * 1024

const yamlFence = /\n(?:---|\.\.\.)[ \t]*(?:\n|$)/g
const tomlFence = /\n\+\+\+[ \t]*(?:\n|$)/g

/** Aliases are refused, for a few nested ones expand to gigabytes. */
const readYaml = (source: string): ReadonlyMap<string, unknown> | undefined => {
  try {
    const value: unknown = parseYaml(source, { maxAliasCount: 0, logLevel: "error", uniqueKeys: false })
    return isFields(value) ? fieldsOf(value) : undefined
  } catch {
    return undefined
  }
}

const tomlField = /^([A-Za-z_-]{1,40})[ \t]*=[ \t]*(\S.*)$/
const tomlString = /"((?:[^"\\]|\\.){0,2000})"|'([^']{0,2000})'/g
const tomlEscape = /\\(["\\])/g

/** Strings, dates and lists of strings, each on a line, whatever table they are in: nothing else is read of them. */
const readToml = (source: string): ReadonlyMap<string, unknown> | undefined => {
  const found = new Map<string, unknown>()
  const lines = source.split("\n").filter((line) => line.trim() !== "")
  for (const line of lines) {
    const [, key = "", value = ""] = tomlField.exec(line.trim()) ?? []
    if (key === "" || found.has(key.toLowerCase())) continue
    const strings = Array.from(value.matchAll(tomlString), ([, basic, literal]) =>
      basic === undefined ? literal : basic.replaceAll(tomlEscape, "$1")
    )
    const of = value.startsWith("[") ? strings : (strings[0] ?? value.replace(/[ \t]+#.*$/, "").trim())
    found.set(key.toLowerCase(), of)
  }
  return lines.length > 0 && found.size === 0 ? undefined : found
}

const titled = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" ? asTitle(String(value)) : ""

/**
 * YAML between `---` lines, or TOML between `+++` lines, at the very start. What does not parse as a mapping is ordinary
 * text; fields of another type than expected are passed over.
 */
export const frontMatter = (text: string): Front | undefined => {
  const mark = /^(---|\+\+\+)[ \t]*\n/.exec(text)?.[1]
  if (mark === undefined) return undefined
  const isToml = mark === "+++"
  const fence = isToml ? tomlFence : yamlFence
  fence.lastIndex = text.indexOf("\n")
  const close = fence.exec(text.slice(0, maxFrontMatter))
  if (close === null) return undefined
  const end = close.index + close[0].length
  const source = text.slice(text.indexOf("\n") + 1, close.index + 1)
  if (source.trim() === "") return { title: "", authors: [], keywords: [], end }
  const fields = isToml ? readToml(source) : readYaml(source)
  if (fields === undefined) return undefined
  const written = firstOf(fields, ["date", "published", "created"])
  const date = typeof written === "string" ? isoDate(written) : undefined
  return {
    title: titled(fields.get("title")),
    ...(date === undefined ? {} : { date }),
    authors: namesIn(firstOf(fields, ["author", "authors", "by"])),
    keywords: ["tags", "keywords", "categories"].flatMap((key) => wordsIn(fields.get(key))),
    end
  }
}
