import { realpathSync } from "node:fs"
import { resolve } from "node:path"
import { Context, Duration, Effect, Layer, Option, Stream } from "effect"
import * as HashEmbedder from "../layers/HashEmbedder.ts"
import * as Models from "../layers/Models.ts"
import * as NodeMachine from "../layers/NodeMachine.ts"
import * as Stores from "../layers/Stores.ts"
import { MaxFailures } from "../pipeline/FailureLimit.ts"
import * as Concurrency from "../services/Concurrency.ts"
import * as Embeddings from "../services/Embeddings.ts"
import { DocumentSource } from "../services/DocumentSource.ts"
import type { Wanted } from "../services/DocumentSource.ts"
import { GraphStore } from "../services/GraphStore.ts"
import { Ledger } from "../services/Ledger.ts"
import { ModelCatalog } from "../services/ModelCatalog.ts"
import * as Run from "../services/Run.ts"
import type { StorageError } from "../services/StorageError.ts"
import { Vocabulary } from "../services/Vocabulary.ts"
import { catalogOf, ceilingsOf } from "./Budget.ts"
import { UsageError } from "./ExitStatus.ts"
import { defaultModel } from "./Flags.ts"
import type {
  CommonSettings,
  CopySettings,
  ForgetSettings,
  IngestSettings,
  RetrySettings,
  SearchSettings,
  SelectionSettings
} from "./Flags.ts"
import { exists, flagOf, isSame, journalFile, placeOf } from "./Places.ts"
import { plain } from "./Print.ts"
import { layers as progressLayers } from "./Progress.ts"
import type { ProgressKind } from "./Progress.ts"
import { keyVariables, resolve as resolveProviders } from "./Providers.ts"
import type { Providers } from "./Providers.ts"
import type { StoreName } from "./Values.ts"
import { version } from "./Version.ts"

/** There must be a graph; of a server, whoever opens it finds out. */
const placeOfGraph = Effect.fnUntraced(function* (settings: Pick<CommonSettings, "store">) {
  const place = yield* placeOf(settings)
  if (place._tag === "server" || (yield* exists(place.file))) return place
  return yield* new UsageError({
    message: `There is no graph at ${plain(place.file)} yet: make one with \`sluice ingest PATH\`, or give --store.`
  })
})

/** The graph, for commands that only read. */
export const reading = (settings: Pick<CommonSettings, "store">) =>
  Layer.unwrap(Effect.map(placeOfGraph(settings), Stores.layerReadOnly))

const opened = (layer: Layer.Layer<GraphStore | Ledger, StorageError>) =>
  Effect.map(Layer.build(layer), (context) => ({
    store: Context.get(context, GraphStore),
    ledger: Context.get(context, Ledger)
  }))

/** The stores that a copy is made between. Whatever can be wrong with the first is told before the second is made. */
export const copying = Effect.fnUntraced(function* (given: CopySettings) {
  const named = Effect.fnUntraced(function* (flag: string, store: Option.Option<StoreName>) {
    if (Option.isSome(store)) return { name: store.value, place: yield* placeOf({ store: store.value }) }
    return yield* new UsageError({
      message: `Say --${flag}: sqlite:FILE or neo4j://HOST:PORT, as in sluice copy --from sqlite:sluice.db --to neo4j://localhost:7687.`
    })
  })
  const [from, to] = [yield* named("from", given.from), yield* named("to", given.to)]
  if (yield* isSame(from.place, to.place)) {
    return yield* new UsageError({
      message: `--from and --to are one store, ${plain(flagOf(to.name))}: nothing to copy.`
    })
  }
  if (from.place._tag === "file" && !(yield* exists(from.place.file))) {
    return yield* new UsageError({ message: `There is no graph at ${plain(flagOf(from.name))}: --from must be one.` })
  }
  const first = yield* opened(Stores.layerReadOnly(from.place))
  if (Option.isSome(given.group) && !(yield* first.store.groups).includes(given.group.value)) {
    return yield* new UsageError({
      message: `There is no group ${given.group.value} in ${plain(flagOf(from.name))}: nothing was copied.`
    })
  }
  return {
    from: { named: flagOf(from.name), ...first },
    to: { named: flagOf(to.name), ...(yield* opened(Stores.layerStore(to.place))) },
    journal: journalFile({ store: from.name, journal: Option.none() })
  }
})

/** The graph and the journal, to take something out of them. */
export const forgetting = (settings: ForgetSettings) =>
  Layer.unwrap(
    Effect.map(placeOfGraph(settings), (store) =>
      (settings.dryRun ? Stores.layerRehearsal : Stores.layer)({ store, journal: journalFile(settings) })
    )
  ).pipe(Layer.merge(Run.layer(settings.group)))

