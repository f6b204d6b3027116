import { Context } from "effect"
import type { Usage } from "./ChatModel.ts"

/** US dollars per million tokens. */
export interface Price {
  readonly input: number
  /** Of input read from the provider's prompt cache. */
  readonly cached: number
  /** Of input written to it; absent: as other input. */
  readonly written?: number
  readonly output: number
  /** Requests with more input tokens than this cost so many times as much. */
  readonly long?: { readonly above: number; readonly input: number; readonly output: number }
}

const longContext = { above: 272_000, input: 2, output: 1.5 }

/** List prices of November 2026. */
const prices: Readonly<Record<string, Price>> = {
  "gpt-6-luna": { input: 0.1, cached: 0.01, written: 0.125, output: 0.5, long: longContext },
  "gpt-6.1-terra": { input: 1, cached: 0.05, written: 1.25, output: 5 },
  "gpt-6.1-sol": { input: 2, cached: 0.1, output: 10 },
  "gpt-4.1-mini": { input: 0.4, cached: 0.1, output: 1.6 },
  "gpt-4o-mini": { input: 0.15, cached: 0.075, output: 0.6 },
  "gpt-5-mini": { input: 0.25, cached: 0.025, output: 2 },
  "gpt-5-nano": { input: 0.05, cached: 0.005, output: 0.4 },
  "text-embedding-3-small": { input: 0.02, cached: 0.02, output: 0 },
  "text-embedding-3-large": { input: 0.13, cached: 0.13, output: 0 }
}

/** `gpt-4o-mini-2026-07-18`, `…-latest`: another variant of a model, such as one for audio, has a price of its own. */
const snapshot = /-(?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|latest)$/

/** What models cost; undefined: nobody knows. Their calls are booked at nothing, and no budget of money lets them pass. */
export const ModelCatalog = Context.Reference<{ readonly price: (model: string) => Price | undefined }>(
  "sluice/services/ModelCatalog",
  { defaultValue: () => withPrices(new Map()) }
)

/** The catalog with prices of one's own, by a model's exact name. */
export const withPrices = (
  own: ReadonlyMap<string, Price>
): { readonly price: (model: string) => Price | undefined } => {
  const listed = new Map(Object.entries(prices))
  return { price: (model) => own.get(model) ?? listed.get(model) ?? listed.get(model.replace(snapshot, "")) }
}

const dollars = (price: Price, input: number, inputPrice: number, output: number, all: number): number => {
  const isLong = price.long !== undefined && all > price.long.above
  const factors = isLong && price.long !== undefined ? price.long : { input: 1, output: 1 }
  return (input * inputPrice * factors.input + output * price.output * factors.output) / 1e6
}

/** What a call has cost, in US dollars. */
export const cost = (price: Price | undefined, { cached, input, output, written = 0 }: Usage): number => {
  if (price === undefined) return 0
  const plain = Math.max(0, input - cached - written)
  const weighed = plain * price.input + cached * price.cached + written * (price.written ?? price.input)
  return dollars(price, weighed, 1, output, input)
}

/** What it costs at the most, if it has no more tokens than these: all input written to the cache, the output cap used up. */
export const highestCost = (price: Price | undefined, inputTokens: number, outputTokens: number): number =>
  price === undefined
    ? 0
    : dollars(
        price,
        inputTokens,
        Math.max(price.input, price.cached, price.written ?? price.input),
        outputTokens,
        inputTokens
      )
