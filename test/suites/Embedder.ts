import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Layer } from "effect"
import { Embedder } from "../../src/services/Embedder.ts"

const norm = (vector: Float32Array): number => Math.hypot(...vector)
const cosine = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0)

/** What every `Embedder` does. */
export const suite = (name: string, layer: Layer.Layer<Embedder, unknown>) => {
  const embed = (texts: ReadonlyArray<string>) =>
    Embedder.use((embedder) => embedder.embed(texts)).pipe(Effect.provide(layer))

  describe(`Embedder: ${name}`, () => {
    it.live("gives vectors of length 1 and one width, for any text", () =>
      Effect.gen(function* () {
        const texts = ["Ada Lovelace", "", " ", "中国", "😀", "\ud800", "\u0000", "a".repeat(20_000), "...!?"]
        const { vectors } = yield* embed(texts)
        assert.strictEqual(vectors.length, texts.length)
        for (const vector of vectors) {
          assert.strictEqual(vector.length, vectors[0]?.length)
          assert.closeTo(norm(vector), 1, 1e-5)
        }
      })
    )

    it.live("answers in the order of the texts, and the same for the same text", () =>
      Effect.gen(function* () {
        const texts = Array.from({ length: 100 }, (_, i) => `Number ${i} of many`)
        const there = yield* embed(texts)
        const back = yield* embed(texts.toReversed())
        assert.deepStrictEqual(there.vectors, back.vectors.toReversed())
      })
    )

    it.live("puts like texts nearer than unlike ones", () =>
      Effect.gen(function* () {
        const { vectors } = yield* embed([
          "International Business Machines",
          "Internat. Business Machines",
          "Ada Lovelace"
        ])
        const [a = new Float32Array(), b = new Float32Array(), c = new Float32Array()] = vectors
        assert.isAbove(cosine(a, b), cosine(a, c) + 0.3)
      })
    )

    it.live("answers no texts with no vectors", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual((yield* embed([])).vectors, [])
      })
    )

    it.live("takes a full batch", () =>
      Effect.gen(function* () {
        const { maxBatch } = yield* Effect.provide(Embedder, layer)
        const { vectors } = yield* embed(Array.from({ length: maxBatch }, (_, i) => `text ${i}`))
        assert.strictEqual(vectors.length, maxBatch)
      })
    )
  })
}
