import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as SimulatedProvider from "../../src/layers/SimulatedProvider.ts"
import type { Faults, SimulatedOptions } from "../../src/layers/simulated/Options.ts"
import { SimulatedLedger } from "../../src/layers/simulated/Ledger.ts"
import { ChatModel } from "../../src/services/ChatModel.ts"
import type { ModelError } from "../../src/services/ChatModel.ts"
import { decodeAnswer, itemOf, requestFor } from "../support/chat.ts"
import { suite as chatModelSuite } from "../suites/ChatModel.ts"
import { suite as embedderSuite } from "../suites/Embedder.ts"

const silent = SimulatedProvider.make({ faults: { hang: 1 } })

chatModelSuite("SimulatedProvider", {
  layer: SimulatedProvider.layer({ refuses: "FORBIDDEN" }),
  refuses: "FORBIDDEN",
  silent: silent.layer,
  seen: SimulatedLedger.use((ledger) => ledger.snapshot).pipe(
    Effect.map(({ chat }) => ({ arrived: chat.requests, aborted: chat.failed["hang"] ?? 0 })),
    Effect.provide(silent.layer)
  )
})
embedderSuite("SimulatedProvider", SimulatedProvider.layerEmbedder())

const complete = (texts: ReadonlyArray<string>, cap?: number) =>
  ChatModel.use((model) => model.complete(requestFor(texts, cap)))
const snapshot = SimulatedLedger.use((ledger) => ledger.snapshot)
const namesOf = Effect.fnUntraced(function* (content: string) {
  const { chunks } = yield* decodeAnswer(content)
  return chunks.map(({ entities, id }) => [id, entities.map((entity) => entity.name)] as const)
})
const under = <A, E>(
  options: SimulatedOptions,
  effect: Effect.Effect<A, E, ChatModel | SimulatedLedger>
): Effect.Effect<A, E> => Effect.provide(effect, SimulatedProvider.layer(options))

const failing = (faults: Faults) =>
  under(
    { faults, timeout: 1_000 },
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.flip(complete(["Ada Lovelace met Bob."])))
      yield* TestClock.adjust("1 second")
      return { error: yield* Fiber.join(fiber), chat: (yield* snapshot).chat }
    })
  )

const texts = Array.from({ length: 40 }, (_, i) => `Person${i}a met Person${i}b in 19${10 + i}. They founded Firm${i}.`)

