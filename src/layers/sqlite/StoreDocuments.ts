import type { DecisionRecord, DocumentGraph, EntityRecord } from "../../domain/Graph.ts"
import { graphOf } from "../../domain/GraphOf.ts"
import type {
  ChunkId,
  DecisionId,
  DocumentId,
  EntityId,
  FactId,
  Group,
  Recipe,
  RelationId,
  RunId
} from "../../domain/Ids.ts"
import { floats, integer, optionalText, text } from "./Database.ts"
import type { Database, Row } from "./Database.ts"
import { page, perRow } from "./Page.ts"
import type { Batch, Cursor, Page } from "./Page.ts"
import type { StoreWrite } from "./StoreWrite.ts"

/** A document as it lies in its tables; dead letters and extractions are JSON. */
export interface StoreDocument extends Pick<
  Extract<StoreWrite, { readonly _tag: "document" }>,
  "sources" | "document" | "recipe" | "chunks" | "embeddings"
> {
  readonly run: RunId
  readonly graph: DocumentGraph
  readonly deadLetters: ReadonlyArray<string>
}

/** Whole documents, as they would be written again. Each method runs within a transaction of its caller. */
export class StoreDocuments {
  readonly #sql: ReturnType<typeof statements>

  constructor(db: Database) {
    this.#sql = statements(db)
  }

  /** In the order of ids. */
  page(group: number, cursor: Cursor): Page<StoreDocument> {
    return page([(pk, after) => this.#after(pk, after)], group, cursor)
  }

  *#after(group: number, after: Cursor): Iterable<Batch<StoreDocument>> {
    for (const row of this.#sql.documents.iterate(group, after.id)) {
      const document = this.#document(row)
      yield { rows: [document], id: document.document.id, ordinal: 0, size: sizeOf(document) }
    }
  }

  #document(row: Row): StoreDocument {
    const pk = integer(row, "pk")
    const sql = this.#sql
    return {
      run: text<RunId>(row, "run"),
      sources: sql.sources.all(pk).map((source) => text(source, "uri")),
      document: {
        id: text<DocumentId>(row, "id"),
        group: text<Group>(row, "grp_name"),
        mediaType: text(row, "media_type"),
        title: text(row, "title"),
        ...optionalText(row, "date", "date"),
        text: text(row, "text")
      },
      recipe: text<Recipe>(row, "recipe"),
      chunks: sql.chunks.all(pk).map((chunk) => ({
        id: text<ChunkId>(chunk, "id"),
        ordinal: integer(chunk, "ordinal"),
        start: integer(chunk, "start"),
        end: integer(chunk, "end"),
        tokens: integer(chunk, "tokens"),
        header: text(chunk, "header"),
        ...optionalText(chunk, "extraction", "extraction")
      })),
      graph: this.#graph(pk, text<DocumentId>(row, "id")),
      deadLetters: sql.letters.all(pk).map((letter) => text(letter, "letter")),
      embeddings: sql.embeddings.all(pk).map((embedding) => ({
        chunk: text<ChunkId>(embedding, "id"),
        vector: floats(embedding, "vector")
      }))
    }
  }

