import { Effect } from "effect"
import { sourceId } from "../../domain/Ids.ts"
import type { ChunkKey, DocumentId, Group } from "../../domain/Ids.ts"
import type { Removal, RemovalWrite } from "../../services/GraphStore.ts"
import type { Connection } from "./Connection.ts"
import { decode } from "./Decoded.ts"
import { integer, texts } from "./Values.ts"

/** With the documents that go. */
export interface ServerRemoval extends Removal {
  readonly documents: ReadonlyArray<DocumentId>
}

/** What the writes would take out, as it is now. */
export const removal = Effect.fnUntraced(function* (
  connection: Connection,
  group: Group,
  writes: ReadonlyArray<RemovalWrite>
) {
  const removed = new Set(writes.flatMap((write) => (write._tag === "removed" ? [sourceId(group, write.source)] : [])))
  const forgotten = new Set(writes.flatMap((write) => (write._tag === "forgotten" ? [write.document] : [])))
  const [row = {}] = yield* connection.read(
    `CALL () {
       UNWIND $forgotten AS id
       MATCH (d:Document {id: id, group: $group})<-[:IS]-(s:Source)
       RETURN collect(DISTINCT s.id) AS ofDocuments
     }
     WITH $removed + ofDocuments AS named
     CALL (named) {
       UNWIND named AS id
       WITH DISTINCT id
       WHERE EXISTS { (:Source {id: id}) } OR EXISTS { (:DeadLetter {sourceId: id}) }
       RETURN collect(id) AS sources
     }
     CALL (sources) {
       UNWIND sources AS id
       MATCH (:Source {id: id})-[:IS]->(d:Document)
       WITH DISTINCT d
       WHERE NOT EXISTS { MATCH (s:Source)-[:IS]->(d) WHERE NOT s.id IN sources }
       RETURN collect(d.id) AS documents
     }
     CALL (documents) {
       UNWIND documents AS id
       MATCH (:Document {id: id})<-[:PART_OF]-(c:Chunk)
       WITH DISTINCT c.key AS key
       WHERE NOT EXISTS { MATCH (other:Chunk {key: key}) WHERE NOT other.document IN documents }
       RETURN collect(key) AS chunks
     }
     RETURN size(sources) AS sources, documents, chunks`,
    { group, removed: [...removed], forgotten: [...forgotten] }
  )
  return yield* decode(connection, (): ServerRemoval => ({
    sources: integer(row, "sources"),
    documents: texts<DocumentId>(row, "documents"),
    chunks: texts<ChunkKey>(row, "chunks")
  }))
})

/** In the order in which nothing is left that a second try would not find. */
const labels = ["Chunk", "Decision", "Fact", "Entity", "Document", "Source", "DeadLetter", "Run"] as const

/** In many small transactions, since a group may be all that there is; to be run again should it break off. */
export const forgetGroup = Effect.fnUntraced(function* (connection: Connection, group: Group) {
  yield* connection.alone(
    "MATCH (g:Group {name: $group}) SET g.generation = coalesce(g.generation, 0) + 1 REMOVE g.hash",
    { group }
  )
  for (const label of labels) {
    yield* connection.alone(
      `MATCH (n:${label} {group: $group}) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 500 ROWS`,
      { group }
    )
  }
  yield* connection.alone("MATCH (g:Group {name: $group}) DELETE g", { group })
})
