import { Clock, Effect, Layer, Option, Result } from "effect"
import type { Group } from "../domain/Ids.ts"
import { mostTokens, unseenTokens } from "../domain/TokenBound.ts"
import * as Models from "../layers/Models.ts"
import * as Stores from "../layers/Stores.ts"
import { ChatModel } from "../services/ChatModel.ts"
import type { ChatRequest, ModelError } from "../services/ChatModel.ts"
import type { Learned } from "../services/gate/Learned.ts"
import * as Gate from "../services/Gate.ts"
import { amountOf, remedyFor } from "../services/gate/Explain.ts"
import { limitsOf, minute, windowOf } from "../services/gate/Headers.ts"
import { Journal } from "../services/Journal.ts"
import * as ModelCalls from "../services/ModelCalls.ts"
import { Retry } from "../services/Retry.ts"
import * as Run from "../services/Run.ts"
import { RunStopped } from "../services/RunStopped.ts"
import type { StorageError } from "../services/StorageError.ts"
import * as WarmStart from "../services/WarmStart.ts"
import { counted, duration } from "./Print.ts"

type Limit = Learned["limits"][number]

/** What a full call of the extraction is charged, more or less: eight chunks, their prompt, room for their answer. */
const fullCall = 10_000

/** The smallest thing that can be asked in the way that the extraction asks. */
const question = (model: string): ChatRequest => ({
  model,
  messages: [{ role: "user", content: "Is this text? Answer in JSON." }],
  schema: {
    name: "reply",
    schema: {
      type: "object",
      properties: { yes: { type: "boolean" } },
      required: ["yes"],
      additionalProperties: false
    }
  },
  maxOutputTokens: 16
})

