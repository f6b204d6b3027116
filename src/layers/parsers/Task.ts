import { ParseError } from "../../domain/ParseError.ts"
import type { Parsed } from "../../services/Parser.ts"
import { formats } from "./formats.ts"
import type { Format } from "./Format.ts"
import { oneLine } from "./Writer.ts"

/** A file that another one holds. */
export interface Part {
  readonly name: string
  readonly bytes: Uint8Array
}

/** What the pool is asked for: a document read, or the files that a mail holds. */
export type Task =
  | { readonly kind: "parse"; readonly format: Format; readonly uri: string; readonly bytes: Uint8Array }
  | { readonly kind: "parts"; readonly uri: string; readonly bytes: Uint8Array }

export type Answer =
  | { readonly kind: "parse"; readonly parsed: Parsed }
  | { readonly kind: "parts"; readonly parts: ReadonlyArray<Part> }

/** A `ParseError` as it crosses threads. */
export interface Failure {
  readonly reason: ParseError["reason"]
  readonly message: string
}

export interface Request {
  readonly id: number
  readonly task: Task
}

/** `ready` comes once, before anything else. */
export type Reply =
  | { readonly _tag: "ready" }
  | { readonly _tag: "answer"; readonly id: number; readonly answer: Answer }
  | { readonly _tag: "failure"; readonly id: number; readonly failure: Failure }

const maxDetail = 200

/** What went wrong; if it was not foreseen, the document, for all that is known, is at fault. */
export const parseErrorOf = (uri: string, error: unknown): ParseError => {
  if (error instanceof ParseError) return error
  const detail = oneLine(String(error)).slice(0, maxDetail).toWellFormed()
  const message = `${uri} cannot be read: ${detail}. Open it and save it again, or convert it to text`
  return new ParseError({ uri, reason: "malformed", message })
}

export const parse = async (format: Format, uri: string, bytes: Uint8Array): Promise<Parsed> => {
  const read = await formats[format]()
  return read(uri, bytes)
}
