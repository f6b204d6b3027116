import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Redacted } from "effect"
import { hashedVector } from "../../src/domain/Hashing.ts"
import { layer } from "../../src/layers/OpenAiEmbedder.ts"
import { start } from "../../src/layers/SimulatedServer.ts"
import { Embedder } from "../../src/services/Embedder.ts"
import { reply, serveJson } from "../support/http.ts"
import { suite } from "../suites/Embedder.ts"

const at = (baseURL: string, dimensions?: number) =>
  layer({
    apiKey: Redacted.make("sk-test-embedding"),
    baseURL,
    timeout: Duration.seconds(20),
    model: "test-embedding",
    ...(dimensions === undefined ? {} : { dimensions })
  })

suite("OpenAiEmbedder", Layer.unwrap(Effect.map(start(), ({ url }) => at(url))))

const embed = (texts: ReadonlyArray<string>) => Embedder.use((embedder) => embedder.embed(texts))

const answering = (body: unknown, dimensions?: number) =>
  Layer.unwrap(
    Effect.map(
      serveJson((_, response) => reply(response, 200, body)),
      ({ url }) => at(url, dimensions)
    )
  )

const base64 = (numbers: ReadonlyArray<number>) => Buffer.from(Float32Array.from(numbers).buffer).toString("base64")

describe("OpenAiEmbedder", () => {
  it.live("asks for base64, and reads it", () =>
    Effect.gen(function* () {
      const { seen, url } = yield* serveJson((_, response) =>
        reply(response, 200, { data: [{ index: 0, embedding: base64([3, 4]) }], usage: { prompt_tokens: 7 } })
      )
      const { tokens, vectors } = yield* Effect.provide(embed([""]), at(url))
      assert.deepStrictEqual([tokens, Array.from(vectors[0] ?? [], (x) => x.toFixed(3))], [7, ["0.600", "0.800"]])
      assert.deepStrictEqual(seen[0]?.body, { model: "test-embedding", input: [" "], encoding_format: "base64" })
    })
  )

  it.live("a server that counts nothing does not count: its tokens are estimated", () =>
    Effect.gen(function* () {
      const usage = { prompt_tokens: 0, total_tokens: 0 }
      const layer = answering({ data: [{ index: 0, embedding: [3, 4] }], usage })
      assert.strictEqual((yield* Effect.provide(embed(["x".repeat(400)]), layer)).tokens, 100)
    })
  )

  it.live("reads arrays of numbers too, in the order of their index", () =>
    Effect.gen(function* () {
      const { vectors } = yield* embed(["a", "b"])
      assert.deepStrictEqual(
        vectors.map((vector) => Array.from(vector)),
        [
          [1, 0],
          [0, 1]
        ]
      )
    }).pipe(
      Effect.provide(
        answering({
          data: [
            { index: 1, embedding: [0, 2] },
            { index: 0, embedding: [5, 0] }
          ]
        })
      )
    )
  )

  const faults: ReadonlyArray<readonly [string, unknown]> = [
    ["too few embeddings", { data: [{ index: 0, embedding: [1, 0] }] }],
    ["one text's embedding twice", { data: [0, 0].map((index) => ({ index, embedding: [1, 0] })) }],
    ["an index of no text", { data: [0, 9].map((index) => ({ index, embedding: [1, 0] })) }],
    ["wrong dimensions", { data: [0, 1].map((index) => ({ index, embedding: [1, 0, 0] })) }],
    ["a vector without a direction", { data: [0, 1].map((index) => ({ index, embedding: [0, 0] })) }],
    ["base64 that is none", { data: [0, 1].map((index) => ({ index, embedding: "%%%" })) }],
    ["no embeddings at all", { object: "list" }]
  ]
  for (const [name, body] of faults) {
    it.live(`takes ${name} for a fault of the server`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(embed(["a", "b"]))
        assert.deepStrictEqual([error.reason._tag, error.retryable], ["ServerFault", true])
      }).pipe(Effect.provide(answering(body, 2)))
    )
  }

  it.live("holds a model to the dimensions of its first answer", () =>
    Effect.gen(function* () {
      const { url } = yield* serveJson((_, response, nth) =>
        reply(response, 200, { data: [{ index: 0, embedding: Array.from(hashedVector("a", nth === 0 ? 4 : 5)) }] })
      )
      const error = yield* Effect.gen(function* () {
        yield* embed(["a"])
        return yield* Effect.flip(embed(["a"]))
      }).pipe(Effect.provide(at(url)))
      assert.strictEqual(error.reason._tag, "ServerFault")
    })
  )

  it.live("does not send what no request takes", () =>
    Effect.gen(function* () {
      const { seen, url } = yield* serveJson((_, response) => reply(response, 200, {}))
      const errors = yield* Effect.all([
        Effect.flip(embed(Array.from({ length: 257 }, () => "a"))),
        Effect.flip(embed(["a".repeat(900_000)]))
      ]).pipe(Effect.provide(at(url)))
      assert.deepStrictEqual(
        errors.map((error) => error.reason._tag),
        ["RequestTooLarge", "RequestTooLarge"]
      )
      assert.deepStrictEqual(seen, [])
    })
  )
})
