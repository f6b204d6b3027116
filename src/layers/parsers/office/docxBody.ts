import type { Numbering, Styles } from "./docxStyles.ts"
import { Flow } from "./Flow.ts"
import type { FrameKind, Style } from "./Flow.ts"
import { MathText } from "./math.ts"
import { remark } from "./package.ts"
import type { Package } from "./package.ts"
import type { Piece } from "./pieces.ts"
import { attribute, isOn, prefixed } from "./xml.ts"
import type { Attributes } from "./xml.ts"

/** What the text refers to by its kind and id (`footnote 3`), until it is given out. */
export type Notes = Map<string, { readonly text: string }>

export interface BodyOptions {
  readonly styles: Styles
  readonly numbering: Numbering
  /** Footnotes, endnotes and comments are added to it, and taken out of it where the text refers to them. */
  readonly notes: Notes
  readonly drawings: (id: string | undefined) => ReadonlyArray<Piece>
  readonly emit: (piece: Piece) => void
}

/** What is not shown: deletions, what was moved away, properties before a change, the second of two forms of a picture. */
const leftOut = new Set([
  "del",
  "moveFrom",
  "Fallback",
  "sectPr",
  "pPrChange",
  "rPrChange",
  "tblPrChange",
  // How to read a base text aloud, character by character.
  "rt"
])
const references: ReadonlyMap<string, string> = new Map([
  ["footnoteReference", "footnote"],
  ["endnoteReference", "endnote"],
  ["commentReference", "comment"]
])
const noteElements = new Set(["footnote", "endnote", "comment"])
const blocks: ReadonlyMap<string, FrameKind> = new Map([
  ["tbl", "table"],
  ["tr", "row"],
  ["tc", "cell"],
  ["txbxContent", "box"]
])
const maxLinks = 200

/** What a paragraph's own properties say so far. */
interface Paragraph {
  style?: string | undefined
  outline?: number | undefined
  list?: string | undefined
  level?: number | undefined
}

/** A character of a symbol font; those of the private area (Wingdings and the like) mean nothing in another font. */
const symbol = (code: string | undefined): string => {
  const value = Number.parseInt(code ?? "", 16)
  return value >= 0x20 && value < 0xe000 && !(value >= 0xd800 && value <= 0xdfff) ? String.fromCodePoint(value) : " "
}

/**
 * Reads a part with the text of a Word document: its body, or its notes. Gives the titles by style, and the words of its
 * links to elsewhere.
 */
