import { isoDate } from "../date.ts"
import { textOf } from "../fields.ts"
import { oneLine } from "../Writer.ts"

export interface Information {
  readonly title?: string
  readonly date?: string
  readonly authors: ReadonlyArray<string>
  readonly keywords: ReadonlyArray<string>
}

// What programs put there when nobody gave a title: their own name, a file's name, a placeholder.
const noTitle =
  /^(?:microsoft (?:word|powerpoint|excel)\b|untitled|no title|document ?\d*$|slide ?\d*$|layout ?\d*$|presentation ?\d*$|powerpoint presentation$|print$|title$|unknown$|scan|adobe )|\.(?:docx?|dotx?|pdf|tex|dvi|indd|qxd|pptx?|xlsx?|rtf|odt|e?ps|html?|txt|cdr|ai|pub|pages)$/i
const noAuthor = /^(?:unknown|user|admin|administrator|author|owner|root|microsoft|windows user|anonymous|scanner)$/i
const date = /^(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:(Z)|([+-])(\d\d)'?(\d\d)?)?/

/** A date as PDF writes it (ISO 32000-1, 7.9.4), as ISO 8601. */
export const pdfDate = (written: string): string | undefined => {
  const [, year, month = "01", day = "01", hour, minute = "00", second = "00", utc, sign, hours, minutes = "00"] =
    date.exec(written.trim()) ?? []
  if (year === undefined) return isoDate(written)
  if (hour === undefined) return isoDate(`${year}-${month}-${day}`)
  const zone = utc !== undefined ? "Z" : sign === undefined ? "" : `${sign}${hours}:${minutes}`
  return isoDate(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`)
}

const field = (info: unknown, name: string): string => oneLine(textOf(info, name))

const split = (text: string, at: RegExp): ReadonlyArray<string> =>
  text
    .slice(0, 2000)
    .split(at)
    .map((part) => part.trim())
    .filter((part) => part !== "")

/** What the document's information dictionary says, as far as a person put it there. */
export const information = ({ info }: { readonly info: unknown }): Information => {
  const title = field(info, "Title")
  const created = pdfDate(field(info, "CreationDate"))
  const isTitle = title.length > 2 && /\p{L}{2}/u.test(title) && !noTitle.test(title)
  const author = field(info, "Author")
  // `Moreno, Ada` is one author; names of two words and more between commas are many.
  const parts = split(author, /[;&]|\band\b/)
  const authors = parts.flatMap((part) => {
    const names = split(part, /,/)
    return names.every((name) => name.includes(" ")) ? names : [part]
  })
  const keywords = field(info, "Keywords")
  return {
    ...(isTitle ? { title } : {}),
    ...(created === undefined ? {} : { date: created }),
    authors: authors.filter((name) => !noAuthor.test(name)),
    keywords: split(keywords, keywords.includes(";") ? /;/ : /,/)
  }
}

interface Bookmark {
  readonly title: string
  readonly items: ReadonlyArray<Bookmark>
}

const maxBookmarks = 20_000
const maxDepth = 6

/** How headings are compared with bookmarks. */
export const headingKey = (text: string): string =>
  oneLine(text)
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{Nd}]+/gu, "")

/** The level, from 1, of each heading that the outline names. */
export const outlineLevels = async (document: {
  readonly getOutline: () => Promise<ReadonlyArray<Bookmark> | null>
}): Promise<ReadonlyMap<string, number>> => {
  const levels = new Map<string, number>()
  let here = (await document.getOutline()) ?? []
  for (let depth = 1; depth <= maxDepth && here.length > 0 && levels.size < maxBookmarks; depth++) {
    const below: Array<Bookmark> = []
    for (const { items, title } of here.slice(0, maxBookmarks)) {
      const key = headingKey(title)
      if (key.length > 1 && !levels.has(key)) levels.set(key, depth)
      for (const item of items) below.push(item)
    }
    here = below
  }
  return levels
}
