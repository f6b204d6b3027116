import type { Chunk } from "./Chunk.ts"
import type { ParsedDocument } from "./Document.ts"
import type { Extraction } from "./Extraction.ts"
import type { ChunkId, DecisionId, DocumentId, EntityId, FactId, Group, Recipe, RelationId } from "./Ids.ts"

/**
 * What one document adds to the graph. The graph is the sum of its documents' projections: rows are united by id, and
 * every weight is a count of evidence rows. So the order of arrival cannot matter, and taking a document out is exact.
 */
export interface DocumentGraph {
  readonly entities: ReadonlyArray<EntityRecord>
  readonly names: ReadonlyArray<NameRecord>
  readonly mentions: ReadonlyArray<MentionRecord>
  readonly relations: ReadonlyArray<RelationRecord>
  readonly facts: ReadonlyArray<FactRecord>
  readonly supports: ReadonlyArray<SupportRecord>
  readonly decisions: ReadonlyArray<DecisionRecord>
}

export interface EntityRecord {
  readonly id: EntityId
  readonly type: string
  /** The normalised name that the id is made of. */
  readonly key: string
}

/** A chunk calls an entity by a name. The entity's own name is the commonest whose key is its key; the others are aliases. */
export interface NameRecord {
  readonly chunk: ChunkId
  readonly entity: EntityId
  readonly name: string
  /** Whether the name stands in the chunk's text. */
  readonly grounded: boolean
}

/** An occurrence of a name; `[start,end)` in UTF-16 code units of the document's text. */
export interface MentionRecord {
  readonly chunk: ChunkId
  readonly entity: EntityId
  readonly start: number
  readonly end: number
  readonly surface: string
}

export interface RelationRecord {
  readonly id: RelationId
  readonly source: EntityId
  readonly target: EntityId
  readonly type: string
}

export interface FactRecord {
  readonly id: FactId
  readonly relation: RelationId
  readonly text: string
  readonly predicate?: string
  readonly validAt?: string
  readonly invalidAt?: string
}

/** Evidence: the chunk says the fact. */
export interface SupportRecord {
  readonly chunk: ChunkId
  readonly fact: FactId
  /** Percent; a score, left out of the hash. */
  readonly confidence?: number
}

/** In `document`, what is called `from` is `to`. Data, so that it can be explained and reversed. */
export interface DecisionRecord {
  readonly id: DecisionId
  readonly document: DocumentId
  readonly from: EntityId
  readonly to: EntityId
  /** Percent; a score, left out of the hash. */
  readonly score: number
  readonly evidence: string
  readonly decidedBy: "rule" | "vector" | "model" | "person"
}

/** A document whose every chunk is settled, ready to be written. */
export interface ResolvedDocument {
  readonly document: ParsedDocument
  readonly recipe: Recipe
  readonly chunks: ReadonlyArray<Chunk>
  /** By ordinal; a chunk without one is dead. */
  readonly extractions: ReadonlyMap<number, Extraction>
  readonly graph: DocumentGraph
}

/** Partial: some of its chunks are dead. */
export type DocumentState = "complete" | "partial"

export const stateOf = ({ chunks, extractions }: ResolvedDocument): DocumentState =>
  chunks.every(({ ordinal }) => extractions.has(ordinal)) ? "complete" : "partial"

/** The counts that the run report shows. */
export interface GraphCounts {
  readonly group: Group
  readonly documents: number
  readonly chunks: number
  readonly entities: number
  readonly relations: number
  readonly mentions: number
}
