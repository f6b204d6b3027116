import { Context, Effect, Layer } from "effect"
import type { ParsedDocument } from "../domain/Document.ts"
import { paragraphs } from "../domain/Paragraphs.ts"
import { ParseError } from "../domain/ParseError.ts"

/** What a parser makes of bytes. */
export interface Parsed extends Omit<ParsedDocument, "id" | "group"> {}

export { ParseError }

/**
 * Bytes to text with blocks. Never fails otherwise than with a `ParseError`, whatever the bytes are; the text that comes
 * out is well-formed Unicode, and is not blank.
 */
export class Parser extends Context.Service<
  Parser,
  {
    readonly parse: (uri: string, bytes: Uint8Array, mediaType?: string) => Effect.Effect<Parsed, ParseError>
    /**
     * What a name alone decides of how bytes are read, or else the media type under which they came: a word for the
     * format, empty if it is for the bytes to say. The same bytes for which this differs are different documents.
     */
    readonly formatOfName: (uri: string, mediaType?: string) => string
    /** Part of a document's recipe: changes when the same bytes would be parsed differently. */
    readonly version: string
  }
>()("sluice/services/Parser") {}

/** Every document is UTF-8 text in paragraphs, whatever its name; for tests and compositions without formats. */
export const layerText: Layer.Layer<Parser> = Layer.succeed(Parser, {
  version: "text",
  formatOfName: () => "",
  parse: (uri, bytes) => {
    const text = new TextDecoder().decode(bytes)
    const blocks = paragraphs(text)
    return blocks.length === 0
      ? Effect.fail(new ParseError({ uri, reason: "empty", message: `${uri} holds no text` }))
      : Effect.succeed({ mediaType: "text/plain", title: "", text, blocks })
  }
})
