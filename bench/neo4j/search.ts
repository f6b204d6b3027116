import { Effect } from "effect"
import { auth, driver as open } from "neo4j-driver"
import { Group } from "../../src/domain/Ids.ts"
import * as Connection from "../../src/layers/neo4j/Connection.ts"
import { ensureVectors } from "../../src/layers/neo4j/Schema.ts"
import { whole } from "../../src/layers/neo4j/Values.ts"
import { random, workload } from "./workload.ts"

const dimensions = 256
const queries = 60

export interface Latencies {
  readonly name: string
  readonly p50: number
  readonly p95: number
}

/** Milliseconds from asking to the last of ten answers, over so many entities with names and vectors. */
export const search = async (options: Connection.Options, password: string, count: number) => {
  await Effect.runPromise(
    Effect.scoped(Effect.flatMap(Connection.make(options), (connection) => ensureVectors(connection, dimensions)))
  )
  const driver = open(options.uri, auth.basic(options.username, password))
  const session = driver.session()
  const next = random(11)
  const vector = () => Array.from({ length: dimensions }, () => next() - 0.5)
  const words = ["north", "wind", "harbour", "kestrel", "lantern", "orchard", "granite", "meadow", "copper", "violet"]
  const word = () => `${words[Math.floor(next() * words.length)] ?? ""}${Math.floor(next() * 500)}`
  const { entities, group } = workload(Group.make(`search-${process.pid}`), count)
  try {
    for (let from = 0; from < count; from += 1000) {
      const rows = entities
        .slice(from, from + 1000)
        .map(({ id, type }) => ({ id, type, name: `${word()} ${word()}`, embedding: vector() }))
      await session.run(
        `UNWIND $rows AS row
         CREATE (e:Entity {id: row.id, group: $group, type: row.type, key: row.name, name: row.name, aliases: []})
         WITH e, row CALL db.create.setNodeVectorProperty(e, "embedding", row.embedding)`,
        { group, rows }
      )
    }
    await session.run("CALL db.awaitIndexes(300)")
    const timed = async (name: string, statement: string, parameters: () => object): Promise<Latencies> => {
      const times: Array<number> = []
      for (let query = 0; query < queries; query++) {
        const asked = { group, k: whole(10), ...parameters() }
        const started = performance.now()
        await session.run(statement, asked)
        times.push(performance.now() - started)
      }
      const sorted = times.slice(10).toSorted((a, b) => a - b)
      const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0
      return { name, p50: at(0.5), p95: at(0.95) }
    }
    return [
      await timed(
        "vector, 10 nearest",
        `CALL db.index.vector.queryNodes("sluice_entity_embedding", $k, $vector) YIELD node, score
         WHERE node.group = $group RETURN node.id AS id, node.name AS name, score`,
        () => ({ vector: vector() })
      ),
      await timed(
        "full text, fuzzy",
        `CALL db.index.fulltext.queryNodes("sluice_entity_text", $text, {limit: 10}) YIELD node, score
         WHERE node.group = $group RETURN node.id AS id, node.name AS name, score`,
        () => ({ text: `${word()}~1 AND ${word().slice(0, -1)}~1` })
      )
    ]
  } finally {
    await session.run("MATCH (n:Entity {group: $group}) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 2000 ROWS", {
      group
    })
    await session.close()
    await driver.close()
  }
}
