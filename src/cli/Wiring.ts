import { resolve } from "node:path"
import { Duration, Effect, FileSystem, Layer, Option, Stream } from "effect"
import * as HashEmbedder from "../layers/HashEmbedder.ts"
import * as Models from "../layers/Models.ts"
import * as NodeMachine from "../layers/NodeMachine.ts"
import * as Stores from "../layers/Stores.ts"
import * as Concurrency from "../services/Concurrency.ts"
import { DocumentSource } from "../services/DocumentSource.ts"
import type { Wanted } from "../services/DocumentSource.ts"
import * as Run from "../services/Run.ts"
import { Vocabulary } from "../services/Vocabulary.ts"
import { UsageError } from "./ExitStatus.ts"
import type { CommonSettings, RetrySettings, SelectionSettings } from "./Flags.ts"
import { journalFile, placeOf } from "./Places.ts"
import { plain } from "./Print.ts"
import { layers as progressLayers } from "./Progress.ts"
import type { ProgressKind } from "./Progress.ts"
import { keyVariables, resolve as resolveProviders } from "./Providers.ts"
import type { Providers } from "./Providers.ts"
import { version } from "./Version.ts"

/** The graph, for commands that only read; there must be one. */
export const reading = (settings: CommonSettings) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const place = yield* placeOf(settings)
      const fileSystem = yield* FileSystem.FileSystem
      if (place._tag === "server" || (yield* Effect.orElseSucceed(fileSystem.exists(place.file), () => false))) {
        return Stores.layerReadOnly(place)
      }
      return yield* new UsageError({
        message: `There is no graph at ${plain(settings.store)} yet: make one with \`sluice ingest PATH\`, or give --store.`
      })
    })
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
    Effect.map(DocumentSource, (source) => ({
      ...source,
      items: Stream.filter(source.items, ({ uri }) => !own.has(resolve(uri)))
    }))
  )
}

/** Calls in flight at the very most: how many there are follows the provider. */
const ceiling = 512

/** The variable that holds the key, and the flag of an address that needs none. */
const needsKey = (flag: string, variable: string, address: string) =>
  new UsageError({
    message: `${flag} needs a provider: set ${variable}, or ${address} for a server that wants no key.`
  })

/** A model's calls, with those of the model that stands in for it. */
const chatLayer = Effect.fnUntraced(function* ({ chat, fallback }: Providers, isNeeded: boolean) {
  const first = Option.match(chat, { onNone: () => Models.layerSimulated, onSome: Models.layerChat })
  if (Option.isNone(fallback) || !isNeeded) return first
  const { apiKey, baseUrl, kind, model } = fallback.value
  if (Option.isNone(apiKey) && baseUrl === Models.homes[kind]) {
    const variable = `${keyVariables[kind]} or SLUICE_FALLBACK_API_KEY`
    return yield* needsKey("--fallback-model", variable, "--fallback-base-url")
  }
  return Layer.merge(first, Models.layerFallback(model, fallback.value))
})

/** What is to be read: what paths name, or sources by their names in the ledger. */
export type Documents =
  | ({ readonly _tag: "paths"; readonly paths: ReadonlyArray<string> } & SelectionSettings)
  | { readonly _tag: "wanted"; readonly wanted: ReadonlyArray<Wanted> }

/** Everything that the pipeline needs, from the flags of `ingest` or `retry`. Whatever can be wrong with them is told before a file is opened. */
export const ingestion = (documents: Documents, settings: RetrySettings, progress: ProgressKind) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const providers = yield* resolveProviders(settings)
      const hasProvider = Option.isSome(providers.chat)
      const extractor = Option.getOrElse(settings.extractor, () => (hasProvider ? "llm" : "rules"))
      const { dryRun, embeddingModel } = settings
      if (extractor === "llm" && !hasProvider && !dryRun) {
        const kind = Option.getOrElse(settings.provider, () => "openai" as const)
        return yield* needsKey("--extractor llm", keyVariables[kind], "--base-url")
      }
      if (Option.isSome(embeddingModel) && Option.isNone(providers.embedding) && !dryRun) {
        const variable = `${keyVariables.openai} or SLUICE_EMBEDDING_API_KEY`
        return yield* needsKey("--embedding-model", variable, "--embedding-base-url")
      }
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

      const reads = { maxBytes: settings.maxDocument, userAgent: `sluice/${version}` }
      const databases = { store: yield* placeOf(settings), journal: journalFile(settings) }
      const limits = {
        ceiling: Option.getOrElse(settings.concurrency, () => ceiling),
        limits: Layer.provide(Concurrency.layerAdaptive, NodeMachine.layer)
      }
      const chat = dryRun ? Models.layerSimulated : yield* chatLayer(providers, extractor === "llm")
      const embedder = Option.match(embeddingModel, {
        onNone: () => HashEmbedder.layer,
        onSome: (model) =>
          Option.match(dryRun ? Option.none() : providers.embedding, {
            onNone: () => Models.layerSimulatedEmbedder(model),
            onSome: (provider) => Models.layerEmbedder(model, provider)
          })
      })
      const extraction =
        extractor === "rules"
          ? wiring.layerRules(limits)
          : wiring
              .layerLlm({
                ...limits,
                model: settings.model,
                pack: settings.pack,
                allowance: {
                  requests: Option.getOrUndefined(settings.rpm),
                  tokens: Option.getOrUndefined(settings.tpm)
                }
              })
              .pipe(Layer.provide(chat))
      return extraction.pipe(
        Layer.provideMerge(
          Layer.mergeAll(
            embedder,
            dryRun ? Stores.layerCopy(databases) : Stores.layer(databases),
            Run.layer(settings.group),
            without([settings.store, databases.journal, ...Option.toArray(settings.logFile)]).pipe(
              Layer.provide(
                documents._tag === "paths"
                  ? files.layer(documents.paths, { ...reads, include: documents.include, exclude: documents.exclude })
                  : files.layerWanted(documents.wanted, reads)
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
