import { Schema } from "effect"

/** A thing named in a chunk, as the extractor put it. */
export const ExtractedEntity = Schema.Struct({
  name: Schema.String,
  type: Schema.String,
  /** Other names for it that this chunk's text uses. */
  aliases: Schema.Array(Schema.String)
})
export type ExtractedEntity = typeof ExtractedEntity.Type

/** Something said of two entities; `source` and `target` are names. */
export const ExtractedFact = Schema.Struct({
  source: Schema.String,
  target: Schema.String,
  /** Relation type, UPPER_SNAKE_CASE. */
  type: Schema.String,
  /** The wording of the sentence that says it. */
  text: Schema.String,
  /** The words between the two, where the extractor knows no relation types. */
  predicate: Schema.optionalKey(Schema.String),
  /** ISO 8601 date, as exact as the text is: when it began and ceased to be true. */
  validAt: Schema.optionalKey(Schema.String),
  invalidAt: Schema.optionalKey(Schema.String),
  /** Percent. A score, so no part of the graph's hash. */
  confidence: Schema.optionalKey(Schema.Int)
})
export type ExtractedFact = typeof ExtractedFact.Type

/**
 * What was extracted from one chunk: the truth that the graph is a projection of. Ontology and resolution are applied
 * when it is projected, never here.
 */
export const Extraction = Schema.Struct({
  entities: Schema.Array(ExtractedEntity),
  facts: Schema.Array(ExtractedFact)
})
export type Extraction = typeof Extraction.Type
