import { assert, describe, it } from "@effect/vitest"
import { canonical, graphHash } from "../../src/domain/Canonical.ts"
import type { GraphRecord } from "../../src/domain/Canonical.ts"
import { chunkId, documentId, entityId, factId, Group, relationId } from "../../src/domain/Ids.ts"
import { makeRandom } from "../support/random.ts"

const group = Group.make("acme")
const document = documentId(group, new Uint8Array([1]))
const chunk = chunkId(document, 0)
const ada = entityId(group, "Person", "ada")
const bob = entityId(group, "Person", "bob")
const relation = relationId(group, ada, "KNOWS", bob)
const fact = factId(relation, "Ada knows Bob.")

const records: ReadonlyArray<GraphRecord> = [
  {
    kind: "document",
    id: document,
    group,
    mediaType: "text/plain",
    title: "T",
    text: "Ada knows Bob.",
    state: "complete"
  },
  { kind: "chunk", id: chunk, document, ordinal: 0, start: 0, end: 14, header: "" },
  { kind: "entity", id: ada, type: "Person", key: "ada", weight: 1 },
  { kind: "entity", id: bob, type: "Person", key: "bob", weight: 1 },
  { kind: "name", chunk, entity: ada, name: "Ada", grounded: true },
  { kind: "mention", chunk, entity: ada, start: 0, end: 3, surface: "Ada" },
  { kind: "relation", id: relation, source: ada, target: bob, type: "KNOWS", weight: 1 },
  { kind: "fact", id: fact, relation, text: "Ada knows Bob.", validAt: "1903" },
  { kind: "support", chunk, fact }
]

/** The same record as rows of an engine may come back: fields in another order, what is not there as null or undefined. */
const disguised = (record: GraphRecord, nothing: null | undefined): GraphRecord =>
  Object.assign(
    { invalidAt: nothing, predicate: nothing },
    Object.fromEntries(Object.entries(record).toReversed()),
    record
  )

describe("the canonical hash", () => {
  it("of a known graph is what it was in the first release", () => {
    assert.strictEqual(graphHash([]), "0".repeat(64))
    assert.strictEqual(
      graphHash([{ kind: "entity", id: ada, type: "Person", key: "ada", weight: 2 }]),
      "a6b8f91308e3d0be32704c22795aeb74268e6b9b69d1398c3d149d458909ddf9"
    )
  })

  it("does not depend on the order of the records or of their fields", () => {
    const expected = graphHash(records)
    const random = makeRandom(3)
    for (let round = 0; round < 50; round++) {
      const shuffled = random.shuffle(records).map((record) => disguised(record, undefined))
      assert.strictEqual(graphHash(shuffled), expected)
    }
  })

  it("absent, null and undefined are one, and so are the forms of a text", () => {
    for (const record of records) {
      assert.strictEqual(canonical(disguised(record, null)), canonical(record))
      assert.strictEqual(canonical(disguised(record, undefined)), canonical(record))
    }
    const named = (name: string): GraphRecord => ({ kind: "name", chunk, entity: ada, name, grounded: true })
    assert.strictEqual(canonical(named("Zoe\u0308")), canonical(named("Zo\u00eb")))
    assert.notStrictEqual(canonical(named("Zoe")), canonical(named("Zo\u00eb")))
  })

  it("changes with every field of every record, and with every record that is missing or there twice", () => {
    const expected = graphHash(records)
    const seen = new Set([expected])
    const assertNew = (changed: ReadonlyArray<GraphRecord>, what: string) => {
      const hash = graphHash(changed)
      assert.isFalse(seen.has(hash), what)
      seen.add(hash)
    }
    for (const [index, record] of records.entries()) {
      assertNew(records.toSpliced(index, 1), `without ${record.kind}`)
      assertNew([...records, record], `${record.kind} twice`)
      for (const [field, value] of Object.entries(record)) {
        if (field === "kind") continue
        const other = typeof value === "number" ? value + 1 : typeof value === "boolean" ? !value : `${String(value)}x`
        assertNew(records.with(index, Object.assign({}, record, { [field]: other })), `${record.kind}.${field}`)
      }
    }
  })
})
