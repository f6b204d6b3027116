import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { Group, itemKey, recipe, RunId } from "../../src/domain/Ids.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import * as Budget from "../../src/services/Budget.ts"
import { ConnectionFault, ModelError, RequestRejected, ServerFault } from "../../src/services/ChatModel.ts"
import * as Gate from "../../src/services/Gate.ts"
import { Journal } from "../../src/services/Journal.ts"
import * as ModelCalls from "../../src/services/ModelCalls.ts"
import type { Call, Response } from "../../src/services/ModelCalls.ts"
import { ModelCatalog, withPrices } from "../../src/services/ModelCatalog.ts"
import * as Retry from "../../src/services/Retry.ts"
import { drive } from "../support/pipeline.ts"

const run = RunId.make("run")
const group = Group.make("test")
const key = (text: string) => itemKey(group, "extraction", recipe("test"), text)
const catalog = withPrices(new Map([["model", { input: 1, cached: 1, written: 2, output: 10 }]]))

const layer = (budget: Budget.Ceilings = {}) =>
  ModelCalls.layer.pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        Gate.layer({ ceiling: 4 }),
        Retry.layer({ base: 500, cap: 5_000, patience: 600_000, firstPatience: 60_000 }),
        SqliteJournal.layerMemory,
        Budget.layer(budget),
        Layer.succeed(ModelCatalog, catalog)
      )
    )
  )

const answer = (text: string, output = 5): Response<string> => ({
  value: text,
  usage: { input: 10, output, cached: 0, written: 10 },
  model: "model",
  raw: text,
  answers: [{ key: key(text), group, kind: "extraction", value: JSON.stringify(text) }]
})

/** See `most` for what it costs at the most. */
const callOf = (send: Call<string, string>["send"], texts: ReadonlyArray<string> = ["a"]): Call<string, string> => ({
  run,
  kind: "extraction",
  endpoint: "http://model",
  model: "model",
  priority: "normal",
  take: () => Option.some({ payload: texts.join(), group, items: texts.map(key), inputTokens: 20, outputTokens: 30 }),
  send
})
const most = (20 * 2 + 30 * 10) / 1e6

const fails = (reason: ModelError["reason"]) => new ModelError({ reason, retryable: true, message: "said so." })

const call = (spec: Call<string, string>) => Effect.flatMap(ModelCalls.ModelCalls, (calls) => calls.call(spec))
const reckoned = Effect.flatMap(Journal, (journal) => journal.reckon([run])).pipe(
  Effect.map((all) => all.get(run) ?? assert.fail("No call was made"))
)
/** Answers that fail with the errors given, one after the other, before the first that does not. */
const after = (...errors: ReadonlyArray<ModelError>) => {
  let sent = 0
  return (text: string) =>
    Effect.suspend(() => {
      const error = errors[sent++]
      return error === undefined ? Effect.succeed(answer(text)) : Effect.fail(error)
    })
}

