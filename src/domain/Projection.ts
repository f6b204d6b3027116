import type { Chunk } from "./Chunk.ts"
import type { Extraction } from "./Extraction.ts"
import type {
  DecisionRecord,
  DocumentGraph,
  EntityRecord,
  FactRecord,
  MentionRecord,
  NameRecord,
  RelationRecord,
  SupportRecord
} from "./Graph.ts"
import { occurrences } from "./Grounding.ts"
import type { Span } from "./Grounding.ts"
import { factId, relationId } from "./Ids.ts"
import type { DocumentId, EntityId, FactId, Group, RelationId } from "./Ids.ts"
import { normaliseName } from "./Names.ts"
import { anyEntity, entityType, relationReading } from "./Ontology.ts"
import type { Ontology } from "./Ontology.ts"
import { candidate, resolveAliases } from "./Resolution.ts"
import type { Candidate } from "./Resolution.ts"

/** Part of a document's recipe: changes when the same extractions would make another graph. */
export const projectionVersion = "1"

interface Named {
  readonly entity: Candidate
  readonly names: ReadonlySet<string>
}

/** A chunk's extraction under the ontology: its entities by name, and the facts between them. */
interface ChunkReading {
  readonly chunk: Chunk
  readonly named: ReadonlyArray<Named>
  readonly facts: ReadonlyArray<{
    readonly source: Candidate
    readonly target: Candidate
    readonly fact: Extraction["facts"][number]
  }>
  readonly stated: ReadonlyArray<{ readonly alias: Candidate; readonly of: Candidate }>
}

const tidy = (text: string): string => text.toWellFormed().normalize("NFC").replace(/\s+/gu, " ").trim()

/** The function, with what it has made. */
const remembered = <K, A>(make: (key: K) => A): ((key: K) => A) => {
  const made = new Map<K, A>()
  return (key) => {
    const known = made.get(key)
    if (known !== undefined) return known
    const value = make(key)
    made.set(key, value)
    return value
  }
}

/** What is asked for again and again within one document, whose chunks speak of the same things. */
const memory = (group: Group, ontology: Ontology) => {
  const tidied = remembered(tidy)
  const candidatesOf = remembered((type: string) =>
    remembered((name: string) => candidate(group, type, normaliseName(name)))
  )
  const readingsOf = remembered((type: string) =>
    remembered((source: string) => remembered((target: string) => relationReading(ontology, type, source, target)))
  )
  return {
    tidied,
    /** What an extractor leaves empty, it does not state: the two are one fact, and one record. */
    stated: (value: string | undefined): string | undefined => {
      const clean = value === undefined ? "" : tidied(value)
      return clean === "" ? undefined : clean
    },
    typeOf: remembered((type: string) => entityType(ontology, type)),
    candidateOf: (type: string, name: string): Candidate => candidatesOf(type)(name),
    readingOf: (type: string, source: string, target: string) => readingsOf(type)(source)(target)
  }
}

type Memory = ReturnType<typeof memory>

/**
 * An end of a fact that the extraction does not list as an entity is one all the same, of type `Thing`: what was said of
 * it is not lost.
 */
const readChunk = ({ candidateOf, tidied, typeOf }: Memory, chunk: Chunk, extraction: Extraction): ChunkReading => {
  const named = new Map<EntityId, { readonly entity: Candidate; readonly names: Set<string> }>()
  const byName = new Map<string, Candidate>()
  const byKey = new Map<string, Candidate>()
  const add = (name: string, type: string): Candidate => {
    const entity = candidateOf(type, name)
    const known = named.get(entity.id)
    if (known === undefined) named.set(entity.id, { entity, names: new Set([name]) })
    else known.names.add(name)
    if (!byName.has(name)) byName.set(name, entity)
    if (!byKey.has(entity.key)) byKey.set(entity.key, entity)
    return entity
  }
  const listed = extraction.entities.flatMap(({ aliases, name, type }) => {
    const clean = tidied(name)
    return clean === "" ? [] : [{ entity: add(clean, typeOf(type)), aliases }]
  })
  const claims = listed.flatMap(({ aliases, entity }) =>
    aliases.map(tidied).flatMap((alias) => {
      if (alias === "") return []
      named.get(entity.id)?.names.add(alias)
      if (!byName.has(alias)) byName.set(alias, entity)
      return [{ alias: candidateOf(entity.type, alias), of: entity }]
    })
  )
  const end = (name: string): Candidate | undefined => {
    const clean = tidied(name)
    if (clean === "") return undefined
    return byName.get(clean) ?? byKey.get(normaliseName(clean)) ?? add(clean, anyEntity)
  }
  const facts = extraction.facts.flatMap((fact) => {
    const from = end(fact.source)
    const to = end(fact.target)
    return from === undefined || to === undefined ? [] : [{ source: from, target: to, fact }]
  })
  return { chunk, named: [...named.values()], facts, stated: claims }
}

