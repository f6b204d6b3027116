import { rowReader } from "../statements.ts"
import type { Writer } from "../Writer.ts"
import { edgeOf, isBlock, isNeverShown, isSkipped } from "./elements.ts"
import { Flow } from "./Flow.ts"
import type { Page } from "./Flow.ts"
import { isLinkName, isSkipLink } from "./links.ts"
import { Table, writePiece } from "./pieces.ts"
import type { Piece } from "./pieces.ts"
import type { Handler } from "./sax.ts"

type Attributes = ReadonlyMap<string, string>
type Exit = (() => void) | undefined

export interface Link {
  readonly label: string
  /** Where the block begins in which the link stands. */
  readonly at: number
}

export interface ConverterOptions {
  readonly headingOffset: number
  /** A first heading that says the same is left out. */
  readonly title: string
  /** Also what is hidden or navigation: for a page that shows nothing else. */
  readonly everything: boolean
}

/** Tables within tables beyond this depth are read as if their cells were paragraphs. */
const maxTables = 8
const maxLinks = 200
const longestLabel = 200

const endsHeading = new Set(
  "article blockquote dl figure hr listing main menu ol pre section table ul xmp plaintext".split(" ")
)
const preformatted = new Set(["pre", "xmp", "listing", "plaintext", "textarea"])
const ownsFooter = new Set(["article", "main", "section", "blockquote", "li", "td", "figure"])
const fileName = /^[\w.%-]{0,200}\.(?:avif|bmp|gif|jpe?g|png|svg|webp)$/i
const displayBlock = /(?:^|[;\s])display\s*:\s*(?:block|flex|grid|list-item)/i

const headingLevel = (name: string, attributes: Attributes): number | undefined => {
  if (/^h[1-6]$/.test(name)) return Number(name[1])
  if (attributes.get("role") !== "heading") return undefined
  const level = Number.parseInt(attributes.get("aria-level") ?? "", 10)
  return level >= 1 && level <= 6 ? level : 2
}

/** Turns the elements and the text of HTML into the blocks of a document, which it writes as they end. */
export class Converter implements Handler {
  readonly #writer: Writer
  readonly #everything: boolean
  readonly #page: Page
  readonly #tables: Array<Table> = []
  readonly #links = new Map<string, number>()
  #flow: Flow
  /** Of the cell that is open. */
  #pieces: Array<Piece> | undefined
  #skipped = 0
  /** How many elements are open whose footers are theirs. */
  #contents = 0
  #deepTables = 0
  #lastAt = -1
  #label: Array<string> | undefined

  constructor(writer: Writer, { everything, headingOffset, title }: ConverterOptions) {
    this.#writer = writer
    this.#everything = everything
    this.#page = { headingOffset, title, hasHeading: false, heading: "" }
    this.#flow = new Flow(this.#page, (piece) => this.#write(piece))
  }

  /** The first heading of level 1. */
  get heading(): string {
    return this.#page.heading
  }

