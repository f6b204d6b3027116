import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Group } from "../../src/domain/Ids.ts"
import * as Ingest from "../../src/layers/Ingest.ts"
import * as Containers from "../../src/layers/Containers.ts"
import * as Parsers from "../../src/layers/Parsers.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import type { Unpacker } from "../../src/services/Unpacker.ts"
import type { Parser } from "../../src/services/Parser.ts"
import type { Ceilings } from "../../src/services/Budget.ts"
import type { Limits } from "../../src/services/Concurrency.ts"
import * as DocumentSource from "../../src/services/DocumentSource.ts"
import * as Progress from "../../src/services/Progress.ts"
import type { RetryOptions } from "../../src/services/Retry.ts"
import * as Run from "../../src/services/Run.ts"

export interface Document {
  readonly uri: string
  readonly content: string | Uint8Array
}

export interface IngestOptions {
  readonly documents: ReadonlyArray<Document>
  readonly extractor: "rules" | "llm"
  readonly ceiling?: number
  readonly pack?: number | "auto"
  readonly group?: string
  readonly retry?: RetryOptions
  readonly limits?: Layer.Layer<Limits>
  readonly budget?: Ceilings
  readonly unpacker?: Layer.Layer<Unpacker>
  readonly parser?: Layer.Layer<Parser>
  /** In place of the documents. */
  readonly source?: Layer.Layer<DocumentSource.DocumentSource>
}

/** The production pipeline over documents in memory; store, journal, model and embedder come from the caller. */
export const ingest = (options: IngestOptions) => {
  const limits = {
    ceiling: options.ceiling ?? 8,
    ...(options.retry === undefined ? {} : { retry: options.retry }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.budget === undefined ? {} : { budget: options.budget })
  }
  const run = Run.layer(Group.make(options.group ?? "default"))
  const outside = Layer.mergeAll(
    options.parser ?? Parsers.layer,
    options.unpacker ?? Containers.layer,
    options.source ?? DocumentSource.layerMemory(options.documents),
    Progress.layerNone
  )
  return options.extractor === "rules"
    ? Pipeline.ingest.pipe(
        Effect.provide(Layer.mergeAll(Ingest.layerRules(limits), outside).pipe(Layer.provideMerge(run)))
      )
    : Pipeline.ingest.pipe(
        Effect.provide(
          Layer.mergeAll(
            Ingest.layerLlm({ ...limits, model: "simulated", pack: options.pack ?? "auto" }),
            outside
          ).pipe(Layer.provideMerge(run))
        )
      )
}

/** Runs an effect to its end while virtual time passes. */
export const drive = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust("250 millis")
    return yield* Fiber.join(fiber)
  })
