import { Effect, Stream } from "effect"
import type { DocumentState } from "../../domain/Graph.ts"
import type { ChunkId, DocumentId, Group } from "../../domain/Ids.ts"
import { normaliseName } from "../../domain/Names.ts"
import { anyRelation } from "../../domain/Ontology.ts"
import { called, compare, said } from "../../domain/Views.ts"
import type { ExportRow, Overview } from "../../services/GraphStore.ts"
import type { StorageError } from "../../services/StorageError.ts"
import type { Connection, Row, RunStatement } from "./Connection.ts"
import { decode, decoded, decodeSync } from "./Decoded.ts"
import { statements } from "./Statements.ts"
import { integer, optionalText, rows, text, texts, whole } from "./Values.ts"

type RelationRow = Extract<ExportRow, { readonly kind: "relation" }>

/** Of rows of `namesOf`. */
export const calledIn = (key: string, names: ReadonlyArray<Row>) =>
  called(
    key,
    names.map((row) => {
      const name = text(row, "name")
      return { name, isOwn: normaliseName(name) === key, count: integer(row, "count") }
    })
  )

/** An entity's names, with how often each is used; of one without the label, if one is given, none. */
export const namesOf = (entity: "e" | "s" | "t", label: "" | ":Renamed" = ""): string => `COLLECT {
  MATCH (${entity}${label})<-[n:NAMES]-()
  WITH n.name AS name, count(*) AS count
  RETURN {name: name, count: count}
}`

/** Entities that one transaction names. */
const renamedAtOnce = 500

/** What they are called now; locked before it is asked, so that nobody takes out a name that is then put down. */
const renaming =
  (connection: Connection, ids: ReadonlyArray<string>) =>
  async (run: RunStatement): Promise<void> => {
    await run(statements.lockEntities, { rows: ids })
    const { rows: found } = await run(
      `UNWIND $ids AS id
       MATCH (e:Entity {id: id}) WHERE e:Renamed
       RETURN e.id AS id, e.key AS key, ${namesOf("e")} AS names`,
      { ids }
    )
    await run(
      `UNWIND $renamed AS row
       MATCH (e:Entity {id: row.id})
       SET e.name = row.name, e.aliases = row.aliases
       REMOVE e:Renamed`,
      {
        renamed: decodeSync(connection, () =>
          found.map((row) => ({ id: text(row, "id"), ...calledIn(text(row, "key"), rows(row, "names")) }))
        )
      }
    )
  }

/**
 * Gives entities that came by other names their `name` and `aliases`, for people and the full-text index. Nobody else
 * reads them, so that they may lag behind a run that is under way.
 */
export const rename = Effect.fnUntraced(function* (connection: Connection, group: Group) {
  let after = ""
  while (true) {
    const found = yield* connection.read(
      `MATCH (e:Renamed {group: $group}) WHERE e.id > $after
       WITH e ORDER BY e.group, e.id LIMIT ${renamedAtOnce}
       RETURN e.id AS id`,
      { group, after }
    )
    if (found.length === 0) return
    const ids = yield* decode(connection, () => found.map((row) => text(row, "id")))
    yield* connection.write(renaming(connection, ids))
    after = ids.at(-1) ?? after
  }
})

/** Of all groups: what was taken out may have left a name that nothing says any more. */
export const renameAll = Effect.fnUntraced(function* (connection: Connection) {
  const groups = yield* connection.read("MATCH (e:Renamed) RETURN DISTINCT e.group AS group")
  const found = yield* decode(connection, () => groups.map((row) => text<Group>(row, "group")))
  yield* Effect.forEach(found, (group) => rename(connection, group), { discard: true })
})

const documents = (connection: Connection, group: Group): Stream.Stream<ExportRow, StorageError> =>
  decoded(
    connection,
    `MATCH (d:Document {group: $group})
     WHERE d.id IS NOT NULL
     WITH d ORDER BY d.group, d.id
     RETURN d.id AS id, d.title AS title, d.mediaType AS mediaType, d.date AS date, d.state AS state, d.text AS text,
       COLLECT { MATCH (s:Source)-[:IS]->(d) RETURN s.uri } AS sources`,
    { group },
    (row) => {
      const sources = texts(row, "sources").toSorted(compare)
      return {
        kind: "document",
        id: text<DocumentId>(row, "id"),
        source: sources[0] ?? "",
        sources,
        title: text(row, "title"),
        mediaType: text(row, "mediaType"),
        ...optionalText(row, "date"),
        state: text<DocumentState>(row, "state"),
        text: text(row, "text")
      }
    }
  )

