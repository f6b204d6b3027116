import { Effect, Stream } from "effect"
import { GraphHash } from "../../domain/Canonical.ts"
import type { GraphRecord } from "../../domain/Canonical.ts"
import type { DecisionRecord, DocumentState, GraphCounts } from "../../domain/Graph.ts"
import type { ChunkId, DecisionId, DocumentId, EntityId, FactId, Group, RelationId } from "../../domain/Ids.ts"
import type { StorageError } from "../../services/StorageError.ts"
import type { Connection, Row } from "./Connection.ts"
import { decode, decoded } from "./Decoded.ts"
import { boolean, integer, optionalText, text, whole } from "./Values.ts"

/** Weights that evidence counts are degrees, which a node has at hand however many they are. */
const sections: ReadonlyArray<readonly [statement: string, read: (row: Row, group: Group) => GraphRecord]> = [
  [
    `MATCH (d:Document {group: $group})
     RETURN d.id AS id, d.mediaType AS mediaType, d.title AS title, d.date AS date, d.text AS text, d.state AS state`,
    (row, group) => ({
      kind: "document",
      id: text<DocumentId>(row, "id"),
      group,
      mediaType: text(row, "mediaType"),
      title: text(row, "title"),
      ...optionalText(row, "date"),
      text: text(row, "text"),
      state: text<DocumentState>(row, "state")
    })
  ],
  [
    `MATCH (c:Chunk {group: $group})
     RETURN c.id AS id, c.document AS document, c.ordinal AS ordinal, c.start AS start, c.end AS end, c.header AS header`,
    (row) => ({
      kind: "chunk",
      id: text<ChunkId>(row, "id"),
      document: text<DocumentId>(row, "document"),
      ordinal: integer(row, "ordinal"),
      start: integer(row, "start"),
      end: integer(row, "end"),
      header: text(row, "header")
    })
  ],
  [
    `MATCH (e:Entity {group: $group})
     RETURN e.id AS id, e.type AS type, e.key AS key, COUNT { (e)<-[:NAMES]-() } AS weight`,
    (row) => ({
      kind: "entity",
      id: text<EntityId>(row, "id"),
      type: text(row, "type"),
      key: text(row, "key"),
      weight: integer(row, "weight")
    })
  ],
  [
    `MATCH (c:Chunk {group: $group})-[n:NAMES]->(e:Entity)
     RETURN c.id AS chunk, e.id AS entity, n.name AS name, n.grounded AS grounded`,
    (row) => ({
      kind: "name",
      chunk: text<ChunkId>(row, "chunk"),
      entity: text<EntityId>(row, "entity"),
      name: text(row, "name"),
      grounded: boolean(row, "grounded")
    })
  ],
  [
    `MATCH (c:Chunk {group: $group})-[m:MENTIONS]->(e:Entity)
     RETURN c.id AS chunk, e.id AS entity, m.start AS start, m.end AS end, m.surface AS surface`,
    (row) => ({
      kind: "mention",
      chunk: text<ChunkId>(row, "chunk"),
      entity: text<EntityId>(row, "entity"),
      start: integer(row, "start"),
      end: integer(row, "end"),
      surface: text(row, "surface")
    })
  ],
  [
    `MATCH (s:Entity {group: $group})-[r]->(t:Entity)
     RETURN r.id AS id, s.id AS source, t.id AS target, r.type AS type, r.weight AS weight`,
    (row) => ({
      kind: "relation",
      id: text<RelationId>(row, "id"),
      source: text<EntityId>(row, "source"),
      target: text<EntityId>(row, "target"),
      type: text(row, "type"),
      weight: integer(row, "weight")
    })
  ],
  [
    `MATCH (f:Fact {group: $group})
     CALL (f) { MATCH (f)<-[s:SUPPORTS]-() RETURN min(s.predicate) AS predicate }
     RETURN f.id AS id, f.relation AS relation, f.text AS text, predicate, f.validAt AS validAt, f.invalidAt AS invalidAt`,
    (row) => ({
      kind: "fact",
      id: text<FactId>(row, "id"),
      relation: text<RelationId>(row, "relation"),
      text: text(row, "text"),
      ...optionalText(row, "predicate"),
      ...optionalText(row, "validAt"),
      ...optionalText(row, "invalidAt")
    })
  ],
  [
    `MATCH (c:Chunk {group: $group})-[:SUPPORTS]->(f:Fact)
     RETURN c.id AS chunk, f.id AS fact`,
    (row) => ({ kind: "support", chunk: text<ChunkId>(row, "chunk"), fact: text<FactId>(row, "fact") })
  ],
  [
    `MATCH (n:Decision {group: $group})
     RETURN n.id AS id, n.document AS document, n.from AS from, n.to AS to, n.evidence AS evidence, n.decidedBy AS decidedBy`,
    (row) => ({
      kind: "decision",
      id: text<DecisionId>(row, "id"),
      document: text<DocumentId>(row, "document"),
      from: text<EntityId>(row, "from"),
      to: text<EntityId>(row, "to"),
      evidence: text(row, "evidence"),
      decidedBy: text<DecisionRecord["decidedBy"]>(row, "decidedBy")
    })
  ]
]

