import { Context, Effect } from "effect"
import type { DeadLetter, DeadLetterCause } from "../domain/DeadLetter.ts"
import { RunStopped } from "../services/RunStopped.ts"

/** Chunks that may fail in a model phase: a share of those asked about, from 0 to 1, once `after` were; or a number. */
export type MaxFailures = { readonly share: number; readonly after: number } | { readonly count: number }

/** A share says little of the first few chunks. */
export const sharesAfter = 50

export const MaxFailures = Context.Reference<MaxFailures>("sluice/pipeline/MaxFailures", {
  defaultValue: () => ({ share: 0.1, after: sharesAfter })
})

/** What to look at, by what most chunks died of. */
const advice: Partial<Readonly<Record<DeadLetterCause, string>>> = {
  "invalid-answer": "the model may not follow JSON schemas: try another --model, or a smaller --ontology",
  truncated: "answers are cut off: --model, or the server's own limit on output, leaves them too little room",
  refused: "the model refuses: look at the documents, the --ontology, and try another --model",
  rejected: "the provider rejects the requests: look at --model and --base-url"
}

const allowed = (limit: MaxFailures): string =>
  "count" in limit ? String(limit.count) : `${Number((100 * limit.share).toFixed(2))}%`

/**
 * Tells a wrong configuration from bad luck. The rate is that of all chunks that a model was asked about in this run, not
 * of the last few: one bad document in the middle of good ones must not stop a run, since it would stop the next one at the
 * same place. What is there already says nothing of the model, so it does not count, and neither do the chunks of
 * documents that were partial before: they are expected to fail again.
 */
export const make = Effect.map(MaxFailures, (limit) => {
  const causes = new Map<DeadLetterCause, { count: number; readonly example: string }>()
  let asked = 0
  let failed = 0
  return {
    answered: (): void => void asked++,
    /** Fails when that was one too many. */
    failed: ({ cause, message, source }: DeadLetter): Effect.Effect<void, RunStopped> =>
      Effect.suspend(() => {
        // It was not asked: a replay has what was recorded.
        if (cause === "unrecorded") return Effect.void
        asked++
        failed++
        const seen = causes.get(cause)
        if (seen === undefined) causes.set(cause, { count: 1, example: `${source}: ${message}` })
        else seen.count++
        const isTooMany = "count" in limit ? failed > limit.count : asked >= limit.after && failed > limit.share * asked
        if (!isTooMany) return Effect.void
        const [worst] = [...causes].toSorted(([, a], [, b]) => b.count - a.count)
        if (worst === undefined) return Effect.void
        const [name, { count, example }] = worst
        const most = count === failed ? "all of them" : `${count} of them`
        return Effect.fail(
          new RunStopped({
            reason: "failures",
            retryable: false,
            message: `${failed} of the ${asked} chunks that the model was asked about failed, more than --max-failures ${allowed(limit)}: that is a configuration error rather than bad luck. The cause of ${most} is "${name}": ${advice[name] ?? "look at the provider and the documents"}. For example ${example.slice(0, 300)} What was done is kept: mend the cause, and run the same command again.`
          })
        )
      })
  }
})
