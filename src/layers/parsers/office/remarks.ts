import { remark } from "./package.ts"
import type { Package } from "./package.ts"
import { attribute } from "./xml.ts"

/** What somebody said of a slide or, with `at` (`B2`), of a cell. */
export interface Remark {
  readonly at: string
  readonly text: string
}

/** Names by the ids that comments have for their authors. */
export type Authors = ReadonlyMap<string, string>

const maxAuthors = 100_000

/** The people who comment on a presentation or a workbook, of which Office keeps lists in different parts. */
export const readAuthors = async (from: Package, main: string): Promise<Authors> => {
  const authors = new Map<string, string>()
  for (const { part, type } of await from.relationships(main)) {
    if (type !== "commentAuthors" && type !== "authors" && type !== "person") continue
    await from.read(part, {
      open: (name, attributes) => {
        if (name !== "cmAuthor" && name !== "author" && name !== "person") return
        const id = attribute(attributes, "id")
        const called = attribute(attributes, "name") ?? attribute(attributes, "displayName")
        if (id !== undefined && called !== undefined && authors.size < maxAuthors) authors.set(id, called)
      }
    })
  }
  return authors
}

const elements = new Set(["cm", "reply", "comment", "threadedComment"])

interface Open {
  readonly author: string
  readonly at: string
  readonly text: Array<string>
}

/** Comments in the order of the part, in the classic and in the threaded form, of presentations and of workbooks. */
export const readRemarks = async (from: Package, part: string, authors: Authors): Promise<ReadonlyArray<Remark>> => {
  const found: Array<Open> = []
  const open: Array<Open> = []
  const listed: Array<string> = []
  let listing: Array<string> | undefined
  let inText = false
  let inPhonetic = false
  await from.read(part, {
    open: (name, attributes) => {
      if (name === "author") listing = []
      else if (name === "rPh") inPhonetic = true
      else if (elements.has(name)) {
        const id = attribute(attributes, "authorId") ?? attribute(attributes, "personId") ?? ""
        const author = authors.get(id) ?? listed[Number(id)] ?? ""
        const one: Open = { author, at: attribute(attributes, "ref") ?? open.at(-1)?.at ?? "", text: [] }
        open.push(one)
        found.push(one)
      } else inText = name === "t" || name === "text"
    },
    text: (text) => {
      if (listing !== undefined) listing.push(text)
      else if (inText && !inPhonetic) open.at(-1)?.text.push(text)
    },
    close: (name) => {
      if (name === "author" && listing !== undefined) {
        listed.push(listing.join(""))
        listing = undefined
      } else if (name === "rPh") inPhonetic = false
      else if (name === "p") open.at(-1)?.text.push("\n")
      else if (elements.has(name)) open.pop()
      inText = false
    }
  })
  return found
    .map(({ at, author, text }) => ({ at, author, text: text.join("").trim() }))
    .filter(({ text }) => text !== "")
    .map(({ at, author, text }) => ({ at, text: remark(author, text) }))
}
