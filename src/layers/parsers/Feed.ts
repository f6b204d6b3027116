import { isoDate } from "./date.ts"
import type { Parse } from "./Format.ts"
import { decodeMarkup } from "./html/charset.ts"
import { readMarkup } from "./html/sax.ts"
import type { Handler } from "./html/sax.ts"
import { stateHtml, writeHtml } from "./Html.ts"
import { authored, keywords } from "./statements.ts"
import { oneLine, Writer } from "./Writer.ts"
import { parseXml } from "./Xml.ts"

/** What a feed says of itself, or of an item in it; texts are HTML. */
interface Entry {
  title: string
  /** The best there is: `contentWorth` says how good. */
  content: string
  contentWorth: number
  date: string
  dateWorth: number
  readonly authors: Array<string>
  readonly categories: Array<string>
}

const entry = (): Entry => ({
  title: "",
  content: "",
  contentWorth: 0,
  date: "",
  dateWorth: 0,
  authors: [],
  categories: []
})

const maxNames = 50
// Names without their prefix, which a feed is free to choose: RSS, Atom, Dublin Core and the content module share no name
// for different things.
const contents: ReadonlyMap<string, number> = new Map([
  ["encoded", 5],
  ["content", 4],
  ["description", 3],
  ["summary", 2],
  ["subtitle", 2],
  ["tagline", 2]
])
const dates: ReadonlyMap<string, number> = new Map([
  ["pubdate", 5],
  ["published", 5],
  ["issued", 4],
  ["date", 4],
  ["created", 3],
  ["lastbuilddate", 2],
  ["updated", 2],
  ["modified", 2]
])
const subjects = new Set(["category", "subject"])
const people = new Set(["creator", "author", "contributor"])
/** Vocabularies of players and podcasts say again what the feed says, so they count where it says nothing. */
const repeats = /search\.yahoo\.com|itunes|podcast/i

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;")

const plain = (html: string): string => {
  const parts: Array<string> = []
  readMarkup(html, {
    open: () => undefined,
    text: (data) => {
      parts.push(data)
    }
  })
  return oneLine(parts.join(""))
}

/** RSS has "ada@example.org (Ada Moreno)". */
const nameOf = (written: string): string => {
  const name = plain(written)
  const address = /^[^\s@]{1,200}@[^\s@()]{1,200}(?: \((.{1,200})\))?$/.exec(name)
  return address ? (address[1] ?? "") : name
}

interface Field {
  readonly name: string
  readonly depth: number
  /** Whether its text is HTML itself; else it is plain. */
  readonly isHtml: boolean
  readonly isRepeat: boolean
  readonly parts: Array<string>
}

const keep = (into: Entry, { isRepeat, name, parts }: Field): void => {
  const text = parts.join("").trim()
  if (text === "") return
  const content = (contents.get(name) ?? 0) - (isRepeat ? 1.5 : 0)
  const date = dates.get(name) ?? 0
  if (name === "title") into.title ||= text
  else if (content > into.contentWorth) {
    into.content = text
    into.contentWorth = content
  } else if (date > into.dateWorth) {
    into.date = text
    into.dateWorth = date
  } else if ((people.has(name) || name === "name") && into.authors.length < maxNames) into.authors.push(text)
  else if (subjects.has(name) && into.categories.length < maxNames) into.categories.push(text)
}

interface Use {
  readonly feed: (feed: Entry) => void
  readonly item: (item: Entry) => void
}

/** Hands over the feed, once what it says before its items is known, and each item as it ends. */
class FeedReader implements Handler {
  readonly #use: Use
  readonly #vocabularies = new Map<string, string>()
  readonly #feed = entry()
  #item: Entry | undefined
  #field: Field | undefined
  #isAtom = false
  #isGiven = false
  #inPerson = false
  #depth = 0
  /** Of the feed or item whose children are its fields; -1 outside of any. */
  #parent = -1

  constructor(use: Use) {
    this.#use = use
  }

