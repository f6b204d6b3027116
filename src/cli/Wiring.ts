import { dirname, join, resolve } from "node:path"
import { Config, Duration, Effect, FileSystem, Layer, Option, Stream } from "effect"
import type { Redacted } from "effect"
import * as HashEmbedder from "../layers/HashEmbedder.ts"
import * as Models from "../layers/Models.ts"
import * as NodeMachine from "../layers/NodeMachine.ts"
import * as Stores from "../layers/Stores.ts"
import * as Concurrency from "../services/Concurrency.ts"
import { DocumentSource } from "../services/DocumentSource.ts"
import * as Run from "../services/Run.ts"
import { Vocabulary } from "../services/Vocabulary.ts"
import { UsageError } from "./ExitStatus.ts"
import type { CommonSettings, IngestSettings } from "./Flags.ts"
import { plain } from "./Print.ts"
import { layers as progressLayers } from "./Progress.ts"
import type { ProgressKind } from "./Progress.ts"
import { version } from "./Version.ts"

/** The journal is beside the store unless it is said where. */
export const journalFile = (settings: { readonly store: string; readonly journal: Option.Option<string> }): string =>
  Option.getOrElse(settings.journal, () => join(dirname(settings.store), "sluice.journal.db"))

/** The graph, for commands that only read; there must be one. */
export const reading = (settings: CommonSettings) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      if (yield* Effect.orElseSucceed(fileSystem.exists(settings.store), () => false)) {
        return Stores.layerReadOnly(settings.store)
      }
      return yield* new UsageError({
        message: `There is no graph at ${plain(settings.store)} yet: make one with \`sluice ingest PATH\`, or give --store.`
      })
    })
  )

export const apiKey = Config.option(Config.Redacted("OPENAI_API_KEY")).pipe(
  Effect.orElseSucceed(() => Option.none<Redacted.Redacted>())
)

const vocabulary = (path: Option.Option<string>) =>
  Option.match(path, {
    onNone: () => Effect.succeed(Layer.empty),
    onSome: (file) =>
      Effect.promise(() => import("../layers/OntologyFile.ts")).pipe(
        Effect.flatMap(({ read }) => read(file)),
        Effect.mapBoth({
          onFailure: ({ message }) => new UsageError({ message }),
          onSuccess: (ontology) => Layer.succeed(Vocabulary, ontology)
        })
      )
  })

/** `sluice ingest .` must not take its own files for documents, which lie in the working directory by default. */
const without = (files: ReadonlyArray<string>) => {
  const own = new Set(
    files.flatMap((file) => ["", "-wal", "-shm", "-journal"].map((suffix) => `${resolve(file)}${suffix}`))
  )
  return Layer.effect(
    DocumentSource,
    Effect.map(DocumentSource, ({ items }) => ({ items: Stream.filter(items, ({ uri }) => !own.has(resolve(uri))) }))
  )
}

/** Calls in flight, while nothing is known of the provider's limits. */
const ceiling = 16

const needsKey = (flag: string) =>
  new UsageError({
    message: `${flag} needs a provider: set OPENAI_API_KEY, or --base-url for a server that wants no key.`
  })

/** Everything that the pipeline needs, from the flags of `ingest`. Whatever can be wrong with them is told before a file is opened. */
export const ingestion = (paths: ReadonlyArray<string>, settings: IngestSettings, progress: ProgressKind) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const provider = { apiKey: yield* apiKey, baseUrl: settings.baseUrl }
      const hasProvider = Option.isSome(provider.apiKey) || Option.isSome(provider.baseUrl)
      const extractor = Option.getOrElse(settings.extractor, () => (hasProvider ? "llm" : "rules"))
      const { dryRun, embeddingModel } = settings
      if (extractor === "llm" && !hasProvider && !dryRun) return yield* needsKey("--extractor llm")
      if (Option.isSome(embeddingModel) && !hasProvider && !dryRun) return yield* needsKey("--embedding-model")
      const ontology = yield* vocabulary(settings.ontology)
      const [wiring, files, parsers, containers, pool] = yield* Effect.promise(() =>
        Promise.all([
          import("../layers/Ingest.ts"),
          import("../layers/FileSource.ts"),
          import("../layers/Parsers.ts"),
          import("../layers/Containers.ts"),
          import("../layers/parsers/Pool.ts")
        ])
      )

      const databases = { store: settings.store, journal: journalFile(settings) }
      const limits = {
        ceiling: Option.getOrElse(settings.concurrency, () => ceiling),
        limits: Layer.provide(Concurrency.layerAdaptive, NodeMachine.layer)
      }
      const chat = dryRun ? Models.layerSimulated : Models.layerChat(provider)
      const embedder = Option.match(embeddingModel, {
        onNone: () => HashEmbedder.layer,
        onSome: (model) => (dryRun ? Models.layerSimulatedEmbedder(model) : Models.layerEmbedder(model, provider))
      })
      const extraction =
        extractor === "rules"
          ? wiring.layerRules(limits)
          : wiring.layerLlm({ ...limits, model: settings.model, pack: settings.pack }).pipe(Layer.provide(chat))
      return extraction.pipe(
        Layer.provideMerge(
          Layer.mergeAll(
            embedder,
            dryRun ? Stores.layerCopy(databases) : Stores.layer(databases),
            Run.layer(settings.group),
            without([...Object.values(databases), ...Option.toArray(settings.logFile)]).pipe(
              Layer.provide(
                files.layer(paths, {
                  maxBytes: settings.maxDocument,
                  include: settings.include,
                  exclude: settings.exclude,
                  userAgent: `sluice/${version}`
                })
              )
            ),
            Layer.merge(parsers.layerPooled, containers.layerPooled({ maxBytes: settings.maxDocument })).pipe(
              Layer.provide(
                pool.layerWith({
                  timeout: Duration.seconds(settings.parseTimeout),
                  ...Option.match(settings.parseThreads, { onNone: () => ({}), onSome: (threads) => ({ threads }) })
                })
              )
            ),
            progressLayers[progress]
          )
        ),
        Layer.provideMerge(ontology)
      )
    })
  )
