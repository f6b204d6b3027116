import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import {
  chunkId,
  decisionId,
  documentId,
  entityId,
  factId,
  Group,
  itemKey,
  recipe,
  relationId
} from "../../src/domain/Ids.ts"
import { makeRandom } from "../support/random.ts"

const bytes = new TextEncoder().encode("the same bytes")
const acme = Group.make("acme")
const globex = Group.make("globex")

describe("Ids", () => {
  it("no two groups share an id for the same thing", () => {
    const idsOf = (group: Group) => {
      const document = documentId(group, bytes)
      const ada = entityId(group, "Person", "ada")
      const bob = entityId(group, "Person", "bob")
      const relation = relationId(group, ada, "KNOWS", bob)
      return [
        document,
        chunkId(document, 0),
        ada,
        bob,
        relation,
        factId(relation, "Ada knows Bob."),
        decisionId(document, ada, bob),
        itemKey(group, "extraction", recipe("r"), "header", "text")
      ]
    }
    const all = [...idsOf(acme), ...idsOf(globex)]
    assert.strictEqual(new Set(all).size, all.length)
    for (const id of all) assert.match(id, /^[0-9a-f]{32}$/)
    assert.deepStrictEqual(idsOf(acme), idsOf(Group.make("acme")))
  })

  it("are what they were in the first release: stores and journals outlive the program", () => {
    assert.deepStrictEqual(
      [
        documentId(acme, bytes),
        entityId(acme, "Person", "ada lovelace"),
        itemKey(acme, "extraction", recipe("a", "b"), "header", "text")
      ],
      ["4ac19914a3b87ef099aa1317d80c48e8", "7a4017a9bd291722b2db6f53eba1b6ef", "b7fc77b7187c3306f0e169bc9ae28a8b"]
    )
  })

  it("parts cannot be confused, however they are divided, and whatever they hold", () => {
    const random = makeRandom(7)
    const pieces: readonly [string, ...ReadonlyArray<string>] = [
      "a",
      "1:",
      ":",
      "1",
      "",
      "12",
      "é",
      "\u{1F600}",
      "\u0000"
    ]
    const byId = new Map<string, string>()
    for (let round = 0; round < 4_000; round++) {
      const parts = Array.from({ length: random.int(4) }, () => random.concat(pieces, 3))
      const id = recipe(...parts)
      const written = JSON.stringify(parts)
      assert.strictEqual(byId.get(id) ?? written, written)
      byId.set(id, written)
    }
    assert.notStrictEqual(entityId(acme, "ab", "c"), entityId(acme, "a", "bc"))
    assert.notStrictEqual(recipe("a", ""), recipe("a"))
    assert.notStrictEqual(recipe(), recipe(""))
  })

  it("each field of a fact, and the direction of a relation, counts", () => {
    const [a, b] = [entityId(acme, "Person", "a"), entityId(acme, "Person", "b")]
    assert.notStrictEqual(relationId(acme, a, "KNOWS", b), relationId(acme, b, "KNOWS", a))
    const relation = relationId(acme, a, "KNOWS", b)
    const ids = [
      factId(relation, "x"),
      factId(relation, "y"),
      factId(relation, "x", "y"),
      factId(relation, "x", undefined, "y"),
      factId(relation, "x", undefined, undefined, "y")
    ]
    assert.strictEqual(new Set(ids).size, ids.length)
  })

  it("a group is a short name of letters, digits, points and dashes", () => {
    for (const good of ["a", "team-1", "Ärzte.de", "a".repeat(64), "東京"]) assert.isTrue(Schema.is(Group)(good), good)
    for (const bad of ["", " a", "-a", "a b", "a/b", "a\n", "a".repeat(65), "a'--", "a:b"]) {
      assert.isFalse(Schema.is(Group)(bad), JSON.stringify(bad))
    }
  })
})
