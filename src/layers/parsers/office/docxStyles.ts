import type { Package } from "./package.ts"
import { attribute } from "./xml.ts"

/** What a paragraph style says of the paragraphs that have it. */
export interface ParagraphStyle {
  readonly kind: "title" | "contents" | "text"
  /** Of a heading, 1 to 9. */
  readonly level?: number | undefined
  readonly list?: { readonly id: string; readonly level: number | undefined } | undefined
}

/** Styles by their id; ids that the file does not define are taken for what Word calls its own. */
export type Styles = (id: string | undefined) => ParagraphStyle

interface Written {
  name: string
  basedOn?: string | undefined
  outline?: number | undefined
  listId?: string | undefined
  listLevel?: number | undefined
}

/** Word's longest chain is 11; a longer one may be a circle. */
const maxChain = 20
const maxStyles = 10_000

/** The names of built-in styles are English in every language's Word; only ids are translated. */
const headingName = /^heading ?([1-9])$/i
const contentsName = /^(?:toc|contents) ?(?:\d|heading)$/i

export const readStyles = async (from: Package, part: string): Promise<Styles> => {
  const written = new Map<string, Written>()
  let current: Written | undefined
  await from.read(part, {
    open: (name, attributes) => {
      const value = attribute(attributes, "val")
      if (name === "style") {
        const id = attribute(attributes, "styleId") ?? ""
        current = { name: id }
        const isParagraph = (attribute(attributes, "type") ?? "paragraph") === "paragraph"
        if (isParagraph && !written.has(id) && written.size < maxStyles) written.set(id, current)
      } else if (current === undefined || value === undefined) return
      else if (name === "name") current.name = value
      else if (name === "basedOn") current.basedOn = value
      else if (name === "outlineLvl") current.outline = Number(value)
      else if (name === "numId") current.listId = value
      else if (name === "ilvl") current.listLevel = Number(value)
    },
    close: (name) => {
      if (name === "style") current = undefined
    },
    text: () => {}
  })
  const known = new Map<string, ParagraphStyle>()
  const find = (id: string): ParagraphStyle => {
    const chain: Array<Written> = []
    for (let at: string | undefined = id; at !== undefined && chain.length < maxChain;) {
      const style: Written | undefined = written.get(at)
      chain.push(style ?? { name: at })
      at = style?.basedOn
    }
    const level = chain
      .map(({ name, outline }) => (outline === undefined ? Number(headingName.exec(name)?.[1] ?? NaN) : outline + 1))
      .find((value) => !Number.isNaN(value))
    const listed = chain.find(({ listId }) => listId !== undefined)
    const own = chain[0]?.name ?? ""
    return {
      kind: contentsName.test(own) ? "contents" : chain.some(({ name }) => /^title$/i.test(name)) ? "title" : "text",
      // The tenth outline level is that of text.
      level: level === undefined || level < 1 || level > 9 ? undefined : level,
      list:
        listed?.listId === undefined
          ? undefined
          : { id: listed.listId, level: chain.find(({ listLevel }) => listLevel !== undefined)?.listLevel }
    }
  }
  return (id) => {
    if (id === undefined) return { kind: "text" }
    const style = known.get(id) ?? find(id)
    known.set(id, style)
    return style
  }
}

/** Gives the mark of the next item of a list: `- `, or its number among those of its level. */
export type Numbering = (list: string, level: number) => string

interface Level {
  isOrdered: boolean
  start: number
}

const maxLists = 50_000

export const readNumbering = async (from: Package, part: string): Promise<Numbering> => {
  const abstract = new Map<string, Map<number, Level>>()
  const lists = new Map<string, string>()
  let levels: Map<number, Level> | undefined
  let level: Level | undefined
  let list: string | undefined
  await from.read(part, {
    open: (name, attributes) => {
      const value = attribute(attributes, "val") ?? ""
      if (name === "abstractNum" && abstract.size < maxLists) {
        levels = new Map()
        abstract.set(attribute(attributes, "abstractNumId") ?? "", levels)
      } else if (name === "num") list = attribute(attributes, "numId")
      else if (name === "abstractNumId" && list !== undefined && lists.size < maxLists) lists.set(list, value)
      else if (name === "lvl" && list === undefined) {
        level = { isOrdered: true, start: 1 }
        levels?.set(Number(attribute(attributes, "ilvl")), level)
      } else if (name === "numFmt" && level !== undefined) level.isOrdered = value !== "bullet" && value !== "none"
      else if (name === "start" && level !== undefined) level.start = Math.trunc(Number(value)) || 1
    },
    close: (name) => {
      if (name === "abstractNum") levels = undefined
      else if (name === "lvl") level = undefined
      else if (name === "num") list = undefined
    },
    text: () => {}
  })
  const counters = new Map<string, Array<number>>()
  return (id, at) => {
    const { isOrdered, start } = abstract.get(lists.get(id) ?? "")?.get(at) ?? { isOrdered: false, start: 1 }
    const counts = counters.get(id) ?? []
    counters.set(id, counts)
    counts.length = Math.min(counts.length, at + 1)
    const next = counts[at] === undefined ? start : counts[at] + 1
    counts[at] = next
    return isOrdered ? `${next}. ` : "- "
  }
}
