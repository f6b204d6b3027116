import type { Dimension } from "../../services/gate/Headers.ts"
import type { PoolState } from "../../services/Gate.ts"
import type { Caps, Load } from "./Caps.ts"
import { at, fit } from "./Line.ts"
import type { Line } from "./Line.ts"

/** Small documents share a call, and models still treat each chunk for itself. */
export const usual = { items: 8, tokens: 3200 }
/** Where the number of requests is what is short. */
const fullest = { items: 16, tokens: 6400 }

/** The part of what a limit lets through at once that a call of several items may take. */
const share = 0.5
/** Milliseconds: a run that ends so much later is not worth another prompt. */
const tail = 2_000
const remembered = 32

/** What waits, and what a call costs apart from it. */
export interface Stock extends Load {
  /** Of their texts as they are sent. */
  readonly input: number
  /** Input tokens of a call without items. */
  readonly prompt: number
  /** Whether more would have been handed over if there were any: what is left is the end, or comes slowly. */
  readonly isLast: boolean
}

/**
 * How many items share a call. As many as is good for the answers, because the prompt is paid for with each call; fewer
 * after answers with faults, where a call would take too much of a limit at once or too long, and towards the end, where
 * a full pack would still be answered when everything else is done. More where the limit on requests binds.
 */
export class Sizing {
  readonly #timeout: number
  /** What faults leave of the largest pack. */
  #items: number = fullest.items
  #times: Array<{ readonly x: number; readonly y: number }> = []
  #next = 0
  #latency: Line | undefined
  #state: PoolState | undefined

  /** @param timeout milliseconds that the provider has for an answer */
  constructor(timeout: number) {
    this.#timeout = timeout
  }

  /** Additive increase, multiplicative decrease. */
  judged(items: number, faults: number): void {
    if (items < 2) return
    if (faults === 0) {
      if (items >= Math.floor(this.#items)) this.#items = Math.min(fullest.items, this.#items + 0.5)
    } else this.#items = Math.max(1, Math.min(this.#items, items) * (1 - 0.5 * (faults / items)))
  }

  /** An answer of so many tokens took so many milliseconds. */
  answered(output: number, millis: number): void {
    this.#times[this.#next] = { x: output, y: millis }
    this.#next = (this.#next + 1) % remembered
    this.#latency = fit(this.#times)
  }

  /** What the gate knows of the limits. */
  inform(state: PoolState | undefined): void {
    this.#state = state
  }

  /** The most tokens that a call may ask for. */
  get largest(): number {
    return Math.min(
      ...this.#limits(({ dimension, limit }) => (dimension === "tokens" ? (limit ?? Infinity) : Infinity)),
      Infinity
    )
  }

  /** Whether a call's output cap is charged, as far as is known. */
  get isCapCharged(): boolean {
    return this.#state?.charge !== "input"
  }

  /** Items and text tokens of the next call, at most. */
  most(stock: Stock, caps: Caps, outputCap: (load: Load) => number, room: number): typeof usual {
    const each = stock.items === 0 ? 0 : 1 / stock.items
    const loadOf = (items: number): Load => ({
      items,
      tokens: items * each * stock.tokens,
      names: items * each * stock.names
    })
    const costOf = (load: Load) => this.#cost(stock, load.items, outputCap(load))
    const isShort = this.#areRequestsShort(costOf(loadOf(usual.items)))
    const isTooMuch = (items: number): boolean => {
      const load = loadOf(items)
      const cost = costOf(load)
      return (
        this.#isTooMuch(load, caps, cost, room) ||
        (stock.isLast && this.#millis(caps, load) > this.#drained(stock, items, cost) + tail)
      )
    }
    const { items: most, tokens } = isShort ? fullest : usual
    let items = Math.max(1, Math.min(most, Math.floor(this.#items)))
    while (items > 1 && isTooMuch(items)) items--
    return { items, tokens }
  }

  /** Whether a call with just this load would be answered too late, cut off, or take too much of a limit at once. */
  isTooMuch(load: Load, input: number, caps: Caps, outputCap: number, room: number): boolean {
    return load.items > 1 && this.#isTooMuch(load, caps, this.#costOf(input, outputCap), room)
  }

  #isTooMuch(load: Load, caps: Caps, cost: (dimension: Dimension) => number, room: number): boolean {
    return (
      (caps.expected(load) ?? 0) > room || this.#atOnce(cost) > share || this.#millis(caps, load) > this.#timeout / 2
    )
  }

  #limits<A>(of: (limit: PoolState["limits"][number]) => A): ReadonlyArray<A> {
    return (this.#state?.limits ?? []).map(of)
  }

  #cost({ input, items: all, prompt }: Stock, items: number, outputCap: number) {
    return this.#costOf(prompt + (all === 0 ? 0 : (items * input) / all), outputCap)
  }

  #costOf(inputTokens: number, outputCap: number) {
    return (dimension: Dimension): number => {
      if (dimension === "requests") return 1
      if (dimension === "inputTokens") return inputTokens
      if (dimension === "outputTokens") return outputCap
      const charge = this.#state?.charge ?? "sum"
      return charge === "sum"
        ? inputTokens + outputCap
        : charge === "input"
          ? inputTokens
          : Math.max(inputTokens, outputCap)
    }
  }

  /** The largest part of a limit's capacity that a call would take. */
  #atOnce(cost: (dimension: Dimension) => number): number {
    const parts = this.#limits(({ capacity, dimension }) =>
      dimension === "requests" ? 0 : cost(dimension) / Math.max(1, capacity)
    )
    return Math.max(0, ...parts)
  }

  #millis(caps: Caps, load: Load): number {
    return this.#latency === undefined ? 0 : at(this.#latency, caps.expected(load) ?? 0)
  }

  /**
   * Milliseconds until all else that waits is admitted; without limits nobody can say. Calls become smaller and smaller
   * until then, half as large on average, so that what each costs by itself counts twice.
   */
  #drained(stock: Stock, items: number, cost: (dimension: Dimension) => number): number {
    const calls = Math.max(0, stock.items - items) / items
    const times = this.#limits(({ dimension, level, perMinute }) => {
      const own = dimension === "requests" ? 1 : dimension === "outputTokens" ? 0 : stock.prompt
      const units = Math.max(0, calls * (cost(dimension) + own) - Math.max(0, level))
      return perMinute > 0 ? (60_000 * units) / perMinute : 0
    })
    return times.length === 0 ? Infinity : Math.max(...times)
  }

  /** Whether the limit on requests would bind with calls that cost so much. */
  #areRequestsShort(cost: (dimension: Dimension) => number): boolean {
    const calls = (dimension: PoolState["limits"][number]) => dimension.perMinute / cost(dimension.dimension)
    const requests = (this.#state?.limits ?? []).filter(({ dimension }) => dimension === "requests").map(calls)
    const tokens = (this.#state?.limits ?? []).filter(({ dimension }) => dimension !== "requests").map(calls)
    return requests.length > 0 && Math.min(...requests) < Math.min(...tokens, Infinity)
  }
}
