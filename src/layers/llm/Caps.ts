/** Answers that are remembered for each size of pack. */
const remembered = 256
/** With fewer nothing is concluded. */
const fewest = 20
/** Beyond what hardly any answer needs. */
const headroom = 1.2

/** What an answer's length follows: the text, and a little for each item. */
const weightOf = (tokens: number, items: number): number => tokens + 40 * items

/** Answers of larger packs scatter less. */
const sizeOf = (items: number): number => (items === 1 ? 0 : items < 4 ? 1 : 2)

interface Seen {
  /** Output tokens by weight, the oldest overwritten. */
  readonly ratios: Array<number>
  next: number
  mean: number
  cap: number
}

/**
 * How much room answers need, from those seen: providers that count a call's output cap against the limits let the fewer
 * calls pass, the wider it is. A cap decides what an answer may cost, never what it says: one that is cut off is asked
 * for again with more room.
 */
export class Caps {
  readonly #seen: ReadonlyArray<Seen> = [0, 1, 2].map(() => ({ ratios: [], next: 0, mean: 0, cap: 0 }))

  /** Output tokens of an answer to so many items with so many tokens of text. */
  observe(tokens: number, items: number, output: number): void {
    const seen = this.#seen[sizeOf(items)]
    if (seen === undefined || output <= 0) return
    seen.ratios[seen.next] = output / weightOf(tokens, items)
    seen.next = (seen.next + 1) % remembered
    const sorted = seen.ratios.toSorted((a, b) => a - b)
    const largest = sorted.at(-1) ?? 0
    const quantile = sorted[Math.floor(0.99 * sorted.length)] ?? largest
    seen.mean = sorted.reduce((sum, ratio) => sum + ratio, 0) / sorted.length
    seen.cap = Math.max(headroom * quantile, largest)
  }

  /** An answer was cut off at its cap: nobody knows how long it would have been. */
  cutOff(tokens: number, items: number, cap: number): void {
    this.observe(tokens, items, 1.5 * cap)
  }

  /** Undefined: too little was seen. */
  cap(tokens: number, items: number): number | undefined {
    const seen = this.#seen[sizeOf(items)]
    if (seen === undefined || seen.ratios.length < fewest) return undefined
    return Math.ceil(seen.cap * weightOf(tokens, items)) + 64
  }

  expected(tokens: number, items: number): number | undefined {
    const seen = this.#seen[sizeOf(items)]
    return seen === undefined || seen.ratios.length === 0 ? undefined : Math.ceil(seen.mean * weightOf(tokens, items))
  }
}
