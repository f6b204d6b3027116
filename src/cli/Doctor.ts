import { Duration, Effect, FileSystem, Option, Path, Redacted } from "effect"
import { Command } from "effect/cli"
import { versions } from "node:process"
import type { GraphCounts } from "../domain/Graph.ts"
import type { Provider } from "../layers/Models.ts"
import type { Options as Neo4jOptions } from "../layers/Neo4jStore.ts"
import * as Stores from "../layers/Stores.ts"
import { endpoint } from "../layers/Telemetry.ts"
import { GraphStore } from "../services/GraphStore.ts"
import type { StorageError } from "../services/StorageError.ts"
import { Ended, status } from "./ExitStatus.ts"
import * as Flags from "./Flags.ts"
import { exists, journalFile, placeOf } from "./Places.ts"
import { counted, fit, jsonLine, plain, print, wrap } from "./Print.ts"
import { keyVariables, resolve } from "./Providers.ts"

export const command = Command.make("doctor", {
  config: Flags.config,
  settings: { ...Flags.common, ...Flags.models, model: Flags.namedModel }
}).pipe(Command.withDescription("Check Node, store, journal, provider, limits and traces, and say what to mend."))

const Limits = Effect.promise(() => import("./DoctorLimits.ts"))

interface Check {
  readonly name: string
  readonly state: "ok" | "warn" | "fail"
  /** What is, and what to do about it. */
  readonly message: string
  /** For programs: limits as the provider reports them, and what earlier runs learned. */
  readonly limits?: ReadonlyArray<object>
  readonly learned?: object
}

interface DoctorSettings extends Flags.CommonSettings, Omit<Flags.ModelSettings, "model"> {
  /** If the user has named one. */
  readonly model: Option.Option<string>
}

interface DoctorOptions extends Flags.CommonSettings, Flags.ModelSettings {
  readonly named: DoctorSettings["model"]
  readonly place: Stores.Place
  readonly journalFile: string
}

/** How long a check waits for somebody else's server. */
const patience = "5 seconds"

/** Status and headers alone; nothing: no answer in time. */
const ask = (url: string, init: RequestInit): Effect.Effect<Option.Option<Response>> =>
  Effect.tryPromise((signal) => fetch(url, { ...init, signal })).pipe(
    Effect.tap((answer) => Effect.promise(async () => answer.body?.cancel())),
    Effect.timeout(patience),
    Effect.option
  )

const ok = (name: string, message: string): Check => ({ name, state: "ok", message })
const warn = (name: string, message: string): Check => ({ name, state: "warn", message })
const fail = (name: string, message: string): Check => ({ name, state: "fail", message })

const node = Effect.sync(() =>
  Number.parseInt(versions.node, 10) >= 24
    ? ok("node", `Node ${versions.node}.`)
    : fail("node", `Node ${versions.node} is too old: install Node 24 or newer.`)
)

/** The nearest directory that exists must take a new file. */
const canCreate = Effect.fnUntraced(function* (file: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  let directory = path.dirname(path.resolve(file))
  while (!(yield* fileSystem.exists(directory)) && path.dirname(directory) !== directory) {
    directory = path.dirname(directory)
  }
  return yield* fileSystem.access(directory, { writable: true }).pipe(
    Effect.as(Option.none<string>()),
    Effect.catch(() => Effect.succeedSome(directory))
  )
})

const file = Effect.fnUntraced(function* (
  name: string,
  path: string,
  opened: Effect.Effect<string, StorageError>,
  checked: Effect.Effect<ReadonlyArray<string>, StorageError>,
  remedy: string
): Effect.fn.Return<Check, never, FileSystem.FileSystem | Path.Path> {
  const barred = yield* canCreate(path).pipe(Effect.orElseSucceed(() => Option.some(path)))
  if (Option.isSome(barred)) {
    return fail(name, `The directory ${barred.value} cannot be written: give another file, or change its permissions.`)
  }
  if (!(yield* exists(path))) return ok(name, `${path} will be created.`)
  return yield* opened.pipe(
    Effect.zipWith(checked, (message, damage) =>
      damage.length === 0
        ? ok(name, `${message} It is whole.`)
        : fail(name, `${path} is damaged: ${fit(damage.join("; "), 200)}. ${remedy}`)
    ),
    Effect.catch((error) => Effect.succeed(fail(name, error.message)))
  )
})

