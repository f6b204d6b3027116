import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schema } from "effect"
import type { Layer } from "effect"
import { ChatModel } from "../../src/services/ChatModel.ts"
import { decodeAnswer, requestFor } from "../support/chat.ts"

export interface ChatModelOptions {
  /** Such as to answer every request whose items do not contain a marker. */
  readonly layer: Layer.Layer<ChatModel, unknown>
  /** A text with this in it is refused by the model. */
  readonly refuses: string
  /** Answers nothing, ever. */
  readonly silent: Layer.Layer<ChatModel, unknown>
  /** How many requests the silent provider saw come, and how many given up by its client. */
  readonly seen: Effect.Effect<{ readonly arrived: number; readonly aborted: number }>
}

/** What every `ChatModel` does; it.live, since some of them have sockets. */
export const suite = (name: string, options: ChatModelOptions) => {
  const within = <A, E>(effect: Effect.Effect<A, E, ChatModel>, layer = options.layer) => Effect.provide(effect, layer)
  const complete = (texts: ReadonlyArray<string>, cap?: number) =>
    ChatModel.use((model) => model.complete(requestFor(texts, cap)))

  describe(`ChatModel: ${name}`, () => {
    it.live("answers in the schema that was asked for", () =>
      within(
        Effect.gen(function* () {
          const response = yield* complete(["Ada Lovelace met Charles Babbage in 1833.", "Nobody was there."])
          assert.strictEqual(response.finish, "stop")
          const { chunks } = yield* decodeAnswer(response.content)
          assert.deepStrictEqual(
            chunks.map(({ entities, id }) => [id, entities.map((entity) => entity.name)]),
            [
              ["c1", ["Ada Lovelace", "Charles Babbage"]],
              ["c2", []]
            ]
          )
        })
      )
    )

    it.live("tells usage, the model and the headers in lower case", () =>
      within(
        Effect.gen(function* () {
          const response = yield* complete(["Ada Lovelace met Charles Babbage."])
          assert.isAbove(response.usage.input, 10)
          assert.isAbove(response.usage.output, 10)
          assert.isAtMost(response.usage.cached, response.usage.input)
          assert.strictEqual(response.model, "test-model")
          assert.match(response.headers["content-type"] ?? "", /json/)
        })
      )
    )

    it.live("tells that an answer was cut off at the output cap, with what there is of it", () =>
      within(
        Effect.gen(function* () {
          const response = yield* complete(["Ada Lovelace met Charles Babbage."], 5)
          assert.strictEqual(response.finish, "length")
          assert.isAbove(response.content.length, 0)
          assert.isAtMost(response.usage.output, 5)
        })
      )
    )

    it.live("tells a refusal from an answer, and leaves its content empty", () =>
      within(
        Effect.gen(function* () {
          const response = yield* complete([`Ada Lovelace. ${options.refuses}`])
          assert.deepStrictEqual([response.finish, response.content], ["refusal", ""])
          assert.isString(response.refusal)
        })
      )
    )

    it.live("takes any Unicode there and back", () =>
      within(
        Effect.gen(function* () {
          const response = yield* complete(["Zoë Ångström traf Łukasz Ōe. 😀 \ud800 \u0000"])
          const { chunks } = yield* decodeAnswer(response.content)
          assert.deepStrictEqual(
            chunks.flatMap(({ entities }) => entities.map((entity) => entity.name)),
            ["Zoë Ångström", "Łukasz Ōe"]
          )
        })
      )
    )

    it.live("answers many at once", () =>
      within(
        Effect.gen(function* () {
          const responses = yield* Effect.forEach(
            Array.from({ length: 200 }, (_, i) => `Person${i}x met Bob.`),
            (text) => complete([text]),
            { concurrency: "unbounded" }
          )
          assert.isTrue(responses.every((response, i) => response.content.includes(`Person${i}x`)))
        })
      )
    )

    it.live("gives a request up when it is interrupted", () =>
      within(
        Effect.gen(function* () {
          const until = Effect.fnUntraced(function* (what: "arrived" | "aborted", count: number) {
            // Bounded by the test's own timeout.
            while ((yield* options.seen)[what] < count) yield* Effect.sleep(1)
          })
          const before = yield* options.seen
          const fiber = yield* Effect.forkChild(complete(["Ada Lovelace."]))
          yield* until("arrived", before.arrived + 1)
          assert.strictEqual((yield* options.seen).aborted, before.aborted)
          yield* Fiber.interrupt(fiber)
          yield* until("aborted", before.aborted + 1)
        }),
        options.silent
      )
    )

    it.live("names its endpoint without a secret", () =>
      within(
        Effect.gen(function* () {
          const { endpoint } = yield* ChatModel
          assert.isTrue(Schema.is(Schema.NonEmptyString)(endpoint))
          assert.notInclude(endpoint, "sk-")
        })
      )
    )
  })
}
