import { stateOf } from "../../domain/Graph.ts"
import type { DocumentGraph, EntityRecord, FactRecord, RelationRecord } from "../../domain/Graph.ts"
import { chunkKey } from "../../domain/Ids.ts"
import { normaliseName } from "../../domain/Names.ts"
import { compare } from "../../domain/Views.ts"
import type { DocumentWrite } from "../../services/GraphStore.ts"
import { failure } from "./Fault.ts"
import { labelOf } from "./Identifiers.ts"
import { embeddingOf } from "./Schema.ts"
import { whole } from "./Values.ts"

/**
 * Rows that go into one statement. Labels and relationship types stand in the statement itself, since a type that is a
 * parameter is planned badly; and rows are in the order of what they lock, so that writers do not wait for each other
 * in a circle.
 */
export interface Batch<Name> {
  /** A label or relationship type. */
  readonly name: Name
  readonly rows: ReadonlyArray<object>
}

/** A row with much text. */
export interface Sized {
  /** About how many bytes it is. */
  readonly size: number
  readonly [field: string]: unknown
}

export interface GraphRows {
  readonly documents: ReadonlyArray<Sized>
  readonly chunks: ReadonlyArray<Sized>
  readonly next: ReadonlyArray<object>
  readonly entities: ReadonlyArray<Batch<string | undefined>>
  readonly names: Nested
  readonly mentions: Nested
  readonly relations: ReadonlyArray<RelationRow>
  readonly facts: ReadonlyArray<FactRow>
  readonly supports: Nested
  readonly decisions: ReadonlyArray<object>
}

/** Evidence of a relation: what there is more of it, and what it says if it is new. */
export interface RelationRow {
  readonly id: string
  readonly source: string
  readonly target: string
  readonly type: string
  readonly weight: number
  /** The fact that leads it if nobody has made it before. */
  readonly lead: string
}

export interface FactRow {
  readonly id: string
  readonly relation: string
  readonly source: string
  readonly target: string
  readonly type: string
  readonly text: string
  readonly validAt: string | null
  readonly invalidAt: string | null
}

/** Evidence by chunk. */
export interface Nested {
  readonly rows: ReadonlyArray<{ readonly id: string; readonly of: ReadonlyArray<object> }>
  /** How many there are under the chunks. */
  readonly count: number
}

interface Relation extends RelationRecord {
  weight: number
  readonly lead: string
}

const absent = (what: string, id: string): never => {
  throw failure("failed", `A document's graph speaks of a ${what} ${id} that it does not have.`)
}

const byName = <A extends object, Name extends string | undefined>(
  records: Iterable<A>,
  nameOf: (record: A) => Name
): ReadonlyArray<readonly [Name, ReadonlyArray<A>]> =>
  [...Map.groupBy(records, nameOf)].toSorted(([a], [b]) => compare(a ?? "", b ?? ""))

/** Its own names first, so that it is called by one of them from the beginning. */
const namesOf = (key: string, names: ReadonlySet<string>): ReadonlyArray<string> =>
  names.size === 0
    ? [key]
    : [...names].toSorted(
        (a, b) => Number(normaliseName(b) === key) - Number(normaliseName(a) === key) || compare(a, b)
      )

class Evidence {
  readonly #seen = new Set<string>()
  readonly #chunks = new Map<string, Array<object>>()

