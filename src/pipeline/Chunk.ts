import { Effect, Exit } from "effect"
import { chunkDocument } from "../domain/Chunker.ts"
import { DeadLetter } from "../domain/DeadLetter.ts"
import { endSpan } from "./InFlight.ts"
import type { ChunkedDocument, LoadedDocument } from "./InFlight.ts"
import { RunCounters } from "./Metrics.ts"
import * as Phase from "./Phase.ts"

/** Document to chunks. Work for the processor alone, so one at a time. */
export const chunk = Effect.gen(function* () {
  const counters = yield* RunCounters
  return Phase.make({
    name: "chunk",
    concurrency: 1,
    describe: ({ document, span }: LoadedDocument) => ({
      parent: span,
      attributes: { "sluice.document.id": document.id, "sluice.document.length": document.text.length }
    }),
    run: (loaded: LoadedDocument): Effect.Effect<ChunkedDocument, DeadLetter> =>
      Effect.suspend(() => {
        const chunks = chunkDocument(loaded.document)
        if (chunks.length === 0) {
          const letter = new DeadLetter({
            stage: "chunk",
            cause: "empty",
            message: "There is no text in it.",
            source: loaded.source,
            attempts: 1
          })
          return endSpan(loaded.span, Exit.fail(letter)).pipe(
            Effect.andThen(loaded.leave),
            Effect.andThen(Effect.fail(letter))
          )
        }
        counters.chunks.total += chunks.length
        counters.chunked++
        return Effect.succeed({ ...loaded, chunks, extractions: new Map(), deadLetters: [], gathered: 0 })
      })
  })
})
