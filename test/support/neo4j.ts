import { auth, driver } from "neo4j-driver"
import { Effect, Layer, Redacted } from "effect"
import * as Neo4jStore from "../../src/layers/Neo4jStore.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import type { Ledger } from "../../src/services/Ledger.ts"
import type { StorageError } from "../../src/services/StorageError.ts"

/** The real server that `scripts/servers neo4j up` starts. */
const { NEO4J_PASSWORD, NEO4J_URI, NEO4J_USERNAME } = process.env

export const hasNeo4j = NEO4J_URI !== undefined && NEO4J_URI !== ""

if (!hasNeo4j && process.env["REQUIRE_SERVERS"] === "1") {
  throw new Error(
    "There is no Neo4j server, which this run must have: scripts/servers neo4j up, then source .servers/env"
  )
}

export const neo4j: Neo4jStore.Options = {
  uri: NEO4J_URI ?? "",
  username: NEO4J_USERNAME ?? "neo4j",
  password: Redacted.make(NEO4J_PASSWORD ?? "")
}

/** Opens, uses and closes a store. */
export const useStore = <A, E>(
  options: Neo4jStore.Options,
  body: (store: GraphStore["Service"]) => Effect.Effect<A, E>,
  open: (options: Neo4jStore.Options) => Layer.Layer<GraphStore | Ledger, StorageError> = Neo4jStore.layer
) => Effect.flatMap(GraphStore, body).pipe(Effect.provide(Layer.fresh(open(options))))

/** What is in the database, whatever the store makes of it. */
export const query = (statement: string, parameters: object) =>
  Effect.promise(async () => {
    const client = driver(neo4j.uri, auth.basic(neo4j.username, Redacted.value(neo4j.password ?? Redacted.make(""))))
    try {
      const { records } = await client.executeQuery(statement, parameters)
      return records.map((record) => record.toObject())
    } finally {
      await client.close()
    }
  })
