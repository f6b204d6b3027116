import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schema, Stream } from "effect"
import { graphHash } from "../../src/domain/Canonical.ts"
import { RunId } from "../../src/domain/Ids.ts"
import * as Connection from "../../src/layers/neo4j/Connection.ts"
import { leadRelations, moveEmbeddings } from "../../src/layers/neo4j/Schema.ts"
import { rename } from "../../src/layers/neo4j/Views.ts"
import * as Neo4jStore from "../../src/layers/Neo4jStore.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import type { RemovalWrite, Write } from "../../src/services/GraphStore.ts"
import { Ledger } from "../../src/services/Ledger.ts"
import type { DocumentOutline } from "../fixtures/graphs.ts"
import { documentWrite, randomOutline, recordsOf, resolvedDocument } from "../fixtures/graphs.ts"
import { hasNeo4j, neo4j, query, useStore } from "../support/neo4j.ts"
import { makeRandom } from "../support/random.ts"
import { freshGroup, suite as graphStore } from "../suites/GraphStore.ts"
import { suite as ledger } from "../suites/Ledger.ts"
import { suite as removal } from "../suites/Removal.ts"
import { suite as search } from "../suites/Search.ts"
import { suite as stored } from "../suites/Stored.ts"

const run = RunId.make("run")

const isRemoved = (write: Write): write is RemovalWrite => write._tag === "removed"