  get links(): ReadonlyArray<Link> {
    return Array.from(this.#links, ([label, at]) => ({ label, at }))
  }

  readonly text = (data: string): void => {
    if (this.#skipped > 0) return
    this.#flow.text.add(data)
    this.#label?.push(data)
  }

  readonly open = (name: string, attributes: Attributes): Exit => {
    if (this.#skipped > 0) return undefined
    const isHidden = this.#everything ? isNeverShown(name) : isSkipped(name, attributes, this.#contents > 0)
    if (isHidden) return this.#skip()
    const level = headingLevel(name, attributes)
    if (level !== undefined) return this.#heading(level)
    return isBlock(name) || displayBlock.test((attributes.get("style") ?? "").slice(0, 4096))
      ? this.#block(name, attributes)
      : this.#inline(name, attributes)
  }

  /** Writes what is left. */
  end(): void {
    this.#flow.end()
  }

  #skip(): Exit {
    this.#skipped++
    return () => {
      this.#skipped--
    }
  }

  #block(name: string, attributes: Attributes): Exit {
    const flow = this.#flow
    if (endsHeading.has(name) || (name === "p" && !flow.text.isBlank)) flow.endHeading()
    if (preformatted.has(name)) {
      flow.startVerbatim()
      return () => flow.endVerbatim()
    }
    switch (name) {
      case "ul":
      case "ol":
      case "menu":
      case "dir":
      case "dl":
        return this.#list(name, attributes)
      case "li":
      case "dt":
        return this.#item(attributes)
      case "dd":
        flow.startExplanation()
        return this.#break
      case "table":
        return this.#table(attributes)
      case "thead":
        this.#tables.at(-1)?.startHead(true)
        return () => this.#tables.at(-1)?.startHead(false)
      case "tr":
        if (this.#tables.length === 0 || this.#deepTables > 0) break
        this.#tables.at(-1)?.startRow()
        return () => this.#tables.at(-1)?.endRow()
      case "td":
      case "th":
        if (this.#tables.length === 0 || this.#deepTables > 0) break
        return this.#cell(name === "th", attributes)
    }
    this.#break()
    if (!ownsFooter.has(name)) return this.#break
    this.#contents++
    return () => {
      this.#contents--
      this.#break()
    }
  }

  #inline(name: string, attributes: Attributes): Exit {
    const { text } = this.#flow
    switch (name) {
      case "br":
        text.lineBreak()
        this.#label?.push(" ")
        return undefined
      case "img":
        return this.#image(attributes.get("alt")?.trim() ?? "")
      case "a":
        text.edge("surely")
        return this.#link(attributes.get("href") ?? "", attributes.has("hreflang"))
      case "sup":
        text.raised()
        return undefined
      case "math":
        text.mark()
        return undefined
      case "annotation":
        return /tex/i.test(attributes.get("encoding") ?? "") && text.backToMark() ? undefined : this.#skip()
      case "annotation-xml":
        return this.#skip()
      case "button":
        return this.#button()
      case "wbr":
        return undefined
    }
    const edge = edgeOf(name)
    if (edge === "none") return undefined
    text.edge(edge)
    return () => this.#flow.text.edge(edge)
  }

  #image(alt: string): undefined {
    if (alt !== "" && !fileName.test(alt.slice(0, 250))) this.#flow.text.word(alt)
    return undefined
  }

  /** A question that unfolds an answer is a button too; what has less than three words only works the page. */
  #button(): Exit {
    const { inHeading, text } = this.#flow
    if (inHeading) return undefined
    text.edge("surely")
    const from = text.position
    return () => {
      if (this.#flow.text !== text) return
      if (text.since(from).trim().split(/\s+/).length < 3) text.cut(from)
      text.edge("surely")
    }
  }

  #link(href: string, isTranslation: boolean): Exit {
    const label: Array<string> = []
    const { atItemStart, text } = this.#flow
    const from = text.position
    this.#label = label
    return () => {
      this.#flow.text.edge("surely")
      if (this.#label === label) this.#label = undefined
      const name = label
        .join("")
        .slice(0, longestLabel)
        .replaceAll(/\s+/g, " ")
        .replace(/[ ,;:]+$/, "")
        .trim()
      const isControl = (isTranslation && atItemStart) || isSkipLink(name, href)
      if (isControl && this.#flow.text === text) text.cut(from)
      else if (!isTranslation && isLinkName(name, href) && !this.#flow.link(name)) this.#linkLast(name)
    }
  }

  /** A link around blocks, of which the last is ready. */
  #linkLast(name: string): void {
    if (this.#pieces === undefined) this.#state([name], this.#lastAt)
    else this.#pieces.at(-1)?.links.push(name)
  }

  #heading(level: number): Exit {
    const flow = this.#flow
    if (!flow.startHeading(level)) return this.#break
    return () => {
      flow.endHeading()
      flow.flush()
    }
  }

  #list(name: string, attributes: Attributes): Exit {
    const flow = this.#flow
    flow.flush()
    flow.lists.push({ isOrdered: name === "ol", next: integer(attributes.get("start")) ?? 1 })
    return () => {
      flow.flush()
      flow.lists.pop()
      if (flow.lists.length === 0) flow.endList()
    }
  }

  #item(attributes: Attributes): Exit {
    const list = this.#flow.lists.at(-1)
    if (list === undefined) {
      this.#break()
      return this.#break
    }
    list.next = integer(attributes.get("value")) ?? list.next
    this.#flow.startItem(list.isOrdered ? `${list.next++}. ` : "- ")
    this.#contents++
    return () => {
      this.#contents--
      this.#break()
    }
  }

  #table(attributes: Attributes): Exit {
    const flow = this.#flow
    flow.flush()
    if (this.#tables.length >= maxTables) {
      this.#deepTables++
      return () => {
        flow.flush()
        this.#deepTables--
      }
    }
    const role = attributes.get("role")
    const table = new Table(role === "presentation" || role === "none")
    this.#tables.push(table)
    return () => {
      flow.flush()
      this.#tables.pop()
      const pieces = table.pieces()
      if (pieces.length > 0) flow.endList()
      for (const piece of pieces) flow.put(piece)
    }
  }

  #cell(isHeader: boolean, attributes: Attributes): Exit {
    const colspan = attributes.get("colspan")
    const rowspan = attributes.get("rowspan")
    const pieces: Array<Piece> = []
    const outer = this.#flow
    const outerPieces = this.#pieces
    const table = this.#tables.at(-1)
    outer.flush()
    this.#pieces = pieces
    this.#flow = new Flow(this.#page, (piece) => void pieces.push(piece))
    return () => {
      this.#flow.end()
      this.#flow = outer
      this.#pieces = outerPieces
      table?.add(pieces, isHeader, colspan, rowspan)
    }
  }

  readonly #break = (): void => {
    this.#flow.break()
    this.#label?.push(" ")
  }

  #write(piece: Piece): void {
    const read = piece.kind === "table" && piece.header ? rowReader(piece.rows[0] ?? []) : undefined
    const at = writePiece(this.#writer, piece, read)
    if (at >= 0) this.#lastAt = at
    this.#state(piece.links, at)
  }

  #state(links: ReadonlyArray<string>, at: number): void {
    if (at < 0) return
    for (const link of links) if (this.#links.size < maxLinks && !this.#links.has(link)) this.#links.set(link, at)
  }
}

const integer = (written: string | undefined): number | undefined => {
  const value = Number.parseInt(written ?? "", 10)
  return Math.abs(value) < 1e9 ? value : undefined
}
