import { Cause, Clock, Effect, Exit, Option, Result, Schedule, Stream } from "effect"
import type { Recipe, RunId } from "../domain/Ids.ts"
import type { RunReport } from "../domain/RunReport.ts"
import { Budget } from "../services/Budget.ts"
import type { Spent } from "../services/Budget.ts"
import { DocumentSource } from "../services/DocumentSource.ts"
import { holding } from "../services/gate/Explain.ts"
import { Gate } from "../services/Gate.ts"
import { GraphStore } from "../services/GraphStore.ts"
import { Journal } from "../services/Journal.ts"
import { Ledger } from "../services/Ledger.ts"
import type { RunEntry } from "../services/Ledger.ts"
import { ModelCalls } from "../services/ModelCalls.ts"
import { Progress } from "../services/Progress.ts"
import type { Snapshot } from "../services/Progress.ts"
import { isUnfinished, lineageOf, Run, spentBy } from "../services/Run.ts"
import type { RunStopped } from "../services/RunStopped.ts"
import { chunk } from "./Chunk.ts"
import { commits, maxCommit } from "./Commits.ts"
import { construct } from "./Construct.ts"
import { extract } from "./Extract.ts"
import { Claims } from "./InFlight.ts"
import type { ChunkedDocument, ChunkTask } from "./InFlight.ts"
import { load } from "./Load.ts"
import { RunCounters } from "./Metrics.ts"
import { Pace } from "./Pace.ts"
import type { Flow } from "./Phase.ts"
import { prune } from "./Prune.ts"
import type { Listings } from "./Prune.ts"
import { documentRecipe, explainChange } from "./Recipe.ts"
import { resolve } from "./Resolve.ts"

/** How a run ended. `stopped`: through no fault of a document; the same command resumes it. */
export interface IngestResult {
  readonly report: RunReport
  readonly status: "complete" | "with-dead-letters" | "stopped"
  readonly stopped: Option.Option<RunStopped>
  /** What the runs that this one goes on with had used of a budget when it began. */
  readonly before: Spent
}

/** A document's chunks, one by one; letters pass. */
const toTasks = (flow: Flow<ChunkedDocument>): ReadonlyArray<Flow<ChunkTask>> =>
  Result.isFailure(flow)
    ? [Result.fail(flow.failure)]
    : flow.success.chunks.map((one) => Result.succeed({ parent: flow.success, chunk: one }))

/**
 * Chunks come back in any order; the document goes on with its last one. They are counted as they pass here: under back
 * pressure several wait between the phases, and each of them finds all extractions there already.
 */
const gather = (flow: Flow<ChunkTask>): Result.Result<Flow<ChunkedDocument>, void> => {
  if (Result.isFailure(flow)) return Result.succeed(Result.fail(flow.failure))
  const { parent } = flow.success
  parent.gathered++
  return parent.gathered === parent.chunks.length ? Result.succeed(Result.succeed(parent)) : Result.fail(undefined)
}

/** The stream: load → chunk → extract → resolve → construct. */
const flow = Effect.fnUntraced(function* (recipe: Recipe) {
  const run = yield* Run
  const source = yield* DocumentSource
  const counters = yield* RunCounters
  const claims = new Claims()
  const listings: Listings = []
  const write = yield* commits(run)
  const phases = {
    load: yield* load({ recipe, claims, listings, wanted: source.wanted }),
    chunk: yield* chunk,
    extract: yield* extract,
    resolve: yield* resolve,
    construct: yield* construct({ recipe, claims, write })
  }

  const items = Stream.onEnd(
    source.items,
    Effect.sync(() => (counters.listed = true))
  )

  return phases.load(items).pipe(
    phases.chunk,
    Stream.map(toTasks),
    Stream.flattenIterable,
    phases.extract,
    Stream.filterMap(gather),
    phases.resolve,
    phases.construct,
    Stream.mapEffect(
      (ended) => {
        if (Result.isSuccess(ended)) return Effect.void
        counters.documents.failed++
        return write({ _tag: "dead-letter", letter: ended.failure })
      },
      { concurrency: maxCommit, unordered: true }
    ),
    Stream.onEnd(source.wanted === undefined ? prune(listings) : Effect.void)
  )
})