const chunks = (connection: Connection, group: Group): Stream.Stream<ExportRow, StorageError> =>
  decoded(
    connection,
    `MATCH (c:Chunk {group: $group})
     WHERE c.document IS NOT NULL AND c.ordinal IS NOT NULL
     RETURN c.id AS id, c.document AS document, c.ordinal AS ordinal, c.start AS start, c.end AS end,
       c.header AS header, c.text AS text
     ORDER BY c.group, c.document, c.ordinal`,
    { group },
    (row) => ({
      kind: "chunk",
      id: text<ChunkId>(row, "id"),
      document: text<DocumentId>(row, "document"),
      ordinal: integer(row, "ordinal"),
      start: integer(row, "start"),
      end: integer(row, "end"),
      header: text(row, "header"),
      text: text(row, "text")
    })
  )

const entities = (connection: Connection, group: Group): Stream.Stream<ExportRow, StorageError> =>
  decoded(
    connection,
    `MATCH (e:Entity {group: $group})
     WHERE e.id IS NOT NULL
     WITH e ORDER BY e.group, e.id
     RETURN e.id AS id, e.type AS type, e.key AS key, COUNT { (e)<-[:NAMES]-() } AS weight, ${namesOf("e")} AS names`,
    { group },
    (row) => ({
      kind: "entity",
      id: text(row, "id"),
      ...calledIn(text(row, "key"), rows(row, "names")),
      type: text(row, "type"),
      key: text(row, "key"),
      weight: integer(row, "weight")
    })
  )

/** A chunk's mentions stand together, in the order of its text. */
const mentions = (connection: Connection, group: Group): Stream.Stream<ExportRow, StorageError> =>
  decoded(
    connection,
    `MATCH (c:Chunk {group: $group})
     WHERE c.document IS NOT NULL AND c.ordinal IS NOT NULL
     WITH c ORDER BY c.group, c.document, c.ordinal
     RETURN c.id AS chunk, c.document AS document, COLLECT {
       MATCH (c)-[m:MENTIONS]->(e:Entity)
       RETURN {start: m.start, end: m.end, surface: m.surface, entity: e.id}
     } AS mentions`,
    { group },
    (row) =>
      rows(row, "mentions")
        .map((mention) => ({
          kind: "mention" as const,
          document: text<DocumentId>(row, "document"),
          chunk: text<ChunkId>(row, "chunk"),
          start: integer(mention, "start"),
          end: integer(mention, "end"),
          surface: text(mention, "surface"),
          entity: text(mention, "entity")
        }))
        .toSorted((a, b) => a.start - b.start || a.end - b.end || compare(a.entity, b.entity))
  ).pipe(Stream.flattenIterable)

interface FactOf extends Pick<RelationRow, "id" | "source" | "target" | "type"> {
  readonly view: RelationRow["facts"][number]
}

const relation = (facts: ReadonlyArray<FactOf>, { id, source, target, type }: FactOf): RelationRow => ({
  kind: "relation",
  id,
  source,
  target,
  type,
  ...said(facts.map(({ view }) => view))
})

/** Facts come in the order of their relations. */
const relations = (connection: Connection, group: Group): Stream.Stream<ExportRow, StorageError> =>
  decoded(
    connection,
    `MATCH (f:Fact {group: $group})
     WHERE f.relation IS NOT NULL AND f.id IS NOT NULL
     WITH f ORDER BY f.group, f.relation, f.id
     CALL (f) { MATCH (f)<-[s:SUPPORTS]-(c:Chunk) RETURN min(s.predicate) AS predicate, collect(c.id) AS evidence }
     RETURN f.id AS id, f.relation AS relation, f.source AS source, f.target AS target, f.type AS type, f.text AS text,
       f.validAt AS validAt, f.invalidAt AS invalidAt, predicate, evidence`,
    { group },
    (row): FactOf => ({
      id: text(row, "relation"),
      source: text(row, "source"),
      target: text(row, "target"),
      type: text(row, "type"),
      view: {
        id: text(row, "id"),
        text: text(row, "text"),
        ...optionalText(row, "predicate"),
        ...optionalText(row, "validAt"),
        ...optionalText(row, "invalidAt"),
        evidence: texts<ChunkId>(row, "evidence").toSorted(compare)
      }
    })
  ).pipe(
    Stream.mapAccum(
      (): ReadonlyArray<FactOf> => [],
      (open, fact): readonly [ReadonlyArray<FactOf>, ReadonlyArray<RelationRow>] => {
        const [first] = open
        if (first === undefined || first.id === fact.id) return [[...open, fact], []]
        return [[fact], [relation(open, first)]]
      },
      { onHalt: (open) => open.slice(0, 1).map((first) => relation(open, first)) }
    )
  )

