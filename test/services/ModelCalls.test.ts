import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Fiber, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { Group, itemKey, recipe, RunId } from "../../src/domain/Ids.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import {
  ModelError,
  Overloaded,
  QuotaExhausted,
  RateLimited,
  RequestRejected,
  ServerFault
} from "../../src/services/ChatModel.ts"
import * as Gate from "../../src/services/Gate.ts"
import { Journal } from "../../src/services/Journal.ts"
import type { Reservation, Settlement } from "../../src/services/Journal.ts"
import * as ModelCalls from "../../src/services/ModelCalls.ts"
import type { Call, Response } from "../../src/services/ModelCalls.ts"
import * as Retry from "../../src/services/Retry.ts"
import { StorageError } from "../../src/services/StorageError.ts"

const run = RunId.make("run")
const group = Group.make("test")
const key = (text: string) => itemKey(group, "extraction", recipe("test"), text)

type Event =
  | { readonly _tag: "lookup"; readonly keys: number }
  | { readonly _tag: "reserve"; readonly reservation: Reservation }
  | { readonly _tag: "settle"; readonly settlement: Settlement }
  | { readonly _tag: "send"; readonly at: number }

/** The real journal in memory, that notes when something is durably written. */
const observed = (events: Array<Event>, fails: () => StorageError | undefined = () => undefined) =>
  Layer.effect(
    Journal,
    Effect.gen(function* () {
      const journal = yield* Journal
      const guarded = <A>(effect: Effect.Effect<A, StorageError>) =>
        Effect.suspend(() => {
          const failure = fails()
          return failure === undefined ? effect : Effect.fail(failure)
        })
      return Journal.of({
        ...journal,
        lookup: (keys) => {
          events.push({ _tag: "lookup", keys: keys.length })
          return guarded(journal.lookup(keys))
        },
        reserve: (reservations) =>
          Effect.tap(guarded(Effect.delay(journal.reserve(reservations), 5)), () =>
            Effect.sync(() =>
              events.push(...reservations.map((reservation) => ({ _tag: "reserve" as const, reservation })))
            )
          ),
        settle: (settlements) =>
          Effect.tap(guarded(Effect.delay(journal.settle(settlements), 5)), () =>
            Effect.sync(() =>
              events.push(...settlements.map((settlement) => ({ _tag: "settle" as const, settlement })))
            )
          )
      })
    })
  ).pipe(Layer.provide(SqliteJournal.layerMemory))

const layer = (
  events: Array<Event>,
  options: { readonly ceiling?: number; readonly fails?: () => StorageError | undefined } = {}
) =>
  ModelCalls.layer.pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        Gate.layer({ ceiling: options.ceiling ?? 4 }),
        Retry.layer({ base: 500, cap: 5_000, patience: 600_000, firstPatience: 60_000 }),
        observed(events, options.fails)
      )
    )
  )

const response = (text: string): Response<string> => ({
  value: `value of ${text}`,
  usage: { input: 10, output: 5, cached: 0 },
  model: "model-1",
  raw: `raw ${text}`,
  answers: [{ key: key(text), group, kind: "extraction", value: JSON.stringify(text) }]
})

const callOf = (text: string, send: Call<string, string>["send"]): Call<string, string> => ({
  run,
  kind: "extraction",
  endpoint: "http://model",
  model: "model",
  priority: "normal",
  take: () => Option.some({ payload: text, group, items: [key(text)], inputTokens: 20, outputTokens: 30 }),
  send
})

const answer = (text: string) => Effect.succeed(response(text))
const fault = (reason: ModelError["reason"]) => new ModelError({ reason, retryable: true, message: "said so." })

const finish = <A, E>(fiber: Fiber.Fiber<A, E>) => Effect.andThen(TestClock.adjust("10 minutes"), Fiber.join(fiber))

