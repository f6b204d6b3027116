import { Effect, Layer, Option } from "effect"
import { ModelError, Unrecorded } from "./ChatModel.ts"
import { Journal } from "./Journal.ts"
import { ModelCalls } from "./ModelCalls.ts"
import type { Call, CallCounts } from "./ModelCalls.ts"

/**
 * Answers from the journal alone: nothing is sent, reserved or written, and what the journal does not have is refused as
 * `Unrecorded`.
 */
export const layer: Layer.Layer<ModelCalls, never, Journal> = Layer.effect(
  ModelCalls,
  Effect.map(Journal, (journal) => {
    const counts: CallCounts = { sent: 0, inFlight: 0, retried: 0, journal: 0, note: undefined }
    const error = new ModelError({
      reason: new Unrecorded(),
      retryable: false,
      message: `${journal.location} has no answer to this.`
    })
    return ModelCalls.of({
      call: <P, A>({ take }: Call<P, A>) =>
        Effect.sync(() => Option.map(take(), ({ payload }) => ({ _tag: "refused" as const, payload, error }))),
      lookup: (key) =>
        Effect.map(journal.lookup([key]), (found) => {
          counts.journal += found.size
          return Option.fromUndefinedOr(found.get(key))
        }),
      counts,
      drain: () => Effect.succeed(0),
      open: Effect.succeed(0)
    })
  })
)
