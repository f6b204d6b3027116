import type { Dimension } from "./Headers.ts"

/** What a call asks for, in tokens. */
export interface Demand {
  /** An estimate from the length of the request: characters divided by four, or the like. */
  readonly inputTokens: number
  readonly outputCap: number
  /** What will likely be answered, at most the cap. */
  readonly expectedOutput: number
}

/** Sums over all calls ever admitted to a pool: two snapshots tell what was admitted between them. */
export interface Totals {
  readonly requests: number
  readonly input: number
  readonly cap: number
  /** Of each call the larger of input and cap. */
  readonly larger: number
  readonly output: number
}

export const nothing: Totals = { requests: 0, input: 0, cap: 0, larger: 0, output: 0 }

export const plus = (totals: Totals, { expectedOutput, inputTokens, outputCap }: Demand): Totals => ({
  requests: totals.requests + 1,
  input: totals.input + inputTokens,
  cap: totals.cap + outputCap,
  larger: totals.larger + Math.max(inputTokens, outputCap),
  output: totals.output + expectedOutput
})

export const minus = (a: Totals, b: Totals): Totals => ({
  requests: a.requests - b.requests,
  input: a.input - b.input,
  cap: a.cap - b.cap,
  larger: a.larger - b.larger,
  output: a.output - b.output
})

/** How a provider counts a call's tokens: estimate and output cap together, the larger of them, or the estimate alone. */
export const chargeRules = ["sum", "larger", "input"] as const
export type ChargeRule = (typeof chargeRules)[number]

interface Hypothesis {
  readonly rule: ChargeRule
  /** What the estimate is multiplied with. */
  factor: number
  /** Mean relative error. */
  error: number
  /** Bounds of a factor that is plausible. */
  readonly low: number
  readonly high: number
}

const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value))

const unlearned = (): readonly [Hypothesis, Hypothesis, Hypothesis] => [
  { rule: "sum", factor: 1, error: 0, low: 0.5, high: 2 },
  { rule: "larger", factor: 1, error: 0, low: 0.5, high: 2 },
  { rule: "input", factor: 1, error: 0, low: 0.25, high: 4 }
]

/**
 * Which rule a provider charges by, and what its estimate is worth beside ours: learned from what its headers say that
 * a call, or all calls of a second, took. A rule is believed the less, the further from ours it would put the estimate.
 */
export class Charge {
  #hypotheses = unlearned()
  /** The sum is never too little. */
  #best = this.#hypotheses[0]
  #learned = 0

  reset(): void {
    this.#hypotheses = unlearned()
    this.#best = this.#hypotheses[0]
    this.#learned = 0
  }

  /** An earlier process had found it out: where it no longer holds, what is learned now outweighs it. */
  restore(rule: ChargeRule, factor: number): void {
    for (const one of this.#hypotheses) {
      if (one.rule !== rule) continue
      one.factor = clamp(factor, one.low, one.high)
      this.#best = one
    }
  }

  get rule(): ChargeRule {
    return this.#best.rule
  }

  get factor(): number {
    return this.#best.factor
  }

  /** Tokens of one call. */
  of({ inputTokens, outputCap }: Demand): number {
    const { factor, rule } = this.#best
    const input = factor * inputTokens
    return Math.ceil(rule === "sum" ? input + outputCap : rule === "larger" ? Math.max(input, outputCap) : input)
  }

  /** Tokens of all calls between two snapshots. */
  between(from: Totals, to: Totals): number {
    return this.#predict(this.#best, minus(to, from))
  }

  #predict({ factor, rule }: Hypothesis, sums: Totals): number {
    return rule === "sum" ? factor * sums.input + sums.cap : factor * (rule === "larger" ? sums.larger : sums.input)
  }

  /** @param charged tokens that the provider took for the calls that `sums` is of */
  learn(charged: number, sums: Totals): void {
    if (charged <= 0 || sums.input <= 0) return
    const isFirst = this.#learned++ === 0
    for (const one of this.#hypotheses) {
      const error = Math.min(2, Math.abs(this.#predict(one, sums) - charged) / charged)
      one.error = isFirst ? error : 0.8 * one.error + 0.2 * error
      const factor =
        one.rule === "sum"
          ? (charged - sums.cap) / sums.input
          : charged / (one.rule === "larger" ? sums.larger : sums.input)
      // A single call may have met somebody else's; many together say it well.
      const weight = isFirst || sums.requests > 8 ? 0.3 : 0.1
      if (Number.isFinite(factor)) one.factor = clamp((1 - weight) * one.factor + weight * factor, one.low, one.high)
    }
    const score = (one: Hypothesis) => one.error + 0.5 * Math.abs(Math.log(one.factor))
    for (const one of this.#hypotheses) if (score(one) < 0.8 * score(this.#best) - 0.005) this.#best = one
  }
}

/** Units of a limit that a call takes. */
export const costOf = (dimension: Dimension, demand: Demand, charge: Charge): number => {
  switch (dimension) {
    case "requests":
      return 1
    case "tokens":
      return charge.of(demand)
    case "inputTokens":
      return Math.ceil(charge.factor * demand.inputTokens)
    case "outputTokens":
      return demand.expectedOutput
  }
}

/** Units of a limit that were taken between two snapshots. */
export const costBetween = (dimension: Dimension, from: Totals, to: Totals, charge: Charge): number => {
  switch (dimension) {
    case "requests":
      return to.requests - from.requests
    case "tokens":
      return charge.between(from, to)
    case "inputTokens":
      return charge.factor * (to.input - from.input)
    case "outputTokens":
      return to.output - from.output
  }
}
