import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import type { Connection, Row } from "../../../src/layers/neo4j/Connection.ts"
import { checkSearchable, ensure, ensureRelations, state } from "../../../src/layers/neo4j/Schema.ts"

interface Index {
  readonly name: string
  readonly properties: ReadonlyArray<string>
}

/** A server that has these indexes, and makes and drops what it is told to. */
const server = (
  version: number,
  indexes: ReadonlyArray<Index>,
  lengths: ReadonlyArray<number> = [],
  imported: ReadonlyArray<number> = []
) => {
  const there = new Map(indexes.map((index) => [index.name, index]))
  const sent: Array<string> = []
  const vectors = () =>
    [...there.keys()].flatMap((name) => {
      const [, length] = /_embedding_(\d+)$/.exec(name) ?? []
      return length === undefined ? [] : [{ name, length: Number(length) }]
    })
  const rows = (statement: string): ReadonlyArray<Row> => {
    if (statement.includes("SluiceSchema")) return [{ version: version === 0 ? null : version }]
    if (statement.includes("SHOW VECTOR")) return vectors()
    if (statement.includes("propertyKeys")) return imported.map((length) => ({ key: `embedding_${length}` }))
    if (statement.includes("SHOW INDEXES")) return [...there.values()].map((index) => ({ ...index }))
    return lengths.map((length) => ({ length }))
  }
  const connection: Connection = {
    address: { uri: "neo4j://there:7687", username: "ada" },
    read: (statement) => Effect.sync(() => rows(statement)),
    stream: () => Stream.empty,
    write: (work) =>
      Effect.promise(() =>
        work((statement) => {
          sent.push(statement)
          return Promise.resolve({ rows: [], nodesCreated: 0, relationshipsCreated: 0 })
        })
      ),
    alone: (statement) =>
      Effect.sync(() => {
        sent.push(statement.replaceAll(/\s+/g, " ").trim())
        const [, dropped] = /^DROP INDEX (\w+)/.exec(statement) ?? []
        if (dropped !== undefined) there.delete(dropped)
        const [, name] = /^CREATE [A-Z ]+ (\w+) IF/.exec(statement) ?? []
        const properties = [...statement.matchAll(/n\.(\w+)/g)].map(([, property = ""]) => property)
        if (name !== undefined && !there.has(name)) there.set(name, { name, properties })
      })
  }
  return { connection, sent, there }
}

/** As the first version made it: one text index without the group, one vector index for all. */
const firstVersion = Effect.gen(function* () {
  const made = server(0, [])
  yield* ensure(made.connection)
  return server(
    1,
    [
      ...[...made.there.values()].map((index) => ({
        ...index,
        properties: index.properties.filter((property) => !index.name.endsWith("_text") || property !== "group")
      })),
      { name: "sluice_chunk_embedding", properties: ["embedding"] },
      { name: "sluice_entity_embedding", properties: ["embedding"] }
    ],
    [256, 1536]
  )
})

describe("the schema in Neo4j", () => {
  it.effect("embeddings that an import has brought get their index, once", () =>
    Effect.gen(function* () {
      const { connection, sent, there } = server(3, [], [], [256])
      yield* ensure(connection)
      assert.deepStrictEqual(there.get("sluice_chunk_embedding_256")?.properties, ["embedding_256"])
      sent.length = 0
      yield* ensure(connection)
      assert.deepStrictEqual(sent, [])
    })
  )

  it.effect("properties of somebody else that no index can be made for are left alone", () =>
    Effect.gen(function* () {
      const { connection, sent } = server(3, [], [], [0, 8192])
      yield* ensure(connection)
      assert.deepStrictEqual(
        sent.filter((statement) => statement.includes("VECTOR")),
        []
      )
    })
  )

  it.effect("is made once, and the second time nothing is sent", () =>
    Effect.gen(function* () {
      const { connection, sent, there } = server(0, [])
      yield* ensure(connection)
      assert.deepStrictEqual(there.get("sluice_fact_text")?.properties, ["text", "group"])
      assert.isTrue(sent.every((statement) => !/eventually/.test(statement)))
      const again = server(3, [...there.values()])
      yield* ensure(again.connection)
      assert.deepStrictEqual(again.sent, [])
      yield* checkSearchable(again.connection)
    })
  )

  it.effect("of the first version is brought up to date: text indexes with the group, embeddings by their length", () =>
    Effect.gen(function* () {
      const { connection, sent, there } = yield* firstVersion
      const { missing, statements } = yield* state(connection)
      assert.deepStrictEqual(missing, ["sluice_entity_text", "sluice_fact_text"])
      assert.deepStrictEqual(statements.slice(0, 4), [
        "DROP INDEX sluice_entity_text IF EXISTS",
        "DROP INDEX sluice_fact_text IF EXISTS",
        "DROP INDEX sluice_chunk_embedding IF EXISTS",
        "DROP INDEX sluice_entity_embedding IF EXISTS"
      ])
      yield* ensure(connection)
      assert.deepStrictEqual(there.get("sluice_entity_text")?.properties, ["name", "aliases", "group"])
      assert.isFalse(there.has("sluice_chunk_embedding"))
      assert.deepStrictEqual(there.get("sluice_chunk_embedding_1536")?.properties, ["embedding_1536"])
      assert.deepStrictEqual(there.get("sluice_entity_embedding_256")?.properties, ["embedding_256"])
      const moved = sent.filter((statement) => statement.includes("REMOVE c.embedding"))
      assert.strictEqual(moved.length, 2)
      assert.match(sent.at(-1) ?? "", /version = 3/)
    })
  )

  it.effect("of the first version, or without an index, is not searched, and it is said what mends it", () =>
    Effect.gen(function* () {
      const { connection } = yield* firstVersion
      const older = yield* Effect.flip(checkSearchable(connection))
      assert.strictEqual(older.reason, "version")
      assert.match(older.message, /older sluice.*`sluice ingest`/)
      const { connection: whole, there } = server(0, [])
      yield* ensure(whole)
      there.delete("sluice_fact_text")
      const lacking = yield* Effect.flip(checkSearchable(server(3, [...there.values()]).connection))
      assert.match(lacking.message, /lacks sluice_fact_text.*`sluice doctor`/)
    })
  )

  it.effect("types of relations are counted few at a time, however many an open vocabulary has", () =>
    Effect.gen(function* () {
      const { connection, sent } = server(3, [])
      const asked: Array<number> = []
      const counting: Connection["read"] = (statement, parameters) => {
        const types = [...statement.matchAll(/RETURN (\d+) AS at, COUNT \{ \(\)-\[:`?(\w+)`?\]/g)]
        if (types.length === 0) return connection.read(statement, parameters)
        asked.push(types.length)
        return Effect.succeed(types.map(([, at, type]) => ({ at: Number(at), count: type === "T_321" ? 1000 : 999 })))
      }
      const types = Array.from({ length: 500 }, (_, i) => `T_${i}`)
      yield* ensureRelations({ ...connection, read: counting }, new Set(types))
      assert.isAtMost(Math.max(...asked), 50)
      assert.strictEqual(
        asked.reduce((sum, one) => sum + one, 0),
        types.length
      )
      assert.strictEqual(sent.length, 1)
      assert.match(sent[0] ?? "", /CREATE INDEX `?sluice_relation_T_321`? .*\[r:`?T_321`?\]/)
    })
  )
})
