import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Logger, Option } from "effect"
import { TestClock } from "effect/testing"
import { Group, itemKey, recipe, RunId } from "../../src/domain/Ids.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import {
  Misconfigured,
  ModelError,
  Overloaded,
  QuotaExhausted,
  RateLimited,
  ServerFault
} from "../../src/services/ChatModel.ts"
import * as Gate from "../../src/services/Gate.ts"
import { Journal } from "../../src/services/Journal.ts"
import type { Reservation } from "../../src/services/Journal.ts"
import { ModelCalls, layer as callsLayer } from "../../src/services/ModelCalls.ts"
import type { Call, Response } from "../../src/services/ModelCalls.ts"
import * as Retry from "../../src/services/Retry.ts"

const group = Group.make("test")
const key = (text: string) => itemKey(group, "extraction", recipe("test"), text)

const response = (text: string, model: string): Response<string> => ({
  value: `${model} of ${text}`,
  usage: { input: 1_000, output: 500, cached: 0 },
  model: `${model}-snapshot`,
  raw: "",
  answers: [{ key: key(text), group, kind: "extraction", value: JSON.stringify(text) }]
})

interface Sent {
  readonly model: string
  /** Milliseconds since the beginning. */
  readonly at: number
}

/** How a model behaves: at that time, an error or none. */
type Behaviour = (at: number) => ModelError["reason"] | undefined

const works: Behaviour = () => undefined
const fails =
  (reason: ModelError["reason"], until = Infinity): Behaviour =>
  (at) =>
    at < until ? reason : undefined

/** A hundred milliseconds a call. */
const world = (first: Behaviour, second: Behaviour, hasFallback = true) => {
  const sent: Array<Sent> = []
  const target = (model: string, behaviour: Behaviour) => ({
    endpoint: `http://${model}`,
    model,
    send: (text: string) =>
      Effect.gen(function* () {
        const at = yield* Clock.currentTimeMillis
        sent.push({ model, at })
        yield* Effect.sleep(100)
        const reason = behaviour(at)
        if (reason !== undefined) {
          return yield* new ModelError({ reason, retryable: true, message: `${model} said so.` })
        }
        return response(text, model)
      })
  })
  const call = (text: string): Call<string, string> => ({
    ...target("gpt-5-mini", first),
    ...(hasFallback ? { fallback: target("gpt-5-nano", second) } : {}),
    run: RunId.make("run"),
    kind: "extraction",
    priority: "normal",
    take: () => Option.some({ payload: text, group, items: [key(text)], inputTokens: 1_000, outputTokens: 1_000 })
  })
  return { sent, call }
}

const names = (count: number) => Array.from({ length: count }, (_, index) => `text ${index}`)

const reservations: Array<Reservation> = []
const logged: Array<string> = []

const layer = callsLayer.pipe(
  Layer.provideMerge(
    Layer.mergeAll(
      Gate.layer({ ceiling: 8 }),
      Retry.layer({ base: 500, cap: 30_000, patience: 600_000, firstPatience: 30_000 }),
      Layer.effect(
        Journal,
        Effect.map(Journal, (journal) => ({
          ...journal,
          reserve: (batch: ReadonlyArray<Reservation>) => {
            reservations.push(...batch)
            return journal.reserve(batch)
          }
        }))
      ).pipe(Layer.provide(SqliteJournal.layerMemory))
    )
  ),
  Layer.provideMerge(
    Logger.layer([
      Logger.make(({ message }) => void logged.push(Array.isArray(message) ? message.join(" ") : String(message)))
    ])
  )
)

/** Runs all calls at once, for at most an hour. */
const run = Effect.fnUntraced(function* (calls: ReadonlyArray<Call<string, string>>) {
  reservations.length = 0
  logged.length = 0
  const { call } = yield* ModelCalls
  const fiber = yield* Effect.forkChild(Effect.result(Effect.forEach(calls, call, { concurrency: "unbounded" })))
  yield* TestClock.adjust("1 hour")
  return yield* Fiber.join(fiber)
})

const values = (outcome: Effect.Success<ReturnType<typeof run>>) =>
  outcome._tag === "Failure"
    ? assert.fail(outcome.failure.message)
    : outcome.success.map((one) =>
        Option.isSome(one) && one.value._tag === "answered" ? one.value.result.response.value : "none"
      )

