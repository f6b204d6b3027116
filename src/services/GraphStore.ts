import { Context } from "effect"
import type { Effect, Stream } from "effect"
import type { GraphRecord } from "../domain/Canonical.ts"
import type { DeadLetter } from "../domain/DeadLetter.ts"
import type { DocumentState, GraphCounts, ResolvedDocument } from "../domain/Graph.ts"
import type { ChunkId, ChunkKey, DocumentId, Group, RunId } from "../domain/Ids.ts"
import type { StorageError } from "./StorageError.ts"

/**
 * One step of a commit.
 * - `document`: write the document (again: an earlier projection of it is taken out first), point `sources` at it, and
 *   keep `deadLetters`, one for each dead chunk, in place of all that those sources had before.
 * - `source`: a copy of a document that is there: point the source at it and clear the source's dead letters.
 * - `settled`: nothing is wrong any more with the source as a whole, which is no document itself.
 * - `removed`: the source is gone: it points at nothing any more, and its dead letters go.
 * - `forgotten`: the document goes, with all sources that point at it and their dead letters.
 * - `dead-letter`: a source of which there is no document; what it pointed at before stays.
 *
 * A source that moves away from a document leaves it behind; a document without a source is taken out.
 */
export type Write =
  | {
      readonly _tag: "document"
      readonly sources: ReadonlyArray<string>
      readonly resolved: ResolvedDocument
      readonly deadLetters: ReadonlyArray<DeadLetter>
      readonly embeddings: ReadonlyArray<{ readonly chunk: ChunkId; readonly vector: Float32Array }>
      /** The run that made it; that of the commit if absent. */
      readonly run?: RunId
    }
  | { readonly _tag: "source"; readonly source: string; readonly document: DocumentId }
  | { readonly _tag: "settled"; readonly source: string }
  | { readonly _tag: "removed"; readonly source: string }
  | { readonly _tag: "forgotten"; readonly document: DocumentId }
  | { readonly _tag: "dead-letter"; readonly letter: DeadLetter }

export type DocumentWrite = Extract<Write, { readonly _tag: "document" }>

export type RemovalWrite = Extract<Write, { readonly _tag: "removed" | "forgotten" }>

/** A document with the run that made it. */
export type StoredDocument = DocumentWrite & { readonly run: RunId }

/** What writes would take out. */
export interface Removal {
  /** How many sources. */
  readonly sources: number
  /** The chunks that no document has which would stay. */
  readonly chunks: ReadonlyArray<ChunkKey>
}

/** What a person wants to see first of a graph. */
export interface Overview {
  readonly entities: ReadonlyArray<Pick<FoundEntity, "name" | "type" | "relations" | "mentions" | "aliases">>
  readonly facts: ReadonlyArray<
    Pick<FoundFact, "source" | "type" | "predicate" | "target" | "text" | "document" | "evidence">
  >
}

/** What somebody is looking for. */
export interface SearchQuery {
  /** Names and words as people type them; nothing in it means anything to a store. */
  readonly text: string
  /** Passages are found by it alone. */
  readonly vector?: Float32Array
  /** Of each kind, at most. */
  readonly limit: number
}

/** What was found, the best first; scores are comparable within one list alone. */
export interface Found {
  readonly entities: ReadonlyArray<FoundEntity>
  readonly facts: ReadonlyArray<FoundFact>
  readonly chunks: ReadonlyArray<FoundChunk>
  /**
   * Lengths of the group's embeddings, ascending, if it has none of the query's length: then no passage is found.
   * Without a vector there are none.
   */
  readonly otherDimensions: ReadonlyArray<number>
}

export interface FoundEntity {
  readonly id: string
  readonly name: string
  readonly type: string
  readonly aliases: ReadonlyArray<string>
  /** Relations that it is part of. */
  readonly relations: number
  readonly mentions: number
  /** How well its best name fits, up to 1 (see domain/Search.ts). */
  readonly score: number
}

export interface FoundFact {
  readonly id: string
  readonly source: string
  readonly target: string
  readonly type: string
  /** The words between the two, where the type says nothing. */
  readonly predicate?: string
  readonly text: string
  readonly validAt?: string
  readonly invalidAt?: string
  /** How many chunks say it. */
  readonly evidence: number
  /** Title, or else source, of the first document that says it. */
  readonly document: string
  /** The index's own (BM25), times the share of the query that the text has. */
  readonly score: number
}

export interface FoundChunk {
  readonly id: string
  /** The document's title. */
  readonly title: string
  /** The first of its sources in code-unit order. */
  readonly source: string
  /** `[start,end)` in UTF-16 code units of the document's text. */
  readonly start: number
  readonly end: number
  readonly header: string
  readonly text: string
  /** Cosine of the angle to the query's vector, from -1 to 1. */
  readonly score: number
}

