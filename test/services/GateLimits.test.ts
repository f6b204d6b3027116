import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer, Option } from "effect"
import { Group, itemKey, recipe, RunId } from "../../src/domain/Ids.ts"
import * as SimulatedProvider from "../../src/layers/SimulatedProvider.ts"
import { SimulatedLedger } from "../../src/layers/simulated/Ledger.ts"
import type { Limits } from "../../src/layers/simulated/Limits.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import { ChatModel } from "../../src/services/ChatModel.ts"
import * as Gate from "../../src/services/Gate.ts"
import * as ModelCalls from "../../src/services/ModelCalls.ts"
import * as Retry from "../../src/services/Retry.ts"
import { requestFor } from "../support/chat.ts"
import { drive } from "../support/pipeline.ts"
import { makeRandom } from "../support/random.ts"

const group = Group.make("test")
const version = recipe("test")
const run = RunId.make("run")
const outputCap = 800

interface Arrival {
  readonly at: number
  readonly tokens: number
}

/** So many calls, all there at the start, through gate, journal and retry; what the provider saw of it. */
const sent = (limits: Limits, seed: number, calls = 200, allowance: Gate.Allowance = {}) =>
  Effect.gen(function* () {
    const { call } = yield* ModelCalls.ModelCalls
    const model = yield* ChatModel
    const { allow } = yield* Gate.Gate
    yield* allow(ModelCalls.poolOf({ endpoint: model.endpoint, model: "test-model" }), allowance)
    const arrivals: Array<Arrival> = []
    yield* Effect.forEach(
      Array.from(
        { length: calls },
        (_, index) => `Person${index} met Builder${index}. ${"so it went. ".repeat(index)}`
      ),
      (text) => {
        const request = requestFor([text], outputCap)
        const key = itemKey(group, "extraction", version, text)
        const characters = JSON.stringify([request.messages, request.schema]).length
        const wanted = {
          payload: request,
          group,
          items: [key],
          inputTokens: Math.ceil(characters / 4),
          outputTokens: outputCap
        }
        return call({
          run,
          kind: "extraction",
          endpoint: model.endpoint,
          model: request.model,
          priority: "normal",
          take: () => Option.some(wanted),
          send: (payload) =>
            Effect.map(
              Effect.andThen(
                Effect.map(Clock.currentTimeMillis, (at) =>
                  arrivals.push({ at, tokens: wanted.inputTokens + wanted.outputTokens })
                ),
                model.complete(payload)
              ),
              (response) => ({
                value: response.content,
                usage: response.usage,
                model: response.model,
                raw: response.content,
                headers: response.headers,
                answers: [{ key, group, kind: "extraction" as const, value: response.content }]
              })
            )
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
  }).pipe(
    drive,
    Effect.provide(
      ModelCalls.layer.pipe(
        Layer.provideMerge(Layer.mergeAll(Gate.layer({ ceiling: 200 }), Retry.layer(), SqliteJournal.layerMemory)),
        Layer.provideMerge(
          SimulatedProvider.layer({
            seed,
            latency: { median: 1_000, sigma: 0.5 },
            outputTokens: { median: 400, sigma: 0.4 },
            limits
          })
        )
      )
    )
  )

const truthful = [
  { headers: "openai" },
  // A second holds a few calls, not less than one.
  { headers: "openai", window: 1, tpm: 400_000 },
  { headers: "daily", rpd: 10_000 },
  { headers: "openai", charge: "max" },
  { headers: "openai", charge: "estimate" }
] as const satisfies ReadonlyArray<Limits>

describe("a provider with limits, and a gate that is told none", () => {
  for (const [seed, shape] of truthful.entries()) {
    it.effect(
      `nothing is lost, and hardly anything is turned away while headers are true: ${JSON.stringify(shape)}`,
      () =>
        Effect.gen(function* () {
          const random = makeRandom(seed + 1)
          const limits = { rpm: 500, tpm: random.between(40, 80) * 1_000, ...shape }
          const { turnedAway, used } = yield* sent(limits, seed)
          assert.isAtMost(turnedAway, 3)
          assert.isAbove(used, 0.85)
        })
    )
  }

  for (const shape of [
    { headers: "none" },
    { headers: "none", terse: true, retryAfter: "none" },
    { headers: "placeholders", window: 1 },
    { told: { rpm: 800, tpm: 400_000 }, terse: true },
    { headers: "none", terse: true, deniedTakes: 1 }
  ] as const satisfies ReadonlyArray<Limits>) {
    it.effect(`nothing is lost where limits must be found out: ${JSON.stringify(shape)}`, () =>
      Effect.gen(function* () {
        const { turnedAway, used } = yield* sent({ rpm: 400, tpm: 200_000, ...shape }, 3)
        assert.isAtMost(turnedAway, 20)
        assert.isAbove(used, 0.85)
      })
    )
  }
})

/** The most in any minute, whenever it begins. */
const mostIn = (arrivals: ReadonlyArray<Arrival>, of: (one: Arrival) => number): number =>
  Math.max(
    ...arrivals.map(({ at }) =>
      arrivals.filter((one) => one.at > at - 60_000 && one.at <= at).reduce((sum, one) => sum + of(one), 0)
    )
  )

describe("limits that the user sets", () => {
  const own = { requests: 60, tokens: 60_000 }
  for (const [name, limits] of Object.entries<Limits>({
    "no headers come": { headers: "none" },
    "headers tell more": { rpm: 500, tpm: 500_000 },
    "one of the two is lower in headers": { rpm: 40, tpm: 500_000 }
  })) {
    it.effect(`are never exceeded, and used, where ${name}`, () =>
      Effect.gen(function* () {
        const { arrivals, seconds, turnedAway } = yield* sent(limits, 5, 200, own)
        const requests = mostIn(arrivals, () => 1)
        const tokens = mostIn(arrivals, (one) => one.tokens)
        assert.isAtMost(requests, own.requests)
        assert.isAtMost(tokens, own.tokens)
        assert.isAbove(Math.max(requests / Math.min(own.requests, limits.rpm ?? Infinity), tokens / own.tokens), 0.95)
        assert.strictEqual(turnedAway, 0)
        assert.isBelow(seconds, 330)
      })
    )
  }
})
