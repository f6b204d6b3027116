import { Context, Schema } from "effect"
import type { Effect } from "effect"
import type { Block } from "../domain/Document.ts"

/** What a parser makes of bytes; `ParsedDocument` without the ids. */
export interface Parsed {
  readonly mediaType: string
  readonly title: string
  readonly date?: string
  readonly text: string
  readonly blocks: ReadonlyArray<Block>
}

export class ParseError extends Schema.TaggedError<ParseError>()("ParseError", {
  uri: Schema.String,
  reason: Schema.Literals(["unsupported", "malformed", "empty", "timeout"]),
  /** For a person: what is wrong with the document, and what to do. */
  message: Schema.String
}) {}

/**
 * Bytes to text with blocks. Never fails otherwise than with a `ParseError`, whatever the bytes are; the text that comes
 * out is well-formed Unicode, and is not blank.
 */
export class Parser extends Context.Service<
  Parser,
  {
    readonly parse: (uri: string, bytes: Uint8Array) => Effect.Effect<Parsed, ParseError>
    /** Part of a document's recipe: changes when the same bytes would be parsed differently. */
    readonly version: string
  }
>()("sluice/services/Parser") {}
