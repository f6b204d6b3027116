import { Effect, Layer } from "effect"
import { hashedVector } from "../domain/Hashing.ts"
import { Embedder } from "../services/Embedder.ts"

export const dimensions = 256

export const model = `hash-${dimensions}-v1`

/** Offline, deterministic, free: hashed words and character n-grams. It knows spelling, not meaning. */
export const layer: Layer.Layer<Embedder> = Layer.succeed(Embedder, {
  embed: (texts) => Effect.sync(() => ({ vectors: texts.map((text) => hashedVector(text, dimensions)), tokens: 0 })),
  model,
  maxBatch: 1_024,
  remote: false,
  endpoint: "local"
})
