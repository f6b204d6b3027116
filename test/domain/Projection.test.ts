import { assert, describe, it } from "@effect/vitest"
import { graphHash } from "../../src/domain/Canonical.ts"
import type { GraphRecord } from "../../src/domain/Canonical.ts"
import type { Extraction } from "../../src/domain/Extraction.ts"
import type { DocumentGraph } from "../../src/domain/Graph.ts"
import { chunkId, documentId, entityId, Group } from "../../src/domain/Ids.ts"
import { defaultOntology } from "../../src/domain/Ontology.ts"
import type { Ontology } from "../../src/domain/Ontology.ts"
import { projectDocument } from "../../src/domain/Projection.ts"
import { extractedDocument } from "../fixtures/extractions.ts"
import type { ExtractedDocument } from "../fixtures/extractions.ts"

const group = Group.make("test")
const open: Ontology = { ...defaultOntology, open: true }

const project = (document: ExtractedDocument, ontology: Ontology = defaultOntology): DocumentGraph =>
  projectDocument({ group, ontology, ...document })

/** Documents united by id, as a store does it: a later row of the same id replaces an earlier one. */
const united = (graphs: ReadonlyArray<DocumentGraph>): ReadonlyArray<GraphRecord> => {
  const byId = <A extends { readonly id: string }>(rows: ReadonlyArray<A>) => [
    ...new Map(rows.map((row) => [row.id, row])).values()
  ]
  const names = graphs.flatMap((graph) => graph.names)
  const supports = graphs.flatMap((graph) => graph.supports)
  const facts = byId(graphs.flatMap((graph) => graph.facts))
  const relationOf = new Map(facts.map(({ id, relation }) => [id, relation]))
  return [
    ...byId(graphs.flatMap(({ entities }) => entities)).map((entity): GraphRecord => ({
      kind: "entity",
      ...entity,
      weight: names.filter((name) => name.entity === entity.id).length
    })),
    ...names.map((name): GraphRecord => ({ kind: "name", ...name })),
    ...graphs.flatMap(({ mentions }) => mentions).map((mention): GraphRecord => ({ kind: "mention", ...mention })),
    ...byId(graphs.flatMap(({ relations }) => relations)).map((relation): GraphRecord => ({
      kind: "relation",
      ...relation,
      weight: supports.filter(({ fact }) => relationOf.get(fact) === relation.id).length
    })),
    ...facts.map((fact): GraphRecord => ({ kind: "fact", ...fact })),
    ...supports.map(({ chunk, fact }): GraphRecord => ({ kind: "support", chunk, fact })),
    ...graphs
      .flatMap(({ decisions }) => decisions)
      .map(({ decidedBy, document, evidence, from, id, to }): GraphRecord => ({
        kind: "decision",
        decidedBy,
        document,
        evidence,
        from,
        id,
        to
      }))
  ]
}

const hashOf = (graphs: ReadonlyArray<DocumentGraph>) => graphHash(united(graphs))
const seeds = Array.from({ length: 150 }, (_, index) => index + 1)

/** A document of one text per chunk, extracted as given. */
const documentOf = (...parts: ReadonlyArray<readonly [string, Partial<Extraction>]>): ExtractedDocument => {
  const text = parts.map(([part]) => part).join("")
  const document = documentId(group, new TextEncoder().encode(text))
  let start = 0
  const chunks = parts.map(([part], ordinal) => {
    const chunk = {
      id: chunkId(document, ordinal),
      document,
      ordinal,
      start,
      end: start + part.length,
      text: part,
      header: "",
      tokens: 1
    }
    start += part.length
    return chunk
  })
  return {
    document,
    text,
    chunks,
    extractions: new Map(parts.map(([, { entities = [], facts = [] }], ordinal) => [ordinal, { entities, facts }]))
  }
}
const entity = (name: string, type = "Person", ...aliases: ReadonlyArray<string>) => ({ name, type, aliases })
const fact = (source: string, type: string, target: string) => ({ source, type, target, text: `${source} ${target}.` })
const id = (type: string, key: string) => entityId(group, type, key)

