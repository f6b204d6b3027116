import { assert, describe, it } from "@effect/vitest"
import { defaultOntology, entityType, relationReading } from "../../src/domain/Ontology.ts"
import type { Ontology } from "../../src/domain/Ontology.ts"

const closed: Ontology = {
  open: false,
  entities: { Person: "", Organization: "", "Legal Case": "" },
  relations: {
    WORKS_FOR: { domain: ["Person"], range: ["Organization"] },
    KNOWS: { domain: ["Person"], range: ["Person"] },
    ABOUT: {}
  }
}
const open: Ontology = { ...closed, open: true }

describe("entityType", () => {
  it("finds the types of the ontology in any spelling", () => {
    for (const spelt of ["Person", "person", "PERSON", " per-son ", "Ｐｅｒｓｏｎ"]) {
      assert.strictEqual(entityType(closed, spelt), "Person")
      assert.strictEqual(entityType(open, spelt), "Person")
    }
    assert.strictEqual(entityType(closed, "legal_case"), "Legal Case")
    assert.strictEqual(entityType(closed, "LegalCase"), "Legal Case")
  })

  it("of a closed ontology, what it does not know is a Thing; of an open one it is kept, in PascalCase", () => {
    for (const [type, kept] of [
      ["space ship", "SpaceShip"],
      ["SPACE_SHIP", "SpaceShip"],
      ["spaceShip", "SpaceShip"],
      ["навык", "Навык"],
      ["constructor", "Constructor"],
      ["7up", "Thing"],
      ["", "Thing"],
      ["!!", "Thing"],
      ["thing", "Thing"],
      ["\u{10428}x", "\u{10400}x"]
    ] as const) {
      assert.strictEqual(entityType(closed, type), "Thing", type)
      assert.strictEqual(entityType(open, type), kept, type)
    }
  })

  it("keeps a made-up type short and whole", () => {
    for (const type of ["x".repeat(5_000), "\u{10428}".repeat(500), "a b c d e f g h"]) {
      const made = entityType(open, type)
      assert.isAtMost([...made].length, 64)
      assert.isTrue(made.isWellFormed())
      assert.isTrue(relationReading(open, type, "Person", "Person").type.isWellFormed())
    }
  })

  it("Thing and RELATED_TO are spelt so whatever the ontology calls them", () => {
    const odd: Ontology = { open: false, entities: { thing: "" }, relations: { related_to: {} } }
    assert.strictEqual(entityType(odd, "thing"), "Thing")
    assert.strictEqual(relationReading(odd, "related_to", "Thing", "Thing").type, "RELATED_TO")
  })
})

describe("relationReading", () => {
  it("keeps what fits, turns round what fits only the other way, and relates what fits neither", () => {
    assert.deepStrictEqual(relationReading(closed, "works for", "Person", "Organization"), {
      type: "WORKS_FOR",
      reversed: false
    })
    assert.deepStrictEqual(relationReading(closed, "WORKS_FOR", "Organization", "Person"), {
      type: "WORKS_FOR",
      reversed: true
    })
    assert.deepStrictEqual(relationReading(closed, "WORKS_FOR", "Person", "Person"), {
      type: "RELATED_TO",
      reversed: false
    })
    assert.deepStrictEqual(relationReading(closed, "KNOWS", "Person", "Person"), { type: "KNOWS", reversed: false })
    assert.deepStrictEqual(relationReading(closed, "about", "Thing", "Organization"), {
      type: "ABOUT",
      reversed: false
    })
  })

  it("of a closed ontology, what it does not know is RELATED_TO; of an open one it is kept, in UPPER_SNAKE_CASE", () => {
    for (const [type, kept] of [
      ["was admired by", "WAS_ADMIRED_BY"],
      ["wasAdmiredBy", "WAS_ADMIRED_BY"],
      ["constructor", "CONSTRUCTOR"],
      ["", "RELATED_TO"],
      ["->", "RELATED_TO"]
    ] as const) {
      assert.deepStrictEqual(relationReading(closed, type, "Person", "Person"), { type: "RELATED_TO", reversed: false })
      assert.deepStrictEqual(relationReading(open, type, "Person", "Person"), { type: kept, reversed: false })
    }
  })
})

describe("defaultOntology", () => {
  it("names only types that it has", () => {
    for (const [name, { domain = [], range = [] }] of Object.entries(defaultOntology.relations)) {
      for (const type of [...domain, ...range]) assert.property(defaultOntology.entities, type, name)
    }
  })
})
