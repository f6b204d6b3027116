import type { ChunkId, DocumentId } from "./Ids.ts"

/** A stretch of a document that is extracted from at once. */
export interface Chunk {
  readonly id: ChunkId
  readonly document: DocumentId
  /** Position in the document, from 0. */
  readonly ordinal: number
  /** `text` is the document's text in `[start,end)`, in UTF-16 code units. */
  readonly start: number
  readonly end: number
  readonly text: string
  /** Context outside the span: title › headings › speakers or date, and a table's columns. */
  readonly header: string
  /** Tokens of `text`, by o200k_base. */
  readonly tokens: number
}
