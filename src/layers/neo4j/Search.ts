import { Effect } from "effect"
import type { Group } from "../../domain/Ids.ts"
import { asked, byRank, hasDirection, rank, searchText, share, slips } from "../../domain/Search.ts"
import { compare } from "../../domain/Views.ts"
import type { Found, FoundChunk, FoundEntity, FoundFact, SearchQuery } from "../../services/GraphStore.ts"
import type { Connection, Row } from "./Connection.ts"
import { decode } from "./Decoded.ts"
import { embeddingOf, vectorIndexes } from "./Schema.ts"
import { integer, optionalText, rows, text, texts, whole } from "./Values.ts"
import { calledIn, documentOf, namesOf } from "./Views.ts"

/** Names that are compared with the query. */
const candidates = 100

/** Facts that are compared with the query, for each that is wanted. */
const perFact = 4

/** Entries that an index is asked for at the most, before all of a group is looked at instead. */
const most = 2_000

/** Lucene's letters; what it would obey (https://lucene.apache.org/core/9_12_0/queryparser/) is none of them. */
const term = /[\p{Script=Han}\p{Script=Hiragana}]|[\p{L}\p{N}\p{M}]+/gu

/** In quotes nothing but these two means anything. */
const phrase = (words: string): string => `"${words.replace(/[\\"\p{C}]/gu, " ")}"`

/**
 * Words as the index has them, in lower case, with accents and without. Lucene splits scripts without spaces into
 * characters, but not all of them.
 */
const termsOf = (words: string): ReadonlyArray<string> => {
  const all = (words.toWellFormed().toLowerCase().match(term) ?? []).slice(0, 12).map((word) => word.slice(0, 64))
  return [...new Set(all.flatMap((word) => [word, ...(searchText(word).match(/^\S+$/) ?? [])]))].map((word) =>
    word.toWellFormed()
  )
}

/**
 * What a field must have: each word as it is, or as a beginning, or with slips, worth less in this order. Of words shorter
 * than `shortest` there are too many beginnings and slips.
 */
const clauses = (words: string, fields: ReadonlyArray<string>, shortest: number): string =>
  [
    ...fields.map((field) => `${field}:${phrase(words.slice(0, 200))}^8`),
    ...termsOf(words).flatMap((word) =>
      fields.flatMap((field) => [
        `${field}:${word}^4`,
        ...(word.length >= shortest ? [`${field}:${word}*`] : []),
        ...(word.length >= shortest && slips(word) > 0 ? [`${field}:${word}~${slips(word)}`] : [])
      ])
    )
  ].join(" ")

/**
 * The group counts for nothing, but whoever has not its words is not found at all. Words are those of several groups, so
 * rows are compared as well.
 */
const within = (group: Group, query: string): string => `+group:${phrase(group)}^0 +(${query})`

/** Rows of other groups, which have the same words in their names, are null: nothing of them leaves the server. */
const entityRows = `
  CALL db.index.fulltext.queryNodes("sluice_entity_text", $query, {limit: $limit}) YIELD node
  WITH CASE WHEN node.group = $group THEN node END AS e
  RETURN e.id AS id, e.type AS type, e.key AS key, e.name AS name, coalesce(e.aliases, []) AS aliases,
    ${namesOf("e", ":Renamed")} AS names, COUNT { (e)<-[:NAMES]-() } AS weight,
    COUNT { (e)<-[:MENTIONS]-() } AS mentions, COUNT { (e)--() } AS all`

const factRows = `
  CALL db.index.fulltext.queryNodes("sluice_fact_text", $query, {limit: $limit}) YIELD node, score
  WITH CASE WHEN node.group = $group THEN node END AS f, score
  RETURN f.id AS id, f.text AS text, score`

