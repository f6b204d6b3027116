import { Duration, Effect, Layer, Option, Redacted } from "effect"
import { ChatModel } from "../services/ChatModel.ts"
import { Embedder } from "../services/Embedder.ts"
import { FallbackModel } from "../services/Fallback.ts"

/** Where a provider is, how it is spoken to, and as whom. */
export interface Provider {
  readonly kind: "openai" | "anthropic"
  readonly baseUrl: string
  readonly apiKey: Option.Option<Redacted.Redacted>
}

/** Where calls go without a base URL. */
export const homes: Readonly<Record<Provider["kind"], string>> = {
  openai: "https://api.openai.com/v1",
  anthropic: "https://api.anthropic.com"
}

const client = ({ apiKey, baseUrl }: Provider) => ({
  baseURL: baseUrl,
  apiKey: Option.getOrElse(apiKey, () => Redacted.make("")),
  timeout: Duration.minutes(2)
})

/** A provider's model. The client is loaded only for those who call it. */
export const layerChat = (provider: Provider): Layer.Layer<ChatModel> =>
  Layer.unwrap(
    provider.kind === "anthropic"
      ? Effect.map(
          Effect.promise(() => import("./AnthropicChat.ts")),
          ({ layer }) => layer(client(provider))
        )
      : Effect.map(
          Effect.promise(() => import("./OpenAiChat.ts")),
          ({ layer }) => layer(client(provider))
        )
  )

/** A model that answers what the first cannot. */
export const layerFallback = (model: string, provider: Provider): Layer.Layer<never> =>
  Layer.effect(
    FallbackModel,
    Effect.map(ChatModel, (chat) => Option.some({ chat, model }))
  ).pipe(Layer.provide(layerChat(provider)))

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