/** Every canonical record of the group. */
export const records = (connection: Connection, group: Group): Stream.Stream<GraphRecord, StorageError> =>
  Stream.fromIterable(sections).pipe(
    Stream.flatMap(([statement, read]) => decoded(connection, statement, { group }, (row) => read(row, group)))
  )

const generation = (connection: Connection, group: Group) =>
  Effect.map(
    connection.read(
      `OPTIONAL MATCH (g:Group {name: $group})
       RETURN g.generation AS generation, CASE WHEN g.hashOf = g.generation THEN g.hash END AS hash`,
      { group }
    ),
    ([row]) => ({
      generation: typeof row?.["generation"] === "number" ? row["generation"] : 0,
      hash: typeof row?.["hash"] === "string" ? row["hash"] : undefined
    })
  )

/** How often the graph may change while it is read before the hash is of no one moment. */
const tries = 5

/** Read again where a commit came in between; kept with the group's generation until the next one. */
export const hash = Effect.fnUntraced(function* (connection: Connection, group: Group, isReadOnly: boolean) {
  let known = yield* generation(connection, group)
  for (let tried = 1; ; tried++) {
    if (known.hash !== undefined) return known.hash
    const sum = new GraphHash()
    const read = yield* Effect.result(
      Stream.runForEach(records(connection, group), (record) => Effect.sync(() => sum.add(record)))
    )
    if (read._tag === "Failure" && (!read.failure.retryable || tried === tries)) return yield* read.failure
    const digest = sum.digest()
    // Waits for a server that has just gone away.
    const after = yield* generation(connection, group)
    if (read._tag === "Failure") continue
    const isOfOneMoment = after.generation === known.generation
    if (isOfOneMoment || tried === tries) {
      if (isOfOneMoment && !isReadOnly && after.generation > 0) {
        yield* connection.write((run) =>
          run(
            `MATCH (g:Group {name: $group}) WHERE g.generation = $generation SET g.hash = $digest, g.hashOf = $generation`,
            {
              group,
              generation: whole(after.generation),
              digest
            }
          )
        )
      }
      return digest
    }
    known = after
  }
})

export const counts = Effect.fnUntraced(function* (connection: Connection, group: Group) {
  const [row = {}] = yield* connection.read(
    `CALL () { MATCH (d:Document {group: $group}) RETURN count(d) AS documents }
     CALL () { MATCH (c:Chunk {group: $group}) RETURN count(c) AS chunks }
     CALL () {
       MATCH (e:Entity {group: $group})
       RETURN count(e) AS entities, sum(COUNT { (e)-->() }) AS relations, sum(COUNT { (e)<-[:MENTIONS]-() }) AS mentions
     }
     RETURN documents, chunks, entities, relations, mentions`,
    { group }
  )
  return yield* decode(connection, (): GraphCounts => ({
    group,
    documents: integer(row, "documents"),
    chunks: integer(row, "chunks"),
    entities: integer(row, "entities"),
    relations: integer(row, "relations"),
    mentions: integer(row, "mentions")
  }))
})
