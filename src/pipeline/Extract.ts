import { Effect } from "effect"
import type { DeadLetter } from "../domain/DeadLetter.ts"
import { withStatements } from "../domain/Extraction.ts"
import { Extractor } from "../services/Extractor.ts"
import { Run } from "../services/Run.ts"
import type { ChunkTask } from "./InFlight.ts"
import * as FailureLimit from "./FailureLimit.ts"
import { RunCounters } from "./Metrics.ts"
import * as Phase from "./Phase.ts"

/**
 * Chunk to extraction, together with what the document itself states there, noted in the chunk's document. A chunk that cannot be extracted from is noted there as well: the
 * document goes on without it.
 */
export const extract = Effect.gen(function* () {
  const run = yield* Run
  const extractor = yield* Extractor
  const counters = yield* RunCounters
  const limit = yield* FailureLimit.make
  return Phase.make({
    name: "extract",
    concurrency: extractor.window,
    describe: ({ chunk, parent }: ChunkTask) => ({
      parent: parent.span,
      attributes: { "sluice.document.id": parent.document.id, "sluice.chunk": chunk.ordinal }
    }),
    run: (task: ChunkTask) =>
      extractor
        .extract({ group: run.group, source: task.parent.source, chunk: task.chunk, span: task.parent.span })
        .pipe(
          Effect.map(({ extraction, reused }) => {
            if (reused) counters.chunks.reused++
            else {
              counters.chunks.extracted++
              if (!task.parent.isRetried) limit.answered()
            }
            const { document, extractions } = task.parent
            extractions.set(task.chunk.ordinal, withStatements(extraction, document.statements ?? [], task.chunk))
            return task
          }),
          Effect.tapErrorTag("DeadLetter", (letter) => (task.parent.isRetried ? Effect.void : limit.failed(letter)))
        ),
    recover: (task: ChunkTask, letter: DeadLetter) => {
      counters.chunks.dead++
      task.parent.deadLetters.push(letter)
      return task
    }
  })
})