const settledDocuments = ({ documents }: RunCounters["Service"]): number =>
  documents.unchanged + documents.ingested + documents.partial + documents.failed

/** In chunks: of documents that are not cut yet, as many as the others have. */
const leftOf = ({ chunked, chunks, documents, listed }: RunCounters["Service"], pace: Pace, elapsed: number) => {
  const asked = chunks.extracted + chunks.dead
  const done = asked + chunks.reused
  const uncut = Math.max(0, documents.seen - documents.unchanged - documents.failed - chunked)
  const left = chunks.total - done + (chunked === 0 ? uncut : (uncut * chunks.total) / chunked)
  const time = pace.left({ elapsed, asked, done, left })
  return listed && time !== undefined ? { left: Math.round(time) } : {}
}

const snapshot = Effect.fnUntraced(function* (pace: Pace) {
  const run = yield* Run
  const counters = yield* RunCounters
  const { counts } = yield* ModelCalls
  const { chunks, documents } = counters
  const note = counts.note ?? holding((yield* (yield* Gate).state).values())
  const elapsed = yield* run.elapsed
  const taken: Snapshot = {
    seen: documents.seen,
    listed: counters.listed,
    done: settledDocuments(counters),
    failed: documents.failed,
    chunks: { total: chunks.total, done: chunks.extracted + chunks.reused + chunks.dead, dead: chunks.dead },
    calls: { sent: counts.sent, inFlight: counts.inFlight, retried: counts.retried },
    elapsed,
    ...leftOf(counters, pace, elapsed),
    ...(note === undefined ? {} : { note })
  }
  return taken
})

/** `hasHash`: the one figure that takes its time. */
const reportOf = Effect.fnUntraced(function* (resumes: RunId | undefined, hasHash: boolean) {
  const run = yield* Run
  const counters = yield* RunCounters
  const journal = yield* Journal
  const store = yield* GraphStore
  const { counts } = yield* ModelCalls
  const totals = yield* journal.totals(run.id)
  const graph = yield* store.counts(run.group)
  const hash = hasHash ? yield* store.hash(run.group) : ""
  const report: RunReport = {
    run: run.id,
    ...(resumes === undefined ? {} : { resumes }),
    // A run that stopped has listed more than it has settled; what is on its way is for the next run to see.
    documents: { ...counters.documents, seen: settledDocuments(counters) },
    chunks: { ...counters.chunks },
    graph: { entities: graph.entities, relations: graph.relations, mentions: graph.mentions, hash },
    calls: {
      model: totals.calls["extraction"] ?? 0,
      embedding: totals.calls["embedding"] ?? 0,
      failed: totals.failed,
      journal: counts.journal
    },
    tokens: totals.usage,
    cost: { usd: totals.usd },
    seconds: (yield* run.elapsed) / 1000
  }
  return report
})

/** The group's runs that this one goes on with, newest first, and what they have used of a budget. */
const beginning = Effect.gen(function* () {
  const run = yield* Run
  const ledger = yield* Ledger
  const journal = yield* Journal
  const [last] = yield* ledger.runs(run.group, 1)
  if (last === undefined || !isUnfinished(last)) return { earlier: [], before: spentBy([], new Map()) }
  const known = yield* ledger.runs(run.group, mostResumptions)
  const earlier = lineageOf(known.filter(({ id }) => id !== run.id))
  return { earlier, before: spentBy(earlier, yield* journal.reckon(earlier.map(({ id }) => id))) }
})

/** Far more than anybody interrupts a run. */
const mostResumptions = 10_000

/** Milliseconds that what is in flight has to come in once nothing more is sent. */
const grace = 10_000
/** Milliseconds for what the ledger is told of a run that breaks off. */
const ledgerGrace = 5000

