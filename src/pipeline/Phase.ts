import { Data, Effect, identity, Metric, Result, Stream } from "effect"
import type { Tracer } from "effect"
import { DeadLetter } from "../domain/DeadLetter.ts"
import type { Stage } from "../domain/DeadLetter.ts"
import * as Metrics from "./Metrics.ts"

/** An item that needs no further work, for example a document that is in the graph already: counted, not passed on. */
export class Discarded extends Data.TaggedError("Discarded")<{ readonly reason: string }> {}

export interface PhaseOptions<A, B, F, R> {
  readonly name: Stage
  /** Items at once. Of a local phase its limit is a semaphore inside `run`; of a model phase this is a look-ahead. */
  readonly concurrency: number
  /** A `DeadLetter` or `Discarded` concerns this item alone; any other error ends the stream. */
  readonly run: (item: A) => Effect.Effect<B, DeadLetter | Discarded | F, R>
  /** The span that the item's own span hangs from, and what to say of the item. */
  readonly describe: (item: A) => {
    readonly parent?: Tracer.AnySpan | undefined
    readonly attributes: Record<string, string | number>
  }
  /** Where an item that failed is still something to the phases below; without it the letter itself goes on. */
  readonly recover?: (item: A, letter: DeadLetter) => B
}

/** What flows between phases: an item, or why it ended on the way. */
export type Flow<A> = Result.Result<A, DeadLetter>

/**
 * The one shape of every phase: a stream stage with `mapEffect({ concurrency })`, a span an item, four counters
 * (received, sent, failed, discarded), and an item's error as a value in the stream, never the stream's failure. Letters
 * of earlier phases pass through untouched. Order is not kept.
 */
export const make = <A, B, F, R>(options: PhaseOptions<A, B, F, R>) => {
  const counters = Metrics.phaseCounters(options.name)
  const count = (counter: Metric.Counter<number>) => Metric.update(counter, 1)

  const settle = (item: A, error: DeadLetter | F): Effect.Effect<Result.Result<Flow<B>, Discarded>, F> => {
    if (error instanceof DeadLetter) {
      const flow: Flow<B> =
        options.recover === undefined ? Result.fail(error) : Result.succeed(options.recover(item, error))
      return Effect.as(count(counters.failed), Result.succeed(flow))
    }
    return Effect.fail(error)
  }

  const one = (item: A): Effect.Effect<Result.Result<Flow<B>, Discarded>, F, R> => {
    const { attributes, parent } = options.describe(item)
    return count(counters.received).pipe(
      Effect.andThen(options.run(item)),
      // Within the span, because an item that needs no work is no failure.
      Effect.matchEffect({
        onSuccess: (sent) => Effect.succeed(Result.succeed<Flow<B>>(Result.succeed(sent))),
        onFailure: (error): Effect.Effect<Result.Result<Flow<B>, Discarded>, DeadLetter | F> =>
          error instanceof Discarded ? Effect.succeed(Result.fail(error)) : Effect.fail(error)
      }),
      Effect.withSpan(
        `pipeline.${options.name}`,
        { attributes, ...(parent === undefined ? {} : { parent }) },
        { captureStackTrace: false }
      ),
      Effect.matchEffect({
        onSuccess: (ended) => Effect.as(count(Result.isFailure(ended) ? counters.discarded : counters.sent), ended),
        onFailure: (error) => settle(item, error)
      })
    )
  }

  return <E, R0>(input: Stream.Stream<Flow<A>, E, R0>): Stream.Stream<Flow<B>, E | F, R0 | R> =>
    input.pipe(
      Stream.mapEffect(
        (item): Effect.Effect<Result.Result<Flow<B>, Discarded>, F, R> =>
          Result.isFailure(item) ? Effect.succeed(Result.succeed(Result.fail(item.failure))) : one(item.success),
        { concurrency: options.concurrency, unordered: true }
      ),
      Stream.filterMap(identity)
    )
}
