import { Effect, Option, Schema, Stream } from "effect"
import { Extraction } from "../../domain/Extraction.ts"
import type { DecisionRecord, EntityRecord } from "../../domain/Graph.ts"
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
import { compare } from "../../domain/Views.ts"
import type { StoredDocument } from "../../services/GraphStore.ts"
import type { StorageError } from "../../services/StorageError.ts"
import type { Connection, Row } from "./Connection.ts"
import { decode } from "./Decoded.ts"
import { failure, locationOf } from "./Fault.ts"
import { decodeLetter } from "./Letters.ts"
import { boolean, integer, list, optionalText, text, texts } from "./Values.ts"

const decodeExtraction = Schema.decodeUnknownSync(Schema.fromJsonString(Extraction))

/** Ids and sizes that one statement gives. */
const listedAtOnce = 1000
/** Documents that are read together, with the characters of their texts and their chunks. */
const most = { documents: 100, text: 1_000_000, chunks: 1000 }

interface Listed {
  readonly id: DocumentId
  readonly text: number
  readonly chunks: number
}

/** Every document of the group, by pages of ids: what is written meanwhile is in nobody's way. */
const listed = (connection: Connection, group: Group): Stream.Stream<Listed, StorageError> =>
  Stream.paginate("", (after: string) =>
    Effect.gen(function* () {
      const found = yield* connection.read(
        `MATCH (d:Document {group: $group}) WHERE d.id > $after
         WITH d ORDER BY d.group, d.id LIMIT ${listedAtOnce}
         RETURN d.id AS id, size(d.text) AS text, COUNT { (d)<-[:PART_OF]-() } AS chunks`,
        { group, after }
      )
      const rows = yield* decode(connection, () =>
        found.map((row): Listed => ({
          id: text<DocumentId>(row, "id"),
          text: integer(row, "text"),
          chunks: integer(row, "chunks")
        }))
      )
      const last: string | undefined = rows.length < listedAtOnce ? undefined : rows.at(-1)?.id
      return [rows, Option.fromUndefinedOr(last)] as const
    })
  )

/** Those that are read together: as many as fit, and at least one. */
const together = (all: Stream.Stream<Listed, StorageError>): Stream.Stream<ReadonlyArray<Listed>, StorageError> =>
  all.pipe(
    Stream.mapAccum(
      (): ReadonlyArray<Listed> => [],
      (open, next): readonly [ReadonlyArray<Listed>, ReadonlyArray<ReadonlyArray<Listed>>] => {
        const sum = (size: (one: Listed) => number) => open.reduce((total, one) => total + size(one), size(next))
        const fits =
          open.length < most.documents && sum((one) => one.text) <= most.text && sum((one) => one.chunks) <= most.chunks
        if (fits || open.length === 0) return [[...open, next], []]
        return [[next], [open]]
      },
      { onHalt: (open) => (open.length === 0 ? [] : [open]) }
    )
  )

/** The vector of a chunk node, under whatever name it has its length in: `embedding_256`, or in a graph of an earlier version `embedding`. */
const anyEmbeddingOf = (node: string): string =>
  `head([property IN keys(${node}) WHERE property =~ "embedding(_[0-9]+)?" | ${node}[property]])`

const ofChunks = "UNWIND $ids AS id MATCH (:Document {id: id})<-[:PART_OF]-(c:Chunk)"

