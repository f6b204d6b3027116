import { Effect } from "effect"
import type { StorageError } from "../../services/StorageError.ts"
import type { Connection, Row } from "./Connection.ts"
import { failure, isForbidden, locationOf } from "./Fault.ts"
import { quoted } from "./Identifiers.ts"
import { integer, text, texts } from "./Values.ts"

/** A part of the schema: made by its statement, found again by its name. */
interface Part {
  readonly name: string
  readonly statement: string
  /** What it must be over, where it was over something else in an earlier version. */
  readonly properties?: ReadonlyArray<string>
}

const listed = (fields: ReadonlyArray<string>): string => fields.map((field) => `n.${field}`).join(", ")

const unique = (name: string, label: string, ...fields: ReadonlyArray<string>): Part => ({
  name,
  statement: `CREATE CONSTRAINT ${name} IF NOT EXISTS FOR (n:${label}) REQUIRE (${listed(fields)}) IS UNIQUE`
})

const range = (name: string, label: string, ...fields: ReadonlyArray<string>): Part => ({
  name,
  statement: `CREATE INDEX ${name} IF NOT EXISTS FOR (n:${label}) ON (${listed(fields)})`
})

/**
 * Analysed without stop words and stems of one language: names are of all of them. Written with each commit, not some time
 * after it (`eventually_consistent`), so that a search sees what was committed. With the group, so that one group's
 * entries are found among those of all.
 */
const fullText = (name: string, label: string, ...own: ReadonlyArray<string>): Part => {
  const fields = [...own, "group"]
  return {
    name,
    properties: fields,
    statement: `CREATE FULLTEXT INDEX ${name} IF NOT EXISTS FOR (n:${label}) ON EACH [${listed(fields)}] OPTIONS {indexConfig: {\`fulltext.analyzer\`: "standard-no-stop-words"}}`
  }
}

/** Ids hold the group, so that one property is unique across groups; what is listed by group is found by both. */
const version1: ReadonlyArray<Part> = [
  unique("sluice_source_id", "Source", "id"),
  unique("sluice_document_id", "Document", "id"),
  unique("sluice_chunk_id", "Chunk", "id"),
  unique("sluice_entity_id", "Entity", "id"),
  unique("sluice_fact_id", "Fact", "id"),
  unique("sluice_decision_id", "Decision", "id"),
  unique("sluice_letter_id", "DeadLetter", "id"),
  unique("sluice_run_id", "Run", "group", "id"),
  unique("sluice_group_name", "Group", "name"),
  range("sluice_source_group", "Source", "group", "head"),
  range("sluice_document_group", "Document", "group", "id"),
  range("sluice_chunk_key", "Chunk", "key"),
  range("sluice_chunk_group", "Chunk", "group", "document", "ordinal"),
  range("sluice_entity_group", "Entity", "group", "id"),
  range("sluice_entity_renamed", "Renamed", "group", "id"),
  range("sluice_entity_type", "Entity", "group", "type"),
  range("sluice_fact_group", "Fact", "group", "relation", "id"),
  range("sluice_fact_relation", "Fact", "relation"),
  range("sluice_decision_group", "Decision", "group", "id"),
  range("sluice_letter_group", "DeadLetter", "group", "head"),
  range("sluice_letter_source", "DeadLetter", "sourceId"),
  range("sluice_letter_document", "DeadLetter", "document"),
  range("sluice_run_group", "Run", "group", "startedAt")
]

const version2: ReadonlyArray<Part> = [unique("sluice_fact_leads", "Fact", "leads")]

/** Earlier versions had them without the group. */
const version3: ReadonlyArray<Part> = [
  fullText("sluice_entity_text", "Entity", "name", "aliases"),
  fullText("sluice_fact_text", "Fact", "text")
]

/**
 * Every relation has a fact that leads it (see Statements.ts), and says what that says: before, it said what its first fact
 * had said, also when that was forgotten. To look a lead up would lock what the inner transactions set.
 */
export const leadRelations: ReadonlyArray<string> = [
  `MATCH (f:Fact)
   WITH f.relation AS relation, min(f.id) AS id, count(f.leads) AS leads
   WHERE leads = 0
   CALL (relation, id) { MATCH (f:Fact {id: id}) SET f.leads = relation } IN TRANSACTIONS OF 2000 ROWS`,
  `MATCH (e:Entity)
   CALL (e) {
     MATCH (e)-[r]->(:Entity)
     MATCH (f:Fact {leads: r.id})
     SET r.fact = f.text, r.validAt = f.validAt, r.invalidAt = f.invalidAt
   } IN TRANSACTIONS OF 500 ROWS`
]

interface Migration {
  readonly parts: ReadonlyArray<Part>
  /** Brings a graph of the version before up to date, when the parts are there; may be broken off and run again. */
  readonly update?: (connection: Connection) => Effect.Effect<void, StorageError>
}