/** Of one entity's occurrences: those within a longer one are no mentions of their own. */
const outermost = (spans: ReadonlyArray<Span>): ReadonlyArray<Span> => {
  if (spans.length < 2) return spans
  const kept: Array<Span> = []
  for (const span of spans.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    const previous = kept.at(-1)
    if (previous === undefined || span.end > previous.end) kept.push(span)
  }
  return kept
}

/**
 * What a document adds to the graph: a pure function of its chunks, their extractions and the ontology. Relations of an
 * entity with itself, which resolution can make, are left out; the extraction keeps them.
 */
export const projectDocument = (input: {
  readonly group: Group
  readonly document: DocumentId
  readonly ontology: Ontology
  readonly chunks: ReadonlyArray<Chunk>
  /** By ordinal. */
  readonly extractions: ReadonlyMap<number, Extraction>
}): DocumentGraph => {
  const known = memory(input.group, input.ontology)
  const readings = input.chunks.flatMap((chunk) => {
    const extraction = input.extractions.get(chunk.ordinal)
    return extraction === undefined ? [] : [readChunk(known, chunk, extraction)]
  })
  const decisions: ReadonlyArray<DecisionRecord> = resolveAliases(
    input.document,
    readings.flatMap(({ named }) => named.map(({ entity }) => entity)),
    readings.flatMap(({ stated }) => stated)
  )
  const targets = new Map(decisions.map(({ from, to }) => [from, to]))
  const all = new Map(readings.flatMap(({ named }) => named.map(({ entity }) => [entity.id, entity])))
  const resolved = (entity: Candidate): Candidate => all.get(targets.get(entity.id) ?? entity.id) ?? entity

  const entities = new Map<EntityId, EntityRecord>()
  const names: Array<NameRecord> = []
  const mentions: Array<MentionRecord> = []
  const relations = new Map<RelationId, RelationRecord>()
  const facts = new Map<FactId, FactRecord>()
  const supports: Array<SupportRecord> = []

  for (const { chunk, named, facts: said } of readings) {
    const here = new Map<EntityId, { readonly names: Set<string>; readonly entity: Candidate }>()
    for (const { entity, names: called } of named) {
      const to = resolved(entity)
      if (!entities.has(to.id)) entities.set(to.id, { id: to.id, type: to.type, key: to.key })
      const other = here.get(to.id)
      if (other === undefined) here.set(to.id, { entity: to, names: new Set(called) })
      else for (const name of called) other.names.add(name)
    }
    for (const { entity, names: called } of here.values()) {
      const spans: Array<Span> = []
      for (const name of called) {
        const found = occurrences(chunk.text, name)
        spans.push(...found)
        names.push({ chunk: chunk.id, entity: entity.id, name, grounded: found.length > 0 })
      }
      for (const { end, start } of outermost(spans)) {
        mentions.push({
          chunk: chunk.id,
          entity: entity.id,
          start: chunk.start + start,
          end: chunk.start + end,
          surface: chunk.text.slice(start, end)
        })
      }
    }
    const supported = new Set<FactId>()
    for (const { fact, source, target } of said) {
      const ends = { source: resolved(source), target: resolved(target) }
      if (ends.source.id === ends.target.id) continue
      // Read with the types that resolution found out: a name that is a `Thing` here may be a `Person` in another chunk.
      const { reversed, type } = known.readingOf(fact.type, ends.source.type, ends.target.type)
      const from = reversed ? ends.target.id : ends.source.id
      const to = reversed ? ends.source.id : ends.target.id
      const relation = relationId(input.group, from, type, to)
      if (!relations.has(relation)) relations.set(relation, { id: relation, source: from, target: to, type })
      const text = known.tidied(fact.text)
      const predicate = known.stated(fact.predicate)
      const validAt = known.stated(fact.validAt)
      const invalidAt = known.stated(fact.invalidAt)
      const id = factId(relation, text, predicate, validAt, invalidAt)
      if (!facts.has(id)) {
        facts.set(id, {
          id,
          relation,
          text,
          ...(predicate === undefined ? {} : { predicate }),
          ...(validAt === undefined ? {} : { validAt }),
          ...(invalidAt === undefined ? {} : { invalidAt })
        })
      }
      if (!supported.has(id)) {
        const { confidence } = fact
        supported.add(id)
        supports.push({ chunk: chunk.id, fact: id, ...(confidence === undefined ? {} : { confidence }) })
      }
    }
  }
  return {
    entities: [...entities.values()],
    names,
    mentions,
    relations: [...relations.values()],
    facts: [...facts.values()],
    supports,
    decisions
  }
}