const statements = {
  documents: `
    UNWIND $ids AS id
    MATCH (d:Document {id: id})
    RETURN d.id AS id, d.recipe AS recipe, d.mediaType AS mediaType, d.title AS title, d.date AS date, d.text AS text,
      d.run AS run, COLLECT { MATCH (s:Source)-[:IS]->(d) RETURN s.uri } AS sources`,
  chunks: `${ofChunks}
    RETURN id, c.id AS chunk, c.ordinal AS ordinal, c.start AS start, c.end AS end, c.tokens AS tokens,
      c.header AS header, c.extraction AS extraction, ${anyEmbeddingOf("c")} AS embedding
    ORDER BY id, ordinal`,
  names: `${ofChunks}
    MATCH (c)-[n:NAMES]->(e:Entity)
    RETURN id, c.id AS chunk, e.id AS entity, e.type AS type, e.key AS key, n.name AS name, n.grounded AS grounded`,
  mentions: `${ofChunks}
    MATCH (c)-[m:MENTIONS]->(e:Entity)
    RETURN id, c.id AS chunk, e.id AS entity, e.type AS type, e.key AS key, m.start AS start, m.end AS end,
      m.surface AS surface`,
  supports: `${ofChunks}
    MATCH (c)-[s:SUPPORTS]->(f:Fact)
    RETURN id, c.id AS chunk, s.confidence AS confidence, s.predicate AS predicate, f.id AS fact, f.text AS text,
      f.validAt AS validAt, f.invalidAt AS invalidAt, f.relation AS relation, f.source AS source, f.target AS target,
      f.type AS type`,
  /** Both ends of the facts: an end need not be named in the chunk that supports it. */
  ends: `${ofChunks}
    MATCH (c)-[:SUPPORTS]->(f:Fact)
    UNWIND [f.source, f.target] AS end
    WITH DISTINCT end
    MATCH (e:Entity {id: end})
    RETURN e.id AS entity, e.type AS type, e.key AS key`,
  decisions: `
    UNWIND $ids AS id
    MATCH (:Document {id: id})<-[:DECIDED_IN]-(n:Decision)
    RETURN id, n.id AS decision, n.from AS from, n.to AS to, n.score AS score, n.evidence AS evidence,
      n.decidedBy AS decidedBy
    ORDER BY id, decision`,
  /** Of dead chunks, and of sources as wholes. */
  letters: `
    UNWIND $ids AS id
    CALL (id) {
      MATCH (l:DeadLetter {document: id}) WHERE l.ordinal <> -1 RETURN l
      UNION
      MATCH (:Document {id: id})<-[:IS]-(s:Source)
      MATCH (l:DeadLetter {sourceId: s.id}) WHERE l.ordinal = -1 RETURN l
    }
    RETURN id, l.letter AS letter ORDER BY id, l.source, l.ordinal`
} as const

/** What the statements gave, by document. */
type Found = {
  readonly [_ in Exclude<keyof typeof statements, "documents" | "ends">]: (id: string) => ReadonlyArray<Row>
}

const byDocument = (rows: ReadonlyArray<Row>) => {
  const grouped = Map.groupBy(rows, (row) => row["id"])
  return (id: string): ReadonlyArray<Row> => grouped.get(id) ?? []
}

const vectorOf = (row: Row): ReadonlyArray<{ readonly chunk: ChunkId; readonly vector: Float32Array }> =>
  row["embedding"] === null
    ? []
    : [{ chunk: text<ChunkId>(row, "chunk"), vector: Float32Array.from(list(row, "embedding").map(Number)) }]

const assemble = (
  group: Group,
  row: Row,
  found: Found,
  entities: ReadonlyMap<EntityId, EntityRecord>
): StoredDocument => {
  const id = text<DocumentId>(row, "id")
  const content = text(row, "text")
  const chunkRows = found.chunks(id)
  const graph = graphOf({
    names: found.names(id).map((one) => ({
      chunk: text<ChunkId>(one, "chunk"),
      entity: text<EntityId>(one, "entity"),
      name: text(one, "name"),
      grounded: boolean(one, "grounded")
    })),
    mentions: found.mentions(id).map((one) => ({
      chunk: text<ChunkId>(one, "chunk"),
      entity: text<EntityId>(one, "entity"),
      start: integer(one, "start"),
      end: integer(one, "end"),
      surface: text(one, "surface")
    })),
    said: found.supports(id).map((one) => ({
      chunk: text<ChunkId>(one, "chunk"),
      ...(one["confidence"] === null ? {} : { confidence: integer(one, "confidence") }),
      fact: {
        id: text<FactId>(one, "fact"),
        relation: text<RelationId>(one, "relation"),
        text: text(one, "text"),
        ...optionalText(one, "predicate"),
        ...optionalText(one, "validAt"),
        ...optionalText(one, "invalidAt")
      },
      relation: {
        id: text<RelationId>(one, "relation"),
        source: text<EntityId>(one, "source"),
        target: text<EntityId>(one, "target"),
        type: text(one, "type")
      }
    })),
    decisions: found.decisions(id).map((one) => ({
      id: text<DecisionId>(one, "decision"),
      document: id,
      from: text<EntityId>(one, "from"),
      to: text<EntityId>(one, "to"),
      score: integer(one, "score"),
      evidence: text(one, "evidence"),
      decidedBy: text<DecisionRecord["decidedBy"]>(one, "decidedBy")
    })),
    entities
  })
  return {
    _tag: "document",
    run: text<RunId>(row, "run"),
    sources: texts(row, "sources").toSorted(compare),
    resolved: {
      document: {
        id,
        group,
        mediaType: text(row, "mediaType"),
        title: text(row, "title"),
        ...optionalText(row, "date"),
        text: content,
        blocks: []
      },
      recipe: text<Recipe>(row, "recipe"),
      chunks: chunkRows.map((one) => ({
        id: text<ChunkId>(one, "chunk"),
        document: id,
        ordinal: integer(one, "ordinal"),
        start: integer(one, "start"),
        end: integer(one, "end"),
        text: content.slice(integer(one, "start"), integer(one, "end")),
        header: text(one, "header"),
        tokens: integer(one, "tokens")
      })),
      extractions: new Map(
        chunkRows.flatMap((one) =>
          one["extraction"] === null ? [] : [[integer(one, "ordinal"), decodeExtraction(text(one, "extraction"))]]
        )
      ),
      graph
    },
    deadLetters: found.letters(id).map((one) => decodeLetter(text(one, "letter"))),
    embeddings: chunkRows.flatMap(vectorOf)
  }
}

