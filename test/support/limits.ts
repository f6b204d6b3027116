import { assert } from "@effect/vitest"
import { Clock, Effect, Layer, Option, Random } from "effect"
import { Group, itemKey, recipe, RunId } from "../../src/domain/Ids.ts"
import * as SimulatedProvider from "../../src/layers/SimulatedProvider.ts"
import { SimulatedLedger } from "../../src/layers/simulated/Ledger.ts"
import type { Limits } from "../../src/layers/simulated/Limits.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import { ChatModel } from "../../src/services/ChatModel.ts"
import * as Gate from "../../src/services/Gate.ts"
import * as ModelCalls from "../../src/services/ModelCalls.ts"
import * as Retry from "../../src/services/Retry.ts"
import * as WarmStart from "../../src/services/WarmStart.ts"
import { requestFor } from "./chat.ts"
import { drive } from "./pipeline.ts"

const group = Group.make("test")
const version = recipe("test")
const outputCap = 800

export interface Arrival {
  readonly at: number
  readonly tokens: number
}

export interface Work {
  readonly limits: Limits
  readonly seed: number
  readonly calls?: number
  readonly allowance?: Gate.Allowance
  /** Milliseconds; a second if absent. */
  readonly latency?: number
  /** Tells runs that share a journal apart. */
  readonly run?: string
}

/** So many calls, all there at the start, through gate, journal and retry; what the provider saw of it. */
const sending = ({ allowance = {}, calls = 200, run = "run" }: Work) =>
  Effect.gen(function* () {
    const { call } = yield* ModelCalls.ModelCalls
    const model = yield* ChatModel
    const { allow } = yield* Gate.Gate
    yield* allow(ModelCalls.poolOf({ endpoint: model.endpoint, model: "test-model" }), allowance)
    const arrivals: Array<Arrival> = []
    const start = yield* Clock.currentTimeMillis
    yield* Effect.forEach(
      Array.from(
        { length: calls },
        (_, index) => `Person${index} met Builder${index}. ${"so it went. ".repeat(index % 200)}`
      ),
      (text) => {
        const request = requestFor([text], outputCap)
        const key = itemKey(group, "extraction", version, run, text)
        const characters = JSON.stringify([request.messages, request.schema]).length
        const wanted = {
          payload: request,
          group,
          items: [key],
          inputTokens: Math.ceil(characters / 4),
          outputTokens: outputCap
        }
        const arrives = Effect.map(Clock.currentTimeMillis, (at) =>
          arrivals.push({ at: at - start, tokens: wanted.inputTokens + wanted.outputTokens })
        )
        return call({
          run: RunId.make(run),
          kind: "extraction",
          endpoint: model.endpoint,
          model: request.model,
          priority: "normal",
          take: () => Option.some(wanted),
          send: (payload) =>
            Effect.map(Effect.andThen(arrives, model.complete(payload)), (response) => ({
              value: response.content,
              usage: response.usage,
              model: response.model,
              raw: response.content,
              headers: response.headers,
              answers: [{ key, group, kind: "extraction" as const, value: response.content }]
            }))
        })
      },
      { concurrency: "unbounded", discard: true }
    )
    const { chat } = yield* (yield* SimulatedLedger).snapshot
    assert.strictEqual(chat.items.answered, calls)
    assert.strictEqual(chat.items.askedAgain, 0)
    const turnedAway = Object.values(chat.limited).reduce((sum, count) => sum + count, 0)
    const used = Math.max(
      ...Object.values(chat.usage["test-model"] ?? {}).map(({ supplied, taken }) => taken / supplied)
    )
    return { turnedAway, used, arrivals, seconds: chat.makespan / 1_000 }
  })

/** The same with a provider and a gate of its own; the journal, and with it what was learned, is the caller's. */
export const sentAgain = (work: Work) =>
  sending(work).pipe(
    drive,
    // How long is waited before another try is drawn by lot.
    Random.withSeed(work.seed),
    Effect.provide(
      ModelCalls.layer.pipe(
        Layer.provideMerge(WarmStart.layer),
        Layer.provideMerge(Layer.merge(Gate.layer({ ceiling: 200 }), Retry.layer())),
        Layer.provideMerge(
          SimulatedProvider.layer({
            seed: work.seed,
            latency: { median: work.latency ?? 1_000, sigma: 0.5 },
            outputTokens: { median: 400, sigma: 0.4 },
            limits: work.limits
          })
        )
      )
    )
  )

export const sent = (work: Work) => Effect.provide(sentAgain(work), SqliteJournal.layerMemory)
