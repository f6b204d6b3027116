import { Cause, Clock, Duration, Effect, Exit, Option, Result, Schedule, Stream } from "effect"
import { chunkerVersion } from "../domain/Chunker.ts"
import { recipe } from "../domain/Ids.ts"
import { projectionVersion } from "../domain/Projection.ts"
import type { RunReport } from "../domain/RunReport.ts"
import { CommitTimes } from "../services/Concurrency.ts"
import { DocumentSource } from "../services/DocumentSource.ts"
import { Embeddings } from "../services/Embeddings.ts"
import { Extractor } from "../services/Extractor.ts"
import { GraphStore } from "../services/GraphStore.ts"
import type { Write } from "../services/GraphStore.ts"
import * as GroupCommit from "../services/GroupCommit.ts"
import { Journal } from "../services/Journal.ts"
import { Ledger } from "../services/Ledger.ts"
import type { RunEntry } from "../services/Ledger.ts"
import { ModelCalls } from "../services/ModelCalls.ts"
import { Parser } from "../services/Parser.ts"
import { Progress } from "../services/Progress.ts"
import type { Snapshot } from "../services/Progress.ts"
import { Run } from "../services/Run.ts"
import type { RunStopped } from "../services/RunStopped.ts"
import { Vocabulary } from "../services/Vocabulary.ts"
import { chunk } from "./Chunk.ts"
import { construct } from "./Construct.ts"
import { extract } from "./Extract.ts"
import { Claims } from "./InFlight.ts"
import type { ChunkedDocument, ChunkTask } from "./InFlight.ts"
import { load } from "./Load.ts"
import { RunCounters } from "./Metrics.ts"
import type { Flow } from "./Phase.ts"
import { resolve } from "./Resolve.ts"

/** How a run ended. `stopped`: through no fault of a document; the same command resumes it. */
export interface IngestResult {
  readonly report: RunReport
  readonly status: "complete" | "with-dead-letters" | "stopped"
  readonly stopped: Option.Option<RunStopped>
}

/** Documents that one group commit takes at most. */
const maxCommit = 128

/**
 * Turns that other fibers get before a commit. Documents of one corpus speak of the same things: the more of them share
 * a commit, the fewer pages are written twice.
 */
const patience = 16

/** Everything that decides what a document becomes, besides its bytes. */
const documentRecipe = Effect.gen(function* () {
  const parser = yield* Parser
  const extractor = yield* Extractor
  const embeddings = yield* Embeddings
  const ontology = yield* Vocabulary
  return recipe(
    parser.version,
    chunkerVersion,
    extractor.recipe,
    embeddings.recipe,
    projectionVersion,
    JSON.stringify(ontology)
  )
})

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
const flow = Effect.gen(function* () {
  const run = yield* Run
  const source = yield* DocumentSource
  const store = yield* GraphStore
  const counters = yield* RunCounters
  const recipe = yield* documentRecipe
  const claims = new Claims()
  const commits = yield* CommitTimes
  const write = yield* GroupCommit.make(
    (writes: ReadonlyArray<Write>) =>
      store.commit(run.group, run.id, writes).pipe(
        Effect.timed,
        Effect.map(([duration]) => {
          commits.record(Duration.toMillis(duration))
          return writes
        })
      ),
    { maxBatch: maxCommit, patience }
  )
  const phases = {
    load: yield* load({ recipe, claims, wanted: source.wanted }),
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
    )
  )
})

const settledDocuments = ({ documents }: RunCounters["Service"]): number =>
  documents.unchanged + documents.ingested + documents.partial + documents.failed

const snapshot = Effect.gen(function* () {
  const run = yield* Run
  const counters = yield* RunCounters
  const { counts } = yield* ModelCalls
  const { chunks, documents } = counters
  const taken: Snapshot = {
    seen: documents.seen,
    listed: counters.listed,
    done: settledDocuments(counters),
    failed: documents.failed,
    chunks: { total: chunks.total, done: chunks.extracted + chunks.reused + chunks.dead, dead: chunks.dead },
    calls: { sent: counts.sent, inFlight: counts.inFlight, retried: counts.retried },
    elapsed: (yield* Clock.currentTimeMillis) - run.startedAt,
    ...(counts.note === undefined ? {} : { note: counts.note })
  }
  return taken
})

const reportOf = Effect.gen(function* () {
  const run = yield* Run
  const counters = yield* RunCounters
  const journal = yield* Journal
  const store = yield* GraphStore
  const { counts } = yield* ModelCalls
  const totals = yield* journal.totals(run.id)
  const graph = yield* store.counts(run.group)
  const hash = yield* store.hash(run.group)
  const report: RunReport = {
    run: run.id,
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
    seconds: ((yield* Clock.currentTimeMillis) - run.startedAt) / 1000
  }
  return report
})

/**
 * Documents in, graph out. Stops early only when the whole run cannot go on; what was committed by then stays, and the
 * same call resumes it. The ledger knows of the run from before its first document.
 */
export const ingest = Effect.gen(function* () {
  const run = yield* Run
  const ledger = yield* Ledger
  const progress = yield* Progress
  const entry: RunEntry = { id: run.id, group: run.group, startedAt: run.startedAt, status: "running" }
  yield* ledger.startRun(entry)

  const finish = (status: RunEntry["status"], report?: RunReport) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      ledger.finishRun({ ...entry, status, finishedAt: Math.round(now), ...(report === undefined ? {} : { report }) })
    )

  const ticker = snapshot.pipe(
    Effect.flatMap(progress.show),
    Effect.repeat(Schedule.spaced(progress.interval)),
    Effect.forkScoped
  )

  const streamed = Effect.scoped(
    Effect.gen(function* () {
      yield* ticker
      yield* Stream.runDrain(yield* flow)
    })
  ).pipe(Effect.ensuring(Effect.flatMap(snapshot, progress.finish)))

  const stopped = yield* streamed.pipe(
    Effect.as(Option.none<RunStopped>()),
    Effect.catchTag("RunStopped", (error) => Effect.succeedSome(error)),
    Effect.onExit((exit) =>
      Exit.isSuccess(exit)
        ? Effect.void
        : Effect.ignore(finish(Cause.hasInterruptsOnly(exit.cause) ? "interrupted" : "failed"))
    )
  )
  const report = yield* reportOf
  const status: IngestResult["status"] = Option.isSome(stopped)
    ? "stopped"
    : report.documents.partial + report.documents.failed > 0
      ? "with-dead-letters"
      : "complete"
  yield* finish(status, report)
  const result: IngestResult = { report, status, stopped }
  return result
}).pipe(Effect.withSpan("ingest"), Effect.provideServiceEffect(RunCounters, Effect.sync(RunCounters.make)))
