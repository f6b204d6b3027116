import { Schema } from "effect"
import { at, fit } from "./Line.ts"
import type { Line } from "./Line.ts"

const Amount = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

/** What was learned of the answers of one model to one kind of prompt, to be kept for the next run: output tokens. */
export const Learned = Schema.Struct({
  /** Of a call, whatever it carries. */
  perCall: Amount,
  perItem: Amount,
  /** For each token of text. */
  perToken: Amount,
  /** For each name in it. */
  perName: Amount,
  /** Standard deviation of a lone item's answer, relative to its mean. */
  scatter: Amount,
  /** From how many answers. */
  answers: Amount
})
export type Learned = typeof Learned.Type

/** What a call carries. */
export interface Load {
  readonly items: number
  /** Of their texts. */
  readonly tokens: number
  /** Words of their texts that begin with a capital letter, and numbers: what is likely to be listed. */
  readonly names: number
}

interface Seen extends Load {
  readonly output: number
}

/** What an answer's length follows, but for a factor: more or less the text, more or less its names, and a little for each item. */
interface Weights {
  readonly perToken: number
  readonly perName: number
}
const perItem = 40
/** How much of it the names can decide. */
const shares = [0, 0.5, 0.8, 0.95]

const weightOf = ({ perName, perToken }: Weights, { items, names, tokens }: Load): number =>
  perToken * tokens + perName * names + perItem * items

/** Answers that are remembered for each size of pack. */
const remembered = 32
const classOf = (items: number): number => (items === 1 ? 0 : items < 4 ? 1 : items < 8 ? 2 : 3)
/** Answers of another size count so much for the scatter. */
const related = 0.25

/** Chunks of one document are alike, so the scatter of a pack falls slower than with the root of its items. */
const averaging = 0.8
/** The scatter that is supposed before any is seen, as if so many answers had shown it. */
const supposed = { scatter: 0.5, answers: 3 }

/** What a text e times as long as any seen adds to the scatter. */
const strangeness = 0.5

/** Runaway answers are no measure for others. */
const outlier = 4

/**
 * The share of answers that may be cut off: what is complete in a cut answer is kept, so that one costs a pack some two
 * items and another prompt, while room that is not used is charged for every call by providers that count the cap.
 */
const tolerated = 0.04
/** Standard deviations above the mean that are supposed to be needed for that, as if so many answers had shown it. */
const needed = { deviations: 1.8, answers: 6 }
const least = 1
/** From so many answers on, their mean and scatter are worth more than a guess. */
const enough = 4

/** A part of what answers have on average that they scatter by even where next to nothing is expected. */
const soft = 0.1

interface Spread {
  /** Standard deviation of a lone item's answer, relative to its mean. */
  readonly scatter: number
  /** How many lone items' answers the mean is worth. */
  readonly answers: number
  /** How many standard deviations above the mean the longest answers are, but for those that may be cut off. */
  readonly deviations: number
}

interface Model {
  readonly weights: Weights
  readonly line: Line
  /** By size of the pack: by how much answers are longer than the line says. */
  readonly bias: ReadonlyArray<number>
  /** Added for each item to what is expected, before errors are related to it. */
  readonly soft: number
  /** The largest weight of an item that was seen, as a mean of a pack. */
  readonly heaviest: number
}

/**
 * How much room answers need, from those seen: providers that count a call's output cap against the limits let the fewer
 * calls pass, the wider it is. A cap decides what an answer may cost, never what it says: one that is cut off is asked
 * for again with more room. Mean and scatter come from recent answers of all sizes, the quantile from those of the same.
 */
export class Caps {
  readonly #seen: ReadonlyArray<Array<Seen>> = [[], [], [], []]
  readonly #next = [0, 0, 0, 0]
  #model: Model | undefined
  #prior = supposed
  #answers = 0
  /** By size, until something new is seen. */
  readonly #spreads = new Map<number, Spread>()

  /** Whether enough was seen, in this run or an earlier one, to know how long answers are. */
  get isSure(): boolean {
    return this.#answers + this.#prior.answers - supposed.answers >= enough
  }

  /** An answer of so many tokens. */
  observe(load: Load, output: number): void {
    if (output > 0 && load.items > 0) this.#remember(load, output)
  }

  /** An answer was cut off at its cap, after so many items: nobody knows how long it would have been. */
  cutOff(load: Load, cap: number, complete: number): void {
    this.#remember(load, Math.max(1.3, load.items / (complete + 0.5)) * cap)
  }

  /** @returns undefined: nothing was seen */
  cap(load: Load): number | undefined {
    const model = this.#model
    if (model === undefined) return undefined
    const spread = this.#spread(classOf(load.items))
    // Of much longer texts than were seen less is known.
    const farther = strangeness * Math.log(weightOf(model.weights, load) / load.items / model.heaviest)
    const deviation = Math.hypot(deviationOf(spread, load.items), Math.max(0, farther))
    const expected = expectedOf(model, load)
    return Math.ceil(expected + spread.deviations * deviation * (expected + model.soft * load.items)) + 32
  }

  /** @returns undefined: nothing was seen */
  expected(load: Load): number | undefined {
    return this.#model === undefined ? undefined : Math.ceil(expectedOf(this.#model, load))
  }

