import { Effect, Layer } from "effect"
import { DeadLetter } from "../domain/DeadLetter.ts"
import { recipe } from "../domain/Ids.ts"
import { Extractor } from "../services/Extractor.ts"
import type { ExtractionTask } from "../services/Extractor.ts"

/** Changes whenever the same chunk would be extracted differently; so does compromise's version. */
const version = "1 compromise-14.17.0"

const unreadable = ({ chunk, source }: ExtractionTask, cause: unknown): DeadLetter =>
  new DeadLetter({
    stage: "extract",
    cause: "malformed",
    message:
      `The rules could not read chunk ${chunk.ordinal} of ${source}: ${cause instanceof Error ? cause.message : String(cause)}. ` +
      "The rest of the document was extracted; try this one with --extractor llm.",
    source,
    document: chunk.document,
    chunk: chunk.id,
    ordinal: chunk.ordinal,
    attempts: 1
  })

/**
 * Entities and co-occurrence facts without a model: English best, other cased scripts by their capitals, of scripts
 * without capitals only titles in quotation marks and speakers. It computes on the calling thread and yields before each
 * chunk. The first chunk loads the lexicon, so that a command that extracts nothing does not wait for it.
 */
export const layer: Layer.Layer<Extractor> = Layer.succeed(Extractor, {
  extract: Effect.fn("Extractor.extract")(
    function* (task) {
      const { extractByRules } = yield* Effect.promise(() => import("./rules/Rules.ts"))
      yield* Effect.yieldNow
      const extraction = yield* Effect.try({
        try: () => extractByRules(task.chunk.header, task.chunk.text),
        catch: (cause) => unreadable(task, cause)
      })
      return { extraction, reused: false }
    },
    (effect, { span }) => (span === undefined ? effect : Effect.withParentSpan(effect, span))
  ),
  recipe: recipe("rules", version),
  window: 8
})
