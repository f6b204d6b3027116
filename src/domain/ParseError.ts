// Not by way of "effect", which loads all of it: every thread that parses would take a quarter of a second longer to start.
import * as Data from "effect/Data"

export class ParseError extends Data.TaggedError("ParseError")<{
  readonly uri: string
  readonly reason: "unsupported" | "malformed" | "empty" | "protected" | "too-large" | "timeout"
  /** For a person: what is wrong with the document, and what to do. */
  readonly message: string
}> {}