  /** Undefined: nothing was seen. */
  get learned(): Learned | undefined {
    if (this.#model === undefined) return undefined
    const { line, weights } = this.#model
    // Sums of fractions end a little below zero at times.
    return {
      perCall: Math.max(0, line.start),
      perItem: Math.max(0, line.slope * perItem),
      perToken: Math.max(0, line.slope * weights.perToken),
      perName: Math.max(0, line.slope * weights.perName),
      scatter: this.#spread(classOf(1)).scatter,
      answers: this.#answers + this.#prior.answers - supposed.answers
    }
  }

  /** Begins with what an earlier run has learned; what is seen from now on outweighs it. */
  restore(learned: Learned): void {
    const { answers, perCall, perName, perToken, scatter } = learned
    if (answers <= 0 || perCall + learned.perItem + perToken + perName <= 0) return
    this.#prior = { scatter, answers: supposed.answers + Math.min(8, answers) }
    for (const items of [1, 8]) {
      for (const [tokens, names] of typical) {
        const output = perCall + items * (learned.perItem + perToken * tokens + perName * names)
        this.#keep({ items, tokens: items * tokens, names: items * names, output })
      }
    }
    this.#learn()
  }

  #remember(load: Load, output: number): void {
    const expected = this.#answers > 4 ? this.expected(load) : undefined
    this.#answers++
    this.#keep({
      ...load,
      output: expected === undefined ? output : Math.min(output, outlier * (expected + (this.#model?.soft ?? 0)))
    })
    this.#learn()
  }

  #keep(seen: Seen): void {
    const size = classOf(seen.items)
    const ring = this.#seen[size]
    const next = this.#next[size] ?? 0
    if (ring === undefined) return
    ring[next] = seen
    this.#next[size] = (next + 1) % remembered
  }

  #learn(): void {
    const all = this.#seen.flat()
    const names = all.reduce((sum, one) => sum + one.names, 0)
    const perNames = names === 0 ? 0 : all.reduce((sum, one) => sum + one.tokens, 0) / names
    let best = Infinity
    for (const share of names === 0 ? [0] : shares) {
      const model = modelOf({ perToken: 1 - share, perName: share * perNames }, this.#seen)
      if (model === undefined) continue
      const misfit = all.reduce((sum, one) => sum + one.items ** averaging * errorOf(model, one) ** 2, 0)
      if (misfit >= 0.9 * best) continue
      best = misfit
      this.#model = model
    }
    this.#spreads.clear()
  }

  /** As answers of one size show it, and to a part those of others. */
  #spread(size: number): Spread {
    const known = this.#spreads.get(size)
    if (known !== undefined) return known
    let squares = this.#prior.answers * this.#prior.scatter ** 2
    let count = this.#prior.answers
    let answers = 0
    const errors: Array<readonly [error: number, items: number]> = []
    for (const [other, seen] of this.#seen.entries()) {
      const share = other === size ? 1 : related
      for (const one of seen) {
        const error = this.#model === undefined ? 0 : errorOf(this.#model, one)
        const independent = one.items ** averaging
        squares += share * independent * error ** 2
        count += share
        answers += independent
        if (other === size) errors.push([error, one.items])
      }
    }
    const told = { scatter: Math.sqrt(squares / count), answers: Math.max(1, answers) }
    const deviations = errors.map(([error, items]) => error / deviationOf(told, items)).toSorted((a, b) => a - b)
    const longest = deviations[Math.floor((1 - tolerated) * deviations.length)] ?? 0
    const seen = longest * deviations.length + needed.deviations * needed.answers
    const spread = { ...told, deviations: Math.max(least, seen / (deviations.length + needed.answers)) }
    this.#spreads.set(size, spread)
    return spread
  }
}

/** Tokens and names of texts from which what was learned earlier is seen again. */
const typical = [
  [100, 2],
  [100, 20],
  [400, 10],
  [400, 60]
] as const

const modelOf = (weights: Weights, seen: ReadonlyArray<ReadonlyArray<Seen>>): Model | undefined => {
  const all = seen.flat()
  const line = fit(all.map((one) => ({ x: weightOf(weights, one), y: one.output })))
  if (line === undefined) return undefined
  const bias = seen.map((ones) => {
    const ratios = ones.reduce((sum, one) => sum + one.output / Math.max(1, at(line, weightOf(weights, one))), 0)
    return (4 + ratios) / (4 + ones.length)
  })
  return {
    weights,
    line,
    bias,
    soft: (soft * all.reduce((sum, { items, output }) => sum + output / items, 0)) / all.length,
    heaviest: Math.max(...all.map((one) => weightOf(weights, one) / one.items))
  }
}

const expectedOf = ({ bias, line, weights }: Model, load: Load): number =>
  at(line, weightOf(weights, load)) * (bias[classOf(load.items)] ?? 1)

/** By how much more it was than expected, relative to that. */
const errorOf = (model: Model, seen: Seen): number => {
  const expected = expectedOf(model, seen)
  return Math.min(outlier, (seen.output - expected) / Math.max(1, expected + model.soft * seen.items))
}

/** Relative to the mean; for the mean itself is uncertain. */
const deviationOf = ({ answers, scatter }: Pick<Spread, "answers" | "scatter">, items: number): number =>
  scatter * Math.sqrt(items ** -averaging + 1 / answers)
