import { Effect, Stream } from "effect"
import type { GraphCounts } from "../../domain/Graph.ts"
import type { DocumentId, Group } from "../../domain/Ids.ts"
import type { GraphStore, RemovalWrite, Write } from "../../services/GraphStore.ts"
import type { StorageError } from "../../services/StorageError.ts"
import type { Connection } from "./Connection.ts"
import { decode } from "./Decoded.ts"
import { failure } from "./Fault.ts"
import { removal } from "./Removals.ts"
import { integer, texts } from "./Values.ts"

/** Documents whose sources all go, what is in them, and the relations that nothing else supports. */
const lost = `
  CALL () {
    UNWIND $documents AS id
    MATCH (:Document {id: id})<-[:PART_OF]-(c:Chunk)
    RETURN count(c) AS chunks, sum(COUNT { (c)-[:MENTIONS]->() }) AS mentions
  }
  CALL () {
    UNWIND $documents AS id
    MATCH (:Document {id: id})<-[:PART_OF]-(:Chunk)-[:SUPPORTS]->(f:Fact)
    WITH DISTINCT f.relation AS relation
    WHERE NOT EXISTS {
      MATCH (:Fact {relation: relation})<-[:SUPPORTS]-(c:Chunk)
      WHERE NOT c.document IN $documents
    }
    RETURN collect(relation) AS relations
  }
  RETURN chunks, mentions, relations`

/** Entities that are left without a name, a mention or a relation. */
const lostEntities = `
  CALL () {
    UNWIND $documents AS id
    MATCH (:Document {id: id})<-[:PART_OF]-(:Chunk)-[:NAMES|MENTIONS]->(e:Entity)
    RETURN e
    UNION
    UNWIND $documents AS id
    MATCH (:Document {id: id})<-[:PART_OF]-(:Chunk)-[:SUPPORTS]->(f:Fact)
    UNWIND [f.source, f.target] AS end
    MATCH (e:Entity {id: end})
    RETURN e
  }
  WITH DISTINCT e
  WHERE NOT EXISTS { MATCH (e)<-[:NAMES|MENTIONS]-(c:Chunk) WHERE NOT c.document IN $documents }
    AND NOT EXISTS { MATCH (e)-[r]-(:Entity) WHERE NOT r.id IN $relations }
  RETURN count(e) AS entities`

const isRemoval = (write: Write): write is RemovalWrite => write._tag === "removed" || write._tag === "forgotten"

/**
 * The graph as it would be after removals, for a dry run: what a commit would take out is kept in mind, and what is asked
 * afterwards is answered as if it were gone. Only reads, in statements of their own, so that no writer is in anybody's way.
 */
export const rehearse = (connection: Connection, store: GraphStore["Service"]): GraphStore["Service"] => {
  const gone = new Map<Group, { writes: ReadonlyArray<RemovalWrite>; isWhole: boolean }>()
  const goneOf = (group: Group) => gone.get(group) ?? { writes: [], isWhole: false }

  const counts = Effect.fn("GraphStore.counts")(function* (group: Group) {
    const { isWhole, writes } = goneOf(group)
    const now = yield* store.counts(group)
    if (isWhole) {
      const none: GraphCounts = { group, documents: 0, chunks: 0, entities: 0, relations: 0, mentions: 0 }
      return none
    }
    if (writes.length === 0) return now
    const { documents } = yield* removal(connection, group, writes)
    const [row = {}] = yield* connection.read(lost, { documents })
    const relations = yield* decode(connection, () => texts(row, "relations"))
    const [rest = {}] = yield* connection.read(lostEntities, { documents, relations })
    return yield* decode(connection, (): GraphCounts => ({
      group,
      documents: now.documents - documents.length,
      chunks: now.chunks - integer(row, "chunks"),
      entities: now.entities - integer(rest, "entities"),
      relations: now.relations - relations.length,
      mentions: now.mentions - integer(row, "mentions")
    }))
  })

  return {
    ...store,
    counts,
    commit: (group, _, writes) =>
      Effect.suspend((): Effect.Effect<void, StorageError> => {
        const removals = writes.filter(isRemoval)
        if (removals.length < writes.length) {
          return Effect.fail(failure("readonly", `The graph at ${store.location} was opened for a dry run.`))
        }
        gone.set(group, { ...goneOf(group), writes: [...goneOf(group).writes, ...removals] })
        return Effect.void
      }),
    forgetGroup: (group) =>
      Effect.sync(() => {
        gone.set(group, { writes: [], isWhole: true })
      }),
    purge: Effect.succeed(false),
    removal: Effect.fn("GraphStore.removal")(function* (group, writes) {
      const before = yield* removal(connection, group, goneOf(group).writes)
      const after = yield* removal(connection, group, [...goneOf(group).writes, ...writes])
      const known = new Set(before.chunks)
      return {
        sources: after.sources - before.sources,
        chunks: after.chunks.filter((chunk) => !known.has(chunk))
      }
    }),
    exportRows: (group) =>
      Stream.unwrap(
        Effect.map(removal(connection, group, goneOf(group).writes), ({ documents }) => {
          const absent = new Set<DocumentId>(documents)
          return Stream.filter(
            store.exportRows(group),
            (row) =>
              !((row.kind === "document" && absent.has(row.id)) || (row.kind === "chunk" && absent.has(row.document)))
          )
        })
      )
  }
}
