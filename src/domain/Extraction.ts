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

/**
 * What a document itself states in a field of its own, so that nobody need read it out of prose: its author, a mail's
 * recipients, a row of a table, a link.
 */
export interface Statement {
  /** An offset into the document's text: the chunk that holds it is the evidence. 0 for what is stated of the whole. */
  readonly at: number
  readonly entities: ReadonlyArray<ExtractedEntity>
  readonly facts: ReadonlyArray<ExtractedFact>
}

/** A chunk's extraction with what the document states there; `chunk` is its `[start,end)`. Statements ascend. */
export const withStatements = (
  extraction: Extraction,
  statements: ReadonlyArray<Statement>,
  chunk: { readonly start: number; readonly end: number }
): Extraction => {
  const here = within(statements, chunk.start, chunk.end)
  return here.length === 0
    ? extraction
    : {
        entities: [...here.flatMap(({ entities }) => entities), ...extraction.entities],
        facts: [...here.flatMap(({ facts }) => facts), ...extraction.facts]
      }
}

/** Found by bisection, since a large table has a statement for each of its rows, and hundreds of chunks. */
const within = (statements: ReadonlyArray<Statement>, start: number, end: number): ReadonlyArray<Statement> => {
  const firstFrom = (offset: number): number => {
    let low = 0
    let high = statements.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((statements[middle]?.at ?? 0) < offset) low = middle + 1
      else high = middle
    }
    return low
  }
  return statements.slice(firstFrom(start), firstFrom(end))
}