describe.skipIf(!hasNeo4j)("needs a Neo4j server: scripts/servers neo4j up", () => {
  const layer = Neo4jStore.layer(neo4j)
  graphStore("Neo4j", layer, 5)
  ledger("Neo4j", layer)
  removal("Neo4j", layer, { server: true })
  search("Neo4j", layer)
  stored("SQLite to Neo4j", { from: SqliteStore.layerMemory, to: layer }, 4)
  stored("Neo4j to SQLite", { from: layer, to: SqliteStore.layerMemory }, 4)

  describe("Neo4jStore", () => {
    it.live("writers at once leave what their documents add up to, in whatever order they come and go", () =>
      useStore({ ...neo4j, writers: 4 }, (store) =>
        Effect.gen(function* () {
          const group = freshGroup()
          const random = makeRandom(5)
          const first = Array.from({ length: 24 }, (_, i) => randomOutline(random, `first ${i}`))
          const second = Array.from({ length: 24 }, (_, i) => randomOutline(random, `second ${i}`))
          const commitAll = (outlines: typeof first) =>
            Effect.forEach(
              outlines,
              (outline, i) => store.commit(group, run, [documentWrite(group, [`s${i}`], outline)]),
              { concurrency: 4, discard: true }
            )
          yield* commitAll(first)
          yield* commitAll(second)
          const expected = recordsOf(second.map((outline) => resolvedDocument(group, outline)))
          assert.strictEqual(yield* store.hash(group), graphHash(expected))
          assert.strictEqual(graphHash(yield* Stream.runCollect(store.records(group))), graphHash(expected))
        })
      )
    )

    it.live("writers at once of the same few relations make each once, led by one fact whose words it has", () =>
      useStore({ ...neo4j, writers: 4 }, (store) =>
        Effect.gen(function* () {
          const group = freshGroup()
          const names = ["Ada Byron", "Zoë", "Charles Babbage"]
          const said = (round: string, i: number) =>
            names.flatMap((source, s) =>
              names
                .slice(s + 1)
                .map((target) => ({ source, type: "KNOWS", target, text: `${round} ${i % 7}: ${source}` }))
            )
          const outlineOf = (round: string) => (i: number) => ({
            bytes: `${round} ${i}`,
            chunks: [{ names, said: said(round, i) }]
          })
          const commits = (outlines: ReadonlyArray<DocumentOutline>) =>
            Effect.forEach(
              outlines,
              (outline, i) => store.commit(group, run, [documentWrite(group, [`s${i}`], outline)]),
              { concurrency: 4, discard: true }
            )
          const holds = Effect.fnUntraced(function* (outlines: ReadonlyArray<DocumentOutline>) {
            const expected = recordsOf(outlines.map((outline) => resolvedDocument(group, outline)))
            assert.strictEqual(yield* store.hash(group), graphHash(expected))
            const relations = yield* query(
              `MATCH (:Entity {group: $group})-[r]->(:Entity)
               RETURN r.fact AS fact, COLLECT { MATCH (f:Fact {leads: r.id}) WHERE f.relation = r.id RETURN f.text } AS leads`,
              { group }
            )
            for (const { fact, leads } of relations) assert.deepStrictEqual(leads, [fact])
            return relations.length
          })
          const numbers = Array.from({ length: 32 }, (_, i) => i)
          const first = numbers.map(outlineOf("first"))
          yield* commits(first)
          assert.strictEqual(yield* holds(first), 3)
          const second = numbers.map(outlineOf("second"))
          yield* commits(second)
          assert.strictEqual(yield* holds(second), 3)
          yield* Effect.forEach(
            numbers.slice(1),
            (i) => store.commit(group, run, [{ _tag: "removed", source: `s${i}` }]),
            { concurrency: 4, discard: true }
          )
          assert.strictEqual(yield* holds(second.slice(0, 1)), 3)
        })
      )
    )

    it.live("nothing of what was forgotten is left in what stays", () =>
      useStore(neo4j, (store) =>
        Effect.gen(function* () {
          const group = freshGroup()
          const outline = (words: string, ada: string) => ({
            bytes: words,
            chunks: [{ names: [ada, "Zoë"], said: [{ source: ada, type: "KNOWS", target: "Zoë", text: words }] }]
          })
          const secret = outline("a wellkept secret", "ADA BYRON")
          yield* store.commit(group, run, [documentWrite(group, ["a"], secret)])
          yield* store.commit(group, run, [documentWrite(group, ["b"], outline("as all know", "Ada Byron"))])
          const left = Effect.map(
            query(
              `MATCH (n {group: $group}) RETURN properties(n) AS found
               UNION ALL MATCH ({group: $group})-[r]->() RETURN properties(r) AS found`,
              { group }
            ),
            (found) => JSON.stringify(found)
          )
          assert.match(yield* left, /wellkept.*ADA BYRON|ADA BYRON.*wellkept/s)
          yield* store.commit(group, run, [
            { _tag: "forgotten", document: resolvedDocument(group, secret).document.id }
          ])
          yield* store.purge
          assert.notMatch(yield* left, /wellkept|ADA BYRON/)
          assert.include(yield* left, "as all know")
        })
      )
    )

    it.live("types that cannot be written as such stay properties, and nothing of them reaches a statement", () =>
      useStore(neo4j, (store) =>
        Effect.gen(function* () {
          const group = freshGroup()
          const names = ["Ada Byron", "Zoë"]
          const types = ["KNOWS", "x`]->() DETACH DELETE n //", "NAMES", "ÜBER_LEGT", "a b", ""]
          const said = types.map((type) => ({ source: "Zoë", type, target: "Ada Byron", text: `says ${type}` }))
          const outline = { bytes: "types", chunks: [{ names, said }] }
          const plain = resolvedDocument(group, outline)
          const entities = plain.graph.entities.map((entity, i) => ({
            ...entity,
            type: i === 0 ? "Document" : "`) //"
          }))
          const resolved = { ...plain, graph: { ...plain.graph, entities } }
          yield* store.commit(group, run, [
            { _tag: "document", sources: ["a"], resolved, deadLetters: [], embeddings: [] }
          ])
          assert.strictEqual(yield* store.hash(group), graphHash(recordsOf([resolved])))
          const labels = yield* query("MATCH (e:Entity {group: $group}) RETURN labels(e) AS found, e.key AS key", {
            group
          })
          assert.deepStrictEqual(labels.map(({ found }) => found).toSorted(), [
            ["Entity"],
            ["Entity", "DocumentEntity"]
          ])
          const written = yield* query("MATCH (:Entity {group: $group})-[r]->(:Entity) RETURN type(r) AS found", {
            group
          })
          assert.deepStrictEqual(written.map(({ found }) => found).toSorted(), [
            "KNOWS",
            "NAMES_ENTITY",
            "RELATED_TO",
            "RELATED_TO",
            "RELATED_TO",
            "ÜBER_LEGT"
          ])
        })
      )
    )

    it.live("entities are called by their commonest name, and known by the others, when a run has ended", () =>
      Effect.flatMap(Ledger, (ledger) =>
        Effect.flatMap(GraphStore, (store) =>
          Effect.gen(function* () {
            const group = freshGroup()
            const entry = { id: RunId.make(group), group, startedAt: 1, status: "running" } as const
            const named = query("MATCH (e:Entity {group: $group}) RETURN e.name AS name, e.aliases AS aliases", {
              group
            })
            const write = (source: string, ...names: ReadonlyArray<string>) =>
              store.commit(group, run, [
                documentWrite(group, [source], { bytes: source, chunks: names.map((name) => ({ names: [name] })) })
              ])
            yield* write("a", "ADA BYRON")
            yield* write("b", "Ada Byron", "Ada Byron")
            yield* ledger.finishRun(entry)
            assert.deepStrictEqual(yield* named, [{ name: "Ada Byron", aliases: ["ADA BYRON"] }])
            yield* write("b", "ada byron")
            yield* store.commit(group, run, [{ _tag: "removed", source: "b" }])
            yield* ledger.finishRun(entry)
            assert.deepStrictEqual(yield* named, [{ name: "ADA BYRON", aliases: [] }])
          })
        )
      ).pipe(Effect.provide(Neo4jStore.layer(neo4j)))
    )

    it.live(
      "embeddings of a graph of the first version are moved to the property of their length, and found there",
      () =>
        Effect.gen(function* () {
          const group = freshGroup()
          const write = documentWrite(group, ["a"], {
            bytes: "a",
            chunks: [{ names: ["Ada Byron"] }, { names: ["Zoë"] }]
          })
          yield* useStore(neo4j, (store) => store.commit(group, run, [write]))
          const found = useStore(neo4j, (store) =>
            store.search(group, { text: "byron", vector: new Float32Array([1, 0.5, -1]), limit: 5 })
          )
          const before = yield* found
          assert.strictEqual(before.chunks.length, 2)
          yield* query("MATCH (c:Chunk {group: $group}) SET c.embedding = c.embedding_3 REMOVE c.embedding_3", {
            group
          })
          assert.deepStrictEqual((yield* found).chunks, [])
          yield* Effect.scoped(Effect.flatMap(Connection.make(neo4j), moveEmbeddings))
          assert.deepStrictEqual(yield* found, before)
          const left = yield* query("MATCH (c:Chunk {group: $group}) WHERE c.embedding IS NOT NULL RETURN c.id AS id", {
            group
          })
          assert.deepStrictEqual(left, [])
        })
    )

    it.live("a relation of an earlier version says what its lead says, and nothing of what was forgotten", () =>
      useStore(neo4j, (store) =>
        Effect.gen(function* () {
          const group = freshGroup()
          const said = (text: string, validAt?: string) => ({
            bytes: text,
            chunks: [
              {
                names: ["Ada Byron", "Zoë"],
                said: [
                  {
                    source: "Ada Byron",
                    type: "KNOWS",
                    target: "Zoë",
                    text,
                    ...(validAt === undefined ? {} : { validAt })
                  }
                ]
              }
            ]
          })
          yield* store.commit(group, run, [
            documentWrite(group, ["a"], said("as all know")),
            documentWrite(group, ["b"], said("as few know", "2020-01-01"))
          ])
          yield* query(
            `MATCH (:Entity {group: $group})-[r]->(:Entity) SET r.fact = "a wellkept secret", r.validAt = "1999-01-01"
             WITH r MATCH (f:Fact {leads: r.id}) REMOVE f.leads`,
            { group }
          )
          yield* Effect.scoped(
            Effect.flatMap(Connection.make(neo4j), (connection) =>
              Effect.forEach(leadRelations, (step) => connection.alone(step), { discard: true })
            )
          )
          const found = yield* query(
            `MATCH (:Entity {group: $group})-[r]->(:Entity)
             MATCH (f:Fact {leads: r.id})
             RETURN r.fact AS fact, r.validAt AS validAt, f.text AS text, f.validAt AS leadValidAt`,
            { group }
          )
          assert.strictEqual(found.length, 1)
          for (const { fact, leadValidAt, text, validAt } of found) {
            assert.deepStrictEqual([fact, validAt], [text, leadValidAt])
          }
        })
      )
    )

    it.live("a name that is forgotten while entities are named is nowhere afterwards", () =>
      useStore(neo4j, (store) =>
        Effect.gen(function* () {
          const group = freshGroup()
          const secret = { bytes: "a", chunks: [{ names: ["ADA BYRON"] }] }
          yield* store.commit(group, run, [documentWrite(group, ["a"], secret)])
          yield* store.commit(group, run, [
            documentWrite(group, ["b"], { bytes: "b", chunks: [{ names: ["Ada Byron"] }] })
          ])
          const connection = yield* Connection.make(neo4j)
          const forgetting = store.commit(group, run, [
            { _tag: "forgotten", document: resolvedDocument(group, secret).document.id }
          ])
          let isForgotten = false
          // Between what it reads and what it writes, somebody else forgets a document.
          const write: Connection.Connection["write"] = (work) =>
            Effect.suspend(() => {
              if (isForgotten) return connection.write(work)
              isForgotten = true
              return Effect.andThen(forgetting, connection.write(work))
            })
          yield* rename({ ...connection, write }, group)
          yield* store.purge
          assert.isTrue(isForgotten)
          const left = yield* query("MATCH (e:Entity {group: $group}) RETURN e.name AS name, e.aliases AS aliases", {
            group
          })
          assert.deepStrictEqual(left, [{ name: "Ada Byron", aliases: [] }])
        }).pipe(Effect.scoped)
      )
    )

    it.live("a type of relation that has many is found by its id through an index, once a run has ended", () =>
      Effect.flatMap(Ledger, (ledger) =>
        Effect.flatMap(GraphStore, (store) =>
          Effect.gen(function* () {
            const group = freshGroup()
            const type = `MET_${group.replaceAll("-", "_").toUpperCase()}`
            const names = Array.from({ length: 47 }, (_, i) => `Person ${i}`)
            const said = names.flatMap((source, i) =>
              names.slice(i + 1).map((target) => ({ source, type, target, text: "They met." }))
            )
            const few = { source: "Person 1", type: `${type}_ONCE`, target: "Person 2" }
            yield* store.commit(group, run, [
              documentWrite(group, ["a"], { bytes: "a", chunks: [{ names, said: [...said, few] }] })
            ])
            yield* ledger.finishRun({ id: RunId.make(group), group, startedAt: 1, status: "complete" })
            const indexes = query(
              "SHOW INDEXES YIELD name, labelsOrTypes, properties WHERE $type IN labelsOrTypes RETURN name, properties",
              { type }
            )
            assert.deepStrictEqual(yield* indexes, [{ name: `sluice_relation_${type}`, properties: ["id"] }])
            assert.deepStrictEqual(
              yield* query("SHOW INDEXES YIELD labelsOrTypes WHERE $type IN labelsOrTypes RETURN 1 AS one", {
                type: few.type
              }),
              []
            )
            yield* store.commit(group, run, [
              documentWrite(group, ["b"], { bytes: "b", chunks: [{ names, said: said.slice(0, 5) }] })
            ])
            const outlines = [
              { bytes: "a", chunks: [{ names, said: [...said, few] }] },
              { bytes: "b", chunks: [{ names, said: said.slice(0, 5) }] }
            ]
            const expected = recordsOf(outlines.map((outline) => resolvedDocument(group, outline)))
            assert.strictEqual(yield* store.hash(group), graphHash(expected))
            yield* query(`DROP INDEX sluice_relation_${type}`, {})
          })
        )
      ).pipe(Effect.provide(Neo4jStore.layer(neo4j)))
    )

    it.live("a graph of an earlier version gets a lead for each relation when it is opened for writing", () =>
      Effect.gen(function* () {
        const group = freshGroup()
        const names = ["Ada Byron", "Zoë"]
        const saying = (text: string) => ({ source: "Zoë", type: "KNOWS", target: "Ada Byron", text })
        const outline = { bytes: "a", chunks: [{ names, said: ["one", "two"].map(saying) }] }
        yield* useStore(neo4j, (store) => store.commit(group, run, [documentWrite(group, ["a"], outline)]))
        yield* query("MATCH (f:Fact {group: $group}) REMOVE f.leads", { group })
        yield* query("MATCH (v:SluiceSchema) SET v.version = 1", {})
        const again = { bytes: "b", chunks: [{ names, said: ["one", "two", "three"].map(saying) }] }
        yield* useStore(neo4j, (store) => store.commit(group, run, [documentWrite(group, ["b"], again)]))
        const expected = recordsOf([outline, again].map((one) => resolvedDocument(group, one)))
        yield* useStore(neo4j, (store) =>
          Effect.map(store.hash(group), (hash) => assert.strictEqual(hash, graphHash(expected)))
        )
      })
    )

    it.live("a wrong password is told at once, in one sentence without it", () =>
      Effect.gen(function* () {
        const password = Redacted.make("not-the-password")
        const error = yield* Effect.flip(useStore({ ...neo4j, password }, (store) => store.counts(freshGroup())))
        assert.strictEqual(error.reason, "unavailable")
        assert.isFalse(error.retryable)
        assert.include(error.message, "NEO4J_PASSWORD")
        assert.notInclude(error.message, "not-the-password")
      })
    )

    it.live("a database that is not there is named", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(
          useStore({ ...neo4j, database: "nosuch" }, (store) => store.counts(freshGroup()))
        )
        assert.strictEqual(error.reason, "unavailable")
        assert.include(error.message, "nosuch")
      })
    )

    it.live.prop(
      "a dry run of removals counts what the real ones then leave, and writes nothing",
      { seed: Schema.Int },
      ({ seed }) =>
        Effect.gen(function* () {
          const group = freshGroup()
          const random = makeRandom(seed)
          const names = Array.from({ length: 9 }, (_, index) => `s${index}`)
          const batches = [0, 1].map((batch) =>
            names
              .filter((_, index) => index % 2 === batch && random.next() < 0.7)
              .map((source): Write => ({ _tag: "removed", source }))
          )
          const removing = (store: GraphStore["Service"]) =>
            Effect.forEach(batches, (writes) =>
              Effect.gen(function* () {
                const told = yield* store.removal(group, writes.filter(isRemoved))
                yield* store.commit(group, run, writes)
                const rows = yield* Stream.runCollect(store.exportRows(group))
                const counts = yield* store.counts(group)
                return {
                  counts,
                  sources: told.sources,
                  chunks: told.chunks.toSorted(),
                  documents: rows.filter(({ kind }) => kind === "document").length
                }
              })
            )
          yield* useStore(neo4j, (store) =>
            Effect.forEach(names, (name) => {
              const outline = randomOutline(random, random.pick(["1", "2", "3", "4", "5", "6"]))
              return store.commit(group, run, [documentWrite(group, [name], outline)])
            })
          )
          const before = yield* useStore(neo4j, (store) => store.hash(group))
          const rehearsed = yield* useStore(neo4j, removing, Neo4jStore.layerRehearsal)
          assert.strictEqual(yield* useStore(neo4j, (store) => store.hash(group)), before)
          assert.deepStrictEqual(rehearsed, yield* useStore(neo4j, removing))
        }),
      { arbitrary: { runs: 2 }, timeout: 120_000 }
    )

    it.live("reading commands read, and write nothing", () =>
      Effect.gen(function* () {
        const group = freshGroup()
        const write = documentWrite(group, ["a"], { bytes: "a", chunks: [{ names: ["Ada Byron"] }] })
        yield* useStore(neo4j, (store) => store.commit(group, run, [write]))
        yield* useStore(
          neo4j,
          (store) =>
            Effect.gen(function* () {
              assert.strictEqual((yield* store.counts(group)).documents, 1)
              assert.strictEqual((yield* Effect.flip(store.commit(group, run, [write]))).reason, "readonly")
            }),
          Neo4jStore.layerReadOnly
        )
      })
    )
  })
})
