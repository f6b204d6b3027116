import { Duration } from "effect"
import type { ChatResponse } from "../../services/ChatModel.ts"
import type { PoolState } from "../../services/Gate.ts"
import { isFault } from "./Answer.ts"
import type { Judgement } from "./Answer.ts"
import { Caps } from "./Caps.ts"
import type { Item } from "./Items.ts"
import { outputLimitOf } from "./OutputLimit.ts"
import { Queue } from "./Queue.ts"
import { Sizing, usual } from "./Sizing.ts"

export interface PlanOptions {
  /** Chunks a call: a number, or as many as is good. */
  readonly pack: number | "auto"
  /** Items that are handed over at once, at the most. */
  readonly window: number
}

/** What current models can answer at once, at the least. */
const maxOutputTokens = 16_384
/** A cap below it is not worth a call. */
const leastCap = 256

/** Room for structure and some reasoning, and for an answer that is longer than its text: until the first are seen. */
const firstCap = (tokens: number, items: number): number => 600 * items + 4 * tokens

/** Calls of one item that are asked before the others, and milliseconds after which twice as many may be. */
const probes = 6
const doubling = 3_000

/** What a provider makes of a request may be more than it was taken for. */
const inexact = 1.1

const tokensOf = (items: ReadonlyArray<Item>): number => items.reduce((sum, { tokens }) => sum + tokens, 0)

/**
 * What goes together into the next call, and with how much room: from what waits, what was answered so far, and what the
 * gate knows of the limits. Without effects, and without a clock of its own.
 *
 * A long run begins with a few lone items. Their answers come soon, and show how long answers are before much is charged
 * for room that nobody knows to be needed.
 */
export class Plan {
  readonly queue = new Queue()
  readonly caps = new Caps()
  /** Items that were handed over, and not answered. */
  opened = 0
  readonly #options: PlanOptions
  readonly #prompt: number
  readonly #sizing: Sizing
  #ceiling = maxOutputTokens
  #context = Infinity
  #probingSince: number | undefined
  readonly #probes = new Set<Item>()

  /** @param fixed `prompt`: characters of a request without items */
  constructor(options: PlanOptions, fixed: { readonly timeout: Duration.Duration; readonly prompt: number }) {
    this.#options = options
    this.#prompt = fixed.prompt
    this.#sizing = new Sizing(Duration.toMillis(fixed.timeout))
  }

  get isProbing(): boolean {
    return this.#probingSince !== undefined && !this.caps.isSure
  }

  inform(state: PoolState | undefined): void {
    this.#sizing.inform(state)
  }

  /** The most output that a call can have. */
  room(items: ReadonlyArray<Item>): number {
    const input = inexact * this.#input(items) + 64
    const charged = this.#sizing.isCapCharged ? this.#sizing.largest - input : Infinity
    const possible = Math.floor(Math.min(this.#ceiling, this.#context - input, charged))
    return Math.max(leastCap, Math.min(possible, ...items.map(({ most }) => most)))
  }

  request(items: ReadonlyArray<Item>) {
    const tokens = tokensOf(items)
    const cap = Math.min(this.room(items), Math.max(this.#wish(tokens, items.length), ...items.map(({ room }) => room)))
    return {
      cap,
      expected: {
        inputTokens: Math.ceil(this.#input(items)),
        outputTokens: this.caps.expected(tokens, items.length) ?? Math.ceil(cap / 2)
      }
    }
  }

  /** What the next call would carry. */
  next(): ReadonlyArray<Item> {
    return this.queue.first(this.#most())
  }

  take(): ReadonlyArray<Item> {
    const taken = this.queue.take(this.next().length)
    if (this.isProbing) for (const item of taken) this.#probes.add(item)
    return taken
  }

  /** How many calls should wait at the gate, where so many do. */
  calls(waiting: number, now: number): number {
    if (this.#options.pack === "auto" && this.queue.size > usual.items && !this.caps.isSure) this.#probingSince ??= now
    const calls = Math.ceil(this.queue.size / this.#most().items)
    if (this.#probingSince === undefined || !this.isProbing) return calls
    const allowed = probes * 2 ** Math.min(10, (now - this.#probingSince) / doubling)
    return Math.min(calls, Math.max(waiting, Math.floor(allowed) - this.#probes.size))
  }

  /** A call was answered, or refused. */
  ended(items: ReadonlyArray<Item>): void {
    for (const item of items) this.#probes.delete(item)
  }

  answered(
    { cap, items }: { readonly items: ReadonlyArray<Item>; readonly cap: number },
    { finish, usage }: ChatResponse,
    judgement: Judgement,
    millis: number
  ): void {
    const tokens = tokensOf(items)
    this.#sizing.answered(usage.output, millis)
    if (finish === "length") {
      // Where the server cut it short of the cap, that says nothing of the cap.
      if (usage.output >= 0.9 * cap || usage.output === 0) this.caps.cutOff(tokens, items.length, cap)
      return
    }
    if (judgement._tag === "items") this.caps.observe(tokens, items.length, usage.output)
    const faults = judgement._tag === "items" ? [...judgement.items.values()].filter(isFault).length : items.length
    this.#sizing.judged(items.length, faults)
  }

  /** Its answer was cut off although it was alone. */
  cutAlone(item: Item, cap: number): void {
    item.room = Math.min(this.room([item]), 4 * cap)
  }

  /** @returns whether the request was turned away for its output cap alone, and less is asked for from now on */
  toldLimit(message: string, cap: number, items: ReadonlyArray<Item>): boolean {
    const told = outputLimitOf(message, cap)
    if (told === undefined) return false
    const before = this.room(items)
    if (told._tag === "output") this.#ceiling = Math.min(this.#ceiling, told.tokens)
    else this.#context = Math.min(this.#context, told.tokens)
    return this.room(items) < Math.min(before, cap)
  }

  /** @returns whether a request that was too large is worth being sent with a smaller cap */
  withLess(item: Item, cap: number): boolean {
    const least = Math.max(leastCap, Math.ceil(1.2 * (this.caps.expected(item.tokens, 1) ?? item.tokens)))
    if (least >= cap || item.room > least) return false
    item.most = least
    return true
  }

  #characters(items: ReadonlyArray<Item>): number {
    return this.#prompt + items.reduce((sum, { length }) => sum + length, 0)
  }

  #input(items: ReadonlyArray<Item>): number {
    return this.#characters(items) / 4
  }

  /** Tokens that an answer should have room for. */
  #wish(tokens: number, items: number): number {
    const wish = this.caps.cap(tokens, items) ?? firstCap(tokens, items)
    return this.#sizing.isCapCharged ? wish : 2 * wish
  }

  #most(): { readonly items: number; readonly tokens: number } {
    const { pack, window } = this.#options
    if (pack !== "auto") return { items: pack, tokens: Infinity }
    if (this.isProbing) return { items: 1, tokens: 0 }
    const { length, size, tokens } = this.queue
    const stock = {
      items: size,
      tokens,
      input: length / 4,
      prompt: this.#prompt / 4,
      isLast: this.opened < 0.9 * window
    }
    return this.#sizing.most(stock, this.caps, (text, items) => this.#wish(text, items), this.#ceiling)
  }
}
