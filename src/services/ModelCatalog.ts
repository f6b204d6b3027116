import { Context } from "effect"
import type { Usage } from "./ChatModel.ts"

/** US dollars per million tokens. */
export interface Price {
  readonly input: number
  readonly cached: number
  readonly output: number
}

/** List prices of November 2026; a snapshot's name begins with its model's. */
const prices: Readonly<Record<string, Price>> = {
  "gpt-6-luna": { input: 0.1, cached: 0.01, output: 0.5 },
  "gpt-6.1-terra": { input: 1, cached: 0.05, output: 5 },
  "gpt-6.1-sol": { input: 2, cached: 0.1, output: 10 },
  "gpt-4.1-mini": { input: 0.4, cached: 0.1, output: 1.6 },
  "gpt-4o-mini": { input: 0.15, cached: 0.075, output: 0.6 },
  "gpt-5-mini": { input: 0.25, cached: 0.025, output: 2 },
  "gpt-5-nano": { input: 0.05, cached: 0.005, output: 0.4 },
  "text-embedding-3-small": { input: 0.02, cached: 0.02, output: 0 },
  "text-embedding-3-large": { input: 0.13, cached: 0.13, output: 0 }
}

/** What models cost. A model that it does not know costs nothing, so that a local one needs no entry. */
export const ModelCatalog = Context.Reference<{ readonly price: (model: string) => Price | undefined }>(
  "sluice/services/ModelCatalog",
  {
    defaultValue: () => ({
      price: (model) =>
        Object.entries(prices)
          .filter(([name]) => model === name || model.startsWith(`${name}-`))
          .toSorted(([a], [b]) => b.length - a.length)[0]?.[1]
    })
  }
)

export const cost = (price: Price | undefined, usage: Usage): number =>
  price === undefined
    ? 0
    : ((usage.input - usage.cached) * price.input + usage.cached * price.cached + usage.output * price.output) / 1e6
