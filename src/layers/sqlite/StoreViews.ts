import type { DocumentState } from "../../domain/Graph.ts"
import type { ChunkId, DocumentId } from "../../domain/Ids.ts"
import { anyRelation } from "../../domain/Ontology.ts"
import { called, compare, said } from "../../domain/Views.ts"
import type { EntityView, ExportRow, Overview } from "../../services/GraphStore.ts"
import { integer, optionalText, text } from "./Database.ts"
import type { Database, Row } from "./Database.ts"
import { page } from "./Page.ts"
import type { Cursor, Page, Section } from "./Page.ts"
import { byChunk, byId, relationColumns } from "./StoreRecords.ts"

type MentionRow = Extract<ExportRow, { readonly kind: "mention" }>
type RelationRow = Extract<ExportRow, { readonly kind: "relation" }>

/** What people read: the export and the overview. */
export class StoreViews {
  readonly #sql: ReturnType<typeof statements>
  readonly #sections: ReadonlyArray<readonly [kind: ExportRow["kind"], section: Section<ExportRow>]>

  constructor(db: Database) {
    this.#sql = statements(db)
    this.#sections = [
      [
        "document",
        byId<ExportRow>(
          db,
          `SELECT pk, id, title, media_type, date, state, text FROM document WHERE grp = ? AND id > ? ORDER BY id`,
          (row) => this.#document(row),
          (row) => text(row, "text").length
        )
      ],
      [
        "chunk",
        byChunk<ExportRow>(
          db,
          'c.start, c."end", c.header, c.text',
          "",
          (row) => ({
            kind: "chunk",
            id: text<ChunkId>(row, "chunk_id"),
            document: text<DocumentId>(row, "document_id"),
            ordinal: integer(row, "ordinal"),
            start: integer(row, "start"),
            end: integer(row, "end"),
            header: text(row, "header"),
            text: text(row, "text")
          }),
          (row) => text(row, "header").length + text(row, "text").length
        )
      ],
      [
        "entity",
        byId<ExportRow>(
          db,
          "SELECT pk, id, type, key, weight FROM entity WHERE grp = ? AND id > ? ORDER BY id",
          (row) => ({ kind: "entity", ...this.#entity(row) })
        )
      ],
      [
        "mention",
        byChunk<MentionRow>(
          db,
          'e.id AS entity_id, m.start, m."end", m.surface',
          "JOIN mention m ON m.chunk = c.pk JOIN entity e ON e.pk = m.entity",
          (row) => ({
            kind: "mention",
            document: text<DocumentId>(row, "document_id"),
            chunk: text<ChunkId>(row, "chunk_id"),
            start: integer(row, "start"),
            end: integer(row, "end"),
            surface: text(row, "surface"),
            entity: text(row, "entity_id")
          }),
          (row) => text(row, "surface").length,
          (a, b) => a.start - b.start || a.end - b.end || compare(a.entity, b.entity)
        )
      ],
      [
        "relation",
        byId<ExportRow>(
          db,
          `SELECT ${relationColumns} WHERE r.grp = ? AND r.id > ? ORDER BY r.id`,
          (row) => this.#relation(row),
          // Its evidence is read with it: about a line for each supporting row.
          (row) => 100 * integer(row, "weight")
        )
      ]
    ]
  }

  /** In the order of ids, so that two stores of one graph export the same lines. */
  page(group: number, cursor: Cursor, kinds?: ReadonlyArray<ExportRow["kind"]>): Page<ExportRow> {
    const wanted = this.#sections.filter(([kind]) => kinds === undefined || kinds.includes(kind))
    return page(
      wanted.map(([, section]) => section),
      group,
      cursor
    )
  }

  /** What people want to know of an entity. */
  entity(pk: number) {
    const sql = this.#sql
    return { ...this.#names(pk), relations: count(sql.relationsOf.get(pk)), mentions: count(sql.mentionsOf.get(pk)) }
  }

  nameOf(pk: number): string {
    return this.#names(pk).name
  }

  overview(group: number, limits: { readonly entities: number; readonly facts: number }): Overview {
    const sql = this.#sql
    return {
      entities: sql.topEntities
        .all(group, limits.entities)
        .map((row) => ({ ...this.entity(integer(row, "pk")), type: text(row, "type") })),
      facts: sql.topFacts.all(group, limits.facts).map((row) => ({
        source: this.nameOf(integer(row, "source")),
        type: text(row, "type"),
        ...optionalText(row, "predicate", "predicate"),
        target: this.nameOf(integer(row, "target")),
        text: text(row, "text"),
        document: this.documentOf(integer(row, "pk")),
        evidence: integer(row, "weight")
      }))
    }
  }

  #document(row: Row): ExportRow {
    const sources = this.#sql.sourcesOf
      .all(integer(row, "pk"))
      .map((source) => text(source, "uri"))
      .toSorted(compare)
    return {
      kind: "document",
      id: text<DocumentId>(row, "id"),
      source: sources[0] ?? "",
      sources,
      title: text(row, "title"),
      mediaType: text(row, "media_type"),
      ...optionalText(row, "date", "date"),
      state: text<DocumentState>(row, "state"),
      text: text(row, "text")
    }
  }

  #entity(row: Row): EntityView {
    return {
      id: text(row, "id"),
      ...this.#names(integer(row, "pk")),
      type: text(row, "type"),
      key: text(row, "key"),
      weight: integer(row, "weight")
    }
  }

