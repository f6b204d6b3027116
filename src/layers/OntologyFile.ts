import { Effect, Schema } from "effect"
import { readFile } from "node:fs/promises"
import { parse } from "yaml"
import type { Ontology } from "../domain/Ontology.ts"

export class OntologyError extends Schema.TaggedError<OntologyError>()("OntologyError", {
  /** For a person: which file, what is wrong, what it should look like. */
  message: Schema.String
}) {}

const TypeName = Schema.String.check(Schema.isPattern(/^\p{L}[\p{L}\p{N}_ -]{0,63}$/u))

const RelationType = Schema.Struct({
  description: Schema.optionalKey(Schema.String),
  domain: Schema.optionalKey(Schema.Array(Schema.String)),
  range: Schema.optionalKey(Schema.Array(Schema.String))
})

/** Names alone, or names with what is known of them; a relation's description may stand for all of it. */
const OntologyFile = Schema.Struct({
  open: Schema.optionalKey(Schema.Boolean),
  entities: Schema.Union([Schema.Array(TypeName), Schema.Record(TypeName, Schema.NullOr(Schema.String))]),
  relations: Schema.Union([
    Schema.Array(TypeName),
    Schema.Record(TypeName, Schema.NullOr(Schema.Union([Schema.String, RelationType])))
  ])
})

const decode = Schema.decodeUnknownEffect(OntologyFile, { onExcessProperty: "error" })

const toOntology = (file: typeof OntologyFile.Type): Ontology => ({
  open: file.open ?? false,
  entities: Array.isArray(file.entities)
    ? Object.fromEntries(file.entities.map((name) => [name, ""]))
    : Object.fromEntries(Object.entries(file.entities).map(([name, description]) => [name, description ?? ""])),
  relations: Array.isArray(file.relations)
    ? Object.fromEntries(file.relations.map((name) => [name, {}]))
    : Object.fromEntries(
        Object.entries(file.relations).map(([name, known]) => [
          name,
          typeof known === "string" ? { description: known } : (known ?? {})
        ])
      )
})

/** Types that `domain` and `range` name must exist, or a relation could never hold. */
const unknownTypes = ({ entities, relations }: Ontology): ReadonlyArray<string> =>
  Object.entries(relations).flatMap(([name, { domain, range }]) =>
    [...(domain ?? []), ...(range ?? [])]
      .filter((type) => type !== "Thing" && !Object.hasOwn(entities, type))
      .map((type) => `${name} names the entity type ${type}, which is not among the entities.`)
  )

/**
 * Reads an ontology from a YAML file:
 *
 *     open: false
 *     entities:
 *       Person: a human being
 *       Organization: a company, institution or team
 *     relations:
 *       WORKS_FOR: { description: is employed by, domain: [Person], range: [Organization] }
 */
export const read = Effect.fn("OntologyFile.read")(function* (path: string) {
  const problem = (what: string) => new OntologyError({ message: `The ontology ${path} cannot be used: ${what}` })
  const text = yield* Effect.tryPromise({
    try: () => readFile(path, "utf8"),
    catch: (error) => problem(error instanceof Error ? error.message : "it cannot be read.")
  })
  const value = yield* Effect.try({
    try: (): unknown => parse(text),
    catch: (error) => problem(error instanceof Error ? error.message : "it is not YAML.")
  })
  const ontology = toOntology(yield* decode(value).pipe(Effect.mapError((error) => problem(error.message))))
  const [first] = unknownTypes(ontology)
  return first === undefined ? ontology : yield* problem(first)
})