describe("projectDocument", () => {
  it("does not depend on the order in which chunks come or were extracted", () => {
    for (const seed of seeds) {
      const document = extractedDocument(group, seed)
      const expected = hashOf([project(document)])
      const chunks = document.chunks.toReversed()
      const extractions = new Map([...document.extractions].toReversed())
      assert.strictEqual(hashOf([project({ ...document, chunks, extractions })]), expected, `seed ${seed}`)
    }
  })

  it("the graph of several documents is the sum of theirs, in any order", () => {
    for (const seed of seeds) {
      const graphs = [seed, seed + 1_000, seed + 2_000].map((one) => project(extractedDocument(group, one, 2)))
      assert.strictEqual(hashOf(graphs.toReversed()), hashOf(graphs), `seed ${seed}`)
    }
  })

  it("refers to nothing that it does not hold, and holds nothing twice", () => {
    for (const seed of seeds) {
      for (const ontology of [defaultOntology, open]) {
        const { decisions, entities, facts, mentions, names, relations, supports } = project(
          extractedDocument(group, seed),
          ontology
        )
        const known = new Set(entities.map((one) => one.id))
        const named = new Set(names.map((one) => one.entity))
        for (const one of [...names, ...mentions]) assert.isTrue(known.has(one.entity), `seed ${seed}`)
        for (const one of entities) assert.isTrue(named.has(one.id), `seed ${seed}: every entity has a name`)
        for (const { source, target } of relations) {
          assert.isTrue(known.has(source) && known.has(target), `seed ${seed}`)
          assert.notStrictEqual(source, target)
        }
        const relationIds = new Set(relations.map((one) => one.id))
        for (const { relation } of facts) assert.isTrue(relationIds.has(relation))
        const factIds = new Set(facts.map((one) => one.id))
        for (const support of supports) assert.isTrue(factIds.has(support.fact))
        for (const { from, to } of decisions) assert.isTrue(known.has(to) && !known.has(from), `seed ${seed}`)
        for (const rows of [
          entities.map((one) => one.id),
          names.map(({ chunk, entity, name }) => `${chunk} ${entity} ${name}`),
          mentions.map(({ chunk, end, entity, start }) => `${chunk} ${entity} ${start} ${end}`),
          relations.map((one) => one.id),
          facts.map((one) => one.id),
          supports.map((one) => `${one.chunk} ${one.fact}`),
          decisions.map((one) => one.id)
        ]) {
          assert.strictEqual(new Set(rows).size, rows.length, `seed ${seed}`)
        }
      }
    }
  })

  it("each mention's offsets reproduce its surface in the document, within its chunk, and each grounded name has one", () => {
    for (const seed of seeds) {
      const document = extractedDocument(group, seed)
      const { mentions, names } = project(document)
      for (const { chunk, end, start, surface } of mentions) {
        assert.strictEqual(document.text.slice(start, end), surface, `seed ${seed}`)
        const home = document.chunks.find((one) => one.id === chunk)
        assert.isTrue(home !== undefined && home.start <= start && end <= home.end)
      }
      for (const name of names.filter(({ grounded }) => grounded)) {
        assert.isTrue(
          mentions.some((one) => one.chunk === name.chunk && one.entity === name.entity),
          `seed ${seed}`
        )
      }
    }
  })

  it("each relation of a known type fits the types of its ends, also where resolution found them out", () => {
    for (const seed of seeds) {
      const { entities, relations } = project(extractedDocument(group, seed))
      const types = new Map(entities.map((one) => [one.id, one.type]))
      for (const { source, target, type } of relations) {
        const { domain, range } = defaultOntology.relations[type] ?? {}
        assert.isTrue(domain?.includes(types.get(source) ?? "") ?? true, `seed ${seed}: ${type}`)
        assert.isTrue(range?.includes(types.get(target) ?? "") ?? true, `seed ${seed}: ${type}`)
      }
    }
    const { relations } = project(
      documentOf(
        ["Marie Curie in Paris. Sorbonne. ", { entities: [entity("Marie Curie"), entity("Sorbonne", "Organization")] }],
        ["Curie worked at the Sorbonne.", { facts: [fact("Curie", "WORKS_FOR", "Sorbonne")] }]
      )
    )
    assert.deepStrictEqual(
      relations.map(({ source, target, type }) => ({ source, target, type })),
      [{ source: id("Person", "marie curie"), target: id("Organization", "sorbonne"), type: "WORKS_FOR" }]
    )
  })

  it("an end of a fact that is no entity of the chunk becomes a Thing", () => {
    const { entities, relations } = project(
      documentOf(["Ada likes chess.", { entities: [entity("Ada")], facts: [fact("Ada", "RELATED_TO", "chess")] }])
    )
    assert.sameMembers(
      entities.map(({ id }) => id),
      [id("Person", "ada"), id("Thing", "chess")]
    )
    assert.deepStrictEqual([relations[0]?.source, relations[0]?.target], [id("Person", "ada"), id("Thing", "chess")])
  })

  it("a relation that fits only the other way round is turned", () => {
    const { relations } = project(
      documentOf([
        "Acme employs Ada.",
        { entities: [entity("Ada"), entity("Acme", "Organization")], facts: [fact("Acme", "WORKS_FOR", "Ada")] }
      ])
    )
    assert.deepStrictEqual(
      [relations[0]?.source, relations[0]?.target],
      [id("Person", "ada"), id("Organization", "acme")]
    )
  })

  it("what one entity has with itself is left out", () => {
    const { facts, relations, supports } = project(
      documentOf([
        "Marie Curie, Curie.",
        { entities: [entity("Marie Curie", "Person", "Curie")], facts: [fact("Curie", "SAME_AS", "Marie Curie")] }
      ])
    )
    assert.deepStrictEqual([facts, relations, supports], [[], [], []])
  })

  it("a short name of two entities of the document is left alone; of one it is an alias", () => {
    const one = project(
      documentOf(["Marie Curie. ", { entities: [entity("Marie Curie")] }], ["Curie.", { entities: [entity("Curie")] }])
    )
    assert.deepStrictEqual(
      one.decisions.map(({ from, to }) => [from, to]),
      [[id("Person", "curie"), id("Person", "marie curie")]]
    )
    assert.strictEqual(one.entities.length, 1)
    const two = project(
      documentOf(
        ["Marie Curie, Pierre Curie. ", { entities: [entity("Marie Curie"), entity("Pierre Curie")] }],
        ["Curie.", { entities: [entity("Curie")] }]
      )
    )
    assert.deepStrictEqual(two.decisions, [])
    assert.strictEqual(two.entities.length, 3)
  })

  it("a name within a longer name of the same entity is no mention of its own", () => {
    const { mentions } = project(
      documentOf(["Marie Curie met Curie.", { entities: [entity("Marie Curie", "Person", "Curie")] }])
    )
    assert.deepStrictEqual(
      mentions.map(({ surface }) => surface),
      ["Marie Curie", "Curie"]
    )
  })

  it("a name that is not in the text is kept, marked ungrounded", () => {
    const { mentions, names } = project(documentOf(["Nobody.", { entities: [entity("Ada")] }]))
    assert.deepStrictEqual([mentions, names.map(({ grounded }) => grounded)], [[], [false]])
  })

  it("what is left empty was not stated: a fact with an empty date is the fact without one", () => {
    const dated = (validAt?: string): Extraction => ({
      entities: [entity("Ada"), entity("Bob")],
      facts: [
        { ...fact("Ada", "KNOWS", "Bob"), ...(validAt === undefined ? {} : { validAt, invalidAt: " ", predicate: "" }) }
      ]
    })
    const { facts, supports } = project(documentOf(["Ada, Bob. ", dated()], ["Bob, Ada.", dated("")]))
    assert.strictEqual(facts.length, 1)
    assert.notProperty(facts[0], "validAt")
    assert.notProperty(facts[0], "predicate")
    assert.strictEqual(supports.length, 2)
  })

  it("all text of the graph is well-formed, so that no store changes it", () => {
    for (const seed of seeds) {
      const { facts, names } = project(extractedDocument(group, seed))
      for (const text of [...facts.map((one) => one.text), ...names.map(({ name }) => name)]) {
        assert.isTrue(text.isWellFormed(), `seed ${seed}`)
        assert.strictEqual(text, text.normalize("NFC").trim())
      }
    }
  })
})
