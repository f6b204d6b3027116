import { Effect, FileSystem, Layer, Option, Path, Redacted } from "effect"
import { Command } from "effect/cli"
import { versions } from "node:process"
import { openAi } from "../layers/Models.ts"
import { endpoint } from "../layers/Telemetry.ts"
import { GraphStore } from "../services/GraphStore.ts"
import type { Journal } from "../services/Journal.ts"
import type { StorageError } from "../services/StorageError.ts"
import { Ended, status } from "./ExitStatus.ts"
import * as Flags from "./Flags.ts"
import { counted, jsonLine, plain, print, wrap } from "./Print.ts"
import { apiKey } from "./Wiring.ts"

export const command = Command.make("doctor", {
  config: Flags.config,
  settings: { ...Flags.common, ...Flags.models }
}).pipe(Command.withDescription("Check Node, store, journal, provider and traces, and say what to mend."))

interface Check {
  readonly name: string
  readonly state: "ok" | "warn" | "fail"
  /** What is, and what to do about it. */
  readonly message: string
}

export interface DoctorOptions extends Pick<Flags.IngestSettings, keyof Flags.CommonSettings | "baseUrl" | "model"> {
  /** Path of the journal's file. */
  readonly journalFile: string
  /** Opens what is there. */
  readonly openStore: Layer.Layer<GraphStore, StorageError>
  readonly openJournal: Layer.Layer<Journal, StorageError>
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
  opened: Effect.Effect<string, StorageError>
): Effect.fn.Return<Check, never, FileSystem.FileSystem | Path.Path> {
  const fileSystem = yield* FileSystem.FileSystem
  const exists = yield* fileSystem.exists(path).pipe(Effect.orElseSucceed(() => false))
  const barred = yield* canCreate(path).pipe(Effect.orElseSucceed(() => Option.some(path)))
  if (Option.isSome(barred)) {
    return fail(name, `The directory ${barred.value} cannot be written: give another file, or change its permissions.`)
  }
  if (!exists) return ok(name, `${path} will be created.`)
  return yield* opened.pipe(
    Effect.map((message) => ok(name, message)),
    Effect.catch((error) => Effect.succeed(fail(name, error.message)))
  )
})

const store = (options: DoctorOptions) =>
  file(
    "store",
    options.store,
    Effect.gen(function* () {
      const opened = yield* GraphStore
      const counts = yield* opened.counts(options.group)
      return `${options.store} holds ${counted(counts.documents, "document")} and ${counted(counts.entities, "entity", "entities")} of group ${options.group}.`
    }).pipe(Effect.provide(options.openStore))
  )

const journal = (options: DoctorOptions) =>
  file(
    "journal",
    options.journalFile,
    Effect.scoped(Effect.as(Layer.build(options.openJournal), `${options.journalFile} opens.`))
  )

const provider = Effect.fnUntraced(function* (options: DoctorOptions): Effect.fn.Return<Check> {
  const key = yield* apiKey
  if (Option.isNone(key) && Option.isNone(options.baseUrl)) {
    return warn(
      "provider",
      "No OPENAI_API_KEY and no --base-url: `ingest` extracts by offline rules. Set a key to extract with a model."
    )
  }
  const base = Option.getOrElse(options.baseUrl, () => openAi).replace(/\/+$/, "")
  const authorization = Option.isSome(key) ? { authorization: `Bearer ${Redacted.value(key.value)}` } : undefined
  const response = yield* ask(`${base}/models`, {
    redirect: "manual",
    ...(authorization === undefined ? {} : { headers: authorization })
  })
  if (Option.isNone(response)) {
    return fail("provider", `${base} does not answer: check --base-url, the network and any proxy.`)
  }
  const { status: code } = response.value
  if (code === 401 || code === 403) {
    return fail("provider", `${base} turns the key away (HTTP ${code}): check OPENAI_API_KEY.`)
  }
  if (code === 429) return warn("provider", `${base} answers, but limits this key (HTTP 429): check quota and budget.`)
  if (code >= 500) return fail("provider", `${base} has trouble of its own (HTTP ${code}): try again later.`)
  if (code !== 200) {
    return warn("provider", `${base} answers, but lists no models (HTTP ${code}): check that the address ends in /v1.`)
  }
  return ok(
    "provider",
    `${base} answers${Option.isSome(key) ? " and takes the key" : ""}; the model is ${options.model}.`
  )
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
    wrap(message, 62, 6).map((line, index) =>
      index === 0 ? `${marks[state]}  ${name.padEnd(9)} ${line}` : `${" ".repeat(16)}${line}`
    )
  )

export const run = Effect.fnUntraced(function* (options: DoctorOptions) {
  const checks = yield* Effect.all([node, store(options), journal(options), provider(options), traces], {
    concurrency: "unbounded"
  })
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
