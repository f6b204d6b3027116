import { Clock, Effect, Layer, Option } from "effect"
import * as Models from "../layers/Models.ts"
import { ChatModel } from "../services/ChatModel.ts"
import type { ChatRequest, ModelError } from "../services/ChatModel.ts"
import type { Learned } from "../services/gate/Learned.ts"
import { amountOf, remedyFor } from "../services/gate/Explain.ts"
import { limitsOf, minute, windowOf } from "../services/gate/Headers.ts"
import { Journal } from "../services/Journal.ts"
import { poolOf } from "../services/ModelCalls.ts"
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

/** @returns what there is to say, and how well things are */
const asked = Effect.fnUntraced(function* (chat: ChatModel["Service"], model: string) {
  const answer = yield* Effect.result(Effect.timeoutOption(chat.complete(question(model)), "30 seconds"))
  if (answer._tag === "Failure") {
    // What a run stops at, too.
    const state = answer.failure.reason._tag === "Misconfigured" ? "fail" : "warn"
    return { state, message: unanswered(model, answer.failure), limits: [] } as const
  }
  if (Option.isNone(answer.success)) {
    return { state: "warn", message: `${model} does not answer one small call within 30 s.`, limits: [] } as const
  }
  const { headers, usage } = answer.success.value
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
})

const unanswered = (model: string, { message, reason }: ModelError): string =>
  reason._tag === "RateLimited"
    ? `${model} is at its limit now: ${message}`
    : `${model} does not answer one small call: ${message}`

export interface LimitsOptions {
  readonly provider: Models.Provider
  /** Given by the user: whoever names no model has not asked for a call. */
  readonly named: Option.Option<string>
  readonly model: string
  /** Of what is there; none: there is no journal yet. */
  readonly openJournal: Option.Option<Layer.Layer<Journal, StorageError>>
}

/**
 * What the provider reports of its limits, for which it must be called once, and what earlier runs learned of them. This
 * call passes no gate and is in no journal: it is made where a run is not, and says itself what it took.
 */
export const limits = Effect.fnUntraced(
  function* ({ model, named, openJournal }: LimitsOptions) {
    const chat = yield* ChatModel
    const rows = yield* Option.match(openJournal, {
      onNone: () => Effect.succeed(new Map<string, string>()),
      onSome: (layer) =>
        Journal.use(({ learned }) => learned).pipe(
          Effect.provide(layer),
          Effect.orElseSucceed(() => new Map<string, string>())
        )
    })
    const known = WarmStart.limitsIn(rows).get(poolOf({ endpoint: chat.endpoint, model }))
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
      onSome: (name) => asked(chat, name)
    })
    return { told, learned }
  },
  (effect, { provider }) => Effect.scoped(Effect.provide(effect, Models.layerChat(provider)))
)