const listed = (parts: ReadonlyArray<string>): string =>
  parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`

const inWindow = (limits: ReadonlyArray<Limit>, dimension: Limit["dimension"]) =>
  limits
    .filter((limit) => limit.dimension === dimension && (limit.window ?? minute) === minute)
    .toSorted((a, b) => a.perMinute - b.perMinute)[0]

/** Which of the limits a long run meets first, and what would raise it. */
const bindingOf = (limits: ReadonlyArray<Limit>): string => {
  const requests = inWindow(limits, "requests")
  const tokens = inWindow(limits, "tokens") ?? inWindow(limits, "inputTokens")
  const daily = limits.some(({ window = minute }) => window > minute)
    ? " The limit for a day may end a long run before: it goes on the day after."
    : ""
  if (requests === undefined && tokens === undefined) return daily.trim()
  const isTokens = tokens !== undefined && (requests === undefined || tokens.perMinute / fullCall < requests.perMinute)
  const calls = isTokens
    ? `the tokens: about ${counted(Math.max(1, Math.round(tokens.perMinute / fullCall)), "full call")} a minute`
    : `the requests: ${counted(Math.round(requests?.perMinute ?? 0), "call")} a minute`
  return `What binds a long run is ${calls}. ${remedyFor({ dimension: isTokens ? "tokens" : "requests", origin: "provider" })}${daily}`
}

const rules = {
  sum: "input and the whole output cap are charged",
  larger: "the larger of input and output cap is charged",
  input: "the input alone is charged"
}

const learnedOf = ({ charge, concurrency, limits }: Learned): string =>
  [
    ...limits.map((limit) => amountOf(limit)),
    ...(concurrency === undefined ? [] : [`${counted(concurrency, "call")} at once keep it busy`]),
    ...(inWindow(limits, "tokens") === undefined ? [] : [rules[charge.rule]])
  ].join("; ")

/** One attempt: whoever waits for a check is not to wait for a provider to get well. */
const once = (model: string) =>
  Layer.succeed(Retry, {
    onFault: (_, __, error) =>
      Effect.fail(
        new RunStopped({
          // What a run stops at, too.
          reason: error.reason._tag === "Misconfigured" ? "configuration" : "provider",
          retryable: error.retryable,
          message: unanswered(model, error)
        })
      ),
    onAnswer: () => Effect.void
  })

const unanswered = (model: string, { message, reason }: ModelError): string =>
  reason._tag === "RateLimited"
    ? `${model} is at its limit now: ${message}`
    : `${model} does not answer one small call: ${message}`

/** Noted like any other call, of a run that the ledger knows nothing of. */
const call = Effect.fnUntraced(function* (model: string) {
  const run = yield* Run.Run
  const chat = yield* ChatModel
  const calls = yield* ModelCalls.ModelCalls
  const request = question(model)
  const outcome = yield* calls.call({
    run: run.id,
    kind: "check",
    endpoint: chat.endpoint,
    model,
    priority: run.priority,
    take: () =>
      Option.some({
        payload: request,
        group: run.group,
        items: [],
        inputTokens: mostTokens(JSON.stringify(request)) + unseenTokens,
        outputTokens: request.maxOutputTokens
      }),
    send: (payload) =>
      Effect.map(chat.complete(payload), ({ content, headers, model: answering, usage }) => ({
        value: undefined,
        usage,
        model: answering,
        raw: content,
        headers,
        answers: []
      }))
  })
  return Option.map(outcome, (one) =>
    one._tag === "answered" ? Result.succeed(one.result.response) : Result.fail(unanswered(model, one.error))
  )
})

/** @returns what there is to say, and how well things are */
const asked = Effect.fnUntraced(
  function* (model: string) {
    const answer = Option.flatten(yield* Effect.timeoutOption(call(model), "30 seconds"))
    if (Option.isNone(answer)) return warning(`${model} does not answer one small call within 30 s.`)
    if (Result.isFailure(answer.value)) return warning(answer.value.failure)
    const { headers = {}, usage } = answer.value.success
    const limits = limitsOf(headers, yield* Clock.currentTimeMillis).map((told): Limit => {
      const window = windowOf(told) ?? minute
      return { dimension: told.dimension, limit: told.limit, window, perMinute: (told.limit * minute) / window }
    })
    const spent = `One small call was made to see (${counted(usage.input + usage.output, "token")}).`
    const message =
      limits.length === 0
        ? `${model} answers, and tells no limits: they are found out during a run, or set by --rpm and --tpm. ${spent}`
        : `For ${model} the provider reports ${listed(limits.map(amountOf))}. ${bindingOf(limits)} ${spent}`
    return { state: "ok", message, limits } as const
  },
  Effect.catchTags({
    RunStopped: ({ message, reason }) =>
      Effect.succeed(reason === "configuration" ? ({ state: "fail", message, limits: [] } as const) : warning(message)),
    StorageError: ({ message }) => Effect.succeed(notNoted(message))
  })
)

const warning = (message: string) => ({ state: "warn", message, limits: [] }) as const

const notNoted = (message: string) =>
  warning(`The limits were not asked for, since no call is made that the journal does not know of: ${message}`)

export interface LimitsOptions {
  readonly provider: Models.Provider
  /** Given by the user: whoever names no model has not asked for a call. */
  readonly named: Option.Option<string>
  readonly model: string
  readonly group: Group
  /** For what is there; none: there is no journal yet. */
  readonly journal: Option.Option<{
    readonly reading: Layer.Layer<Journal, StorageError>
    readonly writing: Layer.Layer<Journal, StorageError>
  }>
}

/**
 * What the provider reports of its limits, for which it must be called once, and what earlier runs learned of them. The
 * call goes through the gate and is in the journal like any other. Where there is no journal, none is made: a check
 * changes nothing, and nobody keeps an account yet that the call would be missing from.
 */
export const limits = Effect.fnUntraced(
  function* ({ group, journal, model, named }: LimitsOptions) {
    const chat = yield* ChatModel
    const rows = yield* Option.match(journal, {
      onNone: () => Effect.succeed(new Map<string, string>()),
      onSome: ({ reading }) =>
        Journal.use(({ learned }) => learned).pipe(
          Effect.provide(reading),
          Effect.orElseSucceed(() => new Map<string, string>())
        )
    })
    const known = WarmStart.limitsIn(rows).get(ModelCalls.poolOf({ endpoint: chat.endpoint, model }))
    const now = yield* Clock.currentTimeMillis
    const learned =
      known === undefined
        ? undefined
        : {
            value: known.value,
            message: `A run ${duration(Math.max(0, now - known.at))} ago found out: ${learnedOf(known.value)}. The next one begins with that.`
          }
    const told = yield* Option.match(named, {
      onNone: () =>
        Effect.succeed({
          state: "ok",
          message: "Name a --model, and one small call shows the limits that the provider reports.",
          limits: []
        } as const),
      onSome: (name) =>
        asked(name).pipe(
          Effect.provide(
            ModelCalls.layer.pipe(
              Layer.provide(Layer.mergeAll(Gate.layer({ ceiling: 1 }), once(name))),
              Layer.provide(
                Option.match(journal, { onNone: () => Stores.layerJournalMemory, onSome: ({ writing }) => writing })
              ),
              Layer.merge(Run.layer(group, "interactive"))
            )
          ),
          Effect.catchTag("StorageError", ({ message }) => Effect.succeed(notNoted(message)))
        )
    })
    return { told, learned }
  },
  (effect, { provider }) => Effect.scoped(Effect.provide(effect, Models.layerChat(provider)))
)