export const readBody = async (
  from: Package,
  part: string,
  { drawings, emit, notes, numbering, styles }: BodyOptions
): Promise<{ readonly titles: ReadonlyArray<string>; readonly links: ReadonlyArray<string> }> => {
  const titles: Array<string> = []
  const links: Array<string> = []
  const paragraphs: Array<Paragraph> = []
  const flow = new Flow(emit)
  const numbers = new Map<string, number>()
  let skipped = 0
  let inProperties = 0
  let inText = false
  let isHidden = false
  let hasChoice = false
  let isPlaceholder = false
  let math: MathText | undefined
  let link: Array<string> | undefined
  let shown: Array<string> = []
  let author = ""
  let noteId = ""

  const say = (text: string): void => {
    if (isHidden) return
    flow.text(text)
    if (link !== undefined) link.push(text)
    shown.push(text)
  }

  const styleOf = (paragraph: Paragraph): Style => {
    const style = styles(paragraph.style)
    if (style.kind === "contents") return { kind: "hidden" }
    const outline = paragraph.outline === undefined ? style.level : paragraph.outline + 1
    if (style.kind === "title") return { kind: "heading", level: 1 }
    if (outline !== undefined && outline >= 1 && outline <= 9) return { kind: "heading", level: outline }
    const list = paragraph.list ?? style.list?.id
    if (list === undefined || list === "0") return { kind: "paragraph" }
    const level = Math.min(8, Math.max(0, Math.trunc(paragraph.level ?? style.list?.level ?? 0) || 0))
    return { kind: "item", level, mark: numbering(list, level) }
  }

  const refer = (kind: string, id: string | undefined): void => {
    const key = `${kind} ${id ?? ""}`
    const note = notes.get(key)
    if (note === undefined) return
    notes.delete(key)
    if (kind === "comment") return flow.after([{ kind: "note", text: note.text }])
    const number = numbers.size + 1
    numbers.set(key, number)
    say(`[${number}]`)
    flow.after([{ kind: "note", text: `[${number}] ${note.text}` }])
  }

  const openInParagraph = (name: string, attributes: Attributes): void => {
    const kind = references.get(name)
    if (kind !== undefined) return refer(kind, attribute(attributes, "id"))
    if (name === "t") inText = true
    else if (name === "tab" || name === "ptab") say("\t")
    else if (name === "br" || name === "cr") say("\n")
    else if (name === "noBreakHyphen") say("-")
    else if (name === "sym") say(symbol(attribute(attributes, "char")))
    else if (name === "hyperlink" && prefixed(attributes, "id") !== undefined) link = []
    else if (name === "docPr" || name === "shape") {
      const alternative = attribute(attributes, name === "shape" ? "alt" : "descr") ?? ""
      if (alternative.trim() !== "") say(` [${alternative.trim()}] `)
    } else if (name === "chart") flow.after(drawings(prefixed(attributes, "id")))
    else if (name === "relIds") flow.after(drawings(prefixed(attributes, "dm")))
  }

  const openProperty = (name: string, attributes: Attributes): void => {
    const paragraph = paragraphs.at(-1)
    const value = attribute(attributes, "val")
    if (name === "vanish" && inProperties === 1) isHidden = isOn(attributes)
    else if (name === "showingPlcHdr") isPlaceholder = isOn(attributes)
    else if (name === "gridSpan") flow.span(Number(value))
    else if (paragraph === undefined) return
    else if (name === "pStyle") paragraph.style = value
    else if (name === "outlineLvl") paragraph.outline = Number(value)
    else if (name === "numId") paragraph.list = value
    else if (name === "ilvl") paragraph.level = Number(value)
  }

  const open = (name: string, attributes: Attributes): void => {
    if (skipped > 0) skipped++
    else if (math !== undefined) math.open(name, attributes)
    else if (inProperties > 0) {
      if (name === "del" && inProperties === 1) flow.drop()
      if (leftOut.has(name)) skipped = 1
      else {
        openProperty(name, attributes)
        inProperties++
      }
    } else if (leftOut.has(name) && (name !== "Fallback" || hasChoice)) skipped = 1
    else if (name === "sdtContent" && isPlaceholder) {
      isPlaceholder = false
      skipped = 1
    } else if (name.endsWith("Pr") && name !== "docPr") inProperties = 1
    else if (name === "p") {
      flow.open("paragraph")
      paragraphs.push({})
      shown = []
    } else if (name === "r") isHidden = false
    else if (blocks.has(name)) flow.open(blocks.get(name) ?? "box")
    else if (noteElements.has(name)) {
      author = attribute(attributes, "author") ?? ""
      noteId = attribute(attributes, "id") ?? ""
      flow.open("box")
    } else if (name === "AlternateContent") hasChoice = false
    else if (name === "Choice") hasChoice = true
    else if (name === "sdt") isPlaceholder = false
    else if (name === "oMath" && flow.isInParagraph) math = new MathText()
    else openInParagraph(name, attributes)
  }

  const close = (name: string): void => {
    if (skipped > 0) skipped--
    else if (math !== undefined) {
      if (!math.isDone) return math.close()
      const text = math.finish()
      math = undefined
      say(text)
    } else if (inProperties > 0) inProperties--
    else if (name === "p") {
      const paragraph = paragraphs.pop() ?? {}
      if (styles(paragraph.style).kind === "title") titles.push(shown.join(""))
      flow.style(styleOf(paragraph))
      flow.close()
    } else if (blocks.has(name)) flow.close()
    else if (noteElements.has(name)) {
      const text = flow.take()
      if (text.trim() !== "")
        notes.set(`${name} ${noteId}`, { text: name === "comment" ? remark(author, text) : text.trim() })
    } else if (name === "t") inText = false
    else if (name === "r") isHidden = false
    else if (name === "hyperlink" && link !== undefined) {
      if (links.length < maxLinks) links.push(link.join(""))
      link = undefined
    }
  }

  const text = (piece: string): void => {
    if (skipped > 0 || inProperties > 0) return
    if (math !== undefined) math.text(piece)
    else if (inText) say(piece)
  }

  await from.read(part, { open, close, text })
  return { titles, links }
}
