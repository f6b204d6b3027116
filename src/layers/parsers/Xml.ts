import { isoDate } from "./date.ts"
import type { Parse } from "./Format.ts"
import { decodeMarkup } from "./html/charset.ts"
import { readMarkup } from "./html/sax.ts"
import type { Handler } from "./html/sax.ts"
import { authored } from "./statements.ts"
import { oneLine, Writer } from "./Writer.ts"

const names = (list: string): ReadonlySet<string> => new Set(list.split(" "))

const headings = names("title head heading article-title chapter-title")
const codes = names("programlisting screen codeblock literallayout preformat eg verbatim")
const noText = names("script style")
const lineBreaks = names("br break cb lb pb tab")
const cells = names("cell entry td th")
/** Blocks also where text stands before them; what else stands within text is a part of it. */
const blocks = names(
  "blockquote boxed-text caption cell div disp-quote entry figure formalpara glossentry informaltable item itemizedlist " +
    "l lg li list list-item listitem note ol orderedlist p para programlisting q quote row screen sec section sidebar " +
    "simpara sp step table table-wrap td th tip tr ul variablelist varlistentry warning"
)
/** Prose, which no name of its element is put before. */
const prose = names("caption descrip item l li line listitem note p para s seg simpara span t term text tspan")
/** Where DocBook, JATS, TEI and others say what a document is. */
const aboutDocument = names(
  "article-meta articleinfo bookinfo docinfo fileDesc front header info metadata prolog teiHeader title-group titleStmt"
)
const dates = names("pubdate date created published")

// UTF-16 code units.
const longestHeading = 300
const longestValue = 200
const longestWord = 256
const maxAuthors = 50

/** Pictures and keys in base64 or the like. */
const isBlob = (text: string): boolean =>
  text.length > longestWord && /^[A-Za-z0-9+/=\s]*$/.test(text) && text.split(" ").length * 40 < text.length

interface Element {
  readonly name: string
  /** Within text, so that its edges part nothing. */
  readonly isInline: boolean
  /** Whether nothing but what says what the document is stands between it and the root. */
  readonly isAbout: boolean
}

/** Texts that follow one another in one element. */
interface Group {
  readonly parent: Element | undefined
  readonly values: Array<readonly [name: string, text: string]>
}

/** Writes the blocks of XML of which only a few names are known: those of titles, code and paragraphs. */
class XmlReader implements Handler {
  readonly #writer: Writer
  readonly #elements: Array<Element> = []
  /** How deep the titles stand under which the text is. */
  readonly #titles: Array<number> = []
  #parts: Array<string> = []
  #isBlank = true
  #skipped = 0
  /** The element that ended last, whose text may turn out to go on. */
  #ended: Element | undefined
  #hasGap = false
  #group: Group = { parent: undefined, values: [] }
  title = ""
  date: string | undefined
  readonly authors: Array<string> = []

  constructor(writer: Writer) {
    this.#writer = writer
  }

  readonly text = (data: string): void => {
    if (this.#elements.length === 0 || this.#skipped > 0) return
    const isBlank = !/\S/.test(data)
    if (!isBlank) this.#ended = undefined
    else if (this.#ended !== undefined && data.includes("\n")) this.#flush(this.#ended)
    if (isBlank) this.#hasGap = true
    else this.#isBlank = false
    this.#parts.push(data)
  }

  readonly open = (written: string): (() => void) => {
    const name = written.slice(written.indexOf(":") + 1)
    const parent = this.#elements.at(-1)
    // A space and no line break between two elements: words of one text, as in "<b>one</b> <i>two</i>".
    if (this.#ended !== undefined && !this.#hasGap) this.#flush(this.#ended)
    this.#ended = undefined
    if (!this.#isBlank && parent !== undefined && blocks.has(name)) this.#flush(parent)
    if (noText.has(name)) this.#skipped++
    if (lineBreaks.has(name)) this.#parts.push(" ")
    const depth = this.#elements.length
    const isAbout = parent === undefined || (parent.isAbout && (depth === 1 || aboutDocument.has(parent.name)))
    const element: Element = { name, isInline: !this.#isBlank, isAbout }
    this.#elements.push(element)
    return () => {
      if (noText.has(name)) this.#skipped--
      else if (!element.isInline) this.#close(element)
      this.#elements.pop()
    }
  }

  end(): void {
    if (this.#ended !== undefined) this.#flush(this.#ended)
    this.#endGroup()
  }

  #close(element: Element): void {
    if (this.#ended !== undefined) this.#flush(this.#ended)
    this.#ended = this.#isBlank ? undefined : element
    this.#hasGap = false
  }

  #flush(element: Element): void {
    const raw = this.#parts.join("")
    this.#parts = []
    this.#isBlank = true
    this.#ended = undefined
    const text = oneLine(raw)
    if (text === "" || isBlob(text)) return
    const parent = this.#elements.at(-1)
    if (element.isAbout) this.#note(element.name, text)
    if (codes.has(element.name)) {
      this.#endGroup()
      this.#writer.code(raw)
    } else if (headings.has(element.name) && text.length <= longestHeading) {
      this.#endGroup()
      const depth = element.isAbout ? 1 : this.#elements.length
      while ((this.#titles.at(-1) ?? -1) >= depth) this.#titles.pop()
      this.#titles.push(depth)
      this.#writer.heading(this.#titles.length, text)
    } else if (text.length > longestValue) {
      this.#endGroup()
      this.#writer.paragraph(text)
    } else {
      if (this.#group.parent !== parent) this.#endGroup()
      if (this.#group.values.length === 0) this.#group = { parent, values: [] }
      this.#group.values.push([element.name, text])
    }
  }

  #note(name: string, text: string): void {
    if (headings.has(name) && this.title === "") this.title = text
    else if (dates.has(name)) this.date ??= isoDate(text)
    else if (name === "author" && this.authors.length < maxAuthors) this.authors.push(text)
  }

  /** Values of different names are a record, a line each; cells are a row; others are paragraphs. */
  #endGroup(): void {
    const { values } = this.#group
    this.#group = { parent: undefined, values: [] }
    if (values.length > 1 && values.every(([name]) => cells.has(name))) {
      this.#writer.paragraph(values.map(([, text]) => text).join(" | "))
    } else if (isRecord(values)) {
      this.#writer.paragraph(values.map(([name, text]) => `${name.replaceAll(/[_-]+/g, " ")}: ${text}`).join("\n"))
    } else for (const [, text] of values) this.#writer.paragraph(text)
  }
}

const isRecord = (values: Group["values"]): boolean =>
  values.length > 1 &&
  new Set(values.map(([name]) => name)).size === values.length &&
  values.every(([name, text]) => !prose.has(name) && !/[.!?\u3002]$/.test(text))

/**
 * XML of any kind: the text of its elements as paragraphs, in their order, short ones that stand together and have names
 * of their own as lines `name: text`; titles as headings, by how they are nested; no attributes. Title, date and author
 * are those that the document states of itself. Nothing is declared by a DTD: entities but those of XML stay as they are
 * written, so that none unfolds and none is fetched.
 */
export const parseXml: Parse = (uri, bytes) => {
  const writer = new Writer(uri)
  const reader = new XmlReader(writer)
  readMarkup(decodeMarkup(uri, bytes), reader, { xml: true })
  reader.end()
  writer.state(0, authored(reader.authors, reader.title))
  return writer.finish({ mediaType: "application/xml", title: reader.title, date: reader.date })
}