/** What each version added; only ever append. */
const migrations: ReadonlyArray<Migration> = [
  { parts: version1 },
  {
    parts: version2,
    update: (connection) => Effect.forEach(leadRelations, (step) => connection.alone(step), { discard: true })
  },
  { parts: version3, update: (connection) => moveEmbeddings(connection) }
]

/** The version that this program writes. */
export const current = migrations.length

const parts = migrations.flatMap((migration) => migration.parts)

/** Of earlier versions: over embeddings of one length alone. */
const obsolete = ["sluice_chunk_embedding", "sluice_entity_embedding"]

export interface SchemaState {
  /** 0: nothing was written here yet. */
  readonly version: number
  /** Names of what should be there and is not, or is as an earlier version made it. */
  readonly missing: ReadonlyArray<string>
  /** Statements that make it. */
  readonly statements: ReadonlyArray<string>
}

const isAsIs = ({ name, properties }: Part, there: ReadonlyMap<string, Row>): boolean => {
  const row = there.get(name)
  return row !== undefined && (properties === undefined || texts(row, "properties").join() === properties.join())
}

/** What is there of the schema. */
export const state = Effect.fnUntraced(function* (connection: Connection) {
  const [versions, indexes] = yield* Effect.all([
    connection.read("MATCH (v:SluiceSchema) RETURN max(v.version) AS version"),
    connection.read("SHOW INDEXES YIELD name, state, properties WHERE state <> 'FAILED' RETURN name, properties")
  ])
  const [version] = versions
  const there = new Map(indexes.map((row) => [text(row, "name"), row]))
  const missing = parts.filter((part) => !isAsIs(part, there))
  const dropped = [...missing.map(({ name }) => name), ...obsolete].filter((name) => there.has(name))
  const known = version?.["version"]
  const found: SchemaState = {
    version: typeof known === "number" ? known : 0,
    missing: missing.map(({ name }) => name),
    statements: [...dropped.map((name) => `DROP INDEX ${name} IF EXISTS`), ...missing.map(({ statement }) => statement)]
  }
  return found
})

/** Fails where the graph is a later version's. */
export const check = (connection: Connection, { version }: SchemaState): Effect.Effect<void, StorageError> =>
  version > current
    ? Effect.fail(
        failure(
          "version",
          `The graph at ${locationOf(connection.address)} was written by a newer version of sluice (its schema is ${version}, this one knows ${current}). Update sluice, or use another database.`
        )
      )
    : Effect.void

/** A user without the right to change the schema is told what somebody else has to run. */
const forbidden = (connection: Connection, statements: ReadonlyArray<string>): StorageError =>
  failure(
    "readonly",
    [
      `The user ${connection.address.username} may not create the indexes that the graph at ${locationOf(connection.address)} needs. Have somebody run these who may, then run the same command again:`,
      ...statements.map((statement) => `  ${statement};`)
    ].join("\n")
  )

/** Makes indexes, and waits until they can be asked. */
const create = Effect.fnUntraced(function* (connection: Connection, statements: ReadonlyArray<string>) {
  if (statements.length === 0) return
  yield* Effect.forEach(statements, (statement) => connection.alone(statement), { discard: true }).pipe(
    Effect.mapError((error) => (isForbidden(error) ? forbidden(connection, statements) : error))
  )
  yield* connection.alone("CALL db.awaitIndexes(300)")
})

/** Makes what is missing; does nothing, and needs no right to, where all is there. */
export const ensure = Effect.fnUntraced(function* (connection: Connection) {
  const found = yield* state(connection)
  yield* check(connection, found)
  yield* create(connection, found.statements)
  yield* ensureKnownVectors(connection)
  if (found.version < current) {
    const later = found.version === 0 ? [] : migrations.slice(found.version)
    yield* Effect.forEach(later, ({ update }) => update?.(connection) ?? Effect.void, { discard: true })
    yield* connection.write(async (run) => {
      await run(`MERGE (v:SluiceSchema {id: "sluice"}) SET v.version = ${current}`)
    })
  }
})

/** Labels whose nodes may have an embedding. */
const embedded = ["Chunk", "Entity"] as const

/** Vectors of one length cannot be compared with those of another: each length has a property, and an index over it. */
export const embeddingOf = (label: (typeof embedded)[number], length: number) => ({
  property: `embedding_${length}`,
  index: `sluice_${label.toLowerCase()}_embedding_${length}`
})

/** Names of the vector indexes that are there and can be asked, with the length of their vectors. */
export const vectorIndexes = Effect.fnUntraced(function* (connection: Connection) {
  const found = yield* connection.read(
    `SHOW VECTOR INDEXES YIELD name, state, options WHERE state = "ONLINE" AND name STARTS WITH "sluice_"
     RETURN name, options.indexConfig['vector.dimensions'] AS length`
  )
  return new Map(found.map((row) => [text(row, "name"), integer(row, "length")]))
})