const inFile = (options: DoctorOptions, path: string) =>
  file(
    "store",
    path,
    Effect.gen(function* () {
      const opened = yield* GraphStore
      return holds(path, yield* opened.counts(options.group))
    }).pipe(Effect.provide(Stores.layerReadOnly(options.place))),
    Stores.checkStore(options.place),
    "Restore it from a backup; or move it away and ingest again: answers that are in the journal are not paid for again."
  )

const holds = (where: string, { documents, entities, group }: GraphCounts): string =>
  `${where} holds ${counted(documents, "document")} and ${counted(entities, "entity", "entities")} of group ${group}.`

const onServer = (options: DoctorOptions, server: Neo4jOptions): Effect.Effect<Check> =>
  Stores.inspect({ ...server, patience: Duration.zero }, options.group).pipe(
    Effect.map(({ counts, isReadOnly, location, missing, server: product, statements }) => {
      if (isReadOnly) {
        return fail(
          "store",
          `${product} at ${location} answers, but the database is read-only: make it writable there (server.databases.read_only), or use another.`
        )
      }
      if (counts === undefined)
        return ok("store", `${product} at ${location} answers; \`ingest\` will make the schema.`)
      const held = holds(`${product} at ${location}`, counts)
      return missing.length === 0
        ? ok("store", held)
        : warn(
            "store",
            `${held} Of its schema ${missing.join(", ")} is missing, which the next \`ingest\` makes, or who may: ${statements.join("; ")}`
          )
    }),
    Effect.catch((error) => Effect.succeed(fail("store", error.message)))
  )

const store = (options: DoctorOptions): Effect.Effect<Check, never, FileSystem.FileSystem | Path.Path> =>
  options.place._tag === "file" ? inFile(options, options.place.file) : onServer(options, options.place.server)

const journal = (options: DoctorOptions) =>
  file(
    "journal",
    options.journalFile,
    Effect.succeed(`${options.journalFile} opens.`),
    Stores.checkJournal(options.journalFile),
    "Restore it from a backup; or move it away, and every answer is asked, and paid, again."
  )

/** The address of the list of models, which needs a key and costs nothing. */
const listOf = ({ apiKey, baseUrl, kind }: Provider) => {
  const base = baseUrl.replace(/\/+$/, "")
  const key = Option.getOrUndefined(Option.map(apiKey, Redacted.value))
  return kind === "anthropic"
    ? {
        url: `${base.replace(/\/v1$/, "")}/v1/models`,
        headers: { "anthropic-version": "2023-06-01", ...(key === undefined ? {} : { "x-api-key": key }) }
      }
    : { url: `${base}/models`, headers: key === undefined ? undefined : { authorization: `Bearer ${key}` } }
}

/** @param keyVariable where its key is looked for; `flag`: of its address */
const reach = Effect.fnUntraced(function* (
  name: string,
  provider: Provider,
  { flag, keyVariable, model }: { readonly flag: string; readonly keyVariable: string; readonly model: string }
): Effect.fn.Return<Check> {
  const base = provider.baseUrl.replace(/\/+$/, "")
  const { headers, url } = listOf(provider)
  const response = yield* ask(url, { redirect: "manual", ...(headers === undefined ? {} : { headers }) })
  if (Option.isNone(response)) {
    return fail(name, `${base} does not answer: check ${flag}, the network and any proxy.`)
  }
  const { status: code } = response.value
  const has = Option.isSome(provider.apiKey)
  // A list that is there for everybody says nothing of the key.
  const isKeyAsked = has
    ? Effect.map(ask(listOf({ ...provider, apiKey: Option.none() }).url, { redirect: "manual" }), (bare) =>
        Option.exists(bare, (answer) => answer.status === 401 || answer.status === 403)
      )
    : Effect.succeed(false)
  if (code === 401 || code === 403) {
    return fail(
      name,
      has
        ? `${base} turns the key away (HTTP ${code}): check ${keyVariable}.`
        : `${base} wants a key (HTTP ${code}): set ${keyVariable}.`
    )
  }
  if (code === 429) return warn(name, `${base} answers, but limits this key (HTTP 429): check quota and budget.`)
  if (code >= 500) return fail(name, `${base} has trouble of its own (HTTP ${code}): try again later.`)
  if (code !== 200) {
    const end = provider.kind === "openai" ? "the address ends in /v1" : "the address is right"
    return warn(name, `${base} answers, but lists no models (HTTP ${code}): check that ${end}.`)
  }
  return ok(name, `${base} answers${(yield* isKeyAsked) ? " and takes the key" : ""}; the model is ${model}.`)
})