const factDetails = `
  UNWIND $ids AS id
  MATCH (f:Fact {id: id})
  MATCH (s:Entity {id: f.source})
  MATCH (t:Entity {id: f.target})
  CALL (f) {
    MATCH (f)<-[u:SUPPORTS]-(c:Chunk)
    WITH min(u.predicate) AS predicate, count(*) AS evidence, collect(DISTINCT c.document) AS documents
    UNWIND documents AS document
    MATCH (d:Document {id: document})
    WITH predicate, evidence, d ORDER BY d.title, d.id LIMIT 1
    RETURN predicate, evidence, d.title AS title, d.id AS document,
      COLLECT { MATCH (u:Source)-[:IS]->(d) RETURN u.uri ORDER BY u.uri LIMIT 1 } AS uris
  }
  RETURN f.id AS id, f.type AS type, f.text AS text, f.validAt AS validAt, f.invalidAt AS invalidAt,
    predicate, evidence, title, document, uris,
    s.key AS sourceKey, s.name AS source, ${namesOf("s", ":Renamed")} AS sourceNames,
    t.key AS targetKey, t.name AS target, ${namesOf("t", ":Renamed")} AS targetNames`

/** Its names as they are now: the properties lag behind a run that is under way. */
const nameOf = (row: Row, end: "source" | "target"): string => {
  const names = rows(row, `${end}Names`)
  return names.length > 0 ? calledIn(text(row, `${end}Key`), names).name : text(row, end)
}

/** Asks for more where rows of other groups took the places of this one's. */
const rowsWithin = Effect.fnUntraced(function* (
  connection: Connection,
  statement: string,
  parameters: { readonly group: Group; readonly query: string },
  wanted: number
) {
  for (let limit = wanted; ; limit *= 8) {
    const all = yield* connection.read(statement, { ...parameters, limit: whole(limit) })
    const found = all.filter((row) => row["id"] !== null)
    if (found.length >= wanted || all.length < limit) return found
  }
})

const entities = Effect.fnUntraced(function* (connection: Connection, group: Group, words: string, limit: number) {
  const query = asked(words)
  if (query === undefined) return []
  const found = yield* rowsWithin(
    connection,
    entityRows,
    { group, query: within(group, clauses(words, ["name", "aliases"], 2)) },
    Math.max(candidates, 3 * limit)
  )
  return yield* decode(connection, () =>
    found
      .map((row) => {
        const key = text(row, "key")
        const names = rows(row, "names")
        const { aliases, name } =
          names.length > 0 ? calledIn(key, names) : { name: text(row, "name"), aliases: texts(row, "aliases") }
        const [weight, mentions] = [integer(row, "weight"), integer(row, "mentions")]
        return {
          weight,
          found: {
            id: text(row, "id"),
            name,
            aliases: aliases.toSorted(compare),
            relations: integer(row, "all") - weight - mentions,
            mentions,
            type: text(row, "type"),
            score: rank(query, [key, name, ...aliases])
          } satisfies FoundEntity
        }
      })
      .filter(({ found }) => found.score > 0)
      .toSorted((a, b) => byRank({ ...a.found, mentions: a.weight }, { ...b.found, mentions: b.weight }))
      .slice(0, limit)
      .map(({ found }) => found)
  )
})

const facts = Effect.fnUntraced(function* (connection: Connection, group: Group, words: string, limit: number) {
  const query = asked(words)
  if (query === undefined) return []
  const found = yield* rowsWithin(
    connection,
    factRows,
    { group, query: within(group, clauses(words, ["text"], 4)) },
    Math.max(candidates, perFact * limit)
  )
  const best = yield* decode(connection, () =>
    found
      .map((row) => ({ id: text(row, "id"), score: integer(row, "score") * share(query, text(row, "text")) }))
      .toSorted(byRank)
      .slice(0, limit)
  )
  if (best.length === 0) return []
  const details = yield* connection.read(factDetails, { ids: best.map(({ id }) => id) })
  return yield* decode(connection, () => {
    const byId = new Map(details.map((row) => [text(row, "id"), row]))
    return best.flatMap(({ id, score }): ReadonlyArray<FoundFact> => {
      const row = byId.get(id)
      if (row === undefined) return []
      return [
        {
          id,
          source: nameOf(row, "source"),
          target: nameOf(row, "target"),
          type: text(row, "type"),
          ...optionalText(row, "predicate"),
          text: text(row, "text"),
          ...optionalText(row, "validAt"),
          ...optionalText(row, "invalidAt"),
          evidence: integer(row, "evidence"),
          document: documentOf(row),
          score
        }
      ]
    })
  })
})

