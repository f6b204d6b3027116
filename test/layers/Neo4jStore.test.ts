import { assert, describe, it } from "@effect/vitest"
import { auth, driver } from "neo4j-driver"
import { Deferred, Duration, Effect, Fiber, Layer, Logger, Redacted, Schema, Stream } from "effect"
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
import type { StorageError } from "../../src/services/StorageError.ts"
import type { DocumentOutline } from "../fixtures/graphs.ts"
import { documentWrite, randomOutline, recordsOf, resolvedDocument } from "../fixtures/graphs.ts"
import { hasNeo4j, neo4j } from "../support/neo4j.ts"
import { proxy } from "../support/proxy.ts"
import { makeRandom } from "../support/random.ts"
import { freshGroup, suite as graphStore } from "../suites/GraphStore.ts"
import { suite as ledger } from "../suites/Ledger.ts"
import { suite as removal } from "../suites/Removal.ts"
import { suite as search } from "../suites/Search.ts"
import { suite as stored } from "../suites/Stored.ts"

const run = RunId.make("run")

/** Opens, uses and closes a store. */
const use = <A, E>(
  options: Neo4jStore.Options,
  body: (store: GraphStore["Service"]) => Effect.Effect<A, E>,
  open: (options: Neo4jStore.Options) => Layer.Layer<GraphStore | Ledger, StorageError> = Neo4jStore.layer
) => Effect.flatMap(GraphStore, body).pipe(Effect.provide(Layer.fresh(open(options))))

/** What is in the database, whatever the store makes of it. */
const query = (statement: string, parameters: object) =>
  Effect.promise(async () => {
    const client = driver(neo4j.uri, auth.basic(neo4j.username, Redacted.value(neo4j.password ?? Redacted.make(""))))
    try {
      const { records } = await client.executeQuery(statement, parameters)
      return records.map((record) => record.toObject())
    } finally {
      await client.close()
    }
  })

const isRemoved = (write: Write): write is RemovalWrite => write._tag === "removed"

