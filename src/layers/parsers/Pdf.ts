import { getResolvedPDFJS } from "unpdf"
import { ParseError } from "../../domain/ParseError.ts"
import type { Parse } from "./Format.ts"
import { bodyOf, Pieces } from "./pdf/Blocks.ts"
import { flows } from "./pdf/Columns.ts"
import { withoutFurniture } from "./pdf/Furniture.ts"
import { rows } from "./pdf/Lines.ts"
import { information, outlineLevels } from "./pdf/Metadata.ts"
import type { Information } from "./pdf/Metadata.ts"
import { annotated, pageText } from "./pdf/Page.ts"
import type { PageText } from "./pdf/Page.ts"
import { write } from "./pdf/Write.ts"

type PdfJs = Awaited<ReturnType<typeof getResolvedPDFJS>>
type PdfDocument = Awaited<ReturnType<PdfJs["getDocument"]>["promise"]>

/** The thickest books have some 5,000. */
const maxPages = 10_000
/** UTF-16 code units in all pages: as much as a document may have. */
const maxText = 64 * 1024 * 1024

/** Nothing is drawn, fetched or run: fonts are read for their characters alone. */
const options = {
  verbosity: 0,
  disableFontFace: true,
  useSystemFonts: false,
  fontExtraProperties: false,
  enableXfa: false,
  stopAtErrors: false,
  useWorkerFetch: false,
  useWasm: false,
  isOffscreenCanvasSupported: false,
  isImageDecoderSupported: false,
  disableAutoFetch: true,
  disableStream: true,
  disableRange: true
} as const

interface Read {
  readonly pages: ReadonlyArray<ReadonlyArray<PageText>>
  /** What was noted on each page. */
  readonly comments: ReadonlyArray<ReadonlyArray<string>>
  /** Pages that could not be read. */
  readonly broken: number
}

const readPages = async (uri: string, document: PdfDocument): Promise<Read> => {
  const pages: Array<ReadonlyArray<PageText>> = []
  const comments: Array<ReadonlyArray<string>> = []
  let broken = 0
  let length = 0
  for (let number = 1; number <= document.numPages; number++) {
    try {
      const page = await document.getPage(number)
      const { items } = await page.getTextContent({ includeMarkedContent: false })
      const text = items.flatMap((item) => ("str" in item ? [item] : []))
      const notes = annotated(await page.getAnnotations())
      pages.push(pageText([...text, ...notes.values], page.getViewport({ scale: 1 })))
      comments.push(notes.comments)
      page.cleanup()
      for (const { str } of text) length += str.length
    } catch {
      // What pdf.js cannot read of one page says nothing of the others.
      pages.push([])
      comments.push([])
      broken++
    }
    if (length > maxText) {
      const message = `${uri} holds more than ${maxText / 1024 / 1024} million characters of text: split it`
      throw new ParseError({ uri, reason: "too-large", message })
    }
  }
  return { pages, comments, broken }
}

const pictures = (count: number): string =>
  count === 1 ? "its page is a picture, or blank" : `its ${count} pages are pictures, or blank`

/** Fails if there is nothing to read, and says why. */
const check = (uri: string, { broken, comments, pages }: Read): void => {
  const fail = (reason: ParseError["reason"], message: string) => new ParseError({ uri, reason, message })
  if (comments.some((page) => page.length > 0)) return
  if (pages.some((page) => page.length > 0)) {
    const letters = pages
      .flat(1)
      .reduce((sum, { items }) => sum + items.reduce((all, { text }) => all + text.length, 0), 0)
    const unmapped = pages
      .flat(1)
      .reduce(
        (sum, { items }) => sum + items.reduce((all, { text }) => all + (text.match(noCharacter)?.length ?? 0), 0),
        0
      )
    if (2 * unmapped <= letters) return
    const message = `the fonts of ${uri} do not say which letters they show: run OCR over it, or save it anew from its source`
    throw fail("malformed", message)
  }
  if (broken === pages.length) {
    throw fail(
      "malformed",
      `no page of ${uri} can be read, for it is damaged: get it anew, or open it and save it again`
    )
  }
  const message = `${uri} holds no text: ${pictures(pages.length)}; run OCR over it first, and ingest what that makes`
  throw fail("empty", message)
}

/** What stands for a glyph that has no character: controls, private use, U+FFFD. */
const noCharacter = /[\u0000-\u0008\u000e-\u001f\u007f-\u009f\ue000-\uf8ff\ufffd]/g

const opened = async (uri: string, pdfjs: PdfJs, data: Uint8Array) => {
  const task = pdfjs.getDocument({ ...options, data })
  try {
    return { task, document: await task.promise }
  } catch (error) {
    await task.destroy()
    const name = error instanceof Error ? error.name : ""
    if (name === "PasswordException") {
      const message = `${uri} is behind a password: save it without the password first`
      throw new ParseError({ uri, reason: "protected", message })
    }
    const message = `${uri} is not a PDF that can be read, or only part of one: get it anew, or open it and save it again`
    throw new ParseError({ uri, reason: "malformed", message })
  }
}

/**
 * A PDF: its text in reading order, column by column, as headings (by size or outline), paragraphs, lists and tables.
 * Lines are joined, across pages too, and hyphenated words made whole; running headers and footers and page numbers are
 * left out. States authors and keywords. Damaged files are read as far as pdf.js recovers them. Fails as `protected`
 * without its password, `empty` if its pages are pictures, `too-large` beyond 10,000 pages.
 */
export const parsePdf: Parse = async (uri, bytes) => {
  const pdfjs = await getResolvedPDFJS()
  // A copy, for pdf.js takes the buffer that it is given.
  const { document, task } = await opened(uri, pdfjs, new Uint8Array(bytes))
  try {
    const { numPages } = document
    if (numPages > maxPages) {
      const message = `${uri} has ${numPages} pages, more than the ${maxPages} that are read of a document: split it`
      throw new ParseError({ uri, reason: "too-large", message })
    }
    const read = await readPages(uri, document)
    check(uri, read)
    const info: Information = await document.getMetadata().then(information, () => ({ authors: [], keywords: [] }))
    const outline = await outlineLevels(document).catch(() => new Map<string, number>())
    const sheets = read.pages.map((page) => ({ height: page[0]?.height ?? 0, rows: rows(page[0]?.items ?? []) }))
    const turned = read.pages.map((page) => page.slice(1).map(({ items }) => rows(items)))
    const layout = withoutFurniture(sheets).map((page, index) => [...flows(page), ...(turned[index] ?? [])])
    const body = bodyOf(layout)
    return write(uri, new Pieces(layout, read.comments, body).pieces, body, info, outline)
  } finally {
    await task.destroy()
  }
}
