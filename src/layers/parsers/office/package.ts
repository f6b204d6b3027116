import { ParseError } from "../../../domain/ParseError.ts"
import { memberAt, pathOf, percentDecoded } from "../../zip/names.ts"
import { openZip } from "../../zip/Zip.ts"
import type { Zip } from "../../zip/Zip.ts"
import { isoDate } from "../date.ts"
import { authored, keywords } from "../statements.ts"
import { oneLine } from "../Writer.ts"
import type { Writer } from "../Writer.ts"
import { attribute, readXml } from "./xml.ts"
import type { XmlReader } from "./xml.ts"

export interface Relationship {
  readonly id: string
  /** The last word of its type's address: `styles`, `slide`; transitional and strict files differ only before that. */
  readonly type: string
  /** A part of the package; targets outside of it are left out. */
  readonly part: string
}

/** The parts of an office file and how they refer to each other (Open Packaging Conventions, ECMA-376-2). */
export interface Package {
  readonly uri: string
  readonly has: (part: string) => boolean
  /** Reads a part; nothing if there is none of that name. */
  readonly read: (part: string, reader: XmlReader) => Promise<void>
  readonly relationships: (part: string) => Promise<ReadonlyArray<Relationship>>
  /** The part that the package is about. */
  readonly main: (usual: string) => Promise<string>
}

/** What a document says of itself. */
export interface Properties {
  readonly title: string
  readonly authors: ReadonlyArray<string>
  readonly date: string | undefined
  readonly keywords: ReadonlyArray<string>
}

const folderOf = (part: string): string => part.slice(0, part.lastIndexOf("/") + 1)

const maxRelationships = 100_000

export const openPackage = async (uri: string, bytes: Uint8Array): Promise<Package> =>
  fromZip(uri, await openZip(uri, bytes))

const fromZip = (uri: string, zip: Zip): Package => {
  // Names of parts are equal without regard to case (ECMA-376-2, 6.2.2.3); the first of two stands.
  const names = new Map(zip.entries.toReversed().map(({ name }) => [name.toLowerCase(), name]))
  const find = (part: string) => names.get(part.toLowerCase()) ?? names.get(percentDecoded(part).toLowerCase())
  const read = async (part: string, reader: XmlReader): Promise<void> => {
    const name = find(part)
    if (name !== undefined) await readXml(uri, zip.stream(name), reader)
  }
  const relationships = async (part: string): Promise<ReadonlyArray<Relationship>> => {
    const found = new Map<string, Relationship>()
    await read(`${folderOf(part)}_rels/${part.slice(folderOf(part).length)}.rels`, {
      open: (name, attributes) => {
        if (name !== "Relationship" || attribute(attributes, "TargetMode") === "External") return
        const id = attribute(attributes, "Id") ?? ""
        const type = attribute(attributes, "Type") ?? ""
        const target = attribute(attributes, "Target") ?? ""
        if (found.has(id) || found.size >= maxRelationships || target.includes("://")) return
        found.set(id, { id, type: type.slice(type.lastIndexOf("/") + 1), part: memberAt(part, pathOf(target)) })
      }
    })
    return [...found.values()]
  }
  return {
    uri,
    has: (part) => find(part) !== undefined,
    read,
    relationships,
    main: async (usual) => {
      const stated = (await relationships("")).find(({ type }) => type === "officeDocument")?.part
      const part = stated !== undefined && find(stated) !== undefined ? stated : usual
      if (find(part) !== undefined) return part
      const message = `${uri} lacks its main part ${usual}: get an undamaged copy of it`
      throw new ParseError({ uri, reason: "malformed", message })
    }
  }
}

/** What programs put there by themselves. */
const madeUpTitle =
  /^(?:microsoft word - .*|(?:word|powerpoint|excel) ?(?:document|presentation|workbook)?|pr(?:e|ä)sentation ?\d*|document ?\d*|untitled.*|slide \d+|title|null)$/i
const madeUpAuthor =
  /^(?:python-docx|openpyxl|python-pptx|apache poi|microsoft .*|windows user|user|admin|administrator|unknown(?: author)?|author|owner|steve canny|openoffice.*|libreoffice.*)$/i

/** A remark that somebody made on the text; programs that know no author still name one. */
export const remark = (author: string, text: string): string => {
  const by = oneLine(author)
  return `Comment${by === "" || madeUpAuthor.test(by) ? "" : ` by ${by}`}: ${text.trim()}`
}

/** Reads what Dublin Core elements a part of properties holds, whichever program wrote them. */
const propertiesReader = (found: Map<string, Array<string>>): XmlReader => {
  let pieces: Array<string> = []
  return {
    open: () => {
      pieces = []
    },
    text: (text) => {
      pieces.push(text)
    },
    close: (name) => {
      const value = pieces.join("").trim()
      pieces = []
      if (value === "") return
      const values = found.get(name)
      if (values === undefined) found.set(name, [value])
      else if (values.length < 1000) values.push(value)
    }
  }
}

const first = (found: ReadonlyMap<string, ReadonlyArray<string>>, ...names: ReadonlyArray<string>): string =>
  names.map((name) => found.get(name)?.[0] ?? "").find((value) => value !== "") ?? ""

/** The properties of a document, in Office's part for them or in OpenDocument's `meta.xml`. */
export const readProperties = async (from: Package, part: string): Promise<Properties> => {
  const found = new Map<string, Array<string>>()
  await from.read(part, propertiesReader(found))
  const title = first(found, "title")
  const date = isoDate(first(found, "created", "creation-date", "date"))
  return {
    title: madeUpTitle.test(title) ? "" : title,
    authors: first(found, "initial-creator", "creator")
      .split(/[;\n]/)
      .map((name) => name.trim())
      .filter((name) => name !== "" && !madeUpAuthor.test(name)),
    // Programs that keep no date write the beginning of their calendar.
    date: date !== undefined && date > "1990" ? date : undefined,
    keywords: [...(found.get("keywords") ?? []), ...(found.get("keyword") ?? [])]
      .flatMap((words) => words.split(/[,;\n]/))
      .map((word) => word.trim())
      .filter((word) => word !== "")
      .slice(0, 100)
  }
}

/** The properties of an Office file, wherever its package says they are. */
export const coreProperties = async (from: Package): Promise<Properties> => {
  const stated = (await from.relationships("")).find(({ type }) => type === "core-properties")?.part
  return readProperties(from, stated ?? "docProps/core.xml")
}

export const stateProperties = (writer: Writer, { authors, keywords: words }: Properties, title: string): void => {
  writer.state(0, authored(authors, title))
  writer.state(0, keywords(words, title))
}
