import { Schema } from "effect"
import { at, fit } from "./Line.ts"
import type { Line } from "./Line.ts"

const Amount = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

/** What was learned of the answers of one model to one kind of prompt, to be kept for the next run. */
export const Learned = Schema.Struct({
  /** Output tokens of a call, whatever it carries. */
  perCall: Amount,
  /** Output tokens for each token of text. */
  perToken: Amount,
  /** Standard deviation of a lone item's answer, relative to its mean. */
  scatter: Amount,
  /** From how many answers. */
  answers: Amount
})
export type Learned = typeof Learned.Type

interface Seen {
  /** What an answer's length follows: the text, and a little for each item. */
  readonly weight: number
  readonly items: number
  readonly output: number
}

const weightOf = (tokens: number, items: number): number => tokens + 40 * items

/** Answers that are remembered for each size of pack. */
const remembered = 32
const classOf = (items: number): number => (items === 1 ? 0 : items < 4 ? 1 : items < 8 ? 2 : 3)
/** Answers of another size count so much for the scatter. */
const related = 0.25

/** Chunks of one document are alike, so the scatter of a pack falls slower than with the root of its items. */
const averaging = 0.8
/** The scatter that is supposed before any is seen, as if so many answers had shown it. */
const supposed = { scatter: 0.4, answers: 2 }

/** Runaway answers are no measure for others. */
const outlier = 4

/**
 * The share of answers that may be cut off: what is complete in a cut answer is kept, so that one costs a pack some two
 * items and another prompt, while room that is not used is charged for every call by providers that count the cap.
 */
const tolerated = 0.03
const step = 0.3
/** From so many answers on, their mean and scatter are worth more than a guess. */
const enough = 4
const narrowest = 0.8
const widest = 4

/**
 * How much room answers need, from those seen: providers that count a call's output cap against the limits let the fewer
 * calls pass, the wider it is. A cap decides what an answer may cost, never what it says: one that is cut off is asked
 * for again with more room. Mean and scatter come from recent answers of all sizes; how many standard deviations are
 * left above the mean follows what is cut off (a quantile by stochastic approximation, Robbins and Monro 1951).
 */
export class Caps {
  readonly #seen: ReadonlyArray<Array<Seen>> = [[], [], [], []]
  readonly #next = [0, 0, 0, 0]
  /** Standard deviations above the mean, by size. */
  readonly #deviations = [2, 1.8, 1.6, 1.6]
  #line: Line | undefined
  #prior = supposed
  #answers = 0
  /** By size, until something new is seen. */
  readonly #scatters = new Map<number, readonly [scatter: number, answers: number]>()

  /** Whether enough was seen, in this run or an earlier one, to know how long answers are. */
  get isSure(): boolean {
    return this.#answers + this.#prior.answers - supposed.answers >= enough
  }

  /** Output tokens of an answer to so many items with so many tokens of text. */
  observe(tokens: number, items: number, output: number): void {
    if (output <= 0 || items <= 0) return
    const isOver = output > (this.cap(tokens, items) ?? Infinity)
    this.#remember(tokens, items, output)
    this.#widen(items, isOver)
  }

  /** An answer was cut off at its cap: nobody knows how long it would have been. */
  cutOff(tokens: number, items: number, cap: number): void {
    this.#remember(tokens, items, 1.3 * cap)
    this.#widen(items, true)
  }

  /** @returns undefined: nothing was seen */
  cap(tokens: number, items: number): number | undefined {
    const expected = this.#expected(tokens, items)
    if (expected === undefined) return undefined
    const [scatter, answers] = this.#scatter(classOf(items))
    const deviation = scatter * Math.sqrt(items ** -averaging + 1 / answers)
    return Math.ceil(expected * (1 + (this.#deviations[classOf(items)] ?? widest) * deviation)) + 32
  }

  /** @returns undefined: nothing was seen */
  expected(tokens: number, items: number): number | undefined {
    const expected = this.#expected(tokens, items)
    return expected === undefined ? undefined : Math.ceil(expected)
  }

  /** Undefined: nothing was seen. */
  get learned(): Learned | undefined {
    if (this.#line === undefined) return undefined
    const { slope, start } = this.#line
    const [scatter] = this.#scatter(classOf(1))
    return { perCall: start, perToken: slope, scatter, answers: this.#answers + this.#prior.answers - supposed.answers }
  }

  /** Begins with what an earlier run has learned; what is seen from now on outweighs it. */
  restore({ answers, perCall, perToken, scatter }: Learned): void {
    if (answers <= 0 || perCall + perToken <= 0) return
    const line = { start: perCall, slope: perToken }
    this.#prior = { scatter, answers: supposed.answers + Math.min(8, answers) }
    for (const items of [1, 8]) {
      const weight = weightOf(400 * items, items)
      for (let i = 0; i < Math.min(4, answers); i++) this.#keep({ weight, items, output: at(line, weight) })
    }
    this.#learn()
  }

  #widen(items: number, isOver: boolean): void {
    const size = classOf(items)
    const deviations = (this.#deviations[size] ?? widest) + step * ((isOver ? 1 : 0) - tolerated)
    this.#deviations[size] = Math.min(widest, Math.max(narrowest, deviations))
  }

  #remember(tokens: number, items: number, output: number): void {
    const expected = this.#answers > 4 ? this.#expected(tokens, items) : undefined
    this.#answers++
    this.#keep({
      weight: weightOf(tokens, items),
      items,
      output: expected === undefined ? output : Math.min(output, outlier * expected)
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
    this.#line = fit(this.#seen.flat().map(({ output, weight }) => ({ x: weight, y: output })))
    this.#scatters.clear()
  }

  #expected(tokens: number, items: number): number | undefined {
    return this.#line === undefined ? undefined : at(this.#line, weightOf(tokens, items)) * this.#bias(classOf(items))
  }

  /** By how much answers of this size are longer than the line says. */
  #bias(size: number): number {
    const line = this.#line
    const seen = this.#seen[size] ?? []
    if (line === undefined) return 1
    const sum = seen.reduce((total, { output, weight }) => total + output / Math.max(1, at(line, weight)), 0)
    return (4 + sum) / (4 + seen.length)
  }

  /** Of a lone item, as answers of one size show it; and how many lone items' answers the mean is worth. */
  #scatter(size: number): readonly [scatter: number, answers: number] {
    const known = this.#scatters.get(size)
    if (known !== undefined) return known
    let squares = this.#prior.answers * this.#prior.scatter ** 2
    let count = this.#prior.answers
    let answers = 0
    for (const [other, seen] of this.#seen.entries()) {
      const share = other === size ? 1 : related
      const bias = this.#bias(other)
      for (const one of seen) {
        const expected = this.#line === undefined ? 0 : at(this.#line, one.weight) * bias
        const error = Math.min(outlier, one.output / Math.max(1, expected)) - 1
        const independent = one.items ** averaging
        squares += share * independent * error ** 2
        count += share
        answers += share * independent
      }
    }
    const scatter = [Math.sqrt(squares / count), Math.max(1, answers)] as const
    this.#scatters.set(size, scatter)
    return scatter
  }
}