/**
 * Documents in, graph out. Stops early only when the whole run cannot go on; what was committed by then stays, and the
 * same call resumes it. What is in flight when it stops or is interrupted is paid for, so it is waited for, a moment at
 * most. A source that cannot be listed is no run. The ledger knows of the run from before its first document, and of its
 * end however it ends, short of a kill.
 */
export const ingest = Effect.gen(function* () {
  const run = yield* Run
  const ledger = yield* Ledger
  const progress = yield* Progress
  const budget = yield* Budget
  const calls = yield* ModelCalls
  const source = yield* DocumentSource
  if (source.check !== undefined) yield* source.check
  const { before, earlier } = yield* beginning
  const resumes = earlier[0]?.id
  const root = earlier[0]?.root ?? resumes
  const recipe = yield* documentRecipe
  yield* Effect.forEach(yield* explainChange(recipe), progress.say, { discard: true })
  const entry: RunEntry = {
    id: run.id,
    group: run.group,
    startedAt: run.startedAt,
    status: "running",
    recipe: recipe.parts,
    ...(root === undefined ? {} : { root })
  }
  yield* ledger.startRun(entry)
  yield* budget.begin({ ...before, seconds: before.seconds + (yield* run.elapsed) / 1000 })

  let hasEnded = false
  const finish = (status: RunEntry["status"], report?: RunReport) =>
    Effect.gen(function* () {
      const finishedAt = Math.round(yield* Clock.currentTimeMillis)
      yield* ledger.finishRun({ ...entry, status, finishedAt, ...(report === undefined ? {} : { report }) })
      hasEnded = true
    })

  /** A signal, or a failure: what is told of the run has no hash, which would take its time. */
  const breakOff = (status: "interrupted" | "failed") =>
    Effect.gen(function* () {
      const open = yield* calls.open
      if (status === "interrupted" && open > 0) {
        yield* Effect.logWarning(
          `Interrupted: ${open === 1 ? "1 call is" : `${open} calls are`} under way and paid for, so the answers are awaited, for ${grace / 1000} s at most. Interrupt again to stop at once.`
        )
      }
      yield* calls.drain(grace)
      yield* Effect.option(reportOf(resumes, false)).pipe(
        Effect.flatMap((report) => finish(status, Option.getOrUndefined(report))),
        // A store that is away is not waited for: whoever interrupts wants an end.
        Effect.timeout(ledgerGrace)
      )
    }).pipe(Effect.ignore)

  const pace = new Pace()
  const ticker = snapshot(pace).pipe(
    Effect.flatMap(progress.show),
    Effect.repeat(Schedule.spaced(progress.interval)),
    Effect.forkScoped
  )

  const streamed = Effect.scoped(
    Effect.gen(function* () {
      yield* ticker
      yield* Stream.runDrain(yield* flow(recipe.id))
    })
  ).pipe(Effect.ensuring(Effect.flatMap(snapshot(pace), progress.finish)))

  return yield* Effect.gen(function* () {
    const stopped = yield* Effect.raceFirst(streamed, budget.timeUp).pipe(
      Effect.as(Option.none<RunStopped>()),
      Effect.catchTag("RunStopped", (error) => Effect.as(calls.drain(grace), Option.some(error)))
    )
    const report = yield* reportOf(resumes, true)
    const status: IngestResult["status"] = Option.isSome(stopped)
      ? "stopped"
      : report.documents.partial + report.documents.failed > 0
        ? "with-dead-letters"
        : "complete"
    yield* finish(status, report)
    const result: IngestResult = { report, status, stopped, before }
    return result
  }).pipe(
    Effect.onExit((exit) =>
      Exit.isSuccess(exit) || hasEnded
        ? Effect.void
        : breakOff(Cause.hasInterruptsOnly(exit.cause) ? "interrupted" : "failed")
    )
  )
}).pipe(Effect.withSpan("ingest"), Effect.provideServiceEffect(RunCounters, Effect.sync(RunCounters.make)))
