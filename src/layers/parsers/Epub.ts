import { ParseError } from "../../domain/ParseError.ts"
import { memberAt, pathOf, percentDecoded } from "../zip/names.ts"
import { openZip } from "../zip/Zip.ts"
import type { Zip } from "../zip/Zip.ts"
import { isoDate } from "./date.ts"
import type { Parse } from "./Format.ts"
import { decodeMarkup } from "./html/charset.ts"
import { readMarkup } from "./html/sax.ts"
import { writeHtml } from "./Html.ts"
import { authored, keywords } from "./statements.ts"
import { oneLine, Writer } from "./Writer.ts"

const container = "META-INF/container.xml"
const encryption = "META-INF/encryption.xml"
const chapterName = /\.x?html?$/i
const chapterType = /html|dtbook/i
const maxNames = 100
// Fonts are made unreadable outside of their book in these two ways, which has nothing to do with its text.
const fontAlgorithms = /idpf\.org\/2008\/embedding|ns\.adobe\.com\/pdf\/enc/

type Attributes = ReadonlyMap<string, string>

/** Each element of XML with its text, by its name without prefix, as it ends. */
const eachElement = (xml: string, use: (name: string, attributes: Attributes, text: () => string) => void): void => {
  let parts: Array<string> = []
  readMarkup(
    xml,
    {
      open: (written, attributes) => {
        const name = written.slice(written.indexOf(":") + 1)
        const own = new Map(attributes)
        parts = []
        return () => use(name, own, () => oneLine(parts.join("")))
      },
      text: (data) => {
        parts.push(data)
      }
    },
    { xml: true }
  )
}

const resolve = (from: string, href: string): string => memberAt(from, percentDecoded(pathOf(href)))

interface Package {
  readonly titles: Array<string>
  readonly authors: Array<string>
  readonly subjects: Array<string>
  readonly descriptions: Array<string>
  date: string | undefined
  readonly chapters: Array<string>
}

const readPackage = (path: string, xml: string): Package => {
  const found: Package = { titles: [], authors: [], subjects: [], descriptions: [], date: undefined, chapters: [] }
  const items = new Map<string, { readonly path: string; readonly isText: boolean }>()
  const lists: ReadonlyMap<string, Array<string>> = new Map([
    ["title", found.titles],
    ["creator", found.authors],
    ["subject", found.subjects],
    ["description", found.descriptions]
  ])
  eachElement(xml, (name, attributes, text) => {
    if (name === "item") {
      const id = attributes.get("id")
      const member = resolve(path, attributes.get("href") ?? "")
      const isContents = (attributes.get("properties") ?? "").split(/\s+/).includes("nav")
      const isText = chapterType.test(attributes.get("media-type") ?? "") || chapterName.test(member)
      if (id !== undefined && !items.has(id)) items.set(id, { path: member, isText: isText && !isContents })
    } else if (name === "itemref") {
      const item = items.get(attributes.get("idref") ?? "")
      if (item?.isText === true) found.chapters.push(item.path)
    } else if (name === "date") {
      // "creation" and "modification" are of the file (OPF 2.0.1 §2.2.7).
      const event = [...attributes].find(([key]) => key.endsWith("event"))?.[1] ?? "publication"
      if (/publication/i.test(event)) found.date ??= isoDate(text())
    } else {
      const list = lists.get(name)
      const value = list === undefined ? "" : text()
      if (list !== undefined && value !== "" && list.length < maxNames) list.push(value)
    }
  })
  return { ...found, chapters: [...new Set(found.chapters)] }
}

/** Names of the members that only a reader with a key can read. */
const encryptedMembers = async (zip: Zip): Promise<ReadonlySet<string>> => {
  const found = new Set<string>()
  if (!zip.has(encryption)) return found
  let algorithm = ""
  eachElement(await zip.text(encryption), (name, attributes) => {
    if (name === "EncryptionMethod") algorithm = attributes.get("Algorithm") ?? ""
    if (name === "CipherReference" && !fontAlgorithms.test(algorithm))
      found.add(resolve("", attributes.get("URI") ?? ""))
  })
  return found
}

const findPackage = async (zip: Zip): Promise<string | undefined> => {
  const named: Array<string> = []
  if (zip.has(container)) {
    eachElement(await zip.text(container), (name, attributes) => {
      if (name === "rootfile") named.push(resolve("", attributes.get("full-path") ?? ""))
    })
  }
  return named.find((name) => zip.has(name)) ?? zip.entries.find(({ name }) => name.endsWith(".opf"))?.name
}

/**
 * An EPUB book: its title, authors and description, then the chapters in the order of its spine, whose headings are one
 * level below the title. The contents page is left out. Chapters that are missing or broken are passed over; a book
 * without any is `malformed`, one most of whose chapters are encrypted is `protected`.
 */
export const parseEpub: Parse = async (uri, bytes) => {
  const zip = await openZip(uri, bytes)
  const path = await findPackage(zip)
  const book = readPackage(path ?? "", path === undefined ? "" : await zip.text(path))
  const listed = book.chapters.filter((name) => zip.has(name))
  const chapters =
    listed.length > 0
      ? listed
      : zip.entries.flatMap(({ name }) => (chapterName.test(name) && !/\bnav\./i.test(name) ? [name] : [])).toSorted()
  const encrypted = await encryptedMembers(zip)
  const isProtected = (name: string) => encrypted.has(name)
  if (chapters.length > 0 && chapters.filter(isProtected).length * 2 >= chapters.length) {
    const message = `${uri} is a book with copy protection (DRM): ingest a copy of it without`
    throw new ParseError({ uri, reason: "protected", message })
  }

  const writer = new Writer(uri)
  const title = book.titles[0] ?? ""
  writer.heading(1, title)
  if (book.authors.length > 0) writer.paragraph(`By ${book.authors.join(", ")}`)
  for (const description of book.descriptions) writeHtml(writer, description, { headingOffset: 1 })
  const start = writer.length
  let readable = 0
  for (const name of chapters) {
    if (isProtected(name)) continue
    const html = await zip.read(name).then(
      (chapter) => chapterText(uri, chapter),
      (error: unknown) => {
        if (error instanceof ParseError && error.reason === "malformed") return undefined
        throw error
      }
    )
    if (html === undefined) continue
    readable++
    writeHtml(writer, html, { headingOffset: 1, title: readable === 1 ? title : "", xhtml: true, contentOnly: true })
  }
  if (writer.length === start) {
    const message =
      readable === 0
        ? `${uri} is an EPUB book none of whose chapters can be found: get an undamaged copy of it`
        : `${uri} is an EPUB book whose chapters hold no text (they may be pictures): leave it out, or make text of them first`
    throw new ParseError({ uri, reason: readable === 0 ? "malformed" : "empty", message })
  }
  writer.state(0, authored(book.authors, title))
  writer.state(0, keywords(book.subjects, title))
  return writer.finish({ mediaType: "application/epub+zip", title, date: book.date })
}

const chapterText = (uri: string, bytes: Uint8Array): string | undefined => {
  try {
    return decodeMarkup(uri, bytes)
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}
