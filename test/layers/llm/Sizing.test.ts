import { assert, describe, it } from "@effect/vitest"
import { Caps } from "../../../src/layers/llm/Caps.ts"
import { Sizing } from "../../../src/layers/llm/Sizing.ts"
import type { LimitState, PoolState } from "../../../src/services/Gate.ts"

const limit = (dimension: LimitState["dimension"], perMinute: number, capacity = perMinute): LimitState => ({
  dimension,
  limit: perMinute,
  window: 60_000,
  perMinute,
  level: 0,
  capacity,
  origin: "provider"
})

const state = (...limits: ReadonlyArray<LimitState>): PoolState => ({
  mode: "told",
  limits,
  charge: "sum",
  inFlight: 0,
  waiting: 1,
  concurrency: 100,
  binding: undefined,
  bindingLimit: undefined,
  frozenFor: 0,
  ceiling: 512
})

/** Answers of 900 tokens for each chunk of 400, at 5 ms a token. */
const learned = (perToken = 5) => {
  const caps = new Caps()
  const sizing = new Sizing(120_000)
  for (const items of [1, 2, 4, 8, 1, 2, 4, 8]) {
    caps.observe({ items, tokens: 400 * items, names: 0 }, 900 * items)
    sizing.answered(900 * items, 300 + perToken * 900 * items)
  }
  return { caps, sizing }
}

const stock = (items: number, isLast = false) => ({
  items,
  tokens: 400 * items,
  names: 0,
  input: 450 * items,
  prompt: 1_300,
  isLast
})

const itemsOf = ({ caps, sizing }: ReturnType<typeof learned>, waiting: number, isLast = false) =>
  sizing.most(stock(waiting, isLast), caps, (load) => caps.cap(load) ?? 0, 16_384).items

describe("Pack size", () => {
  it("is the usual where tokens bind, and more where requests do", () => {
    const plan = learned()
    assert.strictEqual(itemsOf(plan, 1_000), 8)
    plan.sizing.inform(state(limit("requests", 500), limit("tokens", 200_000)))
    assert.strictEqual(itemsOf(plan, 1_000), 8)
    plan.sizing.inform(state(limit("requests", 20), limit("tokens", 1_000_000)))
    assert.isAbove(itemsOf(plan, 1_000), 8)
  })

  it("leaves small limits room for several calls at once, and is never less than one", () => {
    const plan = learned()
    plan.sizing.inform(state(limit("tokens", 20_000)))
    const few = itemsOf(plan, 1_000)
    assert.isAtLeast(few, 2)
    assert.isBelow(few, 8)
    plan.sizing.inform(state(limit("tokens", 200_000, 3_333)))
    assert.strictEqual(itemsOf(plan, 1_000), 1)
  })

  it("shrinks towards the end, when a full pack would be answered long after all else", () => {
    const plan = learned()
    plan.sizing.inform(state(limit("requests", 500), limit("tokens", 200_000)))
    const sizes = [400, 60, 30, 10, 3].map((waiting) => itemsOf(plan, waiting, true))
    assert.deepStrictEqual(
      sizes,
      sizes.toSorted((a, b) => b - a)
    )
    assert.strictEqual(sizes[0], 8)
    assert.isAtMost(sizes.at(-1) ?? 8, 2)
    assert.strictEqual(itemsOf(plan, 10), 8, "not while more is to come")
  })

  it("keeps well below the time that the provider is given", () => {
    assert.isAtMost(itemsOf(learned(20), 1_000) * 900 * 20, 60_000)
  })

  it("falls with faults and rises again, one step after another", () => {
    const plan = learned()
    for (let i = 0; i < 6; i++) plan.sizing.judged(8, 8)
    const low = itemsOf(plan, 1_000)
    assert.isAtMost(low, 2)
    let before = low
    for (let i = 0; i < 40; i++) {
      plan.sizing.judged(Math.max(2, before), 0)
      const now = itemsOf(plan, 1_000)
      assert.isAtMost(now, before + 1)
      before = now
    }
    assert.strictEqual(before, 8)
  })
})