/** The journal, if there is one, for commands that only read. */
export const existingJournal = (file: string) =>
  Layer.unwrap(Effect.map(exists(file), (isThere) => (isThere ? Stores.layerJournalReadOnly(file) : Layer.empty)))

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

/** The file that an output of this process goes to, where the system tells. */
const outputFile = (descriptor: number): ReadonlyArray<string> => {
  try {
    return [realpathSync(`/proc/self/fd/${descriptor}`)]
  } catch {
    return []
  }
}

/**
 * `sluice ingest .` must not take its own files for documents, which lie in the working directory by default, nor what it
 * prints: watching that would never end.
 */
const isOwnFile = (settings: Pick<RetrySettings, "store" | "journal" | "logFile">): ((path: string) => boolean) => {
  const store = settings.store._tag === "file" ? [settings.store.file] : []
  const files = [...store, journalFile(settings), ...Option.toArray(settings.logFile)].map((file) => resolve(file))
  const outputs = [1, 2].flatMap(outputFile)
  return (path) =>
    outputs.includes(path) ||
    files.some((file) => path.startsWith(file) && Stores.companion.test(path.slice(file.length)))
}

const without = (isOwn: (path: string) => boolean) =>
  Layer.effect(
    DocumentSource,
    Effect.map(DocumentSource, (source) => ({
      ...source,
      items: Stream.filter(source.items, ({ uri }) => !isOwn(resolve(uri)))
    }))
  )

/** Looks after what the paths name, for changes. */
export const watching = Effect.fnUntraced(function* (paths: ReadonlyArray<string>, settings: IngestSettings) {
  if (settings.dryRun) return yield* new UsageError({ message: "--watch takes documents in: leave out --dry-run." })
  if (paths.includes("-")) {
    return yield* new UsageError({
      message: "--watch looks at files; standard input is read once: leave out one of them."
    })
  }
  const { watch } = yield* Effect.promise(() => import("../layers/files/watch.ts"))
  return yield* watch(paths, { ...settings, without: isOwnFile(settings) })
})

/** Calls in flight at the very most: how many there are follows the provider. */
const ceiling = 512

/** The variable that holds the key, and the flag of an address that needs none. */
const needsKey = (flag: string, variable: string, address: string) =>
  new UsageError({
    message: `${flag} needs a provider: set ${variable}, or ${address} for a server that wants no key.`
  })

const needsEmbeddingKey = needsKey(
  "--embedding-model",
  `${keyVariables.openai} or SLUICE_EMBEDDING_API_KEY`,
  "--embedding-base-url"
)

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

const requireRecorded = Effect.fnUntraced(function* (file: string) {
  if (yield* exists(file)) return
  return yield* new UsageError({
    message: `--replay needs a journal, and there is none at ${plain(file)}: record one with the same command without --replay, or give --journal.`
  })
})

/** What is to be read: what paths name, or sources by their names in the ledger. */
export type Documents =
  | ({ readonly _tag: "paths"; readonly paths: ReadonlyArray<string> } & SelectionSettings)
  | { readonly _tag: "wanted"; readonly wanted: ReadonlyArray<Wanted> }

/** Whom the run asks; in a dry run and a replay nobody, so that nothing needs a key. */
const asking = Effect.fnUntraced(function* (settings: RetrySettings) {
  const { embeddingModel, replay } = settings
  const providers = yield* resolveProviders(settings)
  const hasProvider = Option.isSome(providers.chat)
  const extractor = Option.getOrElse(settings.extractor, () => (hasProvider || replay ? "llm" : "rules"))
  const isAsked = !settings.dryRun && !replay
  if (replay) yield* requireRecorded(journalFile(settings))
  if (extractor === "llm" && !hasProvider && isAsked) {
    const kind = Option.getOrElse(settings.provider, () => "openai" as const)
    return yield* needsKey("--extractor llm", keyVariables[kind], "--base-url")
  }
  if (Option.isSome(embeddingModel) && Option.isNone(providers.embedding) && isAsked) return yield* needsEmbeddingKey
  const chat = isAsked ? yield* chatLayer(providers, extractor === "llm") : Models.layerSimulated
  const embedder = Option.match(embeddingModel, {
    onNone: () => HashEmbedder.layer,
    onSome: (model) =>
      Option.match(isAsked ? providers.embedding : Option.none(), {
        onNone: () => Models.layerSimulatedEmbedder(model),
        onSome: (provider) => Models.layerEmbedder(model, provider)
      })
  })
  const chatModels = extractor === "llm" ? [settings.model, ...Option.toArray(settings.fallbackModel)] : []
  const catalog = yield* catalogOf(settings, [...chatModels, ...Option.toArray(embeddingModel)])
  return { extractor, chat, embedder, catalog }
})

