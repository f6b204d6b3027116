import { Effect, Layer, Option, Schema } from "effect"
import { unitVector } from "../domain/Hashing.ts"
import { RequestTooLarge, ServerFault } from "../services/ChatModel.ts"
import type { ModelError } from "../services/ChatModel.ts"
import { Embedder } from "../services/Embedder.ts"
import { openAiClient } from "./openai/Client.ts"
import type { OpenAiOptions } from "./openai/Client.ts"
import { modelError } from "./http/Failures.ts"

export interface OpenAiEmbedderOptions extends OpenAiOptions {
  readonly model: string
  /** Asked for, and checked; absent: what the model has, which the first answer shows. */
  readonly dimensions?: number
}

const maxBatch = 256
/** OpenAI takes 300,000 in one request; a token of other scripts than Latin is less than four characters. */
const maxBatchTokens = 200_000

const Embeddings = Schema.Struct({
  data: Schema.Array(
    Schema.Struct({
      index: Schema.optionalKey(Schema.Int),
      embedding: Schema.Union([Schema.String, Schema.Array(Schema.Finite)])
    })
  ),
  usage: Schema.optionalKey(
    Schema.NullOr(
      Schema.Struct({
        prompt_tokens: Schema.optionalKey(Schema.Finite),
        total_tokens: Schema.optionalKey(Schema.Finite)
      })
    )
  )
})
const decodeEmbeddings = Schema.decodeUnknownOption(Embeddings)
const decodeBase64 = Schema.decodeUnknownOption(Schema.Uint8ArrayFromBase64)

/** Base64 holds 32-bit floats, little-endian. */
const numbersOf = (embedding: string | ReadonlyArray<number>): ArrayLike<number> | undefined => {
  if (typeof embedding !== "string") return embedding
  const bytes = Option.getOrUndefined(decodeBase64(embedding))
  if (bytes === undefined || bytes.byteLength % 4 !== 0) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Float32Array.from({ length: bytes.byteLength / 4 }, (_, i) => view.getFloat32(i * 4, true))
}

const faulty = (message: string): ModelError => modelError(new ServerFault({ status: 200 }), message)

/** Embeddings of OpenAI or of any server that speaks like it. */
export const layer = (options: OpenAiEmbedderOptions): Layer.Layer<Embedder> =>
  Layer.effect(
    Embedder,
    Effect.gen(function* () {
      const client = yield* openAiClient(options)
      let dimensions = options.dimensions

      const vectorsOf = Effect.fnUntraced(function* (data: (typeof Embeddings.Type)["data"], count: number) {
        if (data.length !== count) {
          return yield* faulty(`The provider answered ${data.length} embeddings for ${count} texts`)
        }
        const vectors: Array<Float32Array | undefined> = Array.from({ length: count })
        for (const [position, { index = position, embedding }] of data.entries()) {
          const numbers = numbersOf(embedding)
          const vector = numbers === undefined ? undefined : unitVector(numbers)
          if (vector === undefined) return yield* faulty(`The provider's embedding ${index} is no vector`)
          dimensions ??= vector.length
          if (vector.length !== dimensions) {
            return yield* faulty(`The provider answered ${vector.length} dimensions instead of ${dimensions}`)
          }
          if (index < count) vectors[index] = vector
        }
        const complete = vectors.filter((vector) => vector !== undefined)
        return complete.length === count ? complete : yield* faulty("The provider left out an embedding")
      })

      return Embedder.of({
        embed: Effect.fn("OpenAiEmbedder.embed")(function* (texts) {
          if (texts.length === 0) return { vectors: [], tokens: 0 }
          const tokens = Math.ceil(texts.reduce((sum, text) => sum + text.length, 0) / 4)
          if (texts.length > maxBatch || tokens > maxBatchTokens) {
            return yield* modelError(
              new RequestTooLarge(),
              `${texts.length} texts of about ${tokens} tokens are more than one request takes (${maxBatch}, ${maxBatchTokens})`
            )
          }
          // An empty string is rejected, and with it the whole batch.
          const input = texts.map((text) => (text === "" ? " " : text))
          const { body, headers } = yield* client.call((sdk, call) =>
            sdk.embeddings
              .create(
                {
                  model: options.model,
                  input,
                  encoding_format: "base64",
                  ...(options.dimensions === undefined ? {} : { dimensions: options.dimensions })
                },
                call
              )
              .withResponse()
          )
          const answer = Option.getOrUndefined(decodeEmbeddings(body))
          if (answer === undefined) return yield* faulty("The provider's answer holds no embeddings")
          const vectors = yield* vectorsOf(answer.data, texts.length)
          return { vectors, tokens: answer.usage?.prompt_tokens || answer.usage?.total_tokens || tokens, headers }
        }),
        model: options.dimensions === undefined ? options.model : `${options.model}@${options.dimensions}`,
        maxBatch,
        remote: true,
        endpoint: client.endpoint
      })
    })
  )
