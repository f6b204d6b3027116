import { Config, Effect, Option, Redacted } from "effect"
import { homes } from "../layers/Models.ts"
import type { Provider } from "../layers/Models.ts"
import { environmentAs } from "./Config.ts"
import { UsageError } from "./ExitStatus.ts"
import { defaultModel } from "./Flags.ts"
import type { ModelSettings } from "./Flags.ts"
import { url } from "./Values.ts"

/** What flags and environment say of whom to call; none: nothing says where, or as whom. */
export interface Providers {
  readonly chat: Option.Option<Provider>
  readonly fallback: Option.Option<Provider & { readonly model: string }>
  readonly embedding: Option.Option<Provider>
}

/** The variables that hold the providers' own keys, as their own programs read them. */
export const keyVariables: Readonly<Record<Provider["kind"], string>> = {
  openai: "OPENAI_API_KEY",
  anthropic: "ANTHROPIC_API_KEY"
}

/** A variable that must not be printed; an empty one counts as not set. */
export const secret = (name: string): Effect.Effect<Option.Option<Redacted.Redacted>> =>
  Config.option(Config.Redacted(name)).pipe(
    Effect.map(Option.filter((value) => Redacted.value(value) !== "")),
    Effect.orElseSucceed(() => Option.none())
  )

const originOf = (address: string): string => (URL.canParse(address) ? new URL(address).origin : address)

const isAnthropic = (address: string): boolean => originOf(address) === originOf(homes.anthropic)

/** Names of Anthropic's models; a gateway may serve them in the manner of OpenAI. */
const isClaude = (model: string): boolean => model.startsWith("claude")

/**
 * Whom to call. A key goes only where it belongs: to the address that it is given for, and OpenAI's and Anthropic's
 * besides to their own addresses.
 */
export const resolve = Effect.fn("Providers.resolve")(function* (
  settings: ModelSettings
): Effect.fn.Return<Providers, UsageError> {
  const { baseUrl, embeddingBaseUrl, fallbackBaseUrl, fallbackModel, model } = settings
  const keys = { openai: yield* secret(keyVariables.openai), anthropic: yield* secret(keyVariables.anthropic) }
  const bases = {
    openai: yield* environmentAs("OPENAI_BASE_URL", url),
    anthropic: yield* environmentAs("ANTHROPIC_BASE_URL", url)
  }
  const homeOf = (kind: Provider["kind"]) => Option.getOrElse(bases[kind], () => homes[kind])

  const kind = Option.getOrElse(settings.provider, () => {
    if (Option.isSome(baseUrl)) return isAnthropic(baseUrl.value) ? "anthropic" : "openai"
    const hasAnthropic = Option.isSome(keys.anthropic) && Option.isNone(bases.openai)
    return isClaude(model) && hasAnthropic ? "anthropic" : "openai"
  })
  const isToldWhere = Option.isSome(baseUrl) || Option.isSome(bases[kind])
  const first: Provider = { kind, baseUrl: Option.getOrElse(baseUrl, () => homeOf(kind)), apiKey: keys[kind] }
  // An address alone is enough for a server of one's own; not so the provider's name.
  const chat = isToldWhere || Option.isSome(first.apiKey) ? Option.some(first) : Option.none()
  if (kind === "anthropic" && Option.isSome(chat) && model === defaultModel) {
    return yield* new UsageError({ message: `Anthropic has no ${defaultModel}: give --model one of its models.` })
  }

  const keyAt = (of: Provider["kind"], address: string) =>
    [homes[of], homeOf(of), ...(of === kind ? [first.baseUrl] : [])].some((own) => originOf(own) === originOf(address))
      ? keys[of]
      : Option.none()

  const embeddingKey = yield* secret("SLUICE_EMBEDDING_API_KEY")
  const embeddingAddress = Option.getOrElse(embeddingBaseUrl, () =>
    kind === "openai" ? first.baseUrl : homeOf("openai")
  )
  const embedding: Provider = {
    kind: "openai",
    baseUrl: embeddingAddress,
    apiKey: Option.orElse(embeddingKey, () => keyAt("openai", embeddingAddress))
  }
  const isEmbeddingTold =
    Option.isSome(embedding.apiKey) ||
    Option.isSome(embeddingBaseUrl) ||
    Option.isSome(bases.openai) ||
    (kind === "openai" && isToldWhere)

  const fallbackKey = yield* secret("SLUICE_FALLBACK_API_KEY")
  if (Option.isNone(fallbackModel)) {
    if (Option.isSome(fallbackBaseUrl)) {
      return yield* new UsageError({ message: "--fallback-base-url needs --fallback-model: name the model there." })
    }
    return { chat, fallback: Option.none(), embedding: isEmbeddingTold ? Option.some(embedding) : Option.none() }
  }
  const name = fallbackModel.value
  /** A gateway has models of everybody; OpenAI and Anthropic have their own. */
  const fallbackKind = Option.match(fallbackBaseUrl, {
    onSome: (address) => (isAnthropic(address) ? "anthropic" : "openai"),
    onNone: () =>
      Option.isSome(baseUrl) ? kind : isClaude(name) && Option.isSome(keys.anthropic) ? "anthropic" : "openai"
  })
  const fallbackAddress = Option.getOrElse(fallbackBaseUrl, () =>
    fallbackKind === kind ? first.baseUrl : homeOf(fallbackKind)
  )
  const fallback = {
    model: name,
    kind: fallbackKind,
    baseUrl: fallbackAddress,
    apiKey: Option.orElse(fallbackKey, () => keyAt(fallbackKind, fallbackAddress))
  } as const
  if (name === model && fallback.baseUrl === first.baseUrl) {
    return yield* new UsageError({ message: `--fallback-model ${name} is the model that it should stand in for.` })
  }
  return {
    chat,
    fallback: Option.some(fallback),
    embedding: isEmbeddingTold ? Option.some(embedding) : Option.none()
  }
})