/** Compared exactly: the index keeps its vectors in fewer bits, and what it says of them differs in the fourth digit. */
const compared = (property: string): string => `
  WITH c, 2 * vector.similarity.cosine(c.${property}, $vector) - 1 AS score
  ORDER BY score DESC, c.id LIMIT $limit
  MATCH (c)-[:PART_OF]->(d:Document)
  RETURN c.id AS id, c.start AS start, c.end AS end, c.header AS header, c.text AS text, score, d.title AS title,
    COLLECT { MATCH (u:Source)-[:IS]->(d) RETURN u.uri ORDER BY u.uri LIMIT 1 } AS uris`

/** Chunks of a group that are quickly compared one by one: the index, which only guesses, would miss some of few. */
const small = 1_000

const isLarge = (connection: Connection, group: Group) =>
  Effect.map(
    connection.read("MATCH (c:Chunk {group: $group}) RETURN 1 AS one SKIP $small LIMIT 1", {
      group,
      small: whole(small)
    }),
    (rows) => rows.length > 0
  )

/**
 * The index answers over all groups, so it is asked for more and more, and what it gives is filtered; a group that is
 * small, or so small among the others that this does not fill the answer, is compared whole.
 */
const nearest = Effect.fnUntraced(function* (
  connection: Connection,
  group: Group,
  vector: Float32Array,
  limit: number
) {
  const { index, property } = embeddingOf("Chunk", vector.length)
  const parameters = { group, vector: [...vector], limit: whole(limit), index }
  const last = (yield* vectorIndexes(connection)).has(index) && (yield* isLarge(connection, group)) ? most : 0
  for (let wanted = 4 * limit + 20; wanted <= last; wanted *= 5) {
    const near = yield* connection.read(
      `CALL db.index.vector.queryNodes($index, $wanted, $vector) YIELD node AS c
       WITH c WHERE c.group = $group ${compared(property)}`,
      { ...parameters, wanted: whole(wanted) }
    )
    if (near.length >= limit) return near
  }
  return yield* connection.read(
    `MATCH (c:Chunk {group: $group}) WHERE c.${property} IS NOT NULL ${compared(property)}`,
    parameters
  )
})

/** Lengths of other embeddings that the group has. */
const otherDimensions = Effect.fnUntraced(function* (connection: Connection, group: Group, length: number) {
  const others = [...(yield* vectorIndexes(connection)).values()].filter((one) => one !== length)
  const found = yield* Effect.forEach([...new Set(others)], (dimensions) =>
    Effect.map(
      connection.read(
        `MATCH (c:Chunk {group: $group}) WHERE c.${embeddingOf("Chunk", dimensions).property} IS NOT NULL RETURN 1 AS one LIMIT 1`,
        { group }
      ),
      (some) => (some.length > 0 ? [dimensions] : [])
    )
  )
  return found.flat().toSorted((a, b) => a - b)
})

const chunks = Effect.fnUntraced(function* (
  connection: Connection,
  group: Group,
  vector: Float32Array | undefined,
  limit: number
) {
  if (vector === undefined || !hasDirection(vector)) return { chunks: [], otherDimensions: [] }
  const near = yield* nearest(connection, group, vector, limit)
  if (near.length === 0) {
    return { chunks: [], otherDimensions: yield* otherDimensions(connection, group, vector.length) }
  }
  return yield* decode(connection, () => ({
    otherDimensions: [],
    chunks: near.map((row): FoundChunk => ({
      id: text(row, "id"),
      title: text(row, "title"),
      source: texts(row, "uris")[0] ?? "",
      start: integer(row, "start"),
      end: integer(row, "end"),
      header: text(row, "header"),
      text: text(row, "text"),
      score: integer(row, "score")
    }))
  }))
})

export const search = Effect.fnUntraced(function* (
  connection: Connection,
  group: Group,
  { limit, text: words, vector }: SearchQuery
) {
  const [found, said, near] = yield* Effect.all(
    [
      entities(connection, group, words, limit),
      facts(connection, group, words, limit),
      chunks(connection, group, vector, limit)
    ],
    { concurrency: 3 }
  )
  const all: Found = { entities: found, facts: said, ...near }
  return all
})
