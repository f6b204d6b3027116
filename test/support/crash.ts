import { Duration, Effect, Layer, Redacted, Schema } from "effect"
import { Group } from "../../src/domain/Ids.ts"
import * as HashEmbedder from "../../src/layers/HashEmbedder.ts"
import * as OpenAiChat from "../../src/layers/OpenAiChat.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import { Journal } from "../../src/services/Journal.ts"
import { Ledger } from "../../src/services/Ledger.ts"
import { corpus } from "../fixtures/corpus.ts"
import { ingest } from "./pipeline.ts"

export const CrashOptions = Schema.Struct({
  directory: Schema.String,
  baseURL: Schema.String,
  seed: Schema.Int,
  size: Schema.Int,
  /** For example `journal.settle.before`; absent: lives. */
  point: Schema.optionalKey(Schema.String),
  /** Which event of that kind, from 1. */
  ordinal: Schema.optionalKey(Schema.Int)
})
export type CrashOptions = typeof CrashOptions.Type

/** Ingests a corpus into real files against a provider over HTTP, and kills the process at the event given, if any. */
export const ingestUntil = Effect.fnUntraced(function* (options: CrashOptions) {
  let seen = 0
  const at = (point: string) =>
    Effect.suspend(() => {
      if (point !== options.point || ++seen !== options.ordinal) return Effect.void
      process.kill(process.pid, "SIGKILL")
      return Effect.never
    })
  const around = <A, E, R>(kind: string, effect: Effect.Effect<A, E, R>) =>
    at(`${kind}.before`).pipe(
      Effect.andThen(effect),
      Effect.tap(() => at(`${kind}.after`))
    )

  const journal = Layer.effect(
    Journal,
    Effect.map(Journal, (inner) => ({
      ...inner,
      reserve: (reservations) => around("journal.reserve", inner.reserve(reservations)),
      settle: (settlements) => around("journal.settle", inner.settle(settlements))
    }))
  ).pipe(Layer.provide(SqliteJournal.layer({ file: `${options.directory}/sluice.journal.db` })))

  const file = SqliteStore.layer({ file: `${options.directory}/sluice.db` })
  const store = Layer.effect(
    GraphStore,
    Effect.map(GraphStore, (inner) => ({
      ...inner,
      commit: (group, run, writes) => around("store.commit", inner.commit(group, run, writes))
    }))
  ).pipe(Layer.provide(file))
  const ledger = Layer.effect(
    Ledger,
    Effect.map(Ledger, (inner) => ({
      ...inner,
      startRun: (run) => around("ledger.startRun", inner.startRun(run)),
      finishRun: (run) => around("ledger.finishRun", inner.finishRun(run))
    }))
  ).pipe(Layer.provide(file))

  const model = OpenAiChat.layer({
    apiKey: Redacted.make("none"),
    baseURL: options.baseURL,
    timeout: Duration.seconds(20)
  })
  const { report } = yield* ingest({
    documents: corpus(options.seed, options.size),
    extractor: "llm",
    ceiling: 6,
    pack: 2,
    group: Group.make("default")
  }).pipe(Effect.provide(Layer.mergeAll(journal, store, ledger, HashEmbedder.layer, model)))
  return report
})