const port = (): number => Number(new URL(neo4j.uri).port)

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
      use({ ...neo4j, writers: 4 }, (store) =>
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
      use({ ...neo4j, writers: 4 }, (store) =>
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
      use(neo4j, (store) =>
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

    it.live("a commit of a server that is away is made when it is back, and one that was under way is whole", () =>
      Effect.gen(function* () {
        const between = yield* proxy(port())
        const waiting = yield* Deferred.make<void>()
        const logger = Logger.make<unknown, void>(({ message }) => {
          if (String(message).includes("waiting for it")) Deferred.doneUnsafe(waiting, Effect.void)
        })
        const group = freshGroup()
        const outline = { bytes: "a", chunks: [{ names: ["Ada Byron", "Zoë"] }] }
        const large = { bytes: "large", chunks: [{ names: Array.from({ length: 300 }, (_, i) => `Person ${i}`) }] }
        yield* use({ ...neo4j, uri: `bolt://127.0.0.1:${between.port}` }, (store) =>
          Effect.gen(function* () {
            yield* store.commit(group, run, [documentWrite(group, ["a"], outline)])
            const written = yield* Effect.forkChild(store.commit(group, run, [documentWrite(group, ["l"], large)]))
            yield* Effect.yieldNow
            yield* between.cut
            yield* Effect.race(Deferred.await(waiting), Fiber.await(written))
            yield* between.mend
            yield* Fiber.join(written)
            const expected = [outline, large].map((one) => resolvedDocument(group, one))
            assert.strictEqual(yield* store.hash(group), graphHash(recordsOf(expected)))
          })
        ).pipe(Effect.provide(Logger.layer([logger])))
      }).pipe(Effect.scoped)
    )

    it.live("a server that takes connections and says nothing is noticed: a commit is made when it answers again", () =>
      Effect.gen(function* () {
        const between = yield* proxy(port())
        const waiting = yield* Deferred.make<void>()
        const logger = Logger.make<unknown, void>(({ message }) => {
          if (String(message).includes("waiting for it")) Deferred.doneUnsafe(waiting, Effect.void)
        })
        const group = freshGroup()
        const outlines = Array.from({ length: 4 }, (_, i) => ({
          bytes: `${i}`,
          chunks: [{ names: Array.from({ length: 300 }, (_, j) => `Person ${i} ${j}`) }]
        }))
        const options = { ...neo4j, uri: `bolt://127.0.0.1:${between.port}`, silence: Duration.millis(200) }
        yield* use(options, (store) =>
          Effect.gen(function* () {
            yield* store.commit(group, run, [documentWrite(group, ["a"], { bytes: "a", chunks: [{ names: ["Ada"] }] })])
            const begun = yield* Effect.forkChild(between.sent(20_000), { startImmediately: true })
            const writing = yield* Effect.forkChild(
              Effect.forEach(outlines, (outline) => store.commit(group, run, [documentWrite(group, ["a"], outline)]), {
                concurrency: 4
              })
            )
            yield* Fiber.join(begun)
            yield* between.stall
            yield* Deferred.await(waiting)
            yield* between.mend
            yield* Fiber.join(writing)
            const rows = yield* Stream.runCollect(store.exportRows(group))
            assert.strictEqual(rows.filter(({ kind }) => kind === "document").length, 1)
            assert.strictEqual(rows.filter(({ kind }) => kind === "mention").length, 300)
          })
        ).pipe(Effect.provide(Logger.layer([logger])))
      }).pipe(Effect.scoped)
    )

    it.live("rows of a server that says nothing any more are an error, and not waited for for ever", () =>
      Effect.gen(function* () {
        const between = yield* proxy(port())
        const group = freshGroup()
        const options = { ...neo4j, uri: `bolt://127.0.0.1:${between.port}`, silence: Duration.millis(200) }
        yield* use(options, (store) =>
          Effect.gen(function* () {
            yield* store.commit(group, run, [documentWrite(group, ["a"], { bytes: "a", chunks: [{ names: ["Ada"] }] })])
            yield* between.stall
            const failed = yield* Effect.flip(Stream.runCollect(store.exportRows(group)))
            assert.strictEqual(failed.reason, "unavailable")
            assert.match(failed.message, /says nothing/)
            yield* between.mend
            assert.strictEqual((yield* Stream.runCollect(store.exportRows(group))).length, 4)
          })
        )
      }).pipe(Effect.scoped)
    )

    it.live(
      "a commit that is interrupted ends at once, whatever the server says, and leaves no transaction there",
      () =>
        Effect.gen(function* () {
          const between = yield* proxy(port())
          const group = freshGroup()
          const outline = { bytes: "a", chunks: [{ names: Array.from({ length: 3000 }, (_, i) => `Person ${i}`) }] }
          const open = query(
            "SHOW TRANSACTIONS YIELD parameters, currentQuery WHERE parameters.group = $of RETURN currentQuery",
            { of: group }
          )
          yield* use({ ...neo4j, uri: `bolt://127.0.0.1:${between.port}` }, (store) =>
            Effect.gen(function* () {
              const interrupted = Effect.fnUntraced(function* (before: Effect.Effect<void>) {
                const begun = yield* Effect.forkChild(between.sent(100_000), { startImmediately: true })
                const writing = yield* Effect.forkChild(
                  store.commit(group, run, [documentWrite(group, ["a"], outline)])
                )
                yield* Fiber.join(begun)
                yield* before
                yield* Fiber.interrupt(writing)
              })
              yield* interrupted(Effect.void)
              yield* interrupted(between.stall)
            })
          )
          assert.deepStrictEqual(yield* open, [])
          yield* use(neo4j, (store) =>
            Effect.gen(function* () {
              assert.strictEqual((yield* store.counts(group)).documents, 0)
            })
          )
        }).pipe(Effect.scoped)
    )

    it.live("types that cannot be written as such stay properties, and nothing of them reaches a statement", () =>
      use(neo4j, (store) =>
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
          yield* use(neo4j, (store) => store.commit(group, run, [write]))
          const found = use(neo4j, (store) =>
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
      use(neo4j, (store) =>
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
      use(neo4j, (store) =>
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
        yield* use(neo4j, (store) => store.commit(group, run, [documentWrite(group, ["a"], outline)]))
        yield* query("MATCH (f:Fact {group: $group}) REMOVE f.leads", { group })
        yield* query("MATCH (v:SluiceSchema) SET v.version = 1", {})
        const again = { bytes: "b", chunks: [{ names, said: ["one", "two", "three"].map(saying) }] }
        yield* use(neo4j, (store) => store.commit(group, run, [documentWrite(group, ["b"], again)]))
        const expected = recordsOf([outline, again].map((one) => resolvedDocument(group, one)))
        yield* use(neo4j, (store) =>
          Effect.map(store.hash(group), (hash) => assert.strictEqual(hash, graphHash(expected)))
        )
      })
    )

    it.live("a wrong password is told at once, in one sentence without it", () =>
      Effect.gen(function* () {
        const password = Redacted.make("not-the-password")
        const error = yield* Effect.flip(use({ ...neo4j, password }, (store) => store.counts(freshGroup())))
        assert.strictEqual(error.reason, "unavailable")
        assert.isFalse(error.retryable)
        assert.include(error.message, "NEO4J_PASSWORD")
        assert.notInclude(error.message, "not-the-password")
      })
    )

    it.live("a server that nobody hears of is unavailable once patience is at an end", () =>
      Effect.gen(function* () {
        const between = yield* proxy(port())
        yield* between.cut
        const options = { ...neo4j, uri: `bolt://127.0.0.1:${between.port}`, patience: Duration.zero }
        const error = yield* Effect.flip(use(options, (store) => store.counts(freshGroup())))
        assert.strictEqual(error.reason, "unavailable")
        assert.isTrue(error.retryable)
        assert.include(error.message, String(between.port))
      }).pipe(Effect.scoped)
    )

    it.live("a database that is not there is named", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(use({ ...neo4j, database: "nosuch" }, (store) => store.counts(freshGroup())))
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
          yield* use(neo4j, (store) =>
            Effect.forEach(names, (name) => {
              const outline = randomOutline(random, random.pick(["1", "2", "3", "4", "5", "6"]))
              return store.commit(group, run, [documentWrite(group, [name], outline)])
            })
          )
          const before = yield* use(neo4j, (store) => store.hash(group))
          const rehearsed = yield* use(neo4j, removing, Neo4jStore.layerRehearsal)
          assert.strictEqual(yield* use(neo4j, (store) => store.hash(group)), before)
          assert.deepStrictEqual(rehearsed, yield* use(neo4j, removing))
        }),
      { arbitrary: { runs: 2 }, timeout: 120_000 }
    )

    it.live("reading commands read, and write nothing", () =>
      Effect.gen(function* () {
        const group = freshGroup()
        const write = documentWrite(group, ["a"], { bytes: "a", chunks: [{ names: ["Ada Byron"] }] })
        yield* use(neo4j, (store) => store.commit(group, run, [write]))
        yield* use(
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
