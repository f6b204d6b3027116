import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Option, Redacted } from "effect"
import { resolve } from "../../src/cli/Providers.ts"
import type { ModelSettings } from "../../src/cli/Flags.ts"

const none = Option.none<never>()

interface Given {
  readonly model?: string
  readonly baseUrl?: string
  readonly provider?: "openai" | "anthropic"
  readonly fallbackModel?: string
  readonly fallbackBaseUrl?: string
  readonly embeddingBaseUrl?: string
}

const given = ({ model = "gpt-6-luna", ...flags }: Given): ModelSettings => ({
  model,
  journal: none,
  embeddingModel: none,
  baseUrl: Option.fromUndefinedOr(flags.baseUrl),
  provider: Option.fromUndefinedOr(flags.provider),
  fallbackModel: Option.fromUndefinedOr(flags.fallbackModel),
  fallbackBaseUrl: Option.fromUndefinedOr(flags.fallbackBaseUrl),
  embeddingBaseUrl: Option.fromUndefinedOr(flags.embeddingBaseUrl)
})

const resolved = (flags: Given, env: Readonly<Record<string, string>>) =>
  resolve(given(flags)).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env })),
    Effect.map((found) => {
      const shown = (one: (typeof found)["chat"]) =>
        Option.getOrUndefined(
          Option.map(one, ({ apiKey, baseUrl, kind }) =>
            [kind, baseUrl, Option.getOrUndefined(Option.map(apiKey, Redacted.value))].join(" ").trim()
          )
        )
      return { chat: shown(found.chat), fallback: shown(found.fallback), embedding: shown(found.embedding) }
    })
  )

const OPENAI_API_KEY = "o-key"
const ANTHROPIC_API_KEY = "a-key"
const openai = "openai https://api.openai.com/v1 o-key"
const anthropic = "anthropic https://api.anthropic.com a-key"

describe("who is asked", () => {
  const cases: ReadonlyArray<readonly [string, Given, Readonly<Record<string, string>>, string | undefined]> = [
    ["nobody without a key or an address", {}, {}, undefined],
    ["nobody with an empty key", {}, { OPENAI_API_KEY: "" }, undefined],
    ["OpenAI with its key", {}, { OPENAI_API_KEY }, openai],
    ["OpenAI with both keys", {}, { OPENAI_API_KEY, ANTHROPIC_API_KEY }, openai],
    ["nobody with Anthropic's key and no model of its", {}, { ANTHROPIC_API_KEY }, undefined],
    ["Anthropic with its key and a model of its", { model: "claude-x" }, { ANTHROPIC_API_KEY }, anthropic],
    ["Anthropic by name", { model: "x", provider: "anthropic" }, { ANTHROPIC_API_KEY, OPENAI_API_KEY }, anthropic],
    ["nobody by name alone", { model: "claude-x", provider: "anthropic" }, { OPENAI_API_KEY }, undefined],
    [
      "Anthropic by its address",
      { model: "x", baseUrl: "https://api.anthropic.com/v1" },
      { ANTHROPIC_API_KEY, OPENAI_API_KEY },
      "anthropic https://api.anthropic.com/v1 a-key"
    ],
    [
      "a gateway for claude in the manner of OpenAI",
      { model: "claude-x", baseUrl: "http://gateway/v1" },
      { ANTHROPIC_API_KEY, OPENAI_API_KEY },
      "openai http://gateway/v1 o-key"
    ],
    [
      "a gateway in the manner of Anthropic, if told so",
      { model: "claude-x", provider: "anthropic", baseUrl: "http://gateway" },
      {},
      "anthropic http://gateway"
    ],
    ["OPENAI_BASE_URL, last", {}, { OPENAI_BASE_URL: "http://o/v1" }, "openai http://o/v1"],
    [
      "not OPENAI_BASE_URL where Anthropic is meant",
      { model: "claude-x", provider: "anthropic" },
      { ANTHROPIC_API_KEY, OPENAI_BASE_URL: "http://o/v1" },
      anthropic
    ],
    [
      "ANTHROPIC_BASE_URL",
      { model: "claude-x" },
      { ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL: "http://a" },
      "anthropic http://a a-key"
    ],
    [
      "the flag before the variable",
      { baseUrl: "http://f/v1" },
      { OPENAI_BASE_URL: "http://o/v1" },
      "openai http://f/v1"
    ]
  ]
  for (const [name, flags, env, expected] of cases) {
    it.effect(name, () => Effect.map(resolved(flags, env), ({ chat }) => assert.strictEqual(chat, expected)))
  }
})

