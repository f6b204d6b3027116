import { Context, Effect, Layer } from "effect"
import type { Stream } from "effect"
import type { SourceItem, SourceItemError } from "./DocumentSource.ts"
import type { ParseError } from "../domain/ParseError.ts"

/** A file that may hold others; `range` reads bytes `[from,to)` of it, fewer at the end. */
export interface ContainerFile {
  readonly uri: string
  readonly size: number
  /** To how many bytes an archive may unpack at most, since it lies in one; else it is a matter of its size alone. */
  readonly unpacksTo?: number
  readonly range: (from: number, to: number) => Effect.Effect<Uint8Array, SourceItemError>
}

/** What a file holds. */
export interface Contents {
  /** Whether the file is a document besides: a mail is, whatever is attached to it; a mailbox and an archive are not. */
  readonly isDocument: boolean
  /**
   * Every item in it once, named `FILE#NAME`, where NAME is the item's own and stays with it when the file grows. Read
   * as they are pulled. Fails if the file turns out to be broken: what came before stands. Absent: it holds none.
   */
  readonly items?: Stream.Stream<SourceItem, SourceItemError>
}

/** Finds what source items hold: a mailbox its messages, a mail its attachments, an archive its files. */
export class Unpacker extends Context.Service<
  Unpacker,
  {
    readonly open: (file: ContainerFile) => Effect.Effect<Contents, SourceItemError | ParseError>
  }
>()("sluice/services/Unpacker") {}

/** Every file is a document and holds nothing else. */
export const layerNone: Layer.Layer<Unpacker> = Layer.succeed(Unpacker, {
  open: () => Effect.succeed({ isDocument: true })
})
