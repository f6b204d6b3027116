import type { Chunk } from "../../domain/Chunk.ts"
import type { DecisionRecord, DocumentGraph, EntityRecord, FactRecord } from "../../domain/Graph.ts"
import { normaliseName } from "../../domain/Names.ts"
import { Fault } from "./Fault.ts"

/**
 * A document's graph as it crosses to the worker thread: columns of numbers that point into lists. An object for each
 * row, with its ids spelt out, would cost more to send than to write.
 *
 * `chunk`, `entity`, `relation` and `fact` are indices into the document's chunks and the lists here.
 */
export interface StoreGraph {
  readonly entities: ReadonlyArray<EntityRecord>
  readonly names: {
    readonly chunk: Int32Array
    readonly entity: Int32Array
    readonly name: ReadonlyArray<string>
    readonly grounded: Uint8Array
    /** Whether the name's key is the entity's key. */
    readonly own: Uint8Array
  }
  readonly mentions: {
    readonly chunk: Int32Array
    readonly entity: Int32Array
    readonly start: Int32Array
    readonly end: Int32Array
    readonly surface: ReadonlyArray<string>
  }
  readonly relations: {
    readonly id: ReadonlyArray<string>
    readonly source: Int32Array
    readonly target: Int32Array
    readonly type: ReadonlyArray<string>
  }
  readonly facts: {
    readonly id: ReadonlyArray<string>
    readonly relation: Int32Array
    /** Into `texts`: many facts have one wording. */
    readonly text: Int32Array
    readonly texts: ReadonlyArray<string>
    readonly predicate: ReadonlyArray<string | null>
    /** `[from, to]`, where either is known. */
    readonly valid: ReadonlyMap<number, readonly [from: string | null, to: string | null]>
  }
  readonly supports: {
    readonly chunk: Int32Array
    readonly fact: Int32Array
    /** Where it is known. */
    readonly confidence: ReadonlyMap<number, number>
  }
  readonly decisions: ReadonlyArray<DecisionRecord>
}

/** Indices of ids. */
const indices = (what: string, ids: Iterable<string>): ((id: string) => number) => {
  const known = new Map<string, number>()
  for (const id of ids) if (!known.has(id)) known.set(id, known.size)
  return (id) => {
    const found = known.get(id)
    if (found === undefined) {
      throw new Fault("failed", `A document's graph speaks of a ${what} ${id} that it does not have.`)
    }
    return found
  }
}

const column = <A>(rows: ReadonlyArray<A>, value: (row: A) => number): Int32Array => {
  const values = new Int32Array(rows.length)
  for (const [index, row] of rows.entries()) values[index] = value(row)
  return values
}

const flags = <A>(rows: ReadonlyArray<A>, isSet: (row: A) => boolean): Uint8Array => {
  const values = new Uint8Array(rows.length)
  for (const [index, row] of rows.entries()) values[index] = isSet(row) ? 1 : 0
  return values
}

const unique = <A extends { readonly id: string }>(records: ReadonlyArray<A>): ReadonlyArray<A> => {
  const found = new Map<string, A>()
  for (const record of records) found.set(record.id, record)
  return found.size === records.length ? records : [...found.values()]
}

/** Of a fact that is there twice with different predicates, the least stands, whichever came first. */
const uniqueFacts = (records: ReadonlyArray<FactRecord>): ReadonlyArray<FactRecord> => {
  const found = new Map<string, FactRecord>()
  for (const fact of records) {
    const other = found.get(fact.id)
    const stands = other?.predicate === undefined || (fact.predicate !== undefined && fact.predicate < other.predicate)
    if (stands) found.set(fact.id, fact)
  }
  return found.size === records.length ? records : [...found.values()]
}

/** Throws a `Fault` where the graph speaks of something that it does not have. */
export const storeGraph = (graph: DocumentGraph, chunks: ReadonlyArray<Chunk>): StoreGraph => {
  const { decisions, mentions, names, supports } = graph
  const entities = unique(graph.entities)
  const relations = unique(graph.relations)
  const facts = uniqueFacts(graph.facts)
  const chunkOf = indices(
    "chunk",
    chunks.map(({ id }) => id)
  )
  const entityOf = indices(
    "entity",
    entities.map(({ id }) => id)
  )
  const relationOf = indices(
    "relation",
    relations.map(({ id }) => id)
  )
  const factOf = indices(
    "fact",
    facts.map(({ id }) => id)
  )
  const texts = [...new Set(facts.map(({ text }) => text))]
  const textOf = indices("text", texts)
  const valid = new Map<number, readonly [string | null, string | null]>()
  for (const [index, { invalidAt, validAt }] of facts.entries()) {
    if (validAt !== undefined || invalidAt !== undefined) valid.set(index, [validAt ?? null, invalidAt ?? null])
  }
  const confidence = new Map<number, number>()
  for (const [index, support] of supports.entries()) {
    if (support.confidence !== undefined) confidence.set(index, support.confidence)
  }
  return {
    entities,
    names: {
      chunk: column(names, ({ chunk }) => chunkOf(chunk)),
      entity: column(names, ({ entity }) => entityOf(entity)),
      name: names.map(({ name }) => name),
      grounded: flags(names, ({ grounded }) => grounded),
      own: flags(names, ({ entity, name }) => normaliseName(name) === entities[entityOf(entity)]?.key)
    },
    mentions: {
      chunk: column(mentions, ({ chunk }) => chunkOf(chunk)),
      entity: column(mentions, ({ entity }) => entityOf(entity)),
      start: column(mentions, ({ start }) => start),
      end: column(mentions, ({ end }) => end),
      surface: mentions.map(({ surface }) => surface)
    },
    relations: {
      id: relations.map(({ id }) => id),
      source: column(relations, ({ source }) => entityOf(source)),
      target: column(relations, ({ target }) => entityOf(target)),
      type: relations.map(({ type }) => type)
    },
    facts: {
      id: facts.map(({ id }) => id),
      relation: column(facts, ({ relation }) => relationOf(relation)),
      text: column(facts, ({ text }) => textOf(text)),
      texts,
      predicate: facts.map(({ predicate }) => predicate ?? null),
      valid
    },
    supports: {
      chunk: column(supports, ({ chunk }) => chunkOf(chunk)),
      fact: column(supports, ({ fact }) => factOf(fact)),
      confidence
    },
    decisions
  }
}
