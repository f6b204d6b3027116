import { assert, layer as describeWith } from "@effect/vitest"
import { Effect } from "effect"
import type { Layer } from "effect"
import { RunId } from "../../src/domain/Ids.ts"
import type { Group } from "../../src/domain/Ids.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import type { Found, Write } from "../../src/services/GraphStore.ts"
import type { Ledger } from "../../src/services/Ledger.ts"
import type { StorageError } from "../../src/services/StorageError.ts"
import { documentWrite, personId } from "../fixtures/graphs.ts"
import type { DocumentOutline } from "../fixtures/graphs.ts"
import { freshGroup } from "./GraphStore.ts"

const run = RunId.make("run-1")

const outline: DocumentOutline = {
  bytes: "people",
  title: "People of Galway",
  chunks: [
    {
      names: ["Ada Moreno", "ADA MORENO", "Adana Works", "Canada Goose", "Moreno"],
      said: [
        { source: "Ada Moreno", type: "FOUNDED", target: "Adana Works", predicate: "founded", validAt: "2014" },
        { source: "Moreno", type: "KNOWS", target: "Ada Moreno", text: "Moreno met the lighthouse keeper of Galway." }
      ]
    },
    {
      names: ["José García", "Zoë Straße", "李雷", "東京大学", "O'Brien", "Łukasz", "Ada Moreno"],
      said: [{ source: "李雷", type: "KNOWS", target: "O'Brien", text: "李雷在東京大学和O'Brien見面。" }]
    },
    { names: ["Northwind Instruments", "North"], said: [] }
  ]
}

/** With an embedding for each chunk. */
const written = (
  group: Group,
  source: string,
  document: DocumentOutline,
  vectorOf: (ordinal: number) => ReadonlyArray<number> = (ordinal) => [Math.cos(ordinal), Math.sin(ordinal), 0, 0]
): Write => {
  const write = documentWrite(group, [source], document)
  if (write._tag !== "document") return write
  return {
    ...write,
    embeddings: write.resolved.chunks.map(({ id, ordinal }) => ({
      chunk: id,
      vector: new Float32Array(vectorOf(ordinal))
    }))
  }
}

/** Many documents of one chunk, whose names begin alike. */
const crowd = (group: Group, count: number): ReadonlyArray<Write> =>
  Array.from({ length: count }, (_, index) =>
    written(group, `crowd ${index}`, {
      bytes: `crowd ${index}`,
      chunks: [
        {
          names: [`Ada Moreno ${index}`],
          said: [
            {
              source: `Ada Moreno ${index}`,
              type: "KNOWS",
              target: `Ada Moreno ${index}`,
              text: `Ada Moreno founded a lighthouse, number ${index}.`
            }
          ]
        }
      ]
    })
  )

const hostile = [
  "",
  " ",
  "'",
  '"',
  '"""',
  "\\",
  "a\\",
  "*",
  "?~*^:!(){}[]+-&&||/",
  "AND OR NOT",
  "name:Ada",
  "group:other",
  ") OR (group:x",
  '" OR "',
  "NEAR(a b)",
  "^ada",
  "{text}: ada",
  "'; DROP TABLE entity; --",
  "`) DETACH DELETE n //",
  "\u0000ada\u0000",
  "\ud800",
  "ada \udfff moreno",
  "🜁🏳️‍🌈",
  "e\u0301".repeat(500),
  "x".repeat(100_000),
  "word ".repeat(20_000),
  "李".repeat(5_000),
  "\u202eada",
  "%s %_ [a-z]",
  "𝒜𝒹𝒶"
]

