import { Effect } from "effect"
import { projectDocument } from "../domain/Projection.ts"
import { Run } from "../services/Run.ts"
import { Vocabulary } from "../services/Vocabulary.ts"
import type { ChunkedDocument, ProjectedDocument } from "./InFlight.ts"
import * as Phase from "./Phase.ts"

/** A document's extractions to its part of the graph: deterministic keys, and aliases within the document. */
export const resolve = Effect.gen(function* () {
  const run = yield* Run
  const ontology = yield* Vocabulary
  return Phase.make({
    name: "resolve",
    concurrency: 1,
    describe: ({ document, span }: ChunkedDocument) => ({
      parent: span,
      attributes: { "sluice.document.id": document.id }
    }),
    run: (parent: ChunkedDocument): Effect.Effect<ProjectedDocument> =>
      Effect.sync(() => ({
        ...parent,
        graph: projectDocument({
          group: run.group,
          document: parent.document.id,
          ontology,
          chunks: parent.chunks,
          extractions: parent.extractions
        })
      }))
  })
})