  /** Once for each key of a chunk. */
  add(chunk: string, key: string, row: object): boolean {
    const whole = `${chunk}\n${key}`
    if (this.#seen.has(whole)) return false
    this.#seen.add(whole)
    const rows = this.#chunks.get(chunk)
    if (rows === undefined) this.#chunks.set(chunk, [row])
    else rows.push(row)
    return true
  }

  nested(): Nested {
    return { rows: [...this.#chunks].map(([id, of]) => ({ id, of })), count: this.#seen.size }
  }
}

/** Of a fact that is there twice with different predicates, the least stands, whichever came first. */
const factsOf = ({ facts }: DocumentGraph): ReadonlyMap<string, FactRecord> => {
  const found = new Map<string, FactRecord>()
  for (const fact of facts) {
    const other = found.get(fact.id)?.predicate
    if (other === undefined || (fact.predicate !== undefined && fact.predicate < other)) found.set(fact.id, fact)
  }
  return found
}

/** Throws a `StorageError` where a graph speaks of something that it does not have. */
export const graphRows = (writes: ReadonlyArray<DocumentWrite>): GraphRows => {
  const documents: Array<Sized> = []
  const chunks: Array<Sized> = []
  const next: Array<object> = []
  const decisions = new Map<string, object>()
  const entities = new Map<string, EntityRecord & { readonly names: Set<string> }>()
  const relations = new Map<string, Relation>()
  const facts = new Map<string, FactRecord & { readonly of: RelationRecord }>()
  const [names, mentions, supports] = [new Evidence(), new Evidence(), new Evidence()]

  for (const { embeddings, resolved, run } of writes) {
    const { document, extractions, graph, recipe } = resolved
    const { date, id, mediaType, text, title } = document
    documents.push({
      id,
      recipe,
      state: stateOf(resolved),
      mediaType,
      title,
      date: date ?? null,
      text,
      run: run ?? null,
      size: text.length
    })
    const vectors = new Map(embeddings.map(({ chunk, vector }) => [chunk, vector]))
    const own = new Set<string>()
    let previous: string | undefined
    for (const chunk of resolved.chunks) {
      const extraction = extractions.get(chunk.ordinal)
      const vector = vectors.get(chunk.id)
      const found = extraction === undefined ? null : JSON.stringify(extraction)
      own.add(chunk.id)
      chunks.push({
        id: chunk.id,
        key: chunkKey(document.group, chunk.header, chunk.text),
        document: id,
        ordinal: whole(chunk.ordinal),
        start: whole(chunk.start),
        end: whole(chunk.end),
        tokens: whole(chunk.tokens),
        state: extraction === undefined ? "dead" : "extracted",
        header: chunk.header,
        text: chunk.text,
        extraction: found,
        embedding: vector === undefined ? null : [...vector],
        property: vector === undefined ? null : embeddingOf("Chunk", vector.length).property,
        size: chunk.text.length + chunk.header.length + (found?.length ?? 0) + 9 * (vector?.length ?? 0)
      })
      if (previous !== undefined) next.push({ from: previous, to: chunk.id })
      previous = chunk.id
    }
    const inDocument = (chunk: string): string => (own.has(chunk) ? chunk : absent("chunk", chunk))

    const ownEntities = new Map<string, EntityRecord>(graph.entities.map((entity) => [entity.id, entity]))
    const entityOf = (entity: string): EntityRecord => ownEntities.get(entity) ?? absent("entity", entity)
    const isUsed = (entity: EntityRecord, ...called: ReadonlyArray<string>): void => {
      const known = entities.get(entity.id)
      if (known === undefined) entities.set(entity.id, { ...entity, names: new Set(called) })
      else for (const name of called) known.names.add(name)
    }
    for (const { chunk, entity, grounded, name } of graph.names) {
      isUsed(entityOf(entity), name)
      names.add(inDocument(chunk), `${entity}\n${name}`, { entity, name, grounded })
    }
    for (const { chunk, end, entity, start, surface } of graph.mentions) {
      isUsed(entityOf(entity))
      mentions.add(inDocument(chunk), `${entity}\n${start}\n${end}`, {
        entity,
        start: whole(start),
        end: whole(end),
        surface
      })
    }

    const ownFacts = factsOf(graph)
    const ownRelations = new Map<string, RelationRecord>(graph.relations.map((relation) => [relation.id, relation]))
    for (const { chunk, confidence, fact: supported } of graph.supports) {
      const fact = ownFacts.get(supported) ?? absent("fact", supported)
      const isNew = supports.add(inDocument(chunk), fact.id, {
        fact: fact.id,
        confidence: confidence === undefined ? null : whole(confidence),
        predicate: fact.predicate ?? null
      })
      if (!isNew) continue
      const of = ownRelations.get(fact.relation) ?? absent("relation", fact.relation)
      if (!facts.has(fact.id)) facts.set(fact.id, { ...fact, of })
      const relation = relations.get(of.id)
      if (relation !== undefined) relation.weight++
      else {
        for (const end of [of.source, of.target]) isUsed(entityOf(end))
        relations.set(of.id, { ...of, weight: 1, lead: fact.id })
      }
    }
    for (const decision of graph.decisions) {
      decisions.set(decision.id, { ...decision, score: whole(decision.score) })
    }
  }

  const ordered = <A extends { readonly id: string }>(records: Iterable<A>): ReadonlyArray<A> =>
    [...records].toSorted((a, b) => compare(a.id, b.id))
  return {
    documents,
    chunks,
    next,
    entities: byName(entities.values(), ({ type }) => labelOf(type)).map(([name, records]) => ({
      name,
      rows: ordered(records).map(({ id, key, names, type }) => ({ id, type, key, names: namesOf(key, names) }))
    })),
    names: names.nested(),
    mentions: mentions.nested(),
    relations: ordered(relations.values()),
    facts: ordered(facts.values()).map(({ id, invalidAt, of, relation, text, validAt }) => ({
      id,
      relation,
      source: of.source,
      target: of.target,
      type: of.type,
      text,
      validAt: validAt ?? null,
      invalidAt: invalidAt ?? null
    })),
    supports: supports.nested(),
    decisions: [...decisions.values()]
  }
}
