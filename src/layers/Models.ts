import { Duration, Effect, Layer, Option, Redacted } from "effect"
import type { ChatModel } from "../services/ChatModel.ts"
import { Embedder } from "../services/Embedder.ts"

export interface Provider {
  readonly baseUrl: Option.Option<string>
  readonly apiKey: Option.Option<Redacted.Redacted>
}

/** Where calls go without a base URL. */
export const openAi = "https://api.openai.com/v1"

const client = ({ apiKey, baseUrl }: Provider) => ({
  baseURL: Option.getOrElse(baseUrl, () => openAi),
  apiKey: Option.getOrElse(apiKey, () => Redacted.make("")),
  timeout: Duration.minutes(2)
})

/** A provider's model. The client is loaded only for those who call it. */
export const layerChat = (provider: Provider): Layer.Layer<ChatModel> =>
  Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("./OpenAiChat.ts")),
      ({ layer }) => layer(client(provider))
    )
  )

/** Stands in for a model in a dry run. */
export const layerSimulated: Layer.Layer<ChatModel> = Layer.unwrap(
  Effect.map(
    Effect.promise(() => import("./SimulatedProvider.ts")),
    ({ layer }): Layer.Layer<ChatModel> => layer()
  )
)

/** The same for embeddings; bears the model's name, because what was paid for is found by it. */
export const layerSimulatedEmbedder = (model: string): Layer.Layer<Embedder> =>
  Layer.effect(
    Embedder,
    Effect.map(Embedder, (embedder) => ({ ...embedder, model }))
  ).pipe(
    Layer.provide(
      Layer.unwrap(
        Effect.map(
          Effect.promise(() => import("./SimulatedProvider.ts")),
          ({ layerEmbedder }) => layerEmbedder()
        )
      )
    )
  )

/** A provider's embeddings. */
export const layerEmbedder = (model: string, provider: Provider): Layer.Layer<Embedder> =>
  Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("./OpenAiEmbedder.ts")),
      ({ layer }) => layer({ ...client(provider), model })
    )
  )