const providers = Effect.fnUntraced(function* (options: DoctorOptions): Effect.fn.Return<ReadonlyArray<Check>> {
  const resolved = yield* Effect.result(resolve(options))
  if (resolved._tag === "Failure") return [fail("provider", resolved.failure.message)]
  const { chat, embedding, fallback } = resolved.success
  const { embeddingModel, model } = options
  return yield* Effect.all(
    [
      Option.match(chat, {
        onNone: () =>
          Effect.succeed(
            warn(
              "provider",
              "No OPENAI_API_KEY and no --base-url: `ingest` extracts by offline rules. Set a key to extract with a model; with ANTHROPIC_API_KEY, give --model one of Anthropic's."
            )
          ),
        onSome: (provider) =>
          reach("provider", provider, { model, flag: "--base-url", keyVariable: keyVariables[provider.kind] })
      }),
      ...Option.toArray(fallback).map((provider) =>
        reach("fallback", provider, {
          model: provider.model,
          flag: "--fallback-base-url",
          keyVariable: `SLUICE_FALLBACK_API_KEY or ${keyVariables[provider.kind]}`
        })
      ),
      ...Option.toArray(Option.all([embedding, embeddingModel])).map(([provider, name]) =>
        reach("embedding", provider, {
          model: name,
          flag: "--embedding-base-url",
          keyVariable: `SLUICE_EMBEDDING_API_KEY or ${keyVariables.openai}`
        })
      )
    ],
    { concurrency: "unbounded" }
  )
})

/** Of a provider that was reached. */
const limits = Effect.fnUntraced(function* (options: DoctorOptions, found: ReadonlyArray<Check>) {
  if (!found.some(({ name, state }) => name === "provider" && state === "ok")) return []
  const resolved = Option.flatMap(yield* Effect.option(resolve(options)), ({ chat }) => chat)
  if (Option.isNone(resolved)) return []
  const hasJournal = yield* exists(options.journalFile)
  const { learned, told } = yield* (yield* Limits).limits({
    ...options,
    provider: resolved.value,
    journal: hasJournal
      ? Option.some({
          reading: Stores.layerJournalReadOnly(options.journalFile),
          writing: Stores.layerJournal(options.journalFile)
        })
      : Option.none()
  })
  const check: Check = { name: "limits", ...told }
  return learned === undefined ? [check] : [check, { ...ok("learned", learned.message), learned: learned.value }]
})

const traces = Effect.gen(function* () {
  const url = yield* endpoint
  if (Option.isNone(url)) return ok("traces", "Off. Set OTEL_EXPORTER_OTLP_ENDPOINT to send them to a collector.")
  const response = yield* ask(url.value, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: `{"resourceSpans":[]}`
  })
  return Option.match(response, {
    onNone: () => warn("traces", `${url.value} does not answer: start the collector, or runs go untraced.`),
    onSome: ({ ok: accepted, status: code }) =>
      accepted
        ? ok("traces", `${url.value} takes them.`)
        : warn("traces", `${url.value} answers HTTP ${code}: it must take OTLP over HTTP, as port 4318 does.`)
  })
})

const marks = { ok: "ok  ", warn: "warn", fail: "FAIL" } as const

const lines = (checks: ReadonlyArray<Check>): ReadonlyArray<string> =>
  checks.flatMap(({ message, name, state }) =>
    wrap(message, 62, 12).map((line, index) =>
      index === 0 ? `${marks[state]}  ${name.padEnd(9)} ${line}` : `${" ".repeat(16)}${line}`
    )
  )

export const run = Effect.fnUntraced(function* (settings: DoctorSettings) {
  const options: DoctorOptions = {
    ...settings,
    named: settings.model,
    model: Option.getOrElse(settings.model, () => Flags.defaultModel),
    place: yield* placeOf(settings),
    journalFile: journalFile(settings)
  }
  const found = yield* Effect.all(
    [
      Effect.all([node, store(options), journal(options)], { concurrency: "unbounded" }),
      Effect.flatMap(providers(options), (found) => Effect.map(limits(options, found), (more) => [...found, ...more])),
      Effect.map(traces, (check) => [check])
    ],
    { concurrency: "unbounded" }
  )
  const checks = found.flat()
  const failed = checks.filter(({ state }) => state === "fail").length
  yield* print(
    options.json
      ? [
          jsonLine({
            ok: failed === 0,
            checks: checks.map((check) => ({ ...check, message: plain(check.message) }))
          })
        ]
      : lines(checks)
  )
  if (failed > 0) {
    return yield* new Ended({ status: status.usage, message: `${counted(failed, "check")} failed.` })
  }
})