describe("ModelCalls", () => {
  it.effect("reserves durably before it sends, and answers only after the answers are durable", () => {
    const events: Array<Event> = []
    return Effect.gen(function* () {
      const { call } = yield* ModelCalls.ModelCalls
      const fiber = yield* Effect.forkChild(
        call(
          callOf("a", (text) =>
            Effect.gen(function* () {
              events.push({ _tag: "send", at: yield* Clock.currentTimeMillis })
              return response(text)
            })
          )
        ).pipe(Effect.tap(() => Effect.sync(() => assert.strictEqual(events.at(-1)?._tag, "settle"))))
      )
      const outcome = yield* finish(fiber)
      assert.deepStrictEqual(
        events.map(({ _tag }) => _tag),
        ["reserve", "send", "settle"]
      )
      const result = Option.getOrThrow(outcome)
      if (result._tag !== "answered") return assert.fail(result._tag)
      assert.strictEqual(result.result.answers.get(key("a")), '"a"')
      assert.strictEqual(result.result.response.value, "value of a")
      const totals = yield* (yield* Journal).totals(run)
      assert.deepStrictEqual(totals.calls, { extraction: 1 })
      assert.strictEqual(totals.unsettled, 0)
      assert.deepStrictEqual(totals.usage, { input: 10, output: 5, cached: 0 })
    }).pipe(Effect.provide(layer(events)))
  })

  it.effect("gives the answer that stands in the journal, which another process may have written first", () =>
    Effect.gen(function* () {
      const { call } = yield* ModelCalls.ModelCalls
      const first = yield* Effect.forkChild(call(callOf("a", answer)))
      yield* finish(first)
      const second = yield* Effect.forkChild(
        call(
          callOf("a", () =>
            Effect.succeed({
              ...response("a"),
              answers: [{ key: key("a"), group, kind: "extraction", value: '"later"' }]
            })
          )
        )
      )
      const outcome = Option.getOrThrow(yield* finish(second))
      if (outcome._tag !== "answered") return assert.fail(outcome._tag)
      assert.strictEqual(outcome.result.answers.get(key("a")), '"a"')
    }).pipe(Effect.provide(layer([])))
  )

  it.effect(
    "sends again after a fault of the provider; each attempt is a call of its own, the failed ones settled",
    () => {
      const events: Array<Event> = []
      return Effect.gen(function* () {
        const { call, counts } = yield* ModelCalls.ModelCalls
        let attempts = 0
        const fiber = yield* Effect.forkChild(
          call(
            callOf("a", (text) =>
              Effect.suspend(() =>
                ++attempts < 4 ? Effect.fail(fault(new ServerFault({ status: 500 }))) : Effect.succeed(response(text))
              )
            )
          )
        )
        const outcome = Option.getOrThrow(yield* finish(fiber))
        assert.strictEqual(outcome._tag, "answered")
        assert.strictEqual(attempts, 4)
        assert.strictEqual(counts.retried, 3)
        assert.strictEqual(counts.sent, 4)
        assert.strictEqual(counts.inFlight, 0)
        const ids = events.flatMap((event) => (event._tag === "reserve" ? [event.reservation.call] : []))
        assert.strictEqual(new Set(ids).size, 4)
        const settled = events.flatMap((event) => (event._tag === "settle" ? [event.settlement.outcome] : []))
        assert.deepStrictEqual(settled, ["failed", "failed", "failed", "answered"])
        const totals = yield* (yield* Journal).totals(run)
        assert.deepStrictEqual([totals.calls, totals.failed, totals.unsettled], [{ extraction: 4 }, 3, 0])
      }).pipe(Effect.provide(layer(events)))
    }
  )

  it.effect("holds no slot while it waits to send again", () =>
    Effect.gen(function* () {
      const { call } = yield* ModelCalls.ModelCalls
      const failing = yield* Effect.forkChild(
        call(callOf("a", () => Effect.fail(fault(new ServerFault({ status: 503, retryAfter: 30_000 })))))
      )
      yield* TestClock.adjust(100)
      const other = yield* Effect.forkChild(call(callOf("b", answer)))
      yield* TestClock.adjust(100)
      assert.isDefined(other.pollUnsafe())
      assert.isUndefined(failing.pollUnsafe())
      yield* Fiber.interrupt(failing)
    }).pipe(Effect.provide(layer([], { ceiling: 1 })))
  )

  it.effect("once the provider is at a limit, nothing more is sent until it may be", () =>
    Effect.gen(function* () {
      const { call } = yield* ModelCalls.ModelCalls
      const sent: Array<number> = []
      const start = yield* Clock.currentTimeMillis
      const calls = Array.from({ length: 20 }, (_, index) =>
        callOf(`${index}`, (text) =>
          Effect.gen(function* () {
            const at = (yield* Clock.currentTimeMillis) - start
            sent.push(at)
            yield* Effect.sleep(50)
            return at < 10_000
              ? yield* fault(new RateLimited({ dimension: "requests", retryAfter: 10_000 }))
              : response(text)
          })
        )
      )
      const fiber = yield* Effect.forkChild(Effect.forEach(calls, call, { concurrency: "unbounded" }))
      yield* TestClock.adjust(9_999)
      assert.strictEqual(sent.length, 1, "the first call goes alone")
      const outcomes = yield* finish(fiber)
      assert.isTrue(outcomes.every((one) => Option.isSome(one) && one.value._tag === "answered"))
    }).pipe(Effect.provide(layer([], { ceiling: 2 })))
  )

  it.effect(
    "a call that the provider will not answer as it is comes back refused, settled as failed, sent once",
    () => {
      const events: Array<Event> = []
      return Effect.gen(function* () {
        const { call } = yield* ModelCalls.ModelCalls
        const fiber = yield* Effect.forkChild(
          call(callOf("a", () => Effect.fail(fault(new RequestRejected({ status: 400 })))))
        )
        const outcome = Option.getOrThrow(yield* finish(fiber))
        if (outcome._tag !== "refused") return assert.fail(outcome._tag)
        assert.strictEqual(outcome.payload, "a")
        assert.strictEqual(outcome.error.reason._tag, "RequestRejected")
        assert.deepStrictEqual(
          events.map(({ _tag }) => _tag),
          ["reserve", "settle"]
        )
        assert.strictEqual((yield* (yield* Journal).totals(run)).failed, 1)
      }).pipe(Effect.provide(layer(events)))
    }
  )

  it.effect("nothing to take is no call, and no reservation", () => {
    const events: Array<Event> = []
    return Effect.gen(function* () {
      const { call, counts } = yield* ModelCalls.ModelCalls
      const outcome = yield* call({ ...callOf("a", answer), take: () => Option.none() })
      assert.isTrue(Option.isNone(outcome))
      assert.deepStrictEqual(events, [])
      assert.strictEqual(counts.sent, 0)
      assert.strictEqual(yield* (yield* Gate.Gate).inFlight, 0)
    }).pipe(Effect.provide(layer(events)))
  })

  it.effect("takes once, when it is admitted, and sends the same again", () =>
    Effect.gen(function* () {
      const { call } = yield* ModelCalls.ModelCalls
      const payloads: Array<string> = []
      let taken = 0
      const fiber = yield* Effect.forkChild(
        call({
          ...callOf("a", (text) => {
            payloads.push(text)
            return payloads.length < 3 ? Effect.fail(fault(new Overloaded({}))) : Effect.succeed(response(text))
          }),
          take: () => {
            taken++
            return Option.some({ payload: `take ${taken}`, group, items: [], inputTokens: 1, outputTokens: 1 })
          }
        })
      )
      yield* finish(fiber)
      assert.deepStrictEqual(payloads, ["take 1", "take 1", "take 1"])
    }).pipe(Effect.provide(layer([])))
  )

  it.effect("a spent quota stops the run, and its call is settled all the same", () => {
    const events: Array<Event> = []
    return Effect.gen(function* () {
      const { call } = yield* ModelCalls.ModelCalls
      const fiber = yield* Effect.forkChild(
        Effect.flip(call(callOf("a", () => Effect.fail(fault(new QuotaExhausted({}))))))
      )
      const stopped = yield* finish(fiber)
      if (stopped._tag !== "RunStopped") return assert.fail(stopped._tag)
      assert.strictEqual(stopped.reason, "quota")
      const totals = yield* (yield* Journal).totals(run)
      assert.deepStrictEqual([totals.failed, totals.unsettled], [1, 0])
    }).pipe(Effect.provide(layer(events)))
  })

  it.effect("a journal that fails stops the run before anything is sent, and frees the slot", () => {
    const failure = new StorageError({
      storage: "journal",
      reason: "full",
      retryable: true,
      message: "The disk is full."
    })
    return Effect.gen(function* () {
      const { call, counts, lookup } = yield* ModelCalls.ModelCalls
      const error = yield* Effect.flip(call(callOf("a", answer)))
      assert.deepStrictEqual([error._tag, counts.sent], ["StorageError", 0])
      assert.strictEqual((yield* Effect.flip(lookup(key("a")))).reason, "full")
      assert.strictEqual(yield* (yield* Gate.Gate).inFlight, 0)
    }).pipe(Effect.provide(layer([], { fails: () => failure })))
  })

  it.effect("look-ups that come together go together, and what they find is counted", () => {
    const events: Array<Event> = []
    return Effect.gen(function* () {
      const { call, counts, lookup } = yield* ModelCalls.ModelCalls
      yield* finish(yield* Effect.forkChild(call(callOf("a", answer))))
      const names = ["a", ...Array.from({ length: 500 }, (_, index) => `unknown ${index}`)]
      const found = yield* Effect.forEach(names, (each) => lookup(key(each)), { concurrency: "unbounded" })
      assert.deepStrictEqual(found.map(Option.getOrUndefined), ['"a"', ...names.slice(1).map(() => undefined)])
      assert.strictEqual(counts.journal, 1)
      const batches = events.filter(({ _tag }) => _tag === "lookup")
      assert.isAtMost(batches.length, 3)
    }).pipe(Effect.provide(layer(events)))
  })

  it.effect("an interrupted call leaves its reservation unsettled, which counts as spent, and frees its slot", () =>
    Effect.gen(function* () {
      const { call, counts } = yield* ModelCalls.ModelCalls
      const sending = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(
        call({
          ...callOf("a", () => Effect.andThen(Deferred.succeed(sending, undefined), Effect.never)),
          model: "gpt-5-mini"
        })
      )
      yield* TestClock.adjust(100)
      yield* Deferred.await(sending)
      assert.deepStrictEqual([counts.inFlight, yield* (yield* Gate.Gate).inFlight], [1, 1])
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual([counts.inFlight, yield* (yield* Gate.Gate).inFlight], [0, 0])
      const totals = yield* (yield* Journal).totals(run)
      assert.strictEqual(totals.unsettled, 1)
      assert.closeTo(totals.usd, (20 * 0.25 + 30 * 2) / 1e6, 1e-12)
    }).pipe(Effect.provide(layer([])))
  )
})
