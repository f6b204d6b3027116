import { Effect } from "effect"
import type { ContainerFile } from "../../services/Unpacker.ts"
import { SourceItemError } from "../../services/DocumentSource.ts"
import type { ParseError } from "../../domain/ParseError.ts"

export interface ContainerOptions {
  /** Size in bytes above which an item is not read. */
  readonly maxBytes: number
}

/** Fails with `URI MESSAGE`. */
export const problem = (uri: string, reason: SourceItemError["reason"], message: string) =>
  Effect.fail(new SourceItemError({ uri, reason, message: `${uri} ${message}` }))

/** Why an item cannot be read, in the words of the parser that found out. */
export const itemError = (uri: string, { message, reason }: ParseError): SourceItemError =>
  new SourceItemError({
    uri,
    reason: reason === "too-large" || reason === "malformed" ? reason : "unreadable",
    message
  })

/** Bytes `[from,to)` of a file, all of them. */
export const readRange = (file: ContainerFile, from: number, to: number): Effect.Effect<Uint8Array, SourceItemError> =>
  Effect.filterOrElse(
    file.range(from, to),
    (bytes) => bytes.length === to - from,
    () => problem(file.uri, "unreadable", "became shorter while it was read: ingest it again when nothing writes to it")
  )
