import { GraphHash } from "../../domain/Canonical.ts"
import type { GraphRecord } from "../../domain/Canonical.ts"
import type { DecisionRecord, DocumentState } from "../../domain/Graph.ts"
import type { ChunkId, DecisionId, DocumentId, EntityId, FactId, Group, RelationId } from "../../domain/Ids.ts"
import { integer, optionalText, text } from "./Database.ts"
import type { Database, Row } from "./Database.ts"
import { page, perRow, start } from "./Page.ts"
import type { Batch, Cursor, Page, Section } from "./Page.ts"

/** A section of rows that are ordered by their id. */
export const byId = <A>(
  db: Database,
  sql: string,
  read: (row: Row) => A,
  size: (row: Row) => number = () => 0
): Section<A> => {
  const statement = db.prepare(sql)
  return function* (group, after) {
    for (const row of statement.iterate(group, after.id)) {
      yield { rows: [read(row)], id: text(row, "id"), ordinal: 0, size: size(row) }
    }
  }
}

/**
 * A section of rows that belong to chunks (`c`) of documents (`d`), by document and ordinal; a chunk's rows stay
 * together.
 */
export const byChunk = <A>(
  db: Database,
  select: string,
  joins: string,
  read: (row: Row) => A,
  size: (row: Row) => number = () => 0,
  order?: (a: A, b: A) => number
): Section<A> => {
  const query = (where: string) =>
    db.prepare(
      `SELECT d.id AS document_id, c.id AS chunk_id, c.ordinal AS ordinal, ${select}
       FROM document d CROSS JOIN chunk c ON c.document = d.pk ${joins}
       WHERE d.grp = ? AND ${where} ORDER BY d.id, c.ordinal`
    )
  const rest = query("d.id = ? AND c.ordinal > ?")
  const following = query("d.id > ?")
  const batch = (rows: Array<A>, id: string, ordinal: number): Batch<A> => ({
    rows: order === undefined ? rows : rows.toSorted(order),
    id,
    ordinal,
    size: 0
  })
  const grouped = function* (rows: Iterable<Row>): Iterable<Batch<A>> {
    let open: { readonly id: string; readonly ordinal: number; readonly rows: Array<A>; size: number } | undefined
    for (const row of rows) {
      const id = text(row, "document_id")
      const ordinal = integer(row, "ordinal")
      if (open === undefined || open.id !== id || open.ordinal !== ordinal) {
        if (open !== undefined) yield { ...batch(open.rows, open.id, open.ordinal), size: open.size }
        open = { id, ordinal, rows: [], size: 0 }
      }
      open.rows.push(read(row))
      open.size += perRow + size(row)
    }
    if (open !== undefined) yield { ...batch(open.rows, open.id, open.ordinal), size: open.size }
  }
  return function* (group, after) {
    if (after.id !== "") yield* grouped(rest.iterate(group, after.id, after.ordinal))
    yield* grouped(following.iterate(group, after.id))
  }
}

export const relationColumns = `r.id, s.id AS source_id, t.id AS target_id, r.type, r.weight, r.pk
  FROM relation r JOIN entity s ON s.pk = r.source JOIN entity t ON t.pk = r.target`

