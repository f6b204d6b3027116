import { Context, Effect, Layer, Schema, Stream } from "effect"

/** One thing to ingest, before its bytes are read. */
export interface SourceItem {
  /** Normalised URI: a path relative to the working directory with `/`, `-` for standard input, or the URI given. */
  readonly uri: string
  /** Size in bytes where it is known without reading. */
  readonly size?: number
  readonly read: Effect.Effect<Uint8Array, SourceItemError>
  /** To how many bytes archives in it may unpack, where it comes out of an archive itself. */
  readonly unpacksTo?: number
  /** Bytes `[from,to)`, fewer at the end, without the rest, where the source can do that and `size` is known. */
  readonly range?: (from: number, to: number) => Effect.Effect<Uint8Array, SourceItemError>
  /**
   * What the source itself says that the bytes are, as `text/markdown`, or an empty string; to be asked after `read`. For
   * names that say nothing themselves, such as addresses.
   */
  readonly mediaType?: Effect.Effect<string>
}

/** This item cannot be read: it becomes a dead letter, the others go on. */
export class SourceItemError extends Schema.TaggedError<SourceItemError>()("SourceItemError", {
  uri: Schema.String,
  reason: Schema.Literals(["unreadable", "too-large", "malformed"]),
  message: Schema.String
}) {}

/** The source as a whole cannot be listed (a path that does not exist): a usage error, before anything is done. */
export class SourceError extends Schema.TaggedError<SourceError>()("SourceError", {
  message: Schema.String
}) {}

/** A source that somebody asks for by its name, as it is in the ledger. */
export interface Wanted {
  readonly source: string
  /** With everything that it holds, rather than the document that it is alone. */
  readonly withContents: boolean
}

/** What an ingest of everything may have had earlier and has not now. */
export interface Gone {
  readonly places: ReadonlyArray<{
    /** What the names of the sources in question begin with. */
    readonly prefix: string
    /** Whether the file of a source is not there any more; best asked in the order of the names. */
    readonly isGone: (source: string) => Effect.Effect<boolean>
  }>
  /** Beginnings of names of which nothing at all is there, so that nobody should conclude anything. */
  readonly empty: ReadonlyArray<string>
}

/** Where documents come from. */
export class DocumentSource extends Context.Service<
  DocumentSource,
  {
    /** Whether it can be listed at all, to be asked before anything is done. Absent: it can. */
    readonly check?: Effect.Effect<void, SourceError>
    /** Every item once, in a deterministic order, listed as it is pulled: memory follows what is in flight. */
    readonly items: Stream.Stream<SourceItem, SourceError>
    /** The only ones to be taken of the items and what they hold; one that does not turn up is a dead letter. Absent: all. */
    readonly wanted?: ReadonlyArray<Wanted>
    /** To be asked when all items have been read. Absent: nobody can tell. */
    readonly gone?: Effect.Effect<Gone, SourceError>
  }
>()("sluice/services/DocumentSource") {}

/** Items that are already in memory, in the order given. */
export const layerMemory = (
  documents: Iterable<{ readonly uri: string; readonly content: string | Uint8Array }>
): Layer.Layer<DocumentSource> =>
  Layer.succeed(DocumentSource, {
    items: Stream.fromIterable(documents).pipe(
      Stream.map(({ content, uri }) => {
        const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content
        return { uri, size: bytes.length, read: Effect.succeed(bytes) }
      })
    )
  })