describe("SimulatedProvider", () => {
  it.effect("answers for an item alone what it answers for it in company", () =>
    under(
      {},
      Effect.gen(function* () {
        const together = yield* decodeAnswer((yield* complete(texts, 100_000)).content)
        for (const [i, text] of texts.entries()) {
          const alone = yield* decodeAnswer((yield* complete([text])).content)
          assert.deepStrictEqual({ ...alone.chunks[0], id: "" }, { ...together.chunks[i], id: "" })
        }
      })
    )
  )

  it.effect("reads dates and facts from the sentence that says them", () =>
    under(
      {},
      Effect.gen(function* () {
        const { chunks } = yield* decodeAnswer((yield* complete(["In 1833 Ada Lovelace met Charles Babbage."])).content)
        const [fact] = chunks[0]?.facts ?? []
        assert.deepInclude(fact, {
          source: "Ada Lovelace",
          target: "Charles Babbage",
          text: "In 1833 Ada Lovelace met Charles Babbage.",
          validAt: "1833",
          invalidAt: null
        })
      })
    )
  )

  const reasons: ReadonlyArray<readonly [keyof Faults, ModelError["reason"]["_tag"]]> = [
    ["rateLimited", "RateLimited"],
    ["serverError", "ServerFault"],
    ["unavailable", "Overloaded"],
    ["reset", "ConnectionFault"],
    ["resetMidBody", "ConnectionFault"],
    ["hang", "ConnectionFault"],
    ["truncated", "ConnectionFault"]
  ]
  for (const [fault, tag] of reasons) {
    it.effect(`${fault} is a ${tag}, and the ledger knows`, () =>
      Effect.gen(function* () {
        const { chat, error } = yield* failing({ [fault]: 1 })
        assert.deepStrictEqual([error.reason._tag, error.retryable], [tag, true])
        assert.deepStrictEqual(chat.failed, { [fault]: 1 })
        assert.deepInclude(chat, { requests: 1, answered: 0, inFlight: 0 })
        assert.strictEqual(chat.items.answered, 0)
      })
    )
  }

  it.effect("says how long to wait", () =>
    Effect.gen(function* () {
      const { error } = yield* failing({ rateLimited: 1 })
      assert.deepInclude(error.reason, { _tag: "RateLimited", retryAfter: 1_000 })
    })
  )

  it.effect("spoils contents as the options say", () =>
    Effect.gen(function* () {
      const one = (options: SimulatedOptions) => under(options, complete(["Ada Lovelace met Bob."]))
      const invalid = yield* one({ faults: { invalidJson: 1 } })
      assert.strictEqual(invalid.finish, "stop")
      assert.isTrue(Option.isNone(Schema.decodeOption(Schema.fromJsonString(Schema.Unknown))(invalid.content)))
      assert.deepInclude(yield* one({ faults: { empty: 1 } }), { content: "", finish: "stop" })
      assert.deepInclude(yield* one({ faults: { refusal: 1 } }), { content: "", finish: "refusal" })
      assert.strictEqual((yield* one({ faults: { length: 1 } })).finish, "length")
      const ids = (faults: Faults) =>
        Effect.flatMap(one({ faults }), ({ content }) =>
          Effect.map(namesOf(content), (chunks) => chunks.map(([id]) => id))
        )
      assert.deepStrictEqual(yield* ids({ wrongId: 1 }), ["c1-unasked"])
      assert.deepStrictEqual(yield* ids({ duplicate: 1 }), ["c1", "c1"])
    })
  )

  it.effect("leaves items out, and does not count them as answered", () =>
    under(
      { faults: { missing: 0.5 }, seed: 3 },
      Effect.gen(function* () {
        const found = yield* namesOf((yield* complete(texts, 100_000)).content)
        const { chat } = yield* snapshot
        assert.strictEqual(found.length, chat.items.answered)
        assert.strictEqual(chat.items.faults["missing"], texts.length - found.length)
        assert.isAbove(found.length, 8)
        assert.isBelow(found.length, 32)
      })
    )
  )

  it.effect("leaks a name of a pack-mate and of nothing else", () =>
    under(
      { faults: { crossTalk: 1 } },
      Effect.gen(function* () {
        const [first, second] = yield* namesOf((yield* complete(["Ada met Bob.", "Bob met Carl."])).content)
        assert.deepStrictEqual(first?.[1], ["Ada", "Bob", "Carl"])
        assert.deepStrictEqual(second?.[1], ["Bob", "Carl", "Ada"])
        assert.deepStrictEqual(yield* namesOf((yield* complete(["Ada met Bob."])).content), [["c1", ["Ada", "Bob"]]])
      })
    )
  )

  it.effect("invents names that stand nowhere", () =>
    under(
      { faults: { noise: 1 } },
      Effect.gen(function* () {
        const [chunk] = yield* namesOf((yield* complete(["Ada met Bob."])).content)
        assert.strictEqual(chunk?.[1].length, 3)
        assert.notInclude("Ada met Bob.", chunk?.[1][2] ?? "Ada")
      })
    )
  )

  it.effect("lets a poisoned item spoil every pack that it is in, and no other", () =>
    under(
      { poison: "POISON" },
      Effect.gen(function* () {
        const spoiled = yield* complete(["Ada met Bob.", "POISON"])
        assert.isTrue(Option.isNone(Schema.decodeOption(Schema.fromJsonString(Schema.Unknown))(spoiled.content)))
        assert.deepStrictEqual(yield* namesOf((yield* complete(["Ada met Bob."])).content), [["c1", ["Ada", "Bob"]]])
      })
    )
  )

  it.effect("draws the same faults in whatever order requests arrive, and new ones for another attempt", () =>
    Effect.gen(function* () {
      const outcome = (text: string) =>
        Effect.result(complete([text])).pipe(Effect.map((result) => `${text} ${result._tag}`))
      const run = (order: ReadonlyArray<string>) =>
        under({ faults: { serverError: 0.5 }, seed: 11 }, Effect.forEach(order, outcome))
      const there = yield* run(texts)
      assert.deepStrictEqual(new Set(there), new Set(yield* run(texts.toReversed())))
      assert.isTrue(there.some((line) => line.endsWith("Failure")) && there.some((line) => line.endsWith("Success")))
      yield* under(
        { faults: { serverError: 0.5 }, seed: 11 },
        Effect.forEach(texts, (text) => Effect.retry(complete([text]), { times: 30 }))
      )
    })
  )

  it.effect("takes its time in the Clock's time alone", () =>
    under(
      { latency: { median: 60_000, perOutputToken: 1 }, timeout: 600_000 },
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(complete(["Ada met Bob."]))
        yield* TestClock.adjust("59 seconds")
        assert.strictEqual((yield* snapshot).chat.inFlight, 1)
        yield* TestClock.adjust("11 seconds")
        const { usage } = yield* Fiber.join(fiber)
        assert.deepInclude((yield* snapshot).chat, { inFlight: 0, answered: 1, makespan: 60_000 + usage.output })
      })
    )
  )

  it.effect("spreads latencies log-normally around the median", () =>
    under(
      { latency: { median: 1_000, sigma: 0.5 }, timeout: 600_000 },
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(
          Effect.forEach(
            Array.from({ length: 400 }, (_, i) => `Person${i}x.`),
            (text) => Effect.map(Effect.timed(complete([text])), ([taken]) => Duration.toMillis(taken)),
            { concurrency: "unbounded" }
          )
        )
        yield* TestClock.adjust("5 minutes")
        const sorted = (yield* Fiber.join(fiber)).toSorted((a, b) => a - b)
        assert.closeTo(sorted[200] ?? 0, 1_000, 120)
        assert.closeTo(sorted[336] ?? 0, 1_000 * Math.exp(0.5), 250)
      })
    )
  )

  it.effect("counts the items that are asked again after they were answered", () =>
    under(
      {},
      Effect.gen(function* () {
        yield* complete(["Ada met Bob.", "Carl."])
        yield* complete(["Ada met Bob.", "Dora."])
        const { chat } = yield* snapshot
        assert.deepInclude(chat.items, { distinct: 3, asked: 4, answered: 4, askedAgain: 1 })
        assert.deepStrictEqual(
          chat.askedAgain.map(({ answered, asked, text }) => ({ answered, asked, text })),
          [{ answered: 2, asked: 2, text: "Ada met Bob." }]
        )
        const item = yield* SimulatedLedger.use((ledger) => ledger.item("chat", itemOf("Ada met Bob.")))
        assert.deepStrictEqual(item, { asked: 2, answered: 2 })
      })
    )
  )

  it.effect("counts a request that the client gives up as aborted, and its items as not answered", () =>
    under(
      { latency: { median: 1_000 } },
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(complete(["Ada met Bob."]))
        yield* TestClock.adjust(500)
        yield* Fiber.interrupt(fiber)
        const { chat } = yield* snapshot
        assert.deepStrictEqual(chat.failed, { aborted: 1 })
        assert.deepInclude(chat, { requests: 1, answered: 0, inFlight: 0, maxInFlight: 1 })
        assert.strictEqual(chat.items.answered, 0)
      })
    )
  )

  it.effect("turns away what is over a limit, with its headers, and has it all in its books", () =>
    under(
      { limits: { rpm: 2, tpm: 100_000, terse: true }, latency: { median: 1_000 } },
      Effect.gen(function* () {
        const answers = yield* Effect.forkChild(
          Effect.all([complete(["Ada met Bob."]), complete(["Carl."])], { concurrency: 2 })
        )
        yield* TestClock.adjust("1500 millis")
        const [first] = yield* Fiber.join(answers)
        assert.deepInclude(first.headers, {
          "x-ratelimit-remaining-requests": "1",
          "x-ratelimit-reset-requests": "30s"
        })
        const { reason } = yield* Effect.flip(complete(["Dora."]))
        assert.deepInclude(reason, { _tag: "RateLimited", dimension: "requests", retryAfter: 29_000 })
        const { chat } = yield* snapshot
        assert.deepInclude(chat, { requests: 3, answered: 2, failed: { rpm: 1 }, limited: { rpm: 1 }, lastAt: 1_500 })
        assert.strictEqual(chat.items.asked, 2)
        assert.strictEqual(chat.usage["test-model"]?.["rpm"]?.taken, 2)
        assert.strictEqual(chat.usage["test-model"]?.["tpm"]?.taken, chat.charged.tokens)
        assert.isAbove(chat.charged.tokens, 8_000)
        assert.deepStrictEqual(
          chat.series.map(({ answered, arrived, inFlight, limited, second }) => ({
            second,
            arrived,
            limited,
            answered,
            inFlight
          })),
          [
            { second: 0, arrived: 2, limited: 0, answered: 0, inFlight: 2 },
            { second: 1, arrived: 1, limited: 1, answered: 2, inFlight: 0 }
          ]
        )
      })
    )
  )

  it.effect("counts what was charged for nothing as wasted", () =>
    Effect.gen(function* () {
      const { chat } = yield* failing({ serverError: 1 })
      assert.isAbove(chat.charged.wasted, 0)
      assert.strictEqual(chat.charged.wasted, chat.charged.tokens)
    })
  )

  it.effect("limits each model apart", () =>
    under(
      { limits: { rpm: 1 }, limitsByModel: { "test-model": { rpm: 3 } } },
      Effect.gen(function* () {
        yield* Effect.all([complete(["a"]), complete(["b"]), complete(["c"])])
        yield* Effect.flip(complete(["d"]))
        const other = (text: string) =>
          ChatModel.use((model) => model.complete({ ...requestFor([text]), model: "other" }))
        yield* other("a")
        yield* Effect.flip(other("b"))
      })
    )
  )

  it.effect("says that an answer has as many tokens as it is told, up to the cap", () =>
    under(
      { outputTokens: { median: 600, sigma: 0.4 } },
      Effect.gen(function* () {
        const used = yield* Effect.forEach(texts, (text) =>
          Effect.map(complete([text], 700), ({ usage }) => usage.output)
        )
        assert.strictEqual(Math.max(...used), 700)
        assert.isBelow(Math.min(...used), 500)
      })
    )
  )

  it.effect("a server with places answers slower the more there is at once", () =>
    under(
      { outputTokens: { median: 100 }, limits: { slots: { count: 2, step: 10, perRequest: 10 } } },
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(
          Effect.forEach(["a", "b", "c"], (text) => Effect.timed(complete([text])), { concurrency: 3 })
        )
        yield* TestClock.adjust("1 minute")
        const taken = (yield* Fiber.join(fiber)).map(([duration]) => Math.round(Duration.toMillis(duration)))
        // Two at once take 30 ms a token, one alone 20.
        assert.deepStrictEqual(taken, [3_000, 3_000, 5_000])
      })
    )
  )
})
