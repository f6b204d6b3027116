import { describe } from "@effect/vitest"
import * as Neo4jStore from "../../src/layers/Neo4jStore.ts"
import { hasNeo4j, neo4j } from "../support/neo4j.ts"
import { suite as graphStore } from "../suites/GraphStore.ts"
import { suite as ledger } from "../suites/Ledger.ts"

describe.skipIf(!hasNeo4j)("needs a Neo4j server: scripts/servers neo4j up", () => {
  const layer = Neo4jStore.layer(neo4j)
  graphStore("Neo4j", layer, 5)
  ledger("Neo4j", layer)
})