/** Documents are found, unpacked and parsed by code that commands without documents do not load. */
const documentLayer = Effect.fnUntraced(function* (documents: Documents, settings: RetrySettings) {
  const [files, parsers, containers, pool] = yield* Effect.promise(() =>
    Promise.all([
      import("../layers/FileSource.ts"),
      import("../layers/Parsers.ts"),
      import("../layers/Containers.ts"),
      import("../layers/parsers/Pool.ts")
    ])
  )
  const reads = { maxBytes: settings.maxDocument, userAgent: `sluice/${version}` }
  const source =
    documents._tag === "paths"
      ? files.layer(documents.paths, { ...reads, include: documents.include, exclude: documents.exclude })
      : files.layerWanted(documents.wanted, reads)
  const threads = pool.layerWith({
    timeout: Duration.seconds(settings.parseTimeout),
    ...Option.match(settings.parseThreads, { onNone: () => ({}), onSome: (threads) => ({ threads }) })
  })
  return Layer.merge(
    Layer.provide(without(isOwnFile(settings)), source),
    Layer.merge(parsers.layerPooled, containers.layerPooled({ maxBytes: settings.maxDocument })).pipe(
      Layer.provide(threads)
    )
  )
})

const databases = Effect.fnUntraced(function* (settings: RetrySettings) {
  const layer = settings.dryRun ? Stores.layerCopy : settings.replay ? Stores.layerReplay : Stores.layer
  return layer({
    store: yield* placeOf(settings),
    journal: journalFile(settings),
    ...Option.match(settings.journalMax, { onNone: () => ({}), onSome: (journalMax) => ({ journalMax }) })
  })
})

/** Everything that the pipeline needs, from the flags of `ingest` or `retry`. Whatever can be wrong with them is told before a file is opened. */
export const ingestion = (documents: Documents, settings: RetrySettings, progress: ProgressKind) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { catalog, chat, embedder, extractor } = yield* asking(settings)
      const ontology = yield* vocabulary(settings.ontology)
      const policies = {
        ceiling: Option.getOrElse(settings.concurrency, () => ceiling),
        replay: settings.replay,
        // A dry run spends nothing, and is to tell what all of it would take.
        budget: settings.dryRun ? {} : ceilingsOf(settings),
        limits: Layer.provide(Concurrency.layerAdaptive, NodeMachine.layer)
      }
      const wiring = yield* Effect.promise(() => import("../layers/Ingest.ts"))
      const extraction =
        extractor === "rules"
          ? wiring.layerRules(policies)
          : wiring
              .layerLlm({
                ...policies,
                model: settings.model,
                pack: settings.pack,
                allowance: {
                  requests: Option.getOrUndefined(settings.rpm),
                  tokens: Option.getOrUndefined(settings.tpm)
                }
              })
              .pipe(Layer.provide(chat))
      const failureLimit = Option.match(settings.maxFailures, {
        onNone: () => Layer.empty,
        onSome: (limit) => Layer.succeed(MaxFailures, limit)
      })
      return extraction.pipe(
        Layer.provideMerge(
          Layer.mergeAll(
            embedder,
            yield* databases(settings),
            Run.layer(settings.group, settings.priority),
            yield* documentLayer(documents, settings),
            progressLayers[progress]
          )
        ),
        Layer.provideMerge(Layer.mergeAll(ontology, Layer.succeed(ModelCatalog, catalog), failureLimit))
      )
    })
  )

/** Embeds a query; what a model answers is paid for once, and kept, as in a run. */
const embedding = Effect.fnUntraced(function* (settings: CommonSettings & SearchSettings) {
  const { embeddingModel } = settings
  if (Option.isNone(embeddingModel)) return Embeddings.layerLocal.pipe(Layer.provide(HashEmbedder.layer))
  const unasked = { model: defaultModel, fallbackModel: Option.none(), fallbackBaseUrl: Option.none() }
  const { embedding: provider } = yield* resolveProviders({ ...settings, ...unasked })
  if (Option.isNone(provider)) return yield* needsEmbeddingKey
  const wiring = yield* Effect.promise(() => import("../layers/Ingest.ts"))
  return wiring
    .layerEmbeddings({ ceiling: 1 })
    .pipe(
      Layer.provide(
        Layer.mergeAll(
          Models.layerEmbedder(embeddingModel.value, provider.value),
          Stores.layerJournal(journalFile(settings)),
          Run.layer(settings.group, "interactive")
        )
      )
    )
})

/** The graph, and what embeds the query where that is needed. */
export const searching = (settings: CommonSettings & SearchSettings, needsVector: boolean) =>
  needsVector
    ? Layer.unwrap(Effect.map(embedding(settings), (layer) => Layer.provideMerge(layer, reading(settings))))
    : reading(settings)