/** Makes the indexes over embeddings of this length, where they are not there. */
export const ensureVectors = Effect.fnUntraced(function* (connection: Connection, lengths: ReadonlyArray<number>) {
  if (lengths.length === 0) return
  const there = yield* vectorIndexes(connection)
  const wanted = lengths.flatMap((length) =>
    embedded.map((label) => ({ label, length, ...embeddingOf(label, length) }))
  )
  const statements = wanted.flatMap(({ index, label, length, property }) =>
    there.has(index)
      ? []
      : [
          `CREATE VECTOR INDEX ${index} IF NOT EXISTS FOR (n:${label}) ON (n.${property}) OPTIONS {indexConfig: {\`vector.dimensions\`: ${length}, \`vector.similarity_function\`: "cosine"}}`
        ]
  )
  yield* create(connection, statements)
})

/** Of a vector that the server can index. */
const mostDimensions = 4096

/** An import brings embeddings whose index nobody has made. A property of that name may also be somebody else's. */
const ensureKnownVectors = Effect.fnUntraced(function* (connection: Connection) {
  const keys = yield* connection.read(
    "CALL db.propertyKeys() YIELD propertyKey AS key WHERE key STARTS WITH 'embedding_' RETURN key"
  )
  const lengths = keys
    .flatMap((row) => /^embedding_([1-9]\d*)$/.exec(text(row, "key"))?.[1] ?? [])
    .map(Number)
    .filter((length) => length <= mostDimensions)
  yield* ensureVectors(connection, lengths)
})

/**
 * Versions 1 and 2 had them in one property, whatever their length. What was moved is not found again, should this break
 * off.
 */
export const moveEmbeddings = Effect.fnUntraced(function* (connection: Connection) {
  const lengths = yield* connection.read(
    "MATCH (c:Chunk) WHERE c.group IS NOT NULL AND c.embedding IS NOT NULL RETURN DISTINCT size(c.embedding) AS length"
  )
  for (const row of lengths) {
    const length = integer(row, "length")
    yield* connection.alone(
      `MATCH (c:Chunk) WHERE c.group IS NOT NULL AND size(c.embedding) = ${length}
       CALL (c) {
         CALL db.create.setNodeVectorProperty(c, "${embeddingOf("Chunk", length).property}", c.embedding)
         REMOVE c.embedding
       } IN TRANSACTIONS OF 500 ROWS`
    )
    yield* ensureVectors(connection, [length])
  }
})

/** Fails where a search would not find what is there: the schema is an earlier version's, or lacks an index. */
export const checkSearchable = Effect.fnUntraced(function* (connection: Connection) {
  const found = yield* state(connection)
  const lacking = version3.filter(({ name }) => found.missing.includes(name)).map(({ name }) => name)
  if (found.version >= current && lacking.length === 0) return
  return yield* failure(
    "version",
    found.version < current
      ? `The graph at ${locationOf(connection.address)} was written by an older sluice (its schema is ${found.version}, this one's ${current}). \`sluice ingest\` brings it up to date.`
      : `The graph at ${locationOf(connection.address)} lacks ${lacking.join(" and ")}, which search needs: the next \`sluice ingest\` makes ${lacking.length === 1 ? "it" : "them"}, and \`sluice doctor\` has the statements.`
  )
})

/** Relations of a type from which on they are found by an index; of fewer, the ends tell as quickly. */
const indexedFrom = 1000
/** Types that one statement counts: an open vocabulary may have thousands, and of so many parts no server makes a plan. */
const countedAtOnce = 25

/**
 * An index by id for each type of relation that has many: there is none for all types together, and between two hubs, or
 * from a fact to the relation that it speaks for, nothing else finds one quickly. Without the right to make them the graph
 * is as good, and slower.
 */
export const ensureRelations = Effect.fnUntraced(function* (connection: Connection, types: ReadonlySet<string>) {
  const found = yield* connection.read("SHOW INDEXES YIELD name WHERE name STARTS WITH 'sluice_relation_' RETURN name")
  const there = new Set(found.map((row) => text(row, "name")))
  const wanted = [...types]
    .map((type) => ({ name: `sluice_relation_${type}`, type: quoted(type) }))
    .filter(({ name }) => !there.has(name))
  if (wanted.length === 0) return
  const counts = wanted.map(({ type }, at) => `RETURN ${at} AS at, COUNT { ()-[:${type}]->() } AS count`)
  const many = new Set<number>()
  for (let start = 0; start < counts.length; start += countedAtOnce) {
    const counted = yield* connection.read(counts.slice(start, start + countedAtOnce).join(" UNION ALL "))
    for (const row of counted) if (integer(row, "count") >= indexedFrom) many.add(integer(row, "at"))
  }
  const statements = wanted.flatMap(({ name, type }, at) =>
    many.has(at) ? [`CREATE INDEX ${quoted(name)} IF NOT EXISTS FOR ()-[r:${type}]-() ON (r.id)`] : []
  )
  yield* Effect.forEach(statements, (statement) => connection.alone(statement), { discard: true }).pipe(
    Effect.catchIf(isForbidden, () => Effect.logWarning(forbidden(connection, statements).message))
  )
})
