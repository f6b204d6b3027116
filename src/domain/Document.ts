import type { Statement } from "./Extraction.ts"
import type { DocumentId, Group } from "./Ids.ts"

/**
 * What a piece of a document is. A `turn` is what one speaker says at once; `list` and `table` are split between their
 * items or rows at most, `code` between its lines at most.
 */
export type BlockKind = "heading" | "paragraph" | "list" | "table" | "code" | "turn"

/** A piece of a document; `[start,end)` in UTF-16 code units of the document's text. */
export interface Block {
  readonly kind: BlockKind
  readonly start: number
  readonly end: number
  /** Of a heading, 1 to 6. */
  readonly level?: number
  /** Of a turn. */
  readonly speaker?: string
  /** When a turn was said: milliseconds since the epoch, or since the start of the recording. */
  readonly at?: number
  /** Of a turn that answers another one: where that one starts in the text. */
  readonly replyTo?: number
  /** Where a list or table may be split: the start of each item or row but the first, ascending. */
  readonly splits?: ReadonlyArray<number>
  /** Of a table: the text of its header row, repeated in the header of each further piece. */
  readonly columns?: string
}

/**
 * A document as text. The text is well-formed Unicode; blocks ascend, do not overlap, and hold all that is not blank.
 */
export interface ParsedDocument {
  readonly id: DocumentId
  readonly group: Group
  readonly mediaType: string
  /** What the document itself states; empty if nothing: names of sources are no part of a document, which copies share. */
  readonly title: string
  /** ISO 8601 date or date-time that the source itself states. */
  readonly date?: string
  readonly text: string
  readonly blocks: ReadonlyArray<Block>
  /** Ascending by `at`. */
  readonly statements?: ReadonlyArray<Statement>
}