  #graph(pk: number, document: DocumentId): DocumentGraph {
    const sql = this.#sql
    const ids = new Map<number, EntityId>()
    const entities = new Map<EntityId, EntityRecord>()
    const idOf = (entity: number): EntityId => {
      const known = ids.get(entity)
      if (known !== undefined) return known
      const row = sql.entity.get(entity) ?? {}
      const found = { id: text<EntityId>(row, "id"), type: text(row, "type"), key: text(row, "key") }
      ids.set(entity, found.id)
      entities.set(found.id, found)
      return found.id
    }
    return graphOf({
      names: sql.names.all(pk).map((row) => ({
        chunk: text<ChunkId>(row, "chunk"),
        entity: idOf(integer(row, "entity")),
        name: text(row, "name"),
        grounded: integer(row, "grounded") === 1
      })),
      mentions: sql.mentions.all(pk).map((row) => ({
        chunk: text<ChunkId>(row, "chunk"),
        entity: idOf(integer(row, "entity")),
        start: integer(row, "start"),
        end: integer(row, "end"),
        surface: text(row, "surface")
      })),
      said: sql.supports.all(pk).map((row) => ({
        chunk: text<ChunkId>(row, "chunk"),
        ...(row["confidence"] === null ? {} : { confidence: integer(row, "confidence") }),
        fact: {
          id: text<FactId>(row, "fact"),
          relation: text<RelationId>(row, "relation"),
          text: text(row, "text"),
          ...optionalText(row, "predicate", "predicate"),
          ...optionalText(row, "valid_at", "validAt"),
          ...optionalText(row, "invalid_at", "invalidAt")
        },
        relation: {
          id: text<RelationId>(row, "relation"),
          source: idOf(integer(row, "source")),
          target: idOf(integer(row, "target")),
          type: text(row, "type")
        }
      })),
      decisions: sql.decisions.all(pk).map((row) => ({
        id: text<DecisionId>(row, "id"),
        document,
        from: text<EntityId>(row, "from_entity"),
        to: text<EntityId>(row, "to_entity"),
        score: integer(row, "score"),
        evidence: text(row, "evidence"),
        decidedBy: text<DecisionRecord["decidedBy"]>(row, "decided_by")
      })),
      entities
    })
  }
}

const sizeOf = ({ chunks, document, embeddings, graph }: StoreDocument): number => {
  const rows = graph.names.length + graph.mentions.length + graph.supports.length
  const extracted = chunks.reduce((sum, { extraction = "", header }) => sum + extraction.length + header.length, 0)
  const floats = embeddings.reduce((sum, { vector }) => sum + vector.byteLength, 0)
  return document.text.length + extracted + floats + perRow * (rows + chunks.length)
}

const statements = (db: Database) => ({
  documents: db.prepare(
    `SELECT d.pk, d.id, g.name AS grp_name, d.recipe, d.media_type, d.title, d.date, d.run, d.text
     FROM document d JOIN grp g ON g.pk = d.grp WHERE d.grp = ? AND d.id > ? ORDER BY d.id`
  ),
  sources: db.prepare("SELECT uri FROM source WHERE document = ? ORDER BY uri"),
  chunks: db.prepare(
    `SELECT id, ordinal, start, "end", tokens, header, extraction FROM chunk WHERE document = ? ORDER BY ordinal`
  ),
  embeddings: db.prepare(
    `SELECT c.id, e.vector FROM chunk c JOIN embedding e ON e.chunk = c.pk WHERE c.document = ? ORDER BY c.ordinal`
  ),
  entity: db.prepare("SELECT id, type, key FROM entity WHERE pk = ?"),
  names: db.prepare(
    `SELECT c.id AS chunk, n.entity, n.name, n.grounded
     FROM chunk c CROSS JOIN name n ON n.chunk = c.pk WHERE c.document = ? ORDER BY c.ordinal`
  ),
  mentions: db.prepare(
    `SELECT c.id AS chunk, m.entity, m.start, m."end", m.surface
     FROM chunk c CROSS JOIN mention m ON m.chunk = c.pk WHERE c.document = ? ORDER BY c.ordinal`
  ),
  supports: db.prepare(
    `SELECT c.id AS chunk, s.confidence, s.predicate, f.id AS fact, f.text, f.valid_at, f.invalid_at,
       r.id AS relation, r.source, r.target, r.type
     FROM chunk c CROSS JOIN support s ON s.chunk = c.pk CROSS JOIN fact f ON f.pk = s.fact
       CROSS JOIN relation r ON r.pk = f.relation
     WHERE c.document = ? ORDER BY c.ordinal`
  ),
  decisions: db.prepare(
    "SELECT id, from_entity, to_entity, score, evidence, decided_by FROM decision WHERE document = ? ORDER BY id"
  ),
  // Of its dead chunks, and of its sources as wholes.
  letters: db.prepare(
    `SELECT l.letter, l.source, l.ordinal FROM document d CROSS JOIN dead_letter l ON l.grp = d.grp AND l.document = d.id
       WHERE d.pk = ?1 AND l.ordinal <> -1
     UNION
     SELECT l.letter, l.source, l.ordinal FROM source s CROSS JOIN dead_letter l ON l.grp = s.grp AND l.source = s.uri
       WHERE s.document = ?1 AND l.ordinal = -1
     ORDER BY 2, 3`
  )
})
