import type { Parse } from "./Format.ts"
import { coreProperties, openPackage, stateProperties } from "./office/package.ts"
import type { Package } from "./office/package.ts"
import { PieceWriter } from "./office/pieces.ts"
import { readAuthors, readRemarks } from "./office/remarks.ts"
import { readSlide } from "./office/slide.ts"
import { prefixed } from "./office/xml.ts"
import { Writer } from "./Writer.ts"

/** In the order of the presentation, each once. */
const slidesOf = async (from: Package, main: string): Promise<ReadonlyArray<string>> => {
  const parts = new Map((await from.relationships(main)).map(({ id, part }) => [id, part]))
  const slides = new Set<string>()
  await from.read(main, {
    open: (name, attributes) => {
      const part = name === "sldId" ? parts.get(prefixed(attributes, "id") ?? "") : undefined
      if (part !== undefined && from.has(part)) slides.add(part)
    }
  })
  return [...slides]
}

/**
 * PowerPoint presentations (PresentationML, ECMA-376-1, 19), with or without macros: each slide, hidden ones too, a
 * heading, what stands on it, its speaker notes and its comments.
 */
export const parsePptx: Parse = async (uri, bytes) => {
  const from = await openPackage(uri, bytes)
  const main = await from.main("ppt/presentation.xml")
  const properties = await coreProperties(from)
  const authors = await readAuthors(from, main)
  const writer = new Writer(uri)
  const pieces = new PieceWriter(writer)
  let titled = ""
  for (const [index, part] of (await slidesOf(from, main)).entries()) {
    const relationships = await from.relationships(part)
    const { content, title } = await readSlide(from, part, relationships)
    if (index === 0) titled = title
    const notes = relationships.find(({ type }) => type === "notesSlide")?.part
    const spoken = notes === undefined ? [] : (await readSlide(from, notes, [], true)).content
    const remarks = relationships.filter(({ type }) => type === "comments")
    const said = []
    for (const remark of remarks) said.push(...(await readRemarks(from, remark.part, authors)))

    if (title === "" && content.length + spoken.length + said.length === 0) continue
    pieces.write({ kind: "heading", level: 1, text: title === "" ? `Slide ${index + 1}` : title })
    for (const piece of content) pieces.write(piece)
    if (spoken.length > 0) pieces.write({ kind: "paragraph", text: "Speaker notes:" })
    for (const piece of spoken) pieces.write(piece)
    for (const remark of said) pieces.write({ kind: "paragraph", text: remark.text })
  }
  pieces.flush()
  const title = properties.title || titled
  stateProperties(writer, properties, title)
  return writer.finish({
    mediaType: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    title,
    date: properties.date
  })
}
