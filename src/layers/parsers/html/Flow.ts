import { Inline } from "./Inline.ts"
import type { Piece } from "./pieces.ts"

/** UTF-16 code units: a longer "heading" was left open, or is no heading. */
const longestHeading = 300
/** UTF-16 code units: a list item that goes on beyond it is text with paragraphs. */
const longestItem = 600

/** What holds for all of a page. */
export interface Page {
  readonly headingOffset: number
  /** A first heading that says the same is left out. */
  readonly title: string
  hasHeading: boolean
  /** The first heading of level 1. */
  heading: string
}

export interface List {
  readonly isOrdered: boolean
  /** The number of the next item. */
  next: number
}

/** Text that flows: the page's, or that of a cell of a table. It becomes pieces as its blocks end. */
export class Flow {
  readonly text = new Inline()
  readonly lists: Array<List> = []
  readonly #page: Page
  readonly #use: (piece: Piece) => void
  #items: Array<{ readonly depth: number; readonly mark: string; text: string }> = []
  /** Of the item that has begun and has no text yet. */
  #mark: string | undefined
  #joint = "\n"
  #level: number | undefined
  #verbatim = 0
  #links: Array<string> = []

  constructor(page: Page, use: (piece: Piece) => void) {
    this.#page = page
    this.#use = use
  }

  get inHeading(): boolean {
    return this.#level !== undefined
  }

  /** Whether an item of a list has begun, and is empty so far. */
  get atItemStart(): boolean {
    return this.#mark !== undefined && this.text.isBlank
  }

  /** A link in the text that is not yet a piece; false if there is no such text. */
  link(name: string): boolean {
    if (this.text.isBlank && this.#items.length === 0) return false
    this.#links.push(name)
    return true
  }

  /** False where headings cannot be: in preformatted text. */
  startHeading(level: number): boolean {
    this.endHeading()
    this.flush()
    if (this.#verbatim > 0) return false
    this.#level = level
    return true
  }

  endHeading(): void {
    const level = this.#level
    if (level === undefined) return
    this.#level = undefined
    const text = this.text.take().replaceAll(/\s+/g, " ").trim()
    if (text === "") return
    this.endList()
    this.#mark = undefined
    if (text.length > longestHeading) return this.put({ kind: "paragraph", text, links: this.#takeLinks() })
    const isTitle = !this.#page.hasHeading && text === this.#page.title
    this.#page.hasHeading = true
    if (level === 1 && this.#page.heading === "") this.#page.heading = text
    if (isTitle) return
    this.put({ kind: "heading", level: level + this.#page.headingOffset, text, links: this.#takeLinks() })
  }

  startVerbatim(): void {
    this.flush()
    this.#verbatim++
    this.text.isVerbatim = true
  }

  endVerbatim(): void {
    this.flush()
    this.#verbatim--
    this.text.isVerbatim = this.#verbatim > 0
  }

  startItem(mark: string): void {
    this.break()
    this.#mark = mark
  }

  /** The explanation of a term goes on its line. */
  startExplanation(): void {
    this.break()
    if (this.#items.length > 0) this.#joint = ": "
  }

  /** The edge of a block: within preformatted text a line's end, within a heading a space, else a block's end. */
  break(): void {
    if (this.#verbatim > 0) this.text.lineEnd()
    else if (this.inHeading && !this.text.isLongerThan(longestHeading)) this.text.word("")
    else {
      this.endHeading()
      this.flush()
    }
  }

  flush(): void {
    if (this.inHeading) return this.text.word("")
    const text = this.text.take()
    if (text.trim() === "") return
    if (this.#verbatim > 0) {
      this.endList()
      return this.put({ kind: "code", text, links: this.#takeLinks() })
    }
    const depth = this.lists.length - 1
    const item = this.#items.at(-1)
    if (depth >= 0 && this.#mark !== undefined) {
      this.#items.push({ depth, mark: this.#mark, text })
      this.#mark = undefined
    } else if (depth >= 0 && item !== undefined && item.text.length + text.length <= longestItem) {
      item.text += `${this.#joint}${text}`
    } else {
      this.endList()
      this.put({ kind: "paragraph", text, links: this.#takeLinks() })
    }
    this.#joint = "\n"
  }

  endList(): void {
    if (this.#items.length === 0) return
    const items = this.#items
    this.#items = []
    this.put({ kind: "list", items, links: this.#takeLinks() })
  }

  /** A piece that is ready. */
  put(piece: Piece): void {
    this.#use(piece)
  }

  /** Ends whatever is open. */
  end(): void {
    this.endHeading()
    this.flush()
    this.endList()
  }

  #takeLinks(): Array<string> {
    const links = this.#links
    this.#links = []
    return links
  }
}