/** An entity or relation as a reader wants it, for `export`. */
export interface EntityView {
  readonly id: string
  readonly name: string
  readonly type: string
  /** The normalised name that the id is made of. */
  readonly key: string
  readonly aliases: ReadonlyArray<string>
  readonly weight: number
}

/**
 * The graph. All that a commit says is written in one transaction with the ledger, or nothing of it. Reads see every
 * commit that has returned.
 */
export class GraphStore extends Context.Service<
  GraphStore,
  {
    readonly commit: (group: Group, run: RunId, writes: ReadonlyArray<Write>) => Effect.Effect<void, StorageError>
    /** Commits that are worth making at once; absent: one after the other. */
    readonly writers?: number
    /** What the writes would take out. */
    readonly removal: (group: Group, writes: ReadonlyArray<RemovalWrite>) => Effect.Effect<Removal, StorageError>
    /** Takes out everything of the group, the ledger's entries too. Should it break off, it is to be run again. */
    readonly forgetGroup: (group: Group) => Effect.Effect<void, StorageError>
    /**
     * Afterwards nothing that `removed`, `forgotten` or `forgetGroup` took out, of any group, is left in what the store
     * keeps on disk. Costs as much as copying the store, or nothing if nothing was taken out since the last time:
     * then false. A server's own files are out of reach: of those it is false too, and a line of the log says so.
     */
    readonly purge: Effect.Effect<boolean, StorageError>
    /** Every group that has anything in graph or ledger, in code-unit order. */
    readonly groups: Effect.Effect<ReadonlyArray<Group>, StorageError>
    /**
     * Every document of the group as it would be written again, in the order of ids: with all its sources, the letters of
     * its dead chunks, and those of its sources as wholes. Blocks are not stored: there are none. A document is whole, as
     * it was at one moment; the stream is not of one moment.
     */
    readonly stored: (group: Group) => Stream.Stream<StoredDocument, StorageError>
    readonly counts: (group: Group) => Effect.Effect<GraphCounts, StorageError>
    /** The canonical hash (see domain/Canonical.ts), 64 hex digits. */
    readonly hash: (group: Group) => Effect.Effect<string, StorageError>
    /** Every canonical record of the group once. */
    readonly records: (group: Group) => Stream.Stream<GraphRecord, StorageError>
    /**
     * Lines of `export --format jsonl`, as objects: documents, chunks, entities, mentions, relations, each kind in the
     * order of ids. `kinds`: those alone.
     */
    readonly exportRows: (
      group: Group,
      kinds?: ReadonlyArray<ExportRow["kind"]>
    ) => Stream.Stream<ExportRow, StorageError>
    readonly overview: (
      group: Group,
      limits: { readonly entities: number; readonly facts: number }
    ) => Effect.Effect<Overview, StorageError>
    /**
     * Entities by their names and aliases, with slips of the pen (domain/Search.ts); facts by the words of their text;
     * chunks by their embeddings of the query's length. Of this group alone, and `limit` of each kind where the group has
     * as many, however small it is among others. The same graph and query have the same answer.
     */
    readonly search: (group: Group, query: SearchQuery) => Effect.Effect<Found, StorageError>
    /** For messages: the file or address, without secrets. */
    readonly location: string
  }
>()("sluice/services/GraphStore") {}

/** A line of `export --format jsonl`. */
export type ExportRow =
  | {
      readonly kind: "document"
      readonly id: DocumentId
      /** The first of its sources in code-unit order; `sources` has them all. */
      readonly source: string
      readonly sources: ReadonlyArray<string>
      readonly title: string
      readonly mediaType: string
      readonly date?: string
      readonly state: DocumentState
      readonly text: string
    }
  | {
      readonly kind: "chunk"
      readonly id: ChunkId
      readonly document: DocumentId
      readonly ordinal: number
      readonly start: number
      readonly end: number
      readonly header: string
      readonly text: string
    }
  | ({ readonly kind: "entity" } & EntityView)
  | {
      readonly kind: "mention"
      readonly document: DocumentId
      readonly chunk: ChunkId
      readonly start: number
      readonly end: number
      readonly surface: string
      readonly entity: string
    }
  | {
      readonly kind: "relation"
      readonly id: string
      readonly source: string
      readonly target: string
      readonly type: string
      /** The best supported fact's text; `facts` has them all. */
      readonly fact: string
      readonly evidence: ReadonlyArray<ChunkId>
      readonly weight: number
      readonly facts: ReadonlyArray<{
        readonly id: string
        readonly text: string
        readonly predicate?: string
        readonly validAt?: string
        readonly invalidAt?: string
        readonly evidence: ReadonlyArray<ChunkId>
      }>
    }
