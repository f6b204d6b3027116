import { assert, layer as describeWith } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import type { Layer } from "effect"
import { graphHash } from "../../src/domain/Canonical.ts"
import type { ResolvedDocument } from "../../src/domain/Graph.ts"
import { DeadLetter } from "../../src/domain/DeadLetter.ts"
import { documentId, Group, RunId } from "../../src/domain/Ids.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import type { Write } from "../../src/services/GraphStore.ts"
import { Ledger } from "../../src/services/Ledger.ts"
import type { StorageError } from "../../src/services/StorageError.ts"
import { documentWrite, personId, randomOutline, recordsOf, resolvedDocument } from "../fixtures/graphs.ts"
import type { DocumentOutline } from "../fixtures/graphs.ts"
import { makeRandom } from "../support/random.ts"

const run = RunId.make("run-1")

let groups = 0
/** Nobody else's, so that the suite also runs over a server that has seen other tests. */
export const freshGroup = (): Group =>
  Group.make(`g${process.pid}-${++groups}-${Math.random().toString(36).slice(2, 8)}`)

const ada: DocumentOutline = {
  bytes: "ada",
  chunks: [
    {
      names: ["Ada Byron", "Charles Babbage"],
      said: [{ source: "Ada Byron", type: "KNOWS", target: "Charles Babbage", predicate: "met", validAt: "1833" }]
    },
    { names: ["ADA BYRON", "Ada Byron"] }
  ],
  decisions: [["Babbage", "Charles Babbage"]]
}
const zoe: DocumentOutline = {
  bytes: "zoe",
  date: "2024-05-01",
  chunks: [
    {
      names: ["Zoë", "Charles Babbage", "Ada Byron"],
      said: [
        { source: "Ada Byron", type: "KNOWS", target: "Charles Babbage", predicate: "knew", validAt: "1833" },
        { source: "Zoë", type: "WORKS_FOR", target: "Charles Babbage" }
      ]
    }
  ]
}

/**
 * What any store must do; `layer` is built once, and each test has a group (or run) of its own. `runs`: of the property,
 * fewer where a commit crosses a network.
 */
