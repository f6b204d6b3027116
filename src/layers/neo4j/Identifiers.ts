import { anyRelation } from "../../domain/Ontology.ts"

/**
 * Labels and relationship types cannot be parameters, so they are the one thing of a model's answer that stands in a
 * statement: letters, digits and underscores of any script, and nothing else, in backticks all the same.
 */
const identifier = /^\p{L}[\p{L}\p{M}\p{N}_]{0,79}$/u

export const quoted = (name: string): string => {
  if (!identifier.test(name)) throw new Error(`Not an identifier: ${JSON.stringify(name)}`)
  return `\`${name}\``
}

/** Labels that mean something else: an entity type of that name gets a suffix, so that nobody takes it for one of them. */
const ownLabels = new Set([
  "Source",
  "Document",
  "Chunk",
  "Entity",
  "Fact",
  "Decision",
  "Run",
  "DeadLetter",
  "Group",
  "Renamed",
  "SluiceSchema"
])

/** Relationships that evidence is counted by. */
const ownTypes = new Set(["NAMES", "MENTIONS"])

/** The label of an entity type, beside `Entity`; a type that cannot be one has none, and stays a property. */
export const labelOf = (type: string): string | undefined => {
  if (!identifier.test(type)) return undefined
  return ownLabels.has(type) ? `${type}Entity` : type
}

/** The relationship type of a relation; one that cannot be one is `RELATED_TO`, and stays a property. */
export const relationshipOf = (type: string): string => {
  if (!identifier.test(type)) return anyRelation
  return ownTypes.has(type) ? `${type}_ENTITY` : type
}