const sections = [
  ["document", documents],
  ["chunk", chunks],
  ["entity", entities],
  ["mention", mentions],
  ["relation", relations]
] as const

/** In the order of ids, so that two stores of one graph export the same lines. */
export const exportRows = (
  connection: Connection,
  group: Group,
  kinds?: ReadonlyArray<ExportRow["kind"]>
): Stream.Stream<ExportRow, StorageError> =>
  Stream.fromIterable(sections).pipe(
    Stream.filter(([kind]) => kinds === undefined || kinds.includes(kind)),
    Stream.flatMap(([, section]) => section(connection, group))
  )

/** Of the entities most spoken of, the best connected first. */
const topEntities = `
  MATCH (e:Entity {group: $group})
  WITH e, COUNT { (e)<-[:NAMES]-() } AS weight
  ORDER BY weight DESC, e.key, e.type LIMIT 200
  WITH e, weight, COUNT { (e)<-[:MENTIONS]-() } AS mentions, COUNT { (e)--() } AS all
  WITH e, weight, mentions, all - weight - mentions AS relations
  ORDER BY relations DESC, weight DESC, e.key, e.type LIMIT $limit
  RETURN e.key AS key, e.type AS type, relations, mentions, ${namesOf("e")} AS names`

/**
 * One fact of each entity most spoken of: those that say how before those that do not, then the best supported. What says
 * little to somebody who wants to see what is in a graph: that two are related, that somebody was there.
 */
const topFacts = `
  MATCH (e:Entity {group: $group})
  WITH e, COUNT { (e)<-[:NAMES]-() } AS spoken
  ORDER BY spoken DESC, e.key, e.type LIMIT 50
  MATCH (e)-[r]->(t:Entity)
  MATCH (f:Fact {relation: r.id})
  CALL (f) { MATCH (f)<-[s:SUPPORTS]-() RETURN min(s.predicate) AS predicate, count(*) AS weight }
  WITH e, spoken, r, t, f, predicate, weight,
    r.type = $anyRelation AND predicate IS NULL OR r.type IN ["PARTICIPATED_IN", "CONTACTED"] AS isDull
  ORDER BY isDull, weight DESC, r.weight DESC, f.text, f.id
  WITH e, spoken, head(collect({type: r.type, target: t, fact: f, predicate: predicate, weight: weight, isDull: isDull})) AS top
  ORDER BY top.isDull, spoken DESC, top.fact.text, top.fact.id LIMIT $limit
  WITH e AS s, top.target AS t, top, spoken
  CALL (top) {
    WITH top.fact AS f
    MATCH (f)<-[:SUPPORTS]-(:Chunk)-[:PART_OF]->(d:Document)
    WITH d ORDER BY d.title, d.id LIMIT 1
    RETURN d.title AS title, d.id AS document, COLLECT { MATCH (u:Source)-[:IS]->(d) RETURN u.uri ORDER BY u.uri LIMIT 1 } AS uris
  }
  RETURN s.key AS sourceKey, ${namesOf("s")} AS sourceNames,
    t.key AS targetKey, ${namesOf("t")} AS targetNames,
    top.type AS type, top.predicate AS predicate, top.fact.text AS text, top.weight AS evidence, title, document, uris`

/** Title, or else source, of a document whose title may be empty. */
export const documentOf = (row: Row): string =>
  [text(row, "title"), ...texts(row, "uris"), text(row, "document")].find((one) => one !== "") ?? ""

export const overview = Effect.fnUntraced(function* (
  connection: Connection,
  group: Group,
  limits: { readonly entities: number; readonly facts: number }
) {
  const [top, said] = yield* Effect.all([
    connection.read(topEntities, { group, limit: whole(limits.entities) }),
    connection.read(topFacts, { group, limit: whole(limits.facts), anyRelation })
  ])
  return yield* decode(connection, (): Overview => ({
    entities: top.map((row) => {
      const { aliases, name } = calledIn(text(row, "key"), rows(row, "names"))
      return {
        name,
        type: text(row, "type"),
        relations: integer(row, "relations"),
        mentions: integer(row, "mentions"),
        aliases
      }
    }),
    facts: said.map((row) => ({
      source: calledIn(text(row, "sourceKey"), rows(row, "sourceNames")).name,
      type: text(row, "type"),
      ...optionalText(row, "predicate"),
      target: calledIn(text(row, "targetKey"), rows(row, "targetNames")).name,
      text: text(row, "text"),
      document: documentOf(row),
      evidence: integer(row, "evidence")
    }))
  }))
})
