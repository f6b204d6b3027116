import { ParseError } from "../../domain/ParseError.ts"
import type { Parse } from "./Format.ts"
import { readContent, readListStyles, readObjects } from "./office/odfContent.ts"
import { openPackage, readProperties, stateProperties } from "./office/package.ts"
import type { Package } from "./office/package.ts"
import { PieceWriter } from "./office/pieces.ts"
import { SheetWriter } from "./office/sheet.ts"
import { attribute } from "./office/xml.ts"
import { Writer } from "./Writer.ts"

const maxObjects = 500

/** What the manifest lists (OpenDocument 1.3, part 2, 4): documents within the document, and whether a password is needed. */
const manifestOf = async (from: Package) => {
  const objects: Array<string> = []
  let mediaType = ""
  let isEncrypted = false
  await from.read("META-INF/manifest.xml", {
    open: (name, attributes) => {
      if (name === "encryption-data") isEncrypted = true
      if (name !== "file-entry") return
      const path = attribute(attributes, "full-path") ?? ""
      if (path === "/") mediaType = attribute(attributes, "media-type") ?? ""
      if (/^[^/]+\/content\.xml$/.test(path) && objects.length < maxObjects) objects.push(path)
    }
  })
  return { objects, mediaType, isEncrypted }
}

const mediaTypes = /^application\/vnd\.oasis\.opendocument\.[a-z-]{1,40}$/

/**
 * OpenDocument texts, sheets, presentations and drawings (ISO/IEC 26300): headings, lists, tables, notes and comments;
 * each sheet or slide a heading. Deleted text, page headers and tables of contents are left out.
 */
export const parseOpenDocument: Parse = async (uri, bytes) => {
  const from = await openPackage(uri, bytes)
  const { isEncrypted, mediaType, objects } = await manifestOf(from)
  if (isEncrypted) {
    const message = `${uri} is protected by a password: save it without one first`
    throw new ParseError({ uri, reason: "protected", message })
  }
  if (!from.has("content.xml")) {
    const message = `${uri} lacks its main part content.xml: get an undamaged copy of it`
    throw new ParseError({ uri, reason: "malformed", message })
  }
  const properties = await readProperties(from, "meta.xml")
  const writer = new Writer(uri)
  const pieces = new PieceWriter(writer)
  const { titles } = await readContent(from, "content.xml", {
    styles: await readListStyles(from, "styles.xml"),
    objects: await readObjects(from, objects),
    sheets: new SheetWriter(uri, writer),
    emit: pieces.write
  })
  pieces.flush()
  const title = properties.title || titles[0] || ""
  stateProperties(writer, properties, title)
  return writer.finish({
    mediaType: mediaTypes.test(mediaType) ? mediaType : "application/vnd.oasis.opendocument.text",
    title,
    date: properties.date
  })
}
