import type { Block } from "../../domain/Document.ts"
import { ParseError } from "../../domain/ParseError.ts"
import { clean, decode, isBlank } from "./decode.ts"
import { field, firstText, isFields, listOf, namesIn, textOf, wordsIn } from "./fields.ts"
import type { Parse } from "./Format.ts"
import { writeHtml } from "./Html.ts"
import { readValue } from "./json/read.ts"
import { writeValue } from "./json/write.ts"
import { firstTitle, markdownBlocks } from "./Markdown.ts"
import { frontMatter } from "./markdown/front.ts"
import type { Front } from "./markdown/front.ts"
import { linksOf } from "./markdown/links.ts"
import { authored, isName, keywords } from "./statements.ts"
import { oneLine, Writer } from "./Writer.ts"

/** UTF-16 code units of what a cell prints; logs of training run to megabytes. */
const maxOutput = 8000

const embedded = /data:[a-z]+\/[a-z0-9.+-]+;base64,[A-Za-z0-9+/=]*/gi
/** How Python shows a thing that has no text, such as a plot. */
const shownObject = /^<[^<>\n]*>$/

/** Text stands as one string or as a list of its lines. */
const sourceOf = (value: unknown): string =>
  typeof value === "string"
    ? value
    : Array.isArray(value)
      ? value.filter((line) => typeof line === "string").join("")
      : ""

const cellsOf = (root: unknown): ReadonlyArray<unknown> => {
  const cells = listOf(root, "cells")
  // Version 3 of the format keeps cells in worksheets.
  return cells.length > 0 ? cells : listOf(root, "worksheets").flatMap((sheet) => listOf(sheet, "cells"))
}

const writeOutput = (writer: Writer, output: unknown): void => {
  // Version 3 keeps the kinds of an output beside its type, under short names.
  const data = isFields(field(output, "data")) ? field(output, "data") : output
  const html = sourceOf(field(data, "text/html") ?? field(data, "html"))
  const plain = sourceOf(field(data, "text/plain") ?? field(data, "text"))
  const markdown = sourceOf(field(data, "text/markdown"))
  const error = textOf(output, "ename")
  if (error !== "") writer.code(`${error}: ${textOf(output, "evalue")}`)
  else if (!isBlank(markdown)) {
    const text = clean(markdown)
    writer.append(text, markdownBlocks(text))
  } else if (html !== "" && (isBlank(plain) || /<table/i.test(html))) writeHtml(writer, html)
  else if (!shownObject.test(plain.trim())) {
    writer.code(plain.length > maxOutput ? `${plain.slice(0, maxOutput)}\n…` : plain)
  }
}

/**
 * A Jupyter notebook, version 3 or 4: its Markdown as it is written, its code, and what the code printed. The title is that
 * of the metadata, of front matter in the first cell, or the first heading of level 1. Pictures are left out.
 */
export const parseNotebook: Parse = (uri, bytes) => {
  const source = decode(uri, bytes)
  const read = readValue(source)
  if (!read.ok) {
    const message = `${uri} is a broken notebook: ${read.fault()}: export it again`
    throw new ParseError({ uri, reason: "malformed", message })
  }
  const root = read.value
  const writer = new Writer(uri)
  const cells = cellsOf(root)
  if (cells.length === 0) writeValue(writer, root)
  let front: Front | undefined
  let heading = ""
  const pages: Array<{ readonly shift: number; readonly text: string; readonly blocks: ReadonlyArray<Block> }> = []
  for (const [index, cell] of cells.entries()) {
    const type = textOf(cell, "cell_type")
    const written = clean(sourceOf(field(cell, "source") ?? field(cell, "input")).replaceAll(embedded, ""))
    if (index === 0 && type !== "code") front = frontMatter(`${written}\n`)
    const text = index === 0 && front !== undefined ? written.slice(front.end) : written
    if (type === "code") {
      writer.code(text)
      for (const output of listOf(cell, "outputs")) writeOutput(writer, output)
    } else if (type === "heading") writer.heading(Number(field(cell, "level") ?? 1) || 1, text)
    else if (type === "raw") writer.paragraph(text)
    else {
      const blocks = markdownBlocks(text)
      const at = writer.append(text, blocks)
      if (heading === "") heading = firstTitle(text, blocks)
      if (at >= 0) pages.push({ shift: at - (blocks[0]?.start ?? 0), text, blocks })
    }
  }
  const metadata = field(root, "metadata")
  const title = oneLine(firstText(metadata, ["title", "name"]) ?? "") || front?.title || heading
  writer.state(
    0,
    authored([...namesIn(field(metadata, "authors") ?? field(metadata, "author")), ...(front?.authors ?? [])], title)
  )
  writer.state(0, keywords([...wordsIn(field(metadata, "keywords")), ...(front?.keywords ?? [])], title))
  const language = textOf(metadata, "language_info", "name") || textOf(metadata, "kernelspec", "language")
  if (isName(title) && isName(language)) {
    writer.state(0, {
      entities: [
        { name: title, type: "Work", aliases: [] },
        { name: language, type: "Product", aliases: [] }
      ],
      facts: [{ source: title, target: language, type: "USES", text: `${title} is a notebook in ${language}` }]
    })
  }
  for (const { blocks, shift, text } of pages) {
    for (const { at, ...stated } of linksOf(text, blocks, title)) writer.state(shift + at, stated)
  }
  return writer.finish({ mediaType: "application/x-ipynb+json", title, date: front?.date })
}