  /** Whether there is anything of a feed. */
  end(): boolean {
    if (!this.#isGiven && (this.#feed.title !== "" || this.#feed.content !== "")) this.#give()
    return this.#isGiven
  }

  readonly text = (data: string): void => {
    const field = this.#field
    if (field !== undefined) field.parts.push(field.isHtml && this.#depth === field.depth ? data : escape(data))
  }

  readonly open = (written: string, attributes: ReadonlyMap<string, string>): (() => void) => {
    const depth = ++this.#depth
    const exit = this.#enter(written, attributes, depth)
    return () => {
      exit?.()
      this.#depth = depth - 1
    }
  }

  #give(): void {
    if (!this.#isGiven) this.#use.feed(this.#feed)
    this.#isGiven = true
  }

  #enter(written: string, attributes: ReadonlyMap<string, string>, depth: number): (() => void) | undefined {
    const colon = written.indexOf(":")
    const name = written.slice(colon + 1).toLowerCase()
    const field = this.#field
    if (field !== undefined) {
      // XHTML in Atom, or HTML that somebody forgot to escape: markup of the text.
      const shown = [...attributes].map(([key, value]) => ` ${key}="${escape(value)}"`)
      field.parts.push(`<${name}${shown.join("")}>`)
      return () => void field.parts.push(`</${name}>`)
    }
    for (const [key, value] of attributes) {
      if (key.startsWith("xmlns:") && this.#vocabularies.size < 1000) this.#vocabularies.set(key.slice(6), value)
    }
    if ((name === "item" || name === "entry") && this.#item === undefined && depth > 1) return this.#startItem(depth)
    if ((name === "channel" || name === "feed") && this.#parent < 0) {
      this.#isAtom = name === "feed"
      this.#parent = depth
      return () => {
        this.#parent = -1
      }
    }
    if (this.#parent < 0) return undefined
    const vocabulary = colon < 0 ? "" : (this.#vocabularies.get(written.slice(0, colon)) ?? "")
    return this.#startField(name, repeats.test(vocabulary), attributes, depth)
  }

  #startItem(depth: number): () => void {
    this.#give()
    const outer = this.#parent
    const item = entry()
    this.#item = item
    this.#parent = depth
    return () => {
      this.#use.item(item)
      this.#item = undefined
      this.#parent = outer
    }
  }

  #startField(
    name: string,
    isRepeat: boolean,
    attributes: ReadonlyMap<string, string>,
    depth: number
  ): (() => void) | undefined {
    const into = this.#item ?? this.#feed
    const isChild = depth === this.#parent + 1
    if (isChild && this.#isAtom && (name === "author" || name === "contributor")) {
      this.#inPerson = true
      return () => {
        this.#inPerson = false
      }
    }
    const term = attributes.get("label") ?? attributes.get("term") ?? ""
    if (isChild && name === "category" && term !== "") {
      if (into.categories.length < maxNames) into.categories.push(escape(term))
      return undefined
    }
    const isField = name === "title" || contents.has(name) || dates.has(name) || subjects.has(name) || people.has(name)
    const isName = this.#inPerson && name === "name" && depth === this.#parent + 2
    // Players' feeds have the description of an item in a group of media.
    const isDescription = this.#item !== undefined && isRepeat && name === "description"
    if (!isName && !isDescription && !(isField && isChild)) return undefined
    const type = attributes.get("type")?.toLowerCase() ?? ""
    const isHtml = !isName && (!this.#isAtom || /html|xml/.test(type))
    const field: Field = { name, depth, isHtml, isRepeat, parts: [] }
    this.#field = field
    return () => {
      this.#field = undefined
      keep(into, field)
    }
  }
}

const writeEntry = (writer: Writer, { authors, categories, content, date, title }: Entry, level: number): string => {
  const name = plain(title)
  const by = [...new Set(authors.map(nameOf))].filter((author) => author !== "")
  const about = [...new Set(categories.map(plain))].filter((category) => category !== "")
  const at = writer.heading(level, name)
  const when = plain(date)
  const line = [by.length > 0 ? `By ${by.join(", ")}` : "", when].filter((part) => part !== "").join(", ")
  const byline = writer.paragraph(line)
  const start = at >= 0 ? at : byline
  writer.state(start, authored(by, name))
  writer.state(start, keywords(about, name))
  if (about.length > 0) writer.paragraph(`Categories: ${about.join(", ")}`)
  if (content !== "") {
    const facts = writeHtml(writer, content, { headingOffset: level, title: name })
    stateHtml(writer, { ...facts, authors: [], keywords: [] }, name)
  }
  return name
}

/**
 * A feed in RSS 0.9x, 1.0 or 2.0 or Atom: its title and description, then each item as a heading with author and date,
 * categories, and its content, or its summary where that is all. An item's author and categories are stated at its
 * heading. What turns out to be other XML is read as that.
 */
export const parseFeed: Parse = (uri, bytes) => {
  const source = decodeMarkup(uri, bytes)
  const writer = new Writer(uri)
  let title = ""
  let date: string | undefined
  const reader = new FeedReader({
    feed: (feed) => {
      title = writeEntry(writer, feed, 1)
      date = isoDate(plain(feed.date))
    },
    item: (item) => {
      writeEntry(writer, item, 2)
    }
  })
  readMarkup(source, reader, { xml: true })
  if (!reader.end()) return parseXml(uri, bytes)
  const isAtom = /<(?:\w{1,50}:)?feed[\s>]/.test(source.slice(0, 4096))
  return writer.finish({ mediaType: isAtom ? "application/atom+xml" : "application/rss+xml", title, date })
}
