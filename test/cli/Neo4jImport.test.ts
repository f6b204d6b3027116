import { cpSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { auth, driver } from "neo4j-driver"
import { Effect, Redacted } from "effect"
import type { ResolvedDocument } from "../../src/domain/Graph.ts"
import { Group, RunId } from "../../src/domain/Ids.ts"
import { normaliseName } from "../../src/domain/Names.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import type { Write } from "../../src/services/GraphStore.ts"
import { documentWrite } from "../fixtures/graphs.ts"
import { run } from "../support/cli.ts"
import { importedServer } from "../support/importedServer.ts"
import { hasNeo4j, neo4j } from "../support/neo4j.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"
import { freshGroup } from "../suites/GraphStore.ts"

/** What a reader of CSV could stumble over. */
const hostile = [
  'says "no", twice ""',
  "a;b;c",
  "back\\slash\\",
  'end "',
  "a\u001fdelimiter",
  "line\nbreaks\r\nof\rall kinds\u2028",
  "\ttab, comma,",
  " blanks around ",
  "\u0001\u0008\u000b\u000c\u001b\u007f\u0085",
  "👩‍👩‍👧 🜁 é e\u0301 \u202eright\ufeff",
  "'single' `tick` ${x} #{y} %s",
  "NULL",
  "-- ; DROP",
  "Größe 人物"
] as const

const types = ["Person", "Größe", "人物", "Bad type!", "Document", "Entity", "with;semi", 'quo"ted'] as const

/** Entities and relations of all sorts of types. */
const retyped = ({ graph, ...rest }: ResolvedDocument): ResolvedDocument => {
  const typeOf = (id: string): string => types[Number.parseInt(id.slice(0, 4), 16) % types.length] ?? "Person"
  return {
    ...rest,
    graph: {
      ...graph,
      entities: graph.entities.map((entity) => ({ ...entity, type: typeOf(entity.id) })),
      relations: graph.relations.map((relation) => ({ ...relation, type: typeOf(relation.id) }))
    }
  }
}

const hostileWrite = (group: Group): Write => {
  const write = documentWrite(group, hostile, {
    bytes: "hostile",
    title: "",
    chunks: [
      {
        names: hostile,
        said: hostile.flatMap((source, i) => {
          const target = hostile[(i + 3) % hostile.length] ?? ""
          return [{ source, target, type: "KNOWS", text: source, predicate: target, validAt: "1833" }]
        })
      },
      // One entity with two names, of which one holds the delimiter of lists.
      { names: ["Zoë \u001f Baker", "ZOË \u001f BAKER", "ZOË \u001f BAKER"] },
      { names: [`${'very long, "quoted"\n🜁 '.repeat(250_000)}`] },
      { names: ["dead"], isDead: true }
    ],
    decisions: [["a;b;c", "Größe 人物"]]
  })
  return write._tag === "document" ? { ...write, resolved: retyped(write.resolved) } : write
}

/** The key of an entity, one of whose aliases holds the delimiter of lists. */
const unsayable = normaliseName("Zoë \u001f Baker")

/** Everything of some groups that is in a database, but what depends on the order of commits or is made up from the rest. */
const dump = (
  uri: string,
  env: { readonly NEO4J_USERNAME: string; readonly NEO4J_PASSWORD: string },
  groups: ReadonlyArray<Group>
) =>
  Effect.promise(async () => {
    const client = driver(uri, auth.basic(env.NEO4J_USERNAME, env.NEO4J_PASSWORD), { disableLosslessIntegers: false })
    const all = async (statement: string): Promise<ReadonlyArray<string>> => {
      const { records } = await client.executeQuery(statement, { groups, unsayable: [unsayable] })
      return records.map((record) => JSON.stringify(record.toObject())).toSorted()
    }
    const properties = (of: string, ...without: ReadonlyArray<string>) =>
      `[k IN keys(${of}) WHERE NOT k IN ${JSON.stringify(without)} | [k, ${of}[k]]]`
    const sorted = (of: string, ...without: ReadonlyArray<string>) =>
      `COLLECT { UNWIND ${properties(of, ...without)} AS p WITH p ORDER BY p[0] RETURN p }`
    try {
      return {
        nodes: await all(
          `MATCH (n) WHERE n.group IN $groups AND NOT n:Entity
           RETURN COLLECT { UNWIND labels(n) AS l WITH l ORDER BY l RETURN l } AS labels, ${sorted("n", "leads")} AS properties`
        ),
        // Which of its names an entity is called by depends on the order of commits too, until one is new.
        entities: await all(
          `MATCH (n:Entity) WHERE n.group IN $groups AND NOT n.key IN $unsayable
           RETURN COLLECT { UNWIND labels(n) AS l WITH l ORDER BY l RETURN l } AS labels,
             ${sorted("n", "name", "aliases")} AS properties,
             COLLECT { UNWIND [n.name] + coalesce(n.aliases, []) AS name WITH name ORDER BY name RETURN name } AS names`
        ),
        // Each relation has one fact that leads it, whichever.
        leads: await all(`MATCH (f:Fact) WHERE f.group IN $groups AND f.leads IS NOT NULL RETURN f.leads AS relation`),
        misled: await all(
          `MATCH (a:Entity)-[r]->(:Entity) WHERE a.group IN $groups
             AND NOT EXISTS {
               MATCH (f:Fact {leads: r.id, relation: r.id, text: r.fact})
               WHERE coalesce(f.validAt, "") = coalesce(r.validAt, "") AND coalesce(f.invalidAt, "") = coalesce(r.invalidAt, "")
             }
           RETURN r.id`
        ),
        renamed: await all("MATCH (n:Entity) WHERE n.group IN $groups AND n:Renamed RETURN n.key"),
        relationships: await all(
          `MATCH (a)-[r]->(b) WHERE a.group IN $groups
           RETURN a.id AS from, b.id AS to, type(r) AS type, ${sorted("r", "fact", "validAt", "invalidAt")} AS properties`
        )
      }
    } finally {
      await client.close()
    }
  })

const env = {
  NEO4J_USERNAME: neo4j.username,
  NEO4J_PASSWORD: neo4j.password === undefined ? "" : Redacted.value(neo4j.password)
}

const examples = fileURLToPath(new URL("../../examples", import.meta.url))

describe.skipIf(!hasNeo4j)("sluice export --format csv (needs a server: scripts/servers neo4j up)", () => {
  it.live(
    "after neo4j-admin's import there is what Sluice itself writes, and Sluice goes on with it",
    () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory()
        cpSync(examples, join(directory, "docs"), { recursive: true })
        const [group, other] = [freshGroup(), freshGroup()]
        const store = `sqlite:${join(directory, "graph.db")}`
        const ingest = (into: string, variables: Readonly<Record<string, string>> = {}) =>
          Effect.map(
            run(
              ["ingest", join(directory, "docs"), "--extractor", "rules", "--progress", "none", "--json"].concat([
                "--store",
                into,
                "--group",
                group,
                "--journal",
                join(directory, "journal.db")
              ]),
              variables
            ),
            ({ status, stderr, stdout }) => {
              assert.strictEqual(status, 0, stderr)
              return JSON.parse(stdout.trim().split("\n").at(-1) ?? "")
            }
          )
        const first = yield* ingest(store)
        yield* Effect.flatMap(GraphStore, (graph) =>
          graph.commit(other, RunId.make("run"), [
            hostileWrite(other),
            documentWrite(other, ["second"], { bytes: "second", chunks: [{ names: ["Größe 人物", "a;b;c"] }] })
          ])
        ).pipe(Effect.provide(SqliteStore.layer({ file: join(directory, "graph.db") })))

        const files = join(directory, "import")
        const exported = yield* run(["export", "--format", "csv", "--output", files, "--store", store, "--json"])
        assert.strictEqual(exported.status, 0, exported.stderr)
        // The same graph, as Sluice writes it.
        const copied = yield* run(["copy", "--from", store, "--to", neo4j.uri, "--json"], env)
        assert.strictEqual(copied.status, 0, copied.stderr)

        const server = yield* importedServer(join(directory, "servers"), files)
        for (const one of [group, other]) {
          const print = (command: string, at: string, variables = {}) =>
            Effect.map(run([command, "--store", at, "--group", one], variables), ({ stdout }) => stdout)
          assert.strictEqual(yield* print("hash", server.uri, server.env), yield* print("hash", store))
          assert.strictEqual(yield* print("export", server.uri, server.env), yield* print("export", store))
        }
        const [imported, written] = [
          yield* dump(server.uri, server.env, [group, other]),
          yield* dump(neo4j.uri, env, [group, other])
        ]
        assert.deepStrictEqual(imported.nodes, written.nodes)
        assert.deepStrictEqual(imported.leads, written.leads)
        assert.deepStrictEqual([imported.misled, written.misled], [[], []])
        assert.deepStrictEqual(imported.relationships, written.relationships)
        assert.deepStrictEqual(imported.entities, written.entities)
        // Named anew when the next run ends: the import cannot say an alias that holds its delimiter.
        assert.deepStrictEqual(imported.renamed, [JSON.stringify({ "n.key": unsayable })])

        const again = yield* ingest(server.uri, server.env)
        assert.strictEqual(again.graph.hash, first.graph.hash)
        assert.strictEqual(again.documents.unchanged, first.documents.seen)
        const found = yield* run(["search", "ada morno", "--store", server.uri, "--group", group, "--json"], server.env)
        assert.strictEqual(found.status, 0, found.stderr)
        const { entities, passages } = JSON.parse(found.stdout.trim().split("\n").at(-1) ?? "")
        assert.strictEqual(entities[0]?.name, "Ada Moreno")
        assert.isNotEmpty(passages)
        const forgotten = yield* run(
          [
            "forget",
            "second",
            "--store",
            server.uri,
            "--group",
            other,
            "--journal",
            join(directory, "journal.db"),
            "--json"
          ],
          server.env
        )
        assert.strictEqual(forgotten.status, 0, forgotten.stderr)
        assert.include(forgotten.stdout, '"documents":1')
        const back = yield* run(
          ["copy", "--from", server.uri, "--to", `sqlite:${join(directory, "back.db")}`, "--json"],
          server.env
        )
        assert.strictEqual(back.status, 0, back.stderr)
      }).pipe(Effect.scoped),
    600_000
  )
})