describe("a fallback", () => {
  it.effect("is not asked while the first answers", () => {
    const { call, sent } = world(works, works)
    return Effect.gen(function* () {
      values(yield* run(names(50).map(call)))
      assert.deepStrictEqual([...new Set(sent.map(({ model }) => model))], ["gpt-5-mini"])
      assert.deepStrictEqual(logged, [])
    }).pipe(Effect.provide(layer))
  })

  it.effect("answers everything once the first's quota is spent, which is not tried again, and is told once", () => {
    const { call, sent } = world(fails(new QuotaExhausted()), works)
    return Effect.gen(function* () {
      const answers = values(yield* run(names(200).map(call)))
      assert.isTrue(answers.every((answer) => answer.startsWith("gpt-5-nano of")))
      // At most what the gate lets pass at once, and not each call anew.
      assert.isAtMost(sent.filter(({ model }) => model === "gpt-5-mini").length, 8)
      assert.strictEqual(logged.length, 1)
      assert.include(logged[0] ?? "", "gpt-5-nano")
    }).pipe(Effect.provide(layer))
  })

  it.effect("is reserved and paid for as what it is, in a pool of its own, for the same items", () => {
    const { call } = world(fails(new QuotaExhausted()), works)
    return Effect.gen(function* () {
      values(yield* run([call("a")]))
      assert.deepStrictEqual(
        reservations.map(({ endpoint, items, model }) => [endpoint, model, items]),
        [
          ["http://gpt-5-mini", "gpt-5-mini", [key("a")]],
          ["http://gpt-5-nano", "gpt-5-nano", [key("a")]]
        ]
      )
      const totals = yield* (yield* Journal).totals(RunId.make("run"))
      assert.closeTo(totals.usd, (1_000 * 0.05 + 500 * 0.4) / 1e6, 1e-12)
      const found = yield* (yield* ModelCalls).lookup(key("a"))
      assert.deepStrictEqual(found, Option.some('"a"'))
      const pools = [...(yield* (yield* Gate.Gate).state).keys()]
      assert.deepStrictEqual(pools, ["http://gpt-5-mini gpt-5-mini", "http://gpt-5-nano gpt-5-nano"])
    }).pipe(Effect.provide(layer))
  })

  for (const [name, reason] of [
    ["over its capacity", new Overloaded({})],
    ["failing", new ServerFault({ status: 500 })]
  ] as const) {
    it.effect(`answers while the first is ${name}, and no longer once it is back`, () => {
      const { call, sent } = world(fails(reason, 120_000), works)
      return Effect.gen(function* () {
        const { call: ask } = yield* ModelCalls
        logged.length = 0
        // One call a second, for five minutes.
        const fiber = yield* Effect.forkChild(
          Effect.forEach(names(300), (text, index) => Effect.andThen(Effect.sleep(index * 1_000), ask(call(text))), {
            concurrency: "unbounded"
          })
        )
        yield* TestClock.adjust("1 hour")
        const outcomes = yield* Fiber.join(fiber)
        assert.isTrue(outcomes.every((one) => Option.isSome(one) && one.value._tag === "answered"))
        const second = sent.filter(({ model }) => model === "gpt-5-nano").map(({ at }) => at)
        assert.isAtLeast(Math.min(...second), 10_000)
        assert.isAbove(second.length, 80)
        // A probe comes at the latest as long after the recovery as the failure took.
        assert.isAtMost(Math.max(...second), 250_000)
        const whileDown = sent.filter(({ at, model }) => model === "gpt-5-mini" && at > 45_000 && at < 120_000)
        assert.isAtMost(whileDown.length, 3)
        assert.deepStrictEqual(
          logged.map((line) => /cannot be had|answers again/.exec(line)?.[0]),
          ["cannot be had", "answers again"]
        )
      }).pipe(Effect.provide(layer))
    })
  }

  it.effect("takes over what waits at the first's gate, however long the first asks to be left alone", () => {
    const { call, sent } = world(fails(new Overloaded({ retryAfter: 3_600_000 })), works)
    return Effect.gen(function* () {
      values(yield* run(names(100).map(call)))
      assert.isAtMost(Math.max(...sent.map(({ at }) => at)), 60_000)
    }).pipe(Effect.provide(layer))
  })

  it.effect("is not asked because the first is at a limit, which passes", () => {
    const { call, sent } = world(fails(new RateLimited({ dimension: "requests", retryAfter: 20_000 }), 60_000), works)
    return Effect.gen(function* () {
      values(yield* run(names(20).map(call)))
      assert.isTrue(sent.every(({ model }) => model === "gpt-5-mini"))
    }).pipe(Effect.provide(layer))
  })

  it.effect("is asked where a limit lasts longer than anybody waits", () => {
    const { call, sent } = world(fails(new RateLimited({ dimension: "requests", retryAfter: 40_000_000 })), works)
    return Effect.gen(function* () {
      values(yield* run(names(20).map(call)))
      assert.isAbove(sent.filter(({ model }) => model === "gpt-5-nano").length, 15)
    }).pipe(Effect.provide(layer))
  })

  it.effect("is not asked because the first is misconfigured: the run stops", () => {
    const { call, sent } = world(fails(new Misconfigured({ status: 401 })), works)
    return Effect.gen(function* () {
      const outcome = yield* run([call("a")])
      if (outcome._tag !== "Failure" || outcome.failure._tag !== "RunStopped") return assert.fail("not stopped")
      assert.strictEqual(outcome.failure.reason, "configuration")
      assert.isTrue(sent.every(({ model }) => model === "gpt-5-mini"))
    }).pipe(Effect.provide(layer))
  })

  it.effect("that cannot be had either stops the run, which says so of both", () => {
    const { call } = world(fails(new QuotaExhausted()), fails(new QuotaExhausted()))
    return Effect.gen(function* () {
      const outcome = yield* run(names(20).map(call))
      if (outcome._tag !== "Failure" || outcome.failure._tag !== "RunStopped") return assert.fail("not stopped")
      assert.strictEqual(outcome.failure.reason, "quota")
      assert.include(outcome.failure.message, "gpt-5-mini")
      assert.include(outcome.failure.message, "gpt-5-nano")
    }).pipe(Effect.provide(layer))
  })

  it.effect("whose quota is spent leaves the run with the first, which is waited for as if there were none", () => {
    const { call, sent } = world(fails(new ServerFault({ status: 500 }), 25_000), fails(new QuotaExhausted()))
    return Effect.gen(function* () {
      const answers = values(yield* run(names(20).map(call)))
      assert.isTrue(answers.every((answer) => answer.startsWith("gpt-5-mini of")))
      assert.isAtLeast(sent.filter(({ model }) => model === "gpt-5-nano").length, 1)
      assert.isAtMost(sent.filter(({ model }) => model === "gpt-5-nano").length, 8)
    }).pipe(Effect.provide(layer))
  })

  it.effect("need not be there: a spent quota then stops the run", () => {
    const { call } = world(fails(new QuotaExhausted()), works, false)
    return Effect.gen(function* () {
      assert.strictEqual((yield* run([call("a")]))._tag, "Failure")
    }).pipe(Effect.provide(layer))
  })
})
