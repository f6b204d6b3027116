import { Redacted } from "effect"
import type { Options } from "../../src/layers/Neo4jStore.ts"

/** The real server that `scripts/servers neo4j up` starts. */
const { NEO4J_PASSWORD, NEO4J_URI, NEO4J_USERNAME } = process.env

export const hasNeo4j = NEO4J_URI !== undefined && NEO4J_URI !== ""

if (!hasNeo4j && process.env["REQUIRE_SERVERS"] === "1") {
  throw new Error(
    "There is no Neo4j server, which this run must have: scripts/servers neo4j up, then source .servers/env"
  )
}

export const neo4j: Options = {
  uri: NEO4J_URI ?? "",
  username: NEO4J_USERNAME ?? "neo4j",
  password: Redacted.make(NEO4J_PASSWORD ?? "")
}