export const suite = (name: string, layer: Layer.Layer<GraphStore | Ledger, StorageError>, runs = 30): void => {
  const inStore = <A, E>(use: (store: GraphStore["Service"], group: Group) => Effect.Effect<A, E>) =>
    Effect.flatMap(GraphStore, (store) => use(store, freshGroup()))

  const holds = Effect.fnUntraced(function* (
    store: GraphStore["Service"],
    group: Group,
    documents: ReadonlyArray<ResolvedDocument>
  ) {
    const records = yield* Stream.runCollect(store.records(group))
    const byKind = (list: ReadonlyArray<object>) =>
      list.map((record) => JSON.stringify(record, Object.keys(record).toSorted())).toSorted()
    assert.deepStrictEqual(byKind(records), byKind(recordsOf(documents)))
    const hash = yield* store.hash(group)
    assert.strictEqual(hash, graphHash(recordsOf(documents)))
    assert.strictEqual(yield* store.hash(group), hash)
  })

  describeWith(layer, { timeout: "60 seconds" })(`GraphStore: ${name}`, (it) => {
    it.effect("is empty for a group that nothing was written to", () =>
      inStore((store, group) =>
        Effect.gen(function* () {
          yield* holds(store, group, [])
          assert.strictEqual(yield* store.hash(group), "0".repeat(64))
          assert.deepStrictEqual(yield* store.counts(group), {
            group,
            documents: 0,
            chunks: 0,
            entities: 0,
            relations: 0,
            mentions: 0
          })
          assert.deepStrictEqual(yield* store.overview(group, { entities: 5, facts: 5 }), { entities: [], facts: [] })
          assert.strictEqual((yield* Stream.runCollect(store.exportRows(group))).length, 0)
        })
      )
    )

    it.effect("gives back every record of what was committed, and counts it", () =>
      inStore((store, group) =>
        Effect.gen(function* () {
          yield* store.commit(group, run, [documentWrite(group, ["a"], ada), documentWrite(group, ["z"], zoe)])
          yield* holds(store, group, [resolvedDocument(group, ada), resolvedDocument(group, zoe)])
          assert.deepStrictEqual(yield* store.counts(group), {
            group,
            documents: 2,
            chunks: 3,
            entities: 3,
            relations: 2,
            mentions: 7
          })
        })
      )
    )

    it.effect("committing a document twice changes nothing", () =>
      inStore((store, group) =>
        Effect.gen(function* () {
          const write = documentWrite(group, ["a"], ada)
          yield* store.commit(group, run, [write, write])
          yield* store.commit(group, run, [write])
          yield* holds(store, group, [resolvedDocument(group, ada)])
        })
      )
    )

    it.effect("what a document's graph says twice counts once", () =>
      inStore((store, group) =>
        Effect.gen(function* () {
          const resolved = resolvedDocument(group, ada)
          const twice = <A>(records: ReadonlyArray<A>) => [...records, ...records]
          const { decisions, entities, facts, mentions, names, relations, supports } = resolved.graph
          const graph = {
            entities: twice(entities),
            names: twice(names),
            mentions: twice(mentions),
            relations: twice(relations),
            facts: twice(facts),
            supports: twice(supports),
            decisions: twice(decisions)
          }
          yield* store.commit(group, run, [
            { _tag: "document", sources: ["a"], resolved: { ...resolved, graph }, deadLetters: [], embeddings: [] }
          ])
          yield* holds(store, group, [resolved])
        })
      )
    )

    it.effect("committing a document with other content leaves only that content", () =>
      inStore((store, group) =>
        Effect.gen(function* () {
          yield* store.commit(group, run, [documentWrite(group, ["z"], zoe), documentWrite(group, ["a"], ada)])
          const other = { ...ada, chunks: [{ names: ["Babbage"] }, { names: ["Mary"], isDead: true }], decisions: [] }
          yield* store.commit(group, run, [documentWrite(group, ["a"], other)])
          yield* holds(store, group, [resolvedDocument(group, zoe), resolvedDocument(group, other)])
        })
      )
    )

    it.effect("an edit moves the source and takes the old document out exactly", () =>
      inStore((store, group) =>
        Effect.gen(function* () {
          yield* store.commit(group, run, [documentWrite(group, ["z"], zoe), documentWrite(group, ["a"], ada)])
          const edited = { ...ada, bytes: "ada, edited", chunks: [{ names: ["Mary"] }], decisions: [] }
          yield* store.commit(group, run, [documentWrite(group, ["a"], edited)])
          yield* holds(store, group, [resolvedDocument(group, zoe), resolvedDocument(group, edited)])
        })
      )
    )

    it.effect("copies share a document, which goes with its last source", () =>
      inStore((store, group) =>
        Effect.gen(function* () {
          const id = documentId(group, new TextEncoder().encode(ada.bytes))
          yield* store.commit(group, run, [documentWrite(group, ["a", "b"], ada), documentWrite(group, ["z"], zoe)])
          yield* store.commit(group, run, [{ _tag: "source", source: "c", document: id }])
          const rows = yield* Stream.runCollect(store.exportRows(group))
          const [document] = rows.flatMap((row) => (row.kind === "document" && row.id === id ? [row] : []))
          assert.strictEqual(document?.source, "a")
          assert.deepStrictEqual(document?.sources, ["a", "b", "c"])
          const target = documentId(group, new TextEncoder().encode(zoe.bytes))
          yield* store.commit(group, run, [
            { _tag: "source", source: "a", document: target },
            { _tag: "source", source: "c", document: target }
          ])
          yield* holds(store, group, [resolvedDocument(group, zoe), resolvedDocument(group, ada)])
          yield* store.commit(group, run, [{ _tag: "source", source: "b", document: target }])
          yield* holds(store, group, [resolvedDocument(group, zoe)])
        })
      )
    )

    it.effect("groups do not see each other", () =>
      inStore((store, group) =>
        Effect.gen(function* () {
          const other = freshGroup()
          yield* store.commit(group, run, [documentWrite(group, ["a"], ada)])
          yield* store.commit(other, run, [documentWrite(other, ["a"], ada)])
          const before = yield* store.hash(group)
          yield* store.commit(other, run, [documentWrite(other, ["a"], zoe)])
          assert.strictEqual(yield* store.hash(group), before)
          yield* holds(store, group, [resolvedDocument(group, ada)])
          yield* holds(store, other, [resolvedDocument(other, zoe)])
          const rows = yield* Stream.runCollect(store.exportRows(other))
          assert.isFalse(rows.some((row) => row.kind === "entity" && row.id === personId(group, "Ada Byron")))
          assert.strictEqual((yield* store.overview(other, { entities: 10, facts: 10 })).entities.length, 3)
          const error = yield* Effect.flip(store.commit(other, run, [documentWrite(group, ["x"], zoe)]))
          assert.strictEqual(error._tag, "StorageError")
          yield* holds(store, other, [resolvedDocument(other, zoe)])
        })
      )
    )

    it.effect("lists every group that has anything, and no group that has nothing", () =>
      Effect.gen(function* () {
        const store = yield* GraphStore
        const ledger = yield* Ledger
        const [graph, runs, letters, emptied, untouched] = [0, 1, 2, 3, 4].map(() => freshGroup())
        if (graph === undefined || runs === undefined || letters === undefined || emptied === undefined) return
        const letter = new DeadLetter({ stage: "load", cause: "empty", message: "Empty.", source: "l", attempts: 1 })
        yield* store.commit(graph, run, [documentWrite(graph, ["a"], ada)])
        yield* ledger.startRun({ id: run, group: runs, startedAt: 1, status: "running" })
        yield* store.commit(letters, run, [{ _tag: "dead-letter", letter }])
        yield* store.commit(emptied, run, [documentWrite(emptied, ["a"], ada)])
        yield* store.forgetGroup(emptied)
        const groups = yield* store.groups
        assert.includeMembers([...groups], [graph, runs, letters])
        assert.notIncludeMembers([...groups], [emptied, untouched])
        assert.deepStrictEqual(groups, groups.toSorted())
      })
    )

    it.effect("a commit that fails leaves nothing behind", () =>
      inStore((store, group) =>
        Effect.gen(function* () {
          yield* store.commit(group, run, [documentWrite(group, ["a"], ada)])
          const nowhere = documentId(group, new TextEncoder().encode("nowhere"))
          const error = yield* Effect.flip(
            store.commit(group, run, [
              documentWrite(group, ["a"], zoe),
              { _tag: "source", source: "copy", document: nowhere }
            ])
          )
          assert.strictEqual(error.reason, "failed")
          assert.include(error.message, "copy")
          yield* holds(store, group, [resolvedDocument(group, ada)])
        })
      )
    )

    it.effect("of two predicates of a fact the least stands, whoever comes or goes", () =>
      inStore((store, group) =>
        Effect.gen(function* () {
          const [a, z] = [documentWrite(group, ["a"], ada), documentWrite(group, ["z"], zoe)]
          yield* store.commit(group, run, [a])
          yield* store.commit(group, run, [z])
          yield* holds(store, group, [resolvedDocument(group, zoe), resolvedDocument(group, ada)])
          const plain = { bytes: "plain", chunks: [{ names: ["Mary"] }] }
          yield* store.commit(group, run, [documentWrite(group, ["z"], plain)])
          yield* holds(store, group, [resolvedDocument(group, ada), resolvedDocument(group, plain)])
        })
      )
    )

    it.effect.prop(
      "holds what its sources point at, after any ingests, edits and copies in any order and batches",
      { seed: Schema.Int },
      ({ seed }) =>
        inStore((store, group) =>
          Effect.gen(function* () {
            const random = makeRandom(seed)
            const pointers = new Map<string, string>()
            const documents = new Map<string, ResolvedDocument>()
            const pending: Array<Write> = []
            for (let step = 0; step < 14; step++) {
              const source = random.pick(["a", "b", "c", "d"])
              // Bytes that a source already has, with other content, are a new recipe's.
              const outline = randomOutline(random, random.pick(["1", "2", "3", "4", "5", "6"]))
              const resolved = resolvedDocument(group, outline)
              const live = new Set(pointers.values())
              if (random.next() < 0.25 && live.has(resolved.document.id)) {
                pending.push({ _tag: "source", source, document: resolved.document.id })
              } else {
                pending.push(documentWrite(group, [source], outline))
                documents.set(resolved.document.id, resolved)
              }
              pointers.set(source, resolved.document.id)
              if (random.next() < 0.6) yield* store.commit(group, run, pending.splice(0))
            }
            yield* store.commit(group, run, pending)
            const live = [...new Set(pointers.values())].flatMap((id) => documents.get(id) ?? [])
            yield* holds(store, group, live)
          })
        ),
      { arbitrary: { runs } }
    )

    it.effect("takes whatever a model may say once it is made well-formed, and keeps it", () =>
      inStore((store, group) =>
        Effect.gen(function* () {
          const long = "long ".repeat(200_000)
          const names = ["", "\u0000", "a\u0000b", "\ufffd", "\u{10ffff}", "\u202e\u001b[31m", "'`\"\\n$x", long]
          const said = names.map((name) => ({
            source: name,
            type: name.slice(0, 64),
            target: "",
            text: name,
            predicate: name,
            validAt: name
          }))
          const outline = {
            bytes: "odd",
            title: "\u0000",
            chunks: [{ names, said }],
            decisions: [[names[4] ?? "", ""]] as const
          }
          const plain = resolvedDocument(group, outline)
          const entities = plain.graph.entities.map((entity, index) => ({
            ...entity,
            type: names[index]?.slice(0, 64) ?? entity.type
          }))
          const supports = plain.graph.supports.map((support) => ({ ...support, confidence: Number.MAX_SAFE_INTEGER }))
          const resolved = { ...plain, graph: { ...plain.graph, entities, supports } }
          const write: Write = {
            _tag: "document",
            sources: ["\u0000", long],
            resolved,
            deadLetters: [],
            embeddings: []
          }
          yield* store.commit(group, run, [write, documentWrite(group, ["a"], ada)])
          const hash = graphHash(recordsOf([resolved, resolvedDocument(group, ada)]))
          assert.strictEqual(yield* store.hash(group), hash)
          yield* store.commit(group, run, [write])
          assert.strictEqual(yield* store.hash(group), hash)
          const rows = yield* Stream.runCollect(store.exportRows(group))
          assert.strictEqual(rows.filter(({ kind }) => kind === "document").length, 2)
          yield* store.overview(group, { entities: 20, facts: 20 })
          yield* store.commit(group, run, [{ _tag: "forgotten", document: resolved.document.id }])
          yield* holds(store, group, [resolvedDocument(group, ada)])
        })
      )
    )

    it.effect("streams more rows than a page holds, each once", () =>
      inStore((store, group) =>
        Effect.gen(function* () {
          const names = Array.from({ length: 60 }, (_, i) => `Person ${i}`)
          const large = {
            bytes: "large",
            chunks: Array.from({ length: 40 }, (_, chunk) => ({
              names,
              said: names
                .slice(0, 30)
                .map((source) => ({ source, type: "KNOWS", target: "Person 59", text: `${source} ${chunk}` }))
            }))
          }
          yield* store.commit(group, run, [documentWrite(group, ["l"], large), documentWrite(group, ["a"], ada)])
          yield* holds(store, group, [resolvedDocument(group, large), resolvedDocument(group, ada)])
          const rows = yield* Stream.runCollect(store.exportRows(group))
          const count = (kind: string) => rows.filter((row) => row.kind === kind).length
          assert.deepStrictEqual(
            ["document", "chunk", "entity", "mention", "relation"].map(count),
            [2, 42, 62, 2404, 31]
          )
          assert.strictEqual(new Set(rows.map((row) => JSON.stringify(row))).size, rows.length)
        })
      )
    )

    it.effect("exports lines whose offsets and ids fit together", () =>
      inStore((store, group) =>
        Effect.gen(function* () {
          yield* store.commit(group, run, [documentWrite(group, ["z"], zoe), documentWrite(group, ["a"], ada)])
          const rows = yield* Stream.runCollect(store.exportRows(group))
          const texts = new Map(rows.flatMap((row) => (row.kind === "document" ? [[row.id, row.text] as const] : [])))
          const entities = new Map(rows.flatMap((row) => (row.kind === "entity" ? [[row.id, row] as const] : [])))
          for (const row of rows) {
            if (row.kind === "mention") {
              assert.strictEqual(texts.get(row.document)?.slice(row.start, row.end), row.surface)
              assert.isTrue(entities.has(row.entity))
            } else if (row.kind === "chunk") {
              assert.strictEqual(texts.get(row.document)?.slice(row.start, row.end), row.text)
            }
          }
          const byron = entities.get(personId(group, "Ada Byron"))
          assert.deepInclude(byron, { name: "Ada Byron", type: "Person", aliases: ["ADA BYRON"], weight: 4 })
          const relations = rows.flatMap((row) => (row.kind === "relation" && row.type === "KNOWS" ? [row] : []))
          assert.strictEqual(relations.length, 1)
          const [relation] = relations
          assert.strictEqual(relation?.source, byron?.id)
          assert.strictEqual(relation?.fact, "Ada Byron KNOWS Charles Babbage")
          assert.strictEqual(relation?.weight, 2)
          assert.strictEqual(relation?.evidence.length, 2)
          assert.strictEqual(relation?.facts[0]?.predicate, "knew")
          assert.strictEqual(relation?.facts[0]?.validAt, "1833")
          const dated = rows.flatMap((row) => (row.kind === "document" ? [row.date] : []))
          assert.sameMembers(dated, [undefined, "2024-05-01"])
        })
      )
    )

    it.effect("shows the best connected first, and a fact of the most spoken of", () =>
      inStore((store, group) =>
        Effect.gen(function* () {
          yield* store.commit(group, run, [documentWrite(group, ["z"], zoe), documentWrite(group, ["a"], ada)])
          const { entities, facts } = yield* store.overview(group, { entities: 2, facts: 1 })
          assert.deepStrictEqual(entities, [
            { name: "Charles Babbage", type: "Person", relations: 2, mentions: 2, aliases: [] },
            { name: "Ada Byron", type: "Person", relations: 1, mentions: 4, aliases: ["ADA BYRON"] }
          ])
          assert.deepStrictEqual(facts, [
            {
              source: "Ada Byron",
              type: "KNOWS",
              predicate: "knew",
              target: "Charles Babbage",
              text: "Ada Byron KNOWS Charles Babbage",
              document: "ada",
              evidence: 2
            }
          ])
        })
      )
    )
  })
}