const generation = (connection: Connection, group: Group) =>
  Effect.map(
    connection.read("MATCH (g:Group {name: $group}) RETURN g.generation AS generation", { group }),
    ([row]) => row?.["generation"]
  )

/** How often a page is read again because a commit came in between. */
const tries = 8

/** Some documents, in a few statements; read again where a commit came in between, since they belong together. */
const read = Effect.fnUntraced(function* (connection: Connection, group: Group, wanted: ReadonlyArray<Listed>) {
  const ids = wanted.map(({ id }) => id)
  let before = yield* generation(connection, group)
  for (let tried = 1; ; tried++) {
    const found = yield* Effect.all(
      {
        documents: connection.read(statements.documents, { ids }),
        chunks: connection.read(statements.chunks, { ids }),
        names: connection.read(statements.names, { ids }),
        mentions: connection.read(statements.mentions, { ids }),
        supports: connection.read(statements.supports, { ids }),
        ends: connection.read(statements.ends, { ids }),
        decisions: connection.read(statements.decisions, { ids }),
        letters: connection.read(statements.letters, { ids })
      },
      { concurrency: 4 }
    )
    const after = yield* generation(connection, group)
    if (after === before) {
      return yield* decode(connection, () => {
        const entities = new Map(
          [...found.ends, ...found.names, ...found.mentions].map((row) => {
            const entity = text<EntityId>(row, "entity")
            return [entity, { id: entity, type: text(row, "type"), key: text(row, "key") }] as const
          })
        )
        const rows = {
          chunks: byDocument(found.chunks),
          names: byDocument(found.names),
          mentions: byDocument(found.mentions),
          supports: byDocument(found.supports),
          decisions: byDocument(found.decisions),
          letters: byDocument(found.letters)
        }
        const documents = byDocument(found.documents)
        return ids.flatMap((id) => documents(id).map((row) => assemble(group, row, rows, entities)))
      })
    }
    if (tried === tries) {
      return yield* failure(
        "unavailable",
        `The group ${group} in ${locationOf(connection.address)} changes faster than it can be read. Run the same command again when no ingest writes to it.`,
        { retryable: true }
      )
    }
    before = after
  }
})

/** Whole documents in the order of ids, some of them in each round of statements. */
export const stored = (connection: Connection, group: Group): Stream.Stream<StoredDocument, StorageError> =>
  together(listed(connection, group)).pipe(
    Stream.mapEffect((wanted) => read(connection, group, wanted)),
    Stream.flattenIterable
  )

/** Documents come with a `Group`; a group may also have runs alone, or dead letters. */
export const groups = Effect.fnUntraced(function* (connection: Connection) {
  const found = yield* connection.read(
    `CALL () {
       MATCH (g:Group) WHERE EXISTS { MATCH (d:Document {group: g.name}) WHERE d.id IS NOT NULL }
       RETURN g.name AS name
       UNION
       MATCH (r:Run) RETURN DISTINCT r.group AS name
       UNION
       MATCH (l:DeadLetter) RETURN DISTINCT l.group AS name
     }
     RETURN DISTINCT name`
  )
  return yield* decode(connection, () => found.map((row) => text<Group>(row, "name")).toSorted(compare))
})