/** What any store must find. */
export const suite = (name: string, layer: Layer.Layer<GraphStore | Ledger, StorageError>): void => {
  const inStore = <A, E>(use: (store: GraphStore["Service"], group: Group) => Effect.Effect<A, E>) =>
    Effect.flatMap(GraphStore, (store) => use(store, freshGroup()))

  const inPeople = <A, E>(
    use: (
      find: (text: string, limit?: number) => Effect.Effect<Found, StorageError>,
      group: Group
    ) => Effect.Effect<A, E>
  ) =>
    inStore((store, group) =>
      Effect.gen(function* () {
        yield* store.commit(group, run, [written(group, "people.md", outline)])
        return yield* use((text, limit = 10) => store.search(group, { text, limit }), group)
      })
    )

  const names = (found: Found) => found.entities.map((entity) => entity.name)

  describeWith(layer, { timeout: "60 seconds" })(`Search: ${name}`, (it) => {
    it.effect("finds nothing in a group that nothing was written to", () =>
      inStore((store, group) =>
        Effect.gen(function* () {
          const query = { text: "Ada", vector: new Float32Array([1, 0]), limit: 5 }
          assert.deepStrictEqual(yield* store.search(group, query), {
            entities: [],
            facts: [],
            chunks: [],
            otherDimensions: []
          })
        })
      )
    )

    it.effect(
      "a name that is the query comes first, then those that begin with it, then those that have its words",
      () =>
        inPeople((find) =>
          Effect.gen(function* () {
            assert.deepStrictEqual(names(yield* find("Moreno")), ["Moreno", "Ada Moreno"])
            assert.deepStrictEqual(names(yield* find("ada")).slice(0, 2), ["Ada Moreno", "Adana Works"])
            assert.strictEqual(names(yield* find("North"))[0], "North")
            assert.strictEqual(names(yield* find("northw"))[0], "Northwind Instruments")
            assert.strictEqual(names(yield* find("instruments"))[0], "Northwind Instruments")
            const [first] = (yield* find("Ada Moreno")).entities
            assert.strictEqual(first?.score, 1)
          })
        )
    )

    it.effect("names are found with slips, without case and accents, by an alias, and in any script", () =>
      inPeople((find) =>
        Effect.gen(function* () {
          for (const [text, expected] of [
            ["Ada Morneo", "Ada Moreno"],
            ["ada morena", "Ada Moreno"],
            ["Nortwind Instrumants", "Northwind Instruments"],
            ["jose garcia", "José García"],
            ["JOSÉ GARCÍA", "José García"],
            ["Jose\u0301 Garci\u0301a", "José García"],
            ["zoe strasse", "Zoë Straße"],
            ["lukasz", "Łukasz"],
            ["李雷", "李雷"],
            ["李", "李雷"],
            ["大学", "東京大学"],
            ["o'brien", "O'Brien"],
            ["obrien", "O'Brien"],
            ["who founded northwind instruments?", "Northwind Instruments"],
            ["Dr. Ada Moreno", "Ada Moreno"]
          ] as const) {
            assert.strictEqual(names(yield* find(text))[0], expected, text)
          }
          assert.deepStrictEqual(names(yield* find("zzzzzz")), [])
        })
      )
    )

    it.effect("an entity is found by each of its names, and answers with all of them", () =>
      inStore((store, group) =>
        Effect.gen(function* () {
          const write = written(group, "a", { bytes: "a", chunks: [{ names: ["Katherine Johnson"] }] })
          if (write._tag !== "document") return assert.fail()
          const { graph } = write.resolved
          const [known] = graph.names
          if (known === undefined) return assert.fail()
          const called = { ...graph, names: [known, { ...known, name: "The Computer", grounded: true }] }
          yield* store.commit(group, run, [{ ...write, resolved: { ...write.resolved, graph: called } }])
          const { entities } = yield* store.search(group, { text: "computer", limit: 3 })
          assert.deepStrictEqual(
            entities.map((entity) => ({ ...entity, score: 0 })),
            [
              {
                id: personId(group, "Katherine Johnson"),
                name: "Katherine Johnson",
                type: "Person",
                aliases: ["The Computer"],
                relations: 0,
                mentions: 1,
                score: 0
              }
            ]
          )
        })
      )
    )

    it.effect("facts are found by the words of their text, with slips, and say where they are said", () =>
      inPeople((find) =>
        Effect.gen(function* () {
          const [fact] = (yield* find("founded")).facts
          assert.deepStrictEqual({ ...fact, id: "", score: 0 }, {
            id: "",
            source: "Ada Moreno",
            type: "FOUNDED",
            predicate: "founded",
            target: "Adana Works",
            text: "Ada Moreno FOUNDED Adana Works",
            validAt: "2014",
            evidence: 1,
            document: "People of Galway",
            score: 0
          } as typeof fact)
          for (const text of ["lighthouse keeper", "LIGHTHOUSE", "lighthuose", "lighth", "the keeper in Galway"]) {
            const [first] = (yield* find(text)).facts
            assert.strictEqual(first?.text, "Moreno met the lighthouse keeper of Galway.", text)
          }
          const [chinese] = (yield* find("東京大学")).facts
          assert.include(chinese?.text, "東京大学")
          assert.deepStrictEqual((yield* find("zzzzzz")).facts, [])
        })
      )
    )

    it.effect("chunks are found by the direction of their embedding, the nearest first", () =>
      inStore((store, group) =>
        Effect.gen(function* () {
          yield* store.commit(group, run, [written(group, "people.md", outline)])
          const { chunks, otherDimensions } = yield* store.search(group, {
            text: "",
            vector: new Float32Array([0, 7, 0, 0]),
            limit: 2
          })
          assert.deepStrictEqual(otherDimensions, [])
          assert.deepStrictEqual(
            chunks.map(({ header }) => header),
            ["Part 2", "Part 1"]
          )
          const [first] = chunks
          assert.approximately(first?.score ?? 0, Math.sin(2), 1e-5)
          assert.deepInclude(first, {
            title: "People of Galway",
            source: "people.md",
            text: "Northwind Instruments, North."
          })
          const none = yield* store.search(group, { text: "", vector: new Float32Array(4), limit: 2 })
          assert.deepStrictEqual(none.chunks, [])
        })
      )
    )

    it.effect("embeddings of another length are left out, and told of where there is nothing else", () =>
      inStore((store, group) =>
        Effect.gen(function* () {
          const [short, long] = [new Float32Array([1, 0, 0]), new Float32Array([1, 0, 0, 0, 0])]
          const near = (vector: Float32Array) => store.search(group, { text: "", vector, limit: 9 })
          yield* store.commit(group, run, [written(group, "a", outline, () => [1, 0, 0])])
          assert.strictEqual((yield* near(short)).chunks.length, 3)
          assert.deepInclude(yield* near(long), { chunks: [], otherDimensions: [3] })
          yield* store.commit(group, run, [
            written(group, "b", { bytes: "b", chunks: [{ names: ["Zoë"] }] }, () => [0, 1, 0, 0, 1])
          ])
          assert.strictEqual((yield* near(short)).chunks.length, 3)
          assert.strictEqual((yield* near(long)).chunks.length, 1)
          // The same documents again, by another embedder.
          yield* store.commit(group, run, [written(group, "a", outline, () => [1, 0, 0, 0, 0])])
          assert.deepInclude(yield* near(short), { chunks: [], otherDimensions: [5] })
          assert.strictEqual((yield* near(long)).chunks.length, 4)
        })
      )
    )

    it.effect("a small group beside a large one gets as many answers as it has, and none of the other's", () =>
      inStore((store, group) =>
        Effect.gen(function* () {
          // Whoever looks for the words of one of these names finds the other's as well.
          const other = `${group}-archive` as Group
          for (const one of [other, `${group}.x` as Group]) {
            yield* store.commit(one, run, crowd(one, 150))
          }
          yield* store.commit(group, run, crowd(group, 12))
          const query = { text: "Ada Moreno founded a lighthouse", vector: new Float32Array([1, 0, 0, 0]), limit: 12 }
          const found = yield* store.search(group, query)
          const own = new Set(Array.from({ length: 12 }, (_, index) => personId(group, `Ada Moreno ${index}`)))
          assert.deepStrictEqual(new Set(found.entities.map(({ id }) => id)), new Set<string>(own))
          assert.strictEqual(found.facts.length, 12)
          assert.isTrue(found.facts.every(({ document }) => /^crowd \d$|^crowd 1[01]$/.test(document)))
          assert.strictEqual(found.chunks.length, 12)
          assert.isTrue(found.chunks.every(({ title }) => /^crowd \d$|^crowd 1[01]$/.test(title)))
          const few = yield* store.search(other, { ...query, limit: 5 })
          assert.deepStrictEqual([few.entities.length, few.facts.length, few.chunks.length], [5, 5, 5])
          assert.deepStrictEqual(yield* store.search(other, { ...query, limit: 5 }), few)
        })
      )
    )

    it.effect("nothing that is asked for is more than words", () =>
      inPeople((find) =>
        Effect.gen(function* () {
          for (const text of hostile) {
            const found = yield* find(text)
            assert.isAtMost(found.entities.length, 10, text.slice(0, 40))
          }
          assert.deepStrictEqual(names(yield* find("?~*^:!(){}[]+-&&||/")), [])
          assert.strictEqual(names(yield* find("+ada -moreno"))[0], "Ada Moreno")
          assert.strictEqual(names(yield* find("ada \udfff moreno"))[0], "Ada Moreno")
          assert.strictEqual(names(yield* find("𝒜𝒹𝒶 moreno"))[0], "Ada Moreno")
        })
      )
    )

    it.effect("what was forgotten, removed or edited away is not found, and what others say still is", () =>
      inStore((store, group) =>
        Effect.gen(function* () {
          const find = (text: string) =>
            store.search(group, { text, vector: new Float32Array([1, 0, 0, 0]), limit: 10 })
          const secret: DocumentOutline = {
            bytes: "secret",
            chunks: [
              {
                names: ["Quentin Secret", "Ada Moreno", "ada moreno"],
                said: [{ source: "Ada Moreno", type: "KNOWS", target: "Quentin Secret", text: "They hid a xylophone." }]
              }
            ]
          }
          const plain: DocumentOutline = { bytes: "plain", chunks: [{ names: ["Ada Moreno"] }] }
          const nothing = Effect.gen(function* () {
            for (const text of ["Quentin Secret", "secret", "xylophone", "hid"]) {
              const { entities, facts } = yield* find(text)
              assert.deepStrictEqual([entities, facts], [[], []], text)
            }
            const { chunks, entities } = yield* find("ada")
            assert.strictEqual(chunks.length, 1)
            assert.deepStrictEqual(
              entities.map(({ name }) => name),
              ["Ada Moreno"]
            )
          })
          yield* store.commit(group, run, [written(group, "plain", plain)])
          for (const away of [
            written(group, "secret", { bytes: "edited", chunks: [] }),
            { _tag: "removed", source: "secret" } as const
          ]) {
            yield* store.commit(group, run, [written(group, "secret", secret)])
            const there = yield* find("xylophone secret")
            assert.deepStrictEqual([there.entities.length, there.facts.length], [1, 1])
            // In one commit with itself, too.
            yield* store.commit(group, run, [written(group, "secret", secret), away])
            yield* nothing
          }
          yield* store.purge
          yield* nothing
          yield* store.commit(group, run, [written(group, "secret", secret)])
          assert.strictEqual((yield* find("xylophone")).facts.length, 1)
          yield* store.forgetGroup(group)
          yield* store.purge
          assert.deepStrictEqual(yield* find("ada secret xylophone"), {
            entities: [],
            facts: [],
            chunks: [],
            otherDimensions: []
          })
        })
      )
    )
  })
}
