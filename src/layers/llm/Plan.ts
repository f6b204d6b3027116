import { Duration } from "effect"
import type { ChatResponse } from "../../services/ChatModel.ts"
import type { PoolState } from "../../services/Gate.ts"
import { isFault } from "./Answer.ts"
import type { Judgement } from "./Answer.ts"
import { Caps } from "./Caps.ts"
import type { Load } from "./Caps.ts"
import type { Item } from "./Items.ts"
import { limitOfMessage } from "../../services/gate/Headers.ts"
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

/** Room for structure and reasoning, and for an answer that is longer than its text: until the first are seen. */
const firstCap = ({ items, tokens }: Load): number => 1_500 * items + 5 * tokens
/** Where there is enough to do for one that is cut off not to matter. */
const probeCap = ({ items, tokens }: Load): number => 600 * items + 4 * tokens

/** Calls of one item that are asked before the others, and milliseconds after which twice as many may be. */
const probes = 6
const doubling = 8_000

/** So many times as long as the first answers took, the others may take. */
const patience = 4

/** Multiples of it, modulo 1, are spread evenly however many there are. */
const golden = 0.618

/** What a provider makes of a request may be more than it was taken for. */
const inexact = 1.1

const loadOf = (items: ReadonlyArray<Item>): Load => ({
  items: items.length,
  tokens: items.reduce((sum, { tokens }) => sum + tokens, 0),
  names: items.reduce((sum, { names }) => sum + names, 0)
})

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
  /** Calls that were. */
  answers = 0
  readonly #options: PlanOptions
  readonly #prompt: number
  readonly #sizing: Sizing
  #ceiling = maxOutputTokens
  #context = Infinity
  /** The most tokens that a call may be charged, as far as a rejection told. */
  #charge = Infinity
  /** Of the first call; `learnedAt`: of the answer that would be enough. */
  #probing:
    | {
        readonly since: number
        readonly first: Set<Item>
        sent: number
        learnedAt: number | undefined
        isOver: boolean
      }
    | undefined
  /** Those that are under way. */
  readonly #probes = new Set<Item>()

  /** @param fixed `prompt`: characters of a request without items */
  constructor(options: PlanOptions, fixed: { readonly timeout: Duration.Duration; readonly prompt: number }) {
    this.#options = options
    this.#prompt = fixed.prompt
    this.#sizing = new Sizing(Duration.toMillis(fixed.timeout))
  }

  get isProbing(): boolean {
    return this.#probing?.isOver === false
  }

  inform(state: PoolState | undefined): void {
    this.#sizing.inform(state)
  }

  /** The most output that a call can have. */
  room(items: ReadonlyArray<Item>): number {
    const input = inexact * this.#input(items) + 64
    const charged = this.#sizing.isCapCharged ? Math.min(this.#charge, this.#sizing.largest) - input : Infinity
    const possible = Math.floor(Math.min(this.#ceiling, this.#context - input, charged))
    return Math.max(leastCap, Math.min(possible, ...items.map(({ most }) => most)))
  }

  request(items: ReadonlyArray<Item>) {
    const load = loadOf(items)
    const cap = Math.min(this.room(items), Math.max(this.#wish(load), ...items.map(({ room }) => room)))
    return {
      cap,
      expected: {
        inputTokens: Math.ceil(this.#input(items)),
        outputTokens: this.caps.expected(load) ?? Math.ceil(cap / 2)
      }
    }
  }

  /** What the next call would carry. */
  next(): ReadonlyArray<Item> {
    const items = this.queue.first(this.#most(), this.#from)
    if (this.#options.pack !== "auto") return items
    let count = items.length
    while (count > 1 && this.#isTooMuch(items.slice(0, count))) count--
    return items.slice(0, count)
  }

  take(): ReadonlyArray<Item> {
    const taken = this.queue.take(this.next().length, this.#from)
    if (this.#probing?.isOver === false) {
      for (const item of taken) {
        this.#probes.add(item)
        if (this.#probing.sent++ < probes) this.#probing.first.add(item)
      }
    }
    return taken
  }

  /** How many calls should wait at the gate, where so many do. */
  calls(waiting: number, now: number): number {
    if (this.#options.pack === "auto" && this.queue.size > usual.items && !this.caps.isSure) {
      this.#probing ??= { since: now, first: new Set(), sent: 0, learnedAt: undefined, isOver: false }
    }
    this.#look(now)
    const calls = Math.ceil(this.queue.size / this.#most().items)
    if (this.#probing === undefined || this.#probing.isOver) return calls
    const allowed = probes * 2 ** Math.min(10, (now - this.#probing.since) / doubling)
    return Math.min(calls, Math.max(waiting, Math.floor(allowed) - this.#probes.size))
  }

  /** The answers that come first are the short ones: the others are waited for as well, if they do not take for ever. */
  #look(now: number): void {
    const probing = this.#probing
    if (probing === undefined || probing.isOver || !this.caps.isSure) return
    probing.learnedAt ??= now
    const isLate = now - probing.since > patience * (probing.learnedAt - probing.since)
    probing.isOver = isLate || (probing.sent >= probes && probing.first.size === 0)
    if (!isLate) return
    for (const item of probing.first) this.caps.observe(loadOf([item]), probeCap(loadOf([item])))
  }

  /** A call was answered, or refused. */
  ended(items: ReadonlyArray<Item>): void {
    for (const item of items) {
      this.#probes.delete(item)
      this.#probing?.first.delete(item)
    }
  }

  answered(
    { cap, items }: { readonly items: ReadonlyArray<Item>; readonly cap: number },
    { content, finish, usage }: ChatResponse,
    judgement: Judgement,
    millis: number
  ): void {
    this.answers++
    const load = loadOf(items)
    this.#sizing.answered(usage.output, millis)
    if (finish === "length") {
      const complete = judgement._tag === "items" ? judgement.items.size : 0
      // Where the server cut it short of the cap, that says nothing of the cap.
      if (Math.max(usage.output, content.length / 4) >= 0.9 * cap) this.caps.cutOff(load, cap, complete)
      return
    }
    // Some servers count otherwise than they cut.
    const long = Math.floor(content.length / 4)
    const output = long > 1.5 * usage.output ? long : usage.output
    if (judgement._tag === "items") this.caps.observe(load, output)
    const faults = judgement._tag === "items" ? [...judgement.items.values()].filter(isFault).length : items.length
    this.#sizing.judged(items.length, faults)
  }

  /** @returns whether it is for the length of the answer, as far as one can tell: a lone item has another two tries */
  tookTooLong(items: ReadonlyArray<Item>): boolean {
    this.#sizing.judged(items.length, items.length)
    const [only, ...others] = items
    return only === undefined || others.length > 0 || ++only.late > 2
  }

  /** Its answer was cut off although it was alone. */
  cutAlone(item: Item, cap: number): void {
    const all = this.room([item])
    const more = item.room === 0 ? 2 * cap : 5 * cap
    item.room = 2 * more > all ? all : more
  }

  /** @returns whether less is asked for from now on than in a request that was turned away */
  toldLimit(message: string, cap: number, items: ReadonlyArray<Item>): boolean {
    const told = outputLimitOf(message, cap)
    const limit = limitOfMessage(message)
    if (told?._tag === "output") this.#ceiling = Math.min(this.#ceiling, told.tokens)
    else if (told?._tag === "context") this.#context = Math.min(this.#context, told.tokens)
    else if (limit?.dimension === "tokens") this.#charge = Math.min(this.#charge, limit.limit)
    // Or it was told by others' answers meanwhile.
    return this.room(items) < cap
  }

  /** @returns whether a request that was too large is worth being sent with a smaller cap */
  withLess(item: Item, cap: number): boolean {
    const expected = this.caps.expected(loadOf([item]))
    const least = Math.max(leastCap, Math.ceil(expected === undefined ? cap / 2 : 1.2 * expected))
    if (least >= cap || item.room > least) return false
    item.most = least
    return true
  }

  /** Documents that stand together are alike: probes are taken from everywhere in what waits. */
  get #from(): number {
    if (!this.isProbing) return 0
    return Math.floor(this.queue.size * (((this.#probing?.sent ?? 0) * golden) % 1))
  }

  /** What is as much as it may be on average can be too much in fact. */
  #isTooMuch(items: ReadonlyArray<Item>): boolean {
    const load = loadOf(items)
    return this.#sizing.isTooMuch(load, this.#input(items), this.caps, this.#wish(load), this.#ceiling)
  }

  #characters(items: ReadonlyArray<Item>): number {
    return this.#prompt + items.reduce((sum, { length }) => sum + length, 0)
  }

  #input(items: ReadonlyArray<Item>): number {
    return this.#characters(items) / 4
  }

  /** Tokens that an answer should have room for. */
  #wish(load: Load): number {
    const learned = this.caps.cap(load)
    const wish = this.isProbing ? Math.max(probeCap(load), learned ?? 0) : (learned ?? firstCap(load))
    return this.#sizing.isCapCharged ? wish : 2 * wish
  }

  #most(): { readonly items: number; readonly tokens: number } {
    const { pack, window } = this.#options
    if (pack !== "auto") return { items: pack, tokens: Infinity }
    if (this.isProbing) return { items: 1, tokens: 0 }
    const { length, names, size, tokens } = this.queue
    const stock = {
      items: size,
      tokens,
      names,
      input: length / 4,
      prompt: this.#prompt / 4,
      isLast: this.opened < 0.9 * window
    }
    return this.#sizing.most(stock, this.caps, (load) => this.#wish(load), this.#ceiling)
  }
}