describe("who embeds", () => {
  const cases: ReadonlyArray<readonly [string, Given, Readonly<Record<string, string>>, string | undefined]> = [
    ["whoever has the model", { baseUrl: "http://own/v1" }, { OPENAI_API_KEY }, "openai http://own/v1 o-key"],
    [
      "OpenAI beside Anthropic",
      { model: "claude-x", provider: "anthropic" },
      { ANTHROPIC_API_KEY, OPENAI_API_KEY },
      openai
    ],
    ["nobody beside Anthropic without a key", { model: "claude-x" }, { ANTHROPIC_API_KEY }, undefined],
    [
      "an address of its own, which gets no key that is not its",
      { embeddingBaseUrl: "http://own/v1" },
      { OPENAI_API_KEY },
      "openai http://own/v1"
    ],
    [
      "an address and key of its own",
      { embeddingBaseUrl: "http://own/v1" },
      { OPENAI_API_KEY, SLUICE_EMBEDDING_API_KEY: "e-key" },
      "openai http://own/v1 e-key"
    ],
    [
      "OpenAI beside a server of one's own",
      { baseUrl: "http://own/v1", embeddingBaseUrl: "https://api.openai.com/v1" },
      { OPENAI_API_KEY },
      openai
    ]
  ]
  for (const [name, flags, env, expected] of cases) {
    it.effect(name, () => Effect.map(resolved(flags, env), ({ embedding }) => assert.strictEqual(embedding, expected)))
  }
})

describe("who stands in", () => {
  const both = { OPENAI_API_KEY, ANTHROPIC_API_KEY }
  const cases: ReadonlyArray<readonly [string, Given, Readonly<Record<string, string>>, string | undefined]> = [
    ["nobody unless told", {}, both, undefined],
    ["another model of the same provider", { fallbackModel: "gpt-5-nano" }, both, openai],
    ["Anthropic's by name", { fallbackModel: "claude-x" }, both, anthropic],
    [
      "OpenAI's beside Anthropic's",
      { model: "claude-x", provider: "anthropic", fallbackModel: "gpt-5-nano" },
      both,
      openai
    ],
    [
      "another model of the same gateway",
      { baseUrl: "http://gateway/v1", fallbackModel: "claude-x" },
      both,
      "openai http://gateway/v1 o-key"
    ],
    [
      "the same model elsewhere, which gets no key that is not its",
      { fallbackModel: "gpt-6-luna", fallbackBaseUrl: "http://own/v1" },
      both,
      "openai http://own/v1"
    ],
    [
      "an address and key of its own",
      { fallbackModel: "x", fallbackBaseUrl: "http://own/v1" },
      { ...both, SLUICE_FALLBACK_API_KEY: "f-key" },
      "openai http://own/v1 f-key"
    ]
  ]
  for (const [name, flags, env, expected] of cases) {
    it.effect(name, () => Effect.map(resolved(flags, env), ({ fallback }) => assert.strictEqual(fallback, expected)))
  }
})

describe("what makes no sense is said", () => {
  const cases: ReadonlyArray<readonly [string, Given, Readonly<Record<string, string>>, string]> = [
    ["an address without its model", { fallbackBaseUrl: "http://x" }, { OPENAI_API_KEY }, "--fallback-model"],
    ["a fallback that is the model itself", { fallbackModel: "gpt-6-luna" }, { OPENAI_API_KEY }, "gpt-6-luna"],
    ["Anthropic without a model of its", { provider: "anthropic" }, { ANTHROPIC_API_KEY }, "--model"],
    ["a variable that is no address", {}, { OPENAI_BASE_URL: "localhost" }, "OPENAI_BASE_URL"]
  ]
  for (const [name, flags, env, expected] of cases) {
    it.effect(name, () =>
      Effect.map(Effect.flip(resolved(flags, env)), ({ message }) => assert.include(message, expected))
    )
  }
})
