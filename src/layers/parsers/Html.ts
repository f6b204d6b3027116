import { writeChat } from "./chats/Conversation.ts"
import { readHtmlChat } from "./chats/Html.ts"
import type { Parse } from "./Format.ts"
import { decodeMarkup } from "./html/charset.ts"
import { Converter } from "./html/Converter.ts"
import type { Link } from "./html/Converter.ts"
import { MetadataReader } from "./html/metadata.ts"
import type { Metadata } from "./html/metadata.ts"
import { readMarkup } from "./html/sax.ts"
import type { Handler } from "./html/sax.ts"
import { authored, keywords, linked } from "./statements.ts"
import { Writer } from "./Writer.ts"

/** What HTML says of itself, and the links in it that have names, at most 200. */
export interface HtmlFacts extends Metadata {
  readonly links: ReadonlyArray<Link>
}

export interface HtmlOptions {
  /** Added to the level of each heading. */
  readonly headingOffset?: number
  /** What the HTML is called where it is put: a first heading that says the same is left out. */
  readonly title?: string
  /** It is XML: `<p/>` has no content, CDATA is text. */
  readonly xhtml?: boolean
  /** Where nothing but navigation or hidden text is found, leave it out all the same. */
  readonly contentOnly?: boolean
}

const maxTitle = 1000
const maxLinkedData = 1024 * 1024

/** Reads what a page says of itself on the way; the rest is the converter's. */
const withMetadata = (converter: Converter, metadata: MetadataReader): Handler => {
  let captured: Array<string> | undefined
  let room = 0
  const capture = (limit: number, use: (text: string) => void): (() => void) => {
    const parts: Array<string> = []
    captured = parts
    room = limit
    return () => {
      captured = undefined
      use(parts.join(""))
    }
  }
  let drawings = 0
  return {
    open: (name, attributes) => {
      switch (name) {
        case "html":
          metadata.language = attributes.get("lang") ?? attributes.get("xml:lang") ?? ""
          break
        case "meta":
          metadata.meta(attributes)
          break
        case "time":
          metadata.time(attributes)
          break
        case "title":
          if (drawings > 0) break
          return capture(maxTitle, (text) => {
            if (metadata.title === "") metadata.title = text.trim()
          })
        case "script":
          if (attributes.get("type")?.trim().toLowerCase() !== "application/ld+json") break
          return capture(maxLinkedData, (text) => metadata.linkedData(text))
        case "svg": {
          drawings++
          const exit = converter.open(name, attributes)
          return () => {
            drawings--
            exit?.()
          }
        }
      }
      return converter.open(name, attributes)
    },
    text: (data) => {
      if (captured === undefined) converter.text(data)
      else if (room > 0) {
        captured.push(data.slice(0, room))
        room -= data.length
      }
    }
  }
}

/**
 * Appends the text of HTML, a whole page or a part of one, however broken, to what is written: headings, paragraphs,
 * lists, tables and code. Scripts, styles, navigation, page footers and what is hidden are left out, unless there is
 * nothing else. Nothing is stated: `stateHtml` does that with what is returned. Time is linear in the HTML.
 */
export const writeHtml = (writer: Writer, html: string, options: HtmlOptions = {}): HtmlFacts => {
  const xhtml = options.xhtml ?? false
  const read = (everything: boolean): HtmlFacts => {
    const title = options.title?.replaceAll(/\s+/g, " ").trim() ?? ""
    const converter = new Converter(writer, { headingOffset: options.headingOffset ?? 0, title, everything })
    const metadata = new MetadataReader()
    readMarkup(html, withMetadata(converter, metadata), { xhtml })
    converter.end()
    return { ...metadata.finish(converter.heading), links: converter.links }
  }
  const before = writer.length
  const facts = read(false)
  return writer.length > before || options.contentOnly === true ? facts : read(true)
}

/** States authors and keywords at `at` of the work called `title`, and its links where they stand. */
export const stateHtml = (writer: Writer, facts: HtmlFacts, title = facts.title, at = 0): void => {
  writer.state(at, authored(facts.authors, title))
  writer.state(at, keywords(facts.keywords, title))
  for (const [start, links] of Map.groupBy(facts.links, (link) => link.at)) {
    writer.state(
      start,
      linked(
        title,
        links.map(({ label }) => label)
      )
    )
  }
}

/**
 * A web page: its text block by block. The title is `<title>`, else what its metadata say, else the first heading; the
 * date is that of publication as metadata, linked data or a `<time>` state it; authors, keywords and links are statements.
 * What a chat program exports as a page is a conversation.
 */
export const parseHtml: Parse = (uri, bytes) => {
  const html = decodeMarkup(uri, bytes)
  const chat = readHtmlChat(html)
  if (chat !== undefined) return writeChat(uri, chat, "text/html")
  const writer = new Writer(uri)
  const facts = writeHtml(writer, html, { xhtml: /^\s{0,100}<\?xml\s/.test(html) })
  stateHtml(writer, facts)
  return writer.finish({ mediaType: "text/html", title: facts.title, date: facts.date })
}
