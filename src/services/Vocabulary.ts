import { Context } from "effect"
import { defaultOntology } from "../domain/Ontology.ts"
import type { Ontology } from "../domain/Ontology.ts"

/** The ontology in force: it steers the prompt, the answer's schema and the projection. */
export const Vocabulary = Context.Reference<Ontology>("sluice/services/Vocabulary", {
  defaultValue: () => defaultOntology
})
