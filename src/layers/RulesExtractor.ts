import { availableParallelism } from "node:os"
import { Effect, Layer, Result } from "effect"
import { DeadLetter } from "../domain/DeadLetter.ts"
import type { Extraction } from "../domain/Extraction.ts"
import { recipe } from "../domain/Ids.ts"
import { Extractor } from "../services/Extractor.ts"
import type { ExtractionTask } from "../services/Extractor.ts"
import * as Threads from "./rules/Threads.ts"
import { messageOf, unpack } from "./rules/Wire.ts"

/** Changes whenever the same chunk would be extracted differently; so does compromise's version. */
const version = "2 compromise-14.17.0"

const unreadable = ({ chunk, source }: ExtractionTask, detail: string): DeadLetter =>
  new DeadLetter({
    stage: "extract",
    cause: "malformed",
    message:
      `The rules could not read chunk ${chunk.ordinal} of ${source}: ${detail}. ` +
      "The rest of the document was extracted; try this one with --extractor llm.",
    source,
    document: chunk.document,
    chunk: chunk.id,
    ordinal: chunk.ordinal,
    attempts: 1
  })

type Extract = (task: ExtractionTask) => Effect.Effect<Extraction, DeadLetter>

const make = (window: number, extract: Extract) =>
  Extractor.of({
    extract: Effect.fn("Extractor.extract")(
      (task) => Effect.map(extract(task), (extraction) => ({ extraction, reused: false })),
      (effect, { span }) => (span === undefined ? effect : Effect.withParentSpan(effect, span))
    ),
    recipe: recipe("rules", version),
    parts: { extractor: `rules ${version}` },
    window
  })

/** The first chunk loads the lexicon, so that a command that extracts nothing does not wait for it. */
const onCallingThread: Extract = Effect.fnUntraced(function* (task) {
  const { extractByRules } = yield* Effect.promise(() => import("./rules/Rules.ts"))
  yield* Effect.yieldNow
  return yield* Effect.try({
    try: () => extractByRules(task.chunk.header, task.chunk.text),
    catch: (cause) => unreadable(task, messageOf(cause))
  })
})

/**
 * Entities and co-occurrence facts without a model: English best, other cased scripts by their capitals, of scripts
 * without capitals only titles in quotation marks and speakers. It computes on the calling thread and yields before each
 * chunk.
 */
export const layerCalling: Layer.Layer<Extractor> = Layer.succeed(Extractor, make(8, onCallingThread))

export interface Options {
  /** The most worker threads; by default all but one of what the machine runs at once, at least one, at most 8. */
  readonly threads?: number
  /** So many chunks under way are left to the calling thread; 32 by default. */
  readonly after?: number
  /** The module that the threads run, for tests. */
  readonly entry?: URL
}

/** Chunks that are done on the calling thread before another one is worth its start. */
const few = 32

/**
 * The same in worker threads once there is much to do: they start with the chunk that comes while 32 are under way, and
 * end with the layer's scope. The answers are those of the calling thread, which also does the work of a thread that
 * broke down.
 */
export const layerWith = (options: Options = {}): Layer.Layer<Extractor> =>
  Layer.effect(
    Extractor,
    Effect.gen(function* () {
      const threads = options.threads ?? Math.min(8, Math.max(1, availableParallelism() - 1))
      const { after = few } = options
      const ask = yield* Threads.make({ ...options, threads })
      let underWay = 0
      const inThread: Extract = Effect.fnUntraced(function* (task) {
        const answer = yield* Effect.result(ask({ header: task.chunk.header, text: task.chunk.text }))
        if (Result.isFailure(answer)) return yield* onCallingThread(task)
        return answer.success._tag === "extracted"
          ? unpack(answer.success.packed)
          : yield* unreadable(task, answer.success.message)
      })
      return make(64 * threads, (task) =>
        Effect.suspend(() => {
          const extract = underWay++ < after ? onCallingThread : inThread
          return Effect.ensuring(
            extract(task),
            Effect.sync(() => underWay--)
          )
        })
      )
    })
  )

export const layer: Layer.Layer<Extractor> = layerWith()