const sections = (db: Database): ReadonlyArray<Section<GraphRecord>> => [
  byId(
    db,
    `SELECT d.id, g.name AS grp_name, d.media_type, d.title, d.date, d.text, d.state
     FROM document d JOIN grp g ON g.pk = d.grp WHERE d.grp = ? AND d.id > ? ORDER BY d.id`,
    (row) => ({
      kind: "document",
      id: text<DocumentId>(row, "id"),
      group: text<Group>(row, "grp_name"),
      mediaType: text(row, "media_type"),
      title: text(row, "title"),
      ...optionalText(row, "date", "date"),
      text: text(row, "text"),
      state: text<DocumentState>(row, "state")
    }),
    (row) => text(row, "text").length
  ),
  byChunk(
    db,
    'c.start, c."end", c.header',
    "",
    (row) => ({
      kind: "chunk",
      id: text<ChunkId>(row, "chunk_id"),
      document: text<DocumentId>(row, "document_id"),
      ordinal: integer(row, "ordinal"),
      start: integer(row, "start"),
      end: integer(row, "end"),
      header: text(row, "header")
    }),
    (row) => text(row, "header").length
  ),
  byId(db, "SELECT id, type, key, weight FROM entity WHERE grp = ? AND id > ? ORDER BY id", (row) => ({
    kind: "entity",
    id: text<EntityId>(row, "id"),
    type: text(row, "type"),
    key: text(row, "key"),
    weight: integer(row, "weight")
  })),
  byChunk(
    db,
    "e.id AS entity_id, n.name, n.grounded",
    "JOIN name n ON n.chunk = c.pk JOIN entity e ON e.pk = n.entity",
    (row) => ({
      kind: "name",
      chunk: text<ChunkId>(row, "chunk_id"),
      entity: text<EntityId>(row, "entity_id"),
      name: text(row, "name"),
      grounded: integer(row, "grounded") === 1
    }),
    (row) => text(row, "name").length
  ),
  byChunk(
    db,
    'e.id AS entity_id, m.start, m."end", m.surface',
    "JOIN mention m ON m.chunk = c.pk JOIN entity e ON e.pk = m.entity",
    (row) => ({
      kind: "mention",
      chunk: text<ChunkId>(row, "chunk_id"),
      entity: text<EntityId>(row, "entity_id"),
      start: integer(row, "start"),
      end: integer(row, "end"),
      surface: text(row, "surface")
    }),
    (row) => text(row, "surface").length
  ),
  byId(db, `SELECT ${relationColumns} WHERE r.grp = ? AND r.id > ? ORDER BY r.id`, (row) => ({
    kind: "relation",
    id: text<RelationId>(row, "id"),
    source: text<EntityId>(row, "source_id"),
    target: text<EntityId>(row, "target_id"),
    type: text(row, "type"),
    weight: integer(row, "weight")
  })),
  byId(
    db,
    `SELECT f.id, r.id AS relation_id, f.text, f.valid_at, f.invalid_at,
       (SELECT min(predicate) FROM support WHERE fact = f.pk) AS predicate
     FROM fact f JOIN relation r ON r.pk = f.relation WHERE f.grp = ? AND f.id > ? ORDER BY f.id`,
    (row) => ({
      kind: "fact",
      id: text<FactId>(row, "id"),
      relation: text<RelationId>(row, "relation_id"),
      text: text(row, "text"),
      ...optionalText(row, "predicate", "predicate"),
      ...optionalText(row, "valid_at", "validAt"),
      ...optionalText(row, "invalid_at", "invalidAt")
    }),
    (row) => text(row, "text").length
  ),
  byChunk(db, "f.id AS fact_id", "JOIN support s ON s.chunk = c.pk JOIN fact f ON f.pk = s.fact", (row) => ({
    kind: "support",
    chunk: text<ChunkId>(row, "chunk_id"),
    fact: text<FactId>(row, "fact_id")
  })),
  byId(
    db,
    `SELECT n.id, d.id AS document_id, n.from_entity, n.to_entity, n.evidence, n.decided_by
     FROM decision n JOIN document d ON d.pk = n.document WHERE n.grp = ? AND n.id > ? ORDER BY n.id`,
    (row) => ({
      kind: "decision",
      id: text<DecisionId>(row, "id"),
      document: text<DocumentId>(row, "document_id"),
      from: text<EntityId>(row, "from_entity"),
      to: text<EntityId>(row, "to_entity"),
      evidence: text(row, "evidence"),
      decidedBy: text<DecisionRecord["decidedBy"]>(row, "decided_by")
    }),
    (row) => text(row, "evidence").length
  )
]

/** The canonical records of a group, and their hash. */
export class StoreRecords {
  readonly #sections: ReadonlyArray<Section<GraphRecord>>

  constructor(db: Database) {
    this.#sections = sections(db)
  }

  page(group: number, cursor: Cursor): Page<GraphRecord> {
    return page(this.#sections, group, cursor)
  }

  hash(group: number): string {
    const sum = new GraphHash()
    for (const [index, section] of this.#sections.entries()) {
      for (const { rows } of section(group, start(index))) for (const row of rows) sum.add(row)
    }
    return sum.digest()
  }
}
