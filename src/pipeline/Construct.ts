import { Effect, Semaphore } from "effect"
import type { Recipe } from "../domain/Ids.ts"
import { ceilings, WriteConcurrency } from "../services/Concurrency.ts"
import { Embeddings } from "../services/Embeddings.ts"
import type { StorageError } from "../services/StorageError.ts"
import type { Write } from "../services/GraphStore.ts"
import { endDocument } from "./InFlight.ts"
import type { Claims, ProjectedDocument } from "./InFlight.ts"
import { RunCounters } from "./Metrics.ts"
import * as Phase from "./Phase.ts"

/** Decisions to graph: embeds the chunks, and writes the document with its ledger entries in a group commit. */
export const construct = Effect.fnUntraced(function* (options: {
  readonly recipe: Recipe
  readonly claims: Claims
  readonly write: (write: Write) => Effect.Effect<unknown, StorageError>
}) {
  const counters = yield* RunCounters
  const embeddings = yield* Embeddings
  const permits = yield* WriteConcurrency

  const process = Effect.fnUntraced(function* (parent: ProjectedDocument) {
    const { chunks, deadLetters, document, extractions, graph } = parent
    const vectors = yield* embeddings.embed(
      document.group,
      chunks.map(({ header, text }) => (header === "" ? text : `${header}\n${text}`))
    )
    const written = Effect.suspend(() =>
      options.write({
        _tag: "document",
        sources: options.claims.release(document.id),
        resolved: { document, recipe: options.recipe, chunks, extractions, graph },
        deadLetters,
        embeddings: chunks.flatMap(({ id }, index) => {
          const vector = vectors[index]
          return vector === undefined ? [] : [{ chunk: id, vector }]
        })
      })
    )
    // Around the write alone: embedding calls wait at the gate, and for nothing before it.
    yield* Semaphore.withPermit(permits, written)
    if (deadLetters.length === 0) counters.documents.ingested++
    else counters.documents.partial++
    yield* endDocument(parent)
    return parent.document.id
  })

  return Phase.make({
    name: "construct",
    concurrency: ceilings.write,
    describe: ({ chunks, document, span }: ProjectedDocument) => ({
      parent: span,
      attributes: { "sluice.document.id": document.id, "sluice.chunks": chunks.length }
    }),
    run: process
  })
})
