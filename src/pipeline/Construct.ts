import { Effect, Semaphore } from "effect"
import type { Chunk } from "../domain/Chunk.ts"
import { DeadLetter } from "../domain/DeadLetter.ts"
import type { Recipe } from "../domain/Ids.ts"
import { ceilings, WriteConcurrency } from "../services/Concurrency.ts"
import { Embeddings } from "../services/Embeddings.ts"
import type { StorageError } from "../services/StorageError.ts"
import type { Write } from "../services/GraphStore.ts"
import { endSpan } from "./InFlight.ts"
import type { Claims, ProjectedDocument } from "./InFlight.ts"
import { RunCounters } from "./Metrics.ts"
import * as Phase from "./Phase.ts"

const unembedded = ({ document, source }: ProjectedDocument, { id, ordinal }: Chunk): DeadLetter =>
  new DeadLetter({
    stage: "construct",
    cause: "unrecorded",
    message: `The journal has no embedding of chunk ${ordinal + 1}, which is in the graph without one. Give --embedding-model as it was when it was recorded, or run the same command without --replay to ask for it.`,
    source,
    document: document.id,
    chunk: id,
    ordinal,
    attempts: 0
  })

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
    const vectors = yield* embeddings.embed(document.group, chunks, parent.source)
    const dead = new Set(deadLetters.map(({ ordinal }) => ordinal))
    for (const [index, chunk] of chunks.entries()) {
      if (vectors[index] === undefined && !dead.has(chunk.ordinal)) deadLetters.push(unembedded(parent, chunk))
    }
    const written = Effect.gen(function* () {
      const sources = options.claims.sources(document.id)
      yield* options.write({
        _tag: "document",
        sources,
        resolved: { document, recipe: options.recipe, chunks, extractions, graph },
        deadLetters,
        embeddings: chunks.flatMap(({ id }, index) => {
          const vector = vectors[index]
          return vector === undefined ? [] : [{ chunk: id, vector }]
        })
      })
      // Copies that turned up while it was being written: only now would they find it in the graph.
      const late = options.claims.release(document.id).slice(sources.length)
      const point = (source: string) => options.write({ _tag: "source", source, document: document.id })
      yield* Effect.forEach(late, point, { discard: true, concurrency: "unbounded" })
    })
    // Around the write alone: embedding calls wait at the gate, and for nothing before it.
    yield* Semaphore.withPermit(permits, written)
    if (deadLetters.length === 0) counters.documents.ingested++
    else counters.documents.partial++
    yield* endSpan(parent.span)
    yield* parent.leave
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
