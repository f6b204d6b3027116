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
import type { EntityId, FactId, RelationId } from "./Ids.ts"

/** A document's evidence, as a store has it: each row by itself. */
export interface StoredEvidence {
  readonly names: ReadonlyArray<NameRecord>
  readonly mentions: ReadonlyArray<MentionRecord>
  /** Each support with the fact, and the relation that the fact is of. */
  readonly said: ReadonlyArray<
    Omit<SupportRecord, "fact"> & { readonly fact: FactRecord; readonly relation: RelationRecord }
  >
  readonly decisions: ReadonlyArray<DecisionRecord>
  /** All that is spoken of, and maybe others; an end of a relation need not be named in the document's chunks. */
  readonly entities: ReadonlyMap<EntityId, EntityRecord>
}

/**
 * The graph of a document, put together again from what is stored of it: the ontology that made it may be another by now.
 * Throws where an entity is spoken of that is not there.
 */
export const graphOf = ({ decisions, entities: all, mentions, names, said }: StoredEvidence): DocumentGraph => {
  const entities = new Map<EntityId, EntityRecord>()
  const facts = new Map<FactId, FactRecord>()
  const relations = new Map<RelationId, RelationRecord>()
  const isUsed = (id: EntityId): void => {
    const entity = all.get(id)
    if (entity === undefined)
      throw new Error(`There is no entity ${id}, which a document speaks of: the graph is damaged.`)
    entities.set(id, entity)
  }
  for (const { entity } of names) isUsed(entity)
  for (const { entity } of mentions) isUsed(entity)
  for (const { fact, relation } of said) {
    facts.set(fact.id, fact)
    if (relations.has(relation.id)) continue
    relations.set(relation.id, relation)
    isUsed(relation.source)
    isUsed(relation.target)
  }
  return {
    entities: [...entities.values()],
    names,
    mentions,
    relations: [...relations.values()],
    facts: [...facts.values()],
    supports: said.map(({ chunk, confidence, fact }): SupportRecord => ({
      chunk,
      fact: fact.id,
      ...(confidence === undefined ? {} : { confidence })
    })),
    decisions
  }
}