  #names(entity: number) {
    const names = this.#sql.namesOf.all(entity).map((row) => ({
      name: text(row, "name"),
      isOwn: integer(row, "own") === 1,
      count: integer(row, "count")
    }))
    // Nearly every entity has a name, and its key is not asked for.
    const key = names.length > 0 ? "" : text(this.#sql.keyOf.get(entity) ?? {}, "key")
    return called(key, names)
  }

  #relation(row: Row): RelationRow {
    const facts = this.#sql.factsOf.all(integer(row, "pk")).map((fact) => ({
      id: text(fact, "id"),
      text: text(fact, "text"),
      ...optionalText(fact, "predicate", "predicate"),
      ...optionalText(fact, "valid_at", "validAt"),
      ...optionalText(fact, "invalid_at", "invalidAt"),
      evidence: this.#sql.evidenceOf.all(integer(fact, "pk")).map((chunk) => text<ChunkId>(chunk, "id"))
    }))
    return {
      kind: "relation",
      id: text(row, "id"),
      source: text(row, "source_id"),
      target: text(row, "target_id"),
      type: text(row, "type"),
      ...said(facts)
    }
  }

  /** Title, or else source, of the first document that says a fact. */
  documentOf(fact: number): string {
    const row = this.#sql.firstDocumentOf.get(fact)
    if (row === undefined) return ""
    const title = text(row, "title")
    if (title !== "") return title
    const source = this.#sql.sourcesOf.get(integer(row, "pk"))
    return source === undefined ? text(row, "id") : text(source, "uri")
  }
}

const count = (row: Row | undefined): number => (row === undefined ? 0 : integer(row, "count"))

/** What says little to somebody who wants to see what is in a graph: that two are related, that somebody was there. */
const isDull = `(type = '${anyRelation}' AND predicate IS NULL OR type IN ('PARTICIPATED_IN', 'CONTACTED'))`

const statements = (db: Database) => ({
  sourcesOf: db.prepare("SELECT uri FROM source WHERE document = ? ORDER BY uri"),
  namesOf: db.prepare("SELECT name, own, count(*) AS count FROM name WHERE entity = ? GROUP BY own, name"),
  keyOf: db.prepare("SELECT key FROM entity WHERE pk = ?"),
  factsOf: db.prepare(
    `SELECT f.pk, f.id, f.text, f.valid_at, f.invalid_at,
       (SELECT min(predicate) FROM support WHERE fact = f.pk) AS predicate
     FROM fact f WHERE f.relation = ? ORDER BY f.id`
  ),
  evidenceOf: db.prepare("SELECT c.id FROM support s JOIN chunk c ON c.pk = s.chunk WHERE s.fact = ? ORDER BY c.id"),
  // Of the entities most spoken of, the best connected first.
  topEntities: db.prepare(
    `WITH top AS (SELECT pk, type, key, weight FROM entity WHERE grp = ? ORDER BY weight DESC, key, type LIMIT 200)
     SELECT pk, type FROM top ORDER BY
       (SELECT count(*) FROM relation WHERE source = top.pk) +
       (SELECT count(*) FROM relation WHERE target = top.pk AND source <> top.pk) DESC, weight DESC, key, type LIMIT ?`
  ),
  relationsOf: db.prepare(
    `SELECT (SELECT count(*) FROM relation WHERE source = ?1) +
       (SELECT count(*) FROM relation WHERE target = ?1 AND source <> ?1) AS count`
  ),
  mentionsOf: db.prepare("SELECT count(*) AS count FROM mention WHERE entity = ?"),
  // One fact of each entity most spoken of: those that say how before those that do not, then the best supported.
  topFacts: db.prepare(
    `WITH top AS (SELECT pk, weight FROM entity WHERE grp = ? ORDER BY weight DESC, key, type LIMIT 50),
     said AS (
       SELECT f.pk, f.id, f.text, f.weight, r.source, r.target, r.type, top.weight AS spoken,
         (SELECT min(predicate) FROM support WHERE fact = f.pk) AS predicate, r.weight AS supported
       FROM top JOIN relation r ON r.source = top.pk JOIN fact f ON f.relation = r.pk),
     ranked AS (
       SELECT *, row_number() OVER (
         PARTITION BY source
         ORDER BY ${isDull}, weight DESC, supported DESC, text, id) AS place
       FROM said)
     SELECT pk, text, weight, source, target, type, predicate FROM ranked WHERE place = 1
     ORDER BY ${isDull}, spoken DESC, text, id LIMIT ?`
  ),
  firstDocumentOf: db.prepare(
    `SELECT d.pk, d.id, d.title FROM support s JOIN chunk c ON c.pk = s.chunk JOIN document d ON d.pk = c.document
     WHERE s.fact = ? ORDER BY d.title, d.id LIMIT 1`
  )
})
