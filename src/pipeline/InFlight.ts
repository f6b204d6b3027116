import { Clock, Effect, Exit } from "effect"
import type { Tracer } from "effect"
import type { Chunk } from "../domain/Chunk.ts"
import type { DeadLetter } from "../domain/DeadLetter.ts"
import type { ParsedDocument } from "../domain/Document.ts"
import type { Extraction } from "../domain/Extraction.ts"
import type { DocumentGraph } from "../domain/Graph.ts"
import type { DocumentId } from "../domain/Ids.ts"
import type { SourceItem } from "../services/DocumentSource.ts"
import type { Taken } from "./Selection.ts"

/** A source item and the span that covers all that is done with it. */
export interface OpenItem {
  readonly item: SourceItem
  readonly span: Tracer.Span
  /** How many files it lies in, one in another. */
  readonly depth: number
  /** To how many bytes archives in it may unpack, if it lies in one. */
  readonly unpacksTo: number
  readonly taken: Taken
}

/** A document on its way; what the phases find out about it is kept here. */
export interface LoadedDocument {
  readonly document: ParsedDocument
  /** The source that brought it. */
  readonly source: string
  /** It is in the graph in part, made by the same recipe: what failed then is tried again. */
  readonly isRetried: boolean
  readonly span: Tracer.Span
  /** Gives back the room that it takes in memory: to be run once it is done with. */
  readonly leave: Effect.Effect<void>
}

export interface ChunkedDocument extends LoadedDocument {
  readonly chunks: ReadonlyArray<Chunk>
  /** By ordinal, filled as chunks come back. */
  readonly extractions: Map<number, Extraction>
  readonly deadLetters: Array<DeadLetter>
  /** Chunks that have come back, with an extraction or a letter, and have been gathered. */
  gathered: number
}

export interface ChunkTask {
  readonly parent: ChunkedDocument
  readonly chunk: Chunk
}

export interface ProjectedDocument extends ChunkedDocument {
  readonly graph: DocumentGraph
}

/**
 * Documents that are being worked on in this run, by id. A copy that turns up meanwhile is not worked on again: its name
 * joins the document's sources.
 */
export class Claims {
  readonly #sources = new Map<DocumentId, Array<string>>()

  /** Whether the document is the caller's to work on. */
  claim(id: DocumentId, source: string): boolean {
    const sources = this.#sources.get(id)
    if (sources !== undefined) {
      sources.push(source)
      return false
    }
    this.#sources.set(id, [source])
    return true
  }

  /** Every source that has asked for the document so far, the first one first; the claim goes on. */
  sources(id: DocumentId): ReadonlyArray<string> {
    return [...(this.#sources.get(id) ?? [])]
  }

  /** Ends the claim: every source that asked for the document, the first one first. */
  release(id: DocumentId): ReadonlyArray<string> {
    const sources = this.#sources.get(id) ?? []
    this.#sources.delete(id)
    return sources
  }
}

export const endSpan = (span: Tracer.Span, exit: Exit.Exit<unknown, unknown> = Exit.void): Effect.Effect<void> =>
  Effect.map(Clock.currentTimeNanos, (now) => span.end(now, exit))
