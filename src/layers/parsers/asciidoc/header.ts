import { isoDate } from "../date.ts"
import { namesIn, wordsIn } from "../fields.ts"
import { oneLine } from "../Writer.ts"

export interface Header {
  readonly title: string
  readonly date?: string
  readonly authors: ReadonlyArray<string>
  readonly keywords: ReadonlyArray<string>
}

export const attribute = /^:!?([A-Za-z0-9_][A-Za-z0-9_-]{0,60})!?:(?:[ \t]+(.*))?$/
const titleLine = /^[=#][ \t]+(\S.*)$/
const authorLine = /^[\p{L}][\p{L}\p{M}.'’_-]*(?: [\p{L}][\p{L}\p{M}.'’_-]*){0,3}(?: <[^<>]{1,300}>)?$/u
const revisionDate = /\d{4}-\d\d-\d\d|\d{1,2}\.? [A-Za-z]{3,9}\.? \d{4}|[A-Za-z]{3,9}\.? \d{1,2}, ?\d{4}/

const isAuthorLine = (line: string): boolean =>
  line.length <= 1000 && line.split(";").every((author) => authorLine.test(author.trim()))

/** What the lines up to the first blank one, without comments, say of the document. */
export const readHeader = (lines: ReadonlyArray<string>): Header => {
  const attributes = new Map<string, string>()
  const first = titleLine.exec(lines[0] ?? "")?.[1] ?? ""
  const second = first === "" ? undefined : lines[1]
  const isAuthored = second !== undefined && isAuthorLine(second)
  const revision = isAuthored ? (lines[2] ?? "") : ""
  for (const line of lines) {
    const [, name, value = ""] = attribute.exec(line) ?? []
    if (name !== undefined) attributes.set(name.toLowerCase(), value.trim())
  }
  const written = attributes.get("revdate") ?? attributes.get("date") ?? revisionDate.exec(revision.slice(0, 200))?.[0]
  const date = written === undefined ? undefined : isoDate(written)
  const stated = attributes.get("author") ?? attributes.get("authors")
  return {
    title: oneLine(first || (attributes.get("doctitle") ?? "")),
    ...(date === undefined || (attribute.test(revision) && attributes.get("revdate") === undefined) ? {} : { date }),
    // An underscore stands for the blank within a part of a name.
    authors: namesIn(stated ?? (isAuthored ? second : undefined)).map((name) => name.replaceAll("_", " ")),
    keywords: wordsIn(attributes.get("keywords"))
  }
}
