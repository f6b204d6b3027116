import { Clock, DateTime, Duration, Effect, Option } from "effect"
import type { RunReport } from "../domain/RunReport.ts"
import type { Watched } from "../layers/files/watch.ts"
import type { IngestResult } from "../pipeline/Pipeline.ts"
import { SourceError } from "../services/DocumentSource.ts"
import type { Wanted } from "../services/DocumentSource.ts"
import * as Monotonic from "../services/Monotonic.ts"
import { RunStopped } from "../services/RunStopped.ts"
import { StorageError } from "../services/StorageError.ts"
import { complain, count, counted, duration, jsonLine, print } from "./Print.ts"
import { money } from "./Summary.ts"

/** How long a file must stay as it is before it is taken in. */
const settling = Duration.millis(400)
/** Files that have settled wait so long at most for others that are still being written. */
const patience = Duration.seconds(10)
/** Without a hint, files are looked at as often: systems do not tell of everything, and of network drives of nothing. */
const sparse = Duration.seconds(10)
/** Looking takes at most one part of so many of the time. */
const share = 50

const backOff = { first: Duration.seconds(1), longest: Duration.minutes(5) }

const some = (value: number, what: string): string => (value === 0 ? "" : `${count(value)} ${what}`)

/** A round in one line: `14:05:02  1 ingested · 2 chunks extracted · $0.0012 · 1.2 s`. */
export const roundLine = (at: number, { chunks, cost, documents, seconds }: RunReport): string => {
  const done = [
    some(documents.ingested, "ingested"),
    some(documents.partial, "in part"),
    some(documents.failed, "failed"),
    some(documents.removed, "removed")
  ].filter((part) => part !== "")
  const parts = [
    ...(done.length === 0 ? ["nothing new"] : done),
    some(documents.unchanged, "unchanged"),
    chunks.extracted === 0 ? "" : `${counted(chunks.extracted, "chunk")} extracted`,
    some(chunks.reused, "reused"),
    cost.usd === 0 ? "" : money(cost.usd),
    duration(seconds * 1000)
  ]
  const time = DateTime.formatIso(DateTime.makeUnsafe(at)).slice(11, 19)
  return `${time}  ${parts.filter((part) => part !== "").join(" · ")}`
}

/** What a round reads: everything that the paths name, or only these. */
export type Reading = "everything" | ReadonlyArray<Wanted>

type RoundError = RunStopped | StorageError | SourceError

/** Whether another try, later, may fare better: a provider that is down, a store that somebody else has locked. */
const isPassing = (error: unknown): error is RoundError =>
  error instanceof SourceError || ((error instanceof RunStopped || error instanceof StorageError) && error.retryable)

/**
 * A first round over everything, then one for each batch of changes, as they settle, for ever. A round that fails through
 * no lasting fault is tried again, at growing distances. `round` may fail with a `SourceError` where a path is gone for a
 * while; before the first look that is a mistake, and ends the command.
 */
export const follow = Effect.fnUntraced(function* <E, R, E2, R2>(
  watched: Watched,
  round: (reading: Reading) => Effect.Effect<IngestResult, E, R>,
  report: (result: IngestResult) => Effect.Effect<void, E2, R2>
) {
  let looking = Duration.zero
  const look = Effect.timed(watched.look).pipe(
    Effect.map(([took, changes]) => {
      looking = took
      return changes
    })
  )

  const finish = Effect.fnUntraced(function* (reading: Reading) {
    const result = yield* round(reading)
    yield* report(result)
    if (Option.isSome(result.stopped)) return yield* result.stopped.value
    watched.take(reading === "everything" ? undefined : reading.map(({ source }) => source))
  })

  /** Looks until what has changed is settled, or has waited long enough for what is not. */
  const settled = Effect.gen(function* () {
    const since = yield* Monotonic.millis
    for (let pause = settling; ;) {
      const changes = yield* look
      const isLate = (yield* Monotonic.millis) - since >= Duration.toMillis(patience)
      if (!changes.isRestless || (isLate && (changes.needsWalk || changes.files.length > 0))) return changes
      // What changes all the time is looked at less and less often.
      if (isLate) pause = Duration.min(Duration.times(pause, 2), sparse)
      yield* Effect.sleep(pause)
    }
  })

  const turn = Effect.gen(function* () {
    const { files, needsWalk } = yield* settled
    if (needsWalk) yield* finish("everything")
    else if (files.length > 0) yield* finish(files.map((source) => ({ source, withContents: true })))
  })

  /** Tries again until it succeeds, or fails for good. */
  const lasting = Effect.fnUntraced(function* <E, R>(attempt: Effect.Effect<void, E, R>) {
    for (let wait = backOff.first; ; wait = Duration.min(Duration.times(wait, 2), backOff.longest)) {
      const error = yield* Effect.flip(attempt).pipe(Effect.option)
      if (Option.isNone(error)) return
      if (!isPassing(error.value)) return yield* Effect.fail(error.value)
      yield* complain([`${error.value.message} It is tried again in ${duration(Duration.toMillis(wait))}.`])
      yield* Effect.sleep(wait)
    }
  })

  yield* look
  yield* lasting(finish("everything"))
  yield* complain(["Watching for changes; Ctrl-C ends it."])
  while (true) {
    yield* lasting(turn)
    yield* Effect.raceFirst(watched.hint, Effect.sleep(Duration.max(sparse, Duration.times(looking, share))))
    // Changes seldom come alone.
    yield* Effect.sleep(settling)
  }
})

/** Reports each round: as a line for people, as an object for programs. */
export const report = (isJson: boolean) => (result: IngestResult) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    print([isJson ? jsonLine(result.report) : roundLine(now, result.report)])
  )

/** `ingest --watch`: each round is an ingest of its own, which leaves store and journal to others in between. */
export const run = Effect.fnUntraced(function* <E, R, E2, R2>(
  watching: Effect.Effect<Watched, E, R>,
  round: (reading: Reading) => Effect.Effect<IngestResult, E2, R2>,
  { json }: { readonly json: boolean }
) {
  return yield* follow(yield* watching, round, report(json))
}, Effect.scoped)