describe("reservations", () => {
  it.effect("every request that is sent has one of its own, also where the adapter asks in another way", () =>
    Effect.gen(function* () {
      const outcome = yield* drive(call(callOf(after(fails(new RequestRejected({ status: 400, isMended: true }))))))
      assert.strictEqual(Option.getOrThrow(outcome)._tag, "answered")
      assert.strictEqual((yield* reckoned).calls, 2)
      const totals = yield* (yield* Journal).totals(run)
      assert.deepStrictEqual([totals.failed, totals.unsettled], [1, 0])
      assert.closeTo(totals.usd, (10 * 2 + 5 * 10) / 1e6, 1e-12)
    }).pipe(Effect.provide(layer()))
  )

  it.effect(
    "what was lost on its way back counts against the budget, and what never went or was refused does not",
    () =>
      Effect.gen(function* () {
        const errors = [
          new ConnectionFault({ isUnsent: true }),
          new ServerFault({ status: 500 }),
          new ConnectionFault(),
          new ServerFault({ status: 200 }),
          // A proxy did not wait for the answer that it had asked for.
          new ServerFault({ status: 504 }),
          new ServerFault({ status: 524 })
        ]
        yield* drive(call(callOf(after(...errors.map(fails)))))
        const { calls, tokens, usd } = yield* reckoned
        assert.deepStrictEqual([calls, tokens], [7, 4 * 50 + 15])
        assert.closeTo(usd, 4 * most + 70e-6, 1e-12)
      }).pipe(Effect.provide(layer()))
  )

  it.effect("a request beyond what is left is split if it can be, and else stops the run, unsent", () =>
    Effect.gen(function* () {
      const send = (text: string) => Effect.succeed(answer(text))
      const outcome = Option.getOrThrow(yield* drive(call(callOf(send, ["a", "b"]))))
      if (outcome._tag !== "refused") return assert.fail(outcome._tag)
      assert.strictEqual(outcome.error.reason._tag, "RequestTooLarge")
      const stopped = yield* Effect.flip(drive(call(callOf(send))))
      assert.deepInclude(stopped, { _tag: "RunStopped", reason: "budget" })
      assert.strictEqual((yield* (yield* Journal).reckon([run])).size, 0)
      assert.strictEqual(yield* (yield* Gate.Gate).inFlight, 0)
    }).pipe(Effect.provide(layer({ cost: most * 0.99 })))
  )

  it.effect("an answer beyond its cap is kept, and stops the run", () =>
    Effect.gen(function* () {
      const stopped = yield* Effect.flip(drive(call(callOf((text) => Effect.succeed(answer(text, 31))))))
      assert.deepInclude(stopped, { _tag: "RunStopped", reason: "budget" })
      assert.include(stopped.message, "1 more than the 30")
      assert.isTrue((yield* (yield* Journal).lookup([key("a")])).has(key("a")))
    }).pipe(Effect.provide(layer({ cost: 1 })))
  )

  it.effect("an answer beyond its cap is nobody's trouble without a budget", () =>
    Effect.gen(function* () {
      const outcome = yield* drive(call(callOf((text) => Effect.succeed(answer(text, 31)))))
      assert.strictEqual(Option.getOrThrow(outcome)._tag, "answered")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("draining sends nothing more, waits for what is under way, and has it in the journal then", () =>
    Effect.gen(function* () {
      const calls = yield* ModelCalls.ModelCalls
      const released = yield* Deferred.make<void>()
      const slow = (text: string) => Effect.as(Deferred.await(released), answer(text))
      const first = yield* Effect.forkChild(call(callOf(slow)))
      yield* TestClock.adjust(10)
      const drained = yield* Effect.forkChild(Effect.uninterruptible(calls.drain(5000)), { startImmediately: true })
      const late = yield* Effect.forkChild(call(callOf(() => Effect.die("sent"), ["b"])))
      yield* TestClock.adjust(4000)
      assert.isUndefined(drained.pollUnsafe())
      yield* Deferred.succeed(released, undefined)
      yield* TestClock.adjust(10)
      assert.strictEqual(yield* Fiber.join(drained), 0)
      assert.isTrue((yield* (yield* Journal).lookup([key("a")])).has(key("a")))
      assert.strictEqual((yield* reckoned).calls, 1)
      yield* Fiber.join(first)
      yield* Fiber.interrupt(late)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("draining gives up when its time is over, and what is still under way counts as spent", () =>
    Effect.gen(function* () {
      const calls = yield* ModelCalls.ModelCalls
      const hanging = yield* Effect.forkChild(call(callOf(() => Effect.never)))
      yield* TestClock.adjust(10)
      const drained = yield* Effect.forkChild(Effect.uninterruptible(calls.drain(5000)))
      yield* TestClock.adjust(5000)
      assert.strictEqual(yield* Fiber.join(drained), 1)
      yield* Fiber.interrupt(hanging)
      assert.closeTo((yield* reckoned).usd, most, 1e-12)
      assert.strictEqual(yield* calls.open, 0)
    }).pipe(Effect.provide(layer()))
  )
})
