import { Option } from "effect"
import { Charge, minus, nothing, plus } from "./Charge.ts"
import type { ChargeRule, Demand, Totals } from "./Charge.ts"
import type { ModelError, Usage } from "../ChatModel.ts"
import { Breaker } from "./Breaker.ts"
import { Climb } from "./Climb.ts"
import { limitOfMessage, limitsOf, minute, windowOf } from "./Headers.ts"
import type { Dimension, Observed } from "./Headers.ts"
import { costBetween, costOf, Limiter } from "./Limiter.ts"
import { Order } from "./Order.ts"
import type { Place } from "./Order.ts"
import { Overload } from "./Overload.ts"

/** What became of a call. */
export type Feedback =
  | {
      readonly _tag: "answered"
      /** Names in lower case. */
      readonly headers: Readonly<Record<string, string>>
      readonly usage: Usage
    }
  | {
      readonly _tag: "failed"
      readonly error: ModelError
      /** Milliseconds for which the provider asks to be left alone; 0: it does not. */
      readonly freeze: number
    }

/** Whoever waits to be admitted. */
export interface Waiter {
  readonly place: Place
  /** What the call would ask for if it were admitted now; none: there is nothing to send any more. */
  readonly demand: () => Option.Option<Demand>
}

/** A call that was admitted. */
export interface Admission {
  readonly at: number
  /** When it was sent, which may be later: what was written before took its time. */
  sentAt: number
  readonly number: number
  readonly demand: Demand
  /** All that was ever admitted, this call included. */
  readonly totals: Totals
  readonly debits: ReadonlyArray<readonly [Limiter, number]>
  readonly inFlight: number
  readonly level: number
  isSettled: boolean
}

export type Step<W> =
  | { readonly _tag: "admit"; readonly waiter: W; readonly admission: Admission }
  /** There was nothing to send. */
  | { readonly _tag: "nothing"; readonly waiter: W }
  | { readonly _tag: "tooLarge"; readonly waiter: W; readonly message: string }
  /** Nobody can pass before `until` (milliseconds since 1970; Infinity: until somebody leaves, or comes). */
  | { readonly _tag: "wait"; readonly until: number }

export interface PoolOptions {
  /** The most in flight. */
  readonly ceiling: number
  /** False: the ceiling is the only limit. */
  readonly adaptive: boolean
}

/** What is known of a limit. */
export interface LimitState {
  readonly dimension: Dimension
  /** Units a window; undefined: never told, learned from throttles. */
  readonly limit: number | undefined
  /** Milliseconds. */
  readonly window: number | undefined
  readonly perMinute: number
  readonly level: number
  readonly capacity: number
}

export interface PoolState {
  readonly mode: "first" | "told" | "untold" | "fixed"
  readonly limits: ReadonlyArray<LimitState>
  readonly charge: ChargeRule
  readonly inFlight: number
  readonly waiting: number
  /** The most in flight, as it is now. */
  readonly concurrency: number
  /** What the next call waits for. */
  readonly binding: Dimension | "concurrency" | "pause" | undefined
}

const isToken = (dimension: Dimension): boolean => dimension !== "requests"

/** Milliseconds for which the first call is alone; then others may go, twice as many after each `doubling`, so many at most. */
const patience = 300
const doubling = 500
const unanswered = 64

/**
 * What a limit has saved up is used at so many times the rate at which it fills: soon enough for nothing to be lost, and
 * slowly enough for a provider that has less than it told to turn away few.
 */
const haste = 4
/** Milliseconds: pauses are no longer, and shorter ones are kept together, for timers are not as fine. */
const longestPause = 100
const slack = 10

/**
 * The limits of one endpoint and model, and who waits for them: all state of the gate, without effects, and without a
 * clock of its own (`now` is in milliseconds since 1970, and never goes back).
 */
export class Pool<W extends Waiter> {
  readonly #options: PoolOptions
  readonly #order = new Order<W>()
  readonly #charge = new Charge()
  readonly #limiters = new Map<string, Limiter>()
  readonly #climb: Climb
  readonly #overload = new Overload()
  readonly #breaker = new Breaker()
  #inFlight = 0
  #admissions = 0
  #totals = nothing
  #frozenUntil = 0
  #paceUntil = 0
  /** The first call was sent then. */
  #firstAt: number | undefined
  #isAnswered = false
  #binding: PoolState["binding"]
  /** Who was refused when, and until when: nobody else need be asked before. */
  #blocked: { readonly waiter: W; readonly until: number } | undefined
  /** Totals of the last seconds. */
  #samples: ReadonlyArray<{ readonly at: number; readonly totals: Totals }> = []
  #warnings: Array<LimitState> = []

  constructor(options: PoolOptions) {
    this.#options = options
    this.#climb = new Climb(options.ceiling, 4)
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get waiting(): number {
    return this.#order.size
  }

  enqueue(waiter: W, now: number): void {
    this.#order.add(waiter, waiter.place, now)
  }

  /** @returns whether it was waiting */
  withdraw(waiter: W): boolean {
    return this.#order.remove(waiter, "left")
  }

  freeze(until: number): void {
    this.#frozenUntil = Math.max(this.#frozenUntil, until)
  }

  /** Limits that are in use to four fifths, each told once. */
  takeWarnings(): ReadonlyArray<LimitState> {
    const taken = this.#warnings
    if (taken.length > 0) this.#warnings = []
    return taken
  }

  next(now: number): Step<W> {
    if (this.#order.size === 0) return this.#wait(undefined, Infinity)
    if (now < this.#frozenUntil) return this.#wait("pause", this.#frozenUntil)
    const [concurrency, changes] = this.#concurrency(now)
    if (this.#inFlight >= concurrency) return this.#wait("concurrency", changes)
    // The longest calls would be the last to tell of limits.
    const waiter = this.#isSounding ? this.#order.eldest() : this.#order.next(now)
    if (waiter === undefined) return this.#wait(undefined, Infinity)
    if (this.#blocked?.waiter === waiter && now < this.#blocked.until)
      return this.#wait(this.#binding, this.#blocked.until)
    this.#blocked = undefined
    const demand = Option.getOrUndefined(waiter.demand())
    if (demand === undefined) {
      this.#order.remove(waiter, "left")
      return { _tag: "nothing", waiter }
    }
    let until = now
    const debits: Array<readonly [Limiter, number]> = []
    for (const limiter of this.#limiters.values()) {
      const cost = costOf(limiter.dimension, demand, this.#charge)
      if (limiter.limit !== undefined && cost > limiter.limit && isToken(limiter.dimension)) {
        this.#order.remove(waiter, "left")
        return { _tag: "tooLarge", waiter, message: tooLarge(cost, limiter.limit) }
      }
      const passes = now + limiter.wait(now, cost)
      if (passes > until) {
        until = passes
        this.#binding = limiter.dimension
      }
      debits.push([limiter, cost])
    }
    if (this.#paceUntil > until) {
      until = this.#paceUntil
      this.#binding = "pause"
    }
    if (until > now) {
      this.#blocked = { waiter, until }
      return { _tag: "wait", until: Math.min(until, changes) }
    }
    this.#order.remove(waiter, "admitted")
    return { _tag: "admit", waiter, admission: this.#admit(now, demand, debits) }
  }

  /** The call has ended, however it ended. */
  leave(): void {
    this.#inFlight--
  }

  settle(admission: Admission, feedback: Feedback, now: number): void {
    if (admission.isSettled) return
    admission.isSettled = true
    if (!this.#options.adaptive) return
    if (feedback._tag === "answered") this.#answered(admission, feedback.headers, feedback.usage, now)
    else this.#failed(admission, feedback.error, feedback.freeze, now)
    this.#blocked = undefined
  }

  state(now: number): PoolState {
    return {
      mode: this.#mode,
      limits: [...this.#limiters.values()].map((limiter) => stateOf(limiter, now)),
      charge: this.#charge.rule,
      inFlight: this.#inFlight,
      waiting: this.#order.size,
      concurrency: this.#concurrency(now)[0],
      binding: this.#order.size === 0 ? undefined : this.#binding
    }
  }

  get #mode(): PoolState["mode"] {
    if (!this.#options.adaptive) return "fixed"
    if (this.#limiters.size > 0) return "told"
    return this.#isAnswered ? "untold" : "first"
  }

  /** Whether how much the provider takes is still being found out. */
  get #isSounding(): boolean {
    const mode = this.#mode
    return mode === "first" || (mode === "untold" && this.#climb.isDoubling)
  }

  #wait(binding: PoolState["binding"], until: number): Step<W> {
    this.#binding = binding
    return { _tag: "wait", until }
  }

  /** The most in flight now, and when that changes by itself. */
  #concurrency(now: number): readonly [number, number] {
    const { adaptive, ceiling } = this.#options
    if (!adaptive) return [ceiling, Infinity]
    const mode = this.#mode
    const [rested, until] = this.#breaker.limit(now)
    if (rested !== Infinity) return [rested, until]
    const overload = this.#overload.limit(now)
    if (mode === "first") {
      if (this.#firstAt === undefined) return [1, Infinity]
      // The answer to the first call tells the limits. If it takes long, the others need not wait for it.
      const elapsed = now - this.#firstAt - patience
      if (elapsed < 0) return [1, now - elapsed]
      const open = Math.min(unanswered, Math.floor(4 * 2 ** (elapsed / doubling) + 1e-9))
      this.#climb.open(open)
      const changes =
        open === unanswered ? Infinity : this.#firstAt + patience + Math.ceil(doubling * Math.log2((open + 1) / 4))
      return [Math.min(ceiling, overload, open), changes]
    }
    const limit = mode === "told" ? ceiling : this.#climb.limit
    if (overload >= limit) return [limit, Infinity]
    return [Math.max(1, Math.floor(overload)), now + 1_000]
  }

  #admit(now: number, demand: Demand, debits: ReadonlyArray<readonly [Limiter, number]>): Admission {
    let pause = 0
    for (const [limiter, cost] of debits) {
      limiter.debit(now, cost)
      pause = Math.max(pause, cost / (haste * limiter.rate))
      if (limiter.warns(now)) this.#warnings.push(stateOf(limiter, now))
    }
    this.#paceUntil = Math.max(now - slack, this.#paceUntil) + Math.min(pause, longestPause)
    this.#inFlight++
    this.#firstAt ??= now
    const number = this.#admissions++
    if (this.#options.adaptive) {
      const last = this.#samples.at(-1)
      if (last === undefined || now - last.at >= 1_000) {
        this.#samples = [...this.#samples.slice(-9), { at: now, totals: this.#totals }]
      }
    }
    this.#totals = plus(this.#totals, demand)
    return {
      at: now,
      sentAt: now,
      number,
      demand,
      totals: this.#totals,
      debits,
      inFlight: this.#inFlight,
      level: this.#climb.level,
      isSettled: false
    }
  }

  #answered(admission: Admission, headers: Readonly<Record<string, string>>, usage: Usage, now: number): void {
    const { demand, sentAt } = admission
    this.#isAnswered = true
    this.#breaker.answered()
    this.#overload.answered(now, this.#options.ceiling)
    for (const told of limitsOf(headers, now)) this.#observe(admission, told, now)
    for (const [limiter, cost] of admission.debits) {
      if (limiter.dimension === "outputTokens") limiter.debit(now, usage.output - cost)
    }
    if (this.#limiters.size > 0) return
    this.#climb.answered(now, {
      level: admission.level,
      inFlight: admission.inFlight,
      latency: now - sentAt,
      work: 1 + usage.output + 0.05 * (usage.input || demand.inputTokens)
    })
  }

  #observe(admission: Admission, told: Observed, now: number): void {
    const { demand, sentAt: at, totals } = admission
    const window = windowOf(told)
    const known = [minute, ...(window === undefined ? [] : [window])]
      .map((each) => this.#limiters.get(`${told.name}/${each}`))
      .find((limiter) => limiter !== undefined && (window === undefined || limiter.window === window))
    if (known !== undefined) {
      known.observe(now, told, window !== undefined, { at, totals }, this.#totals, this.#charge)
      return
    }
    const over = window ?? minute
    const { limit, remaining = limit } = told
    const rate = limit / over
    // Before the first call the bucket was full: what is missing, and what has come in since, is what was charged.
    const missing = limit - remaining
    if (told.dimension === "tokens" && window !== undefined) {
      this.#charge.learn(missing + rate * (at - (this.#firstAt ?? at)), minus(totals, nothing))
    }
    const own = costOf(told.dimension, demand, this.#charge)
    // A remainder far below the limit that neither a reset nor what was sent explains: less than a window's worth is let
    // through at once.
    const sent = costBetween(told.dimension, nothing, this.#totals, this.#charge)
    const isSmall = window === undefined && told.remaining !== undefined && missing > 1.5 * sent + 0.1 * limit
    const capacity = isSmall ? Math.max(rate * 1_000, remaining + own) : limit
    const since = costBetween(told.dimension, totals, this.#totals, this.#charge)
    const level = Math.min(capacity, remaining + rate * (now - at) - since)
    this.#limiters.set(`${told.name}/${over}`, Limiter.told(told.dimension, limit, over, now, { level, capacity }))
    // What was learned otherwise before.
    this.#limiters.delete(`learned/${told.dimension}`)
    if (this.#limiters.get(`stated/${told.dimension}/${over}`)?.limit === limit) {
      this.#limiters.delete(`stated/${told.dimension}/${over}`)
    }
  }

  #failed(admission: Admission, error: ModelError, freeze: number, now: number): void {
    const { reason } = error
    if (reason._tag === "RateLimited") {
      this.#breaker.throttled()
      this.#throttled(
        admission,
        reason.dimension,
        error.message,
        reason.retryAfter === undefined ? 0 : freeze,
        freeze,
        now
      )
      return
    }
    if (error.retryable) this.#breaker.failed(now, admission.at, reason._tag === "ConnectionFault")
    // That the request is at fault is an answer, too.
    else this.#breaker.answered()
    if (reason._tag !== "Overloaded") {
      this.#overload.answered(now, this.#options.ceiling)
      return
    }
    if (reason.retryAfter !== undefined) this.freeze(now + freeze)
    const rate = /slow_down/.test(error.message) ? this.#lately(now).tokens : undefined
    if (!this.#overload.overloaded(now, admission.at, this.#inFlight, rate)) return
    this.freeze(now + freeze)
    if (this.#limiters.size === 0) this.#climb.overloaded(now, this.#inFlight)
  }

  #throttled(
    admission: Admission,
    dimension: "requests" | "tokens" | "unknown",
    message: string,
    asked: number,
    freeze: number,
    now: number
  ): void {
    this.#isAnswered = true
    const stated = limitOfMessage(message)
    if (stated !== undefined) {
      this.#stated(stated, now)
      if (stated.dimension === "tokens" && stated.requested !== undefined) {
        this.#charge.learn(stated.requested, plus(nothing, admission.demand))
      }
    }
    const concerned = [...this.#limiters.values()].filter(
      (limiter) =>
        dimension === "unknown" ||
        (isToken(limiter.dimension) === (dimension === "tokens") &&
          (stated === undefined || stated.window === limiter.window || limiter.window === undefined))
    )
    for (const [limiter, cost] of admission.debits) if (!concerned.includes(limiter)) limiter.credit(now, cost)
    if (concerned.length === 0) {
      const learned = dimension === "unknown" ? "requests" : dimension
      const lately = this.#lately(now)
      const floor = costOf(learned, admission.demand, this.#charge) / Math.max(1_000, freeze)
      const rate = Math.max(learned === "requests" ? lately.requests : lately.tokens, floor)
      const limiter = Limiter.learned(learned, rate, now)
      this.#limiters.set(`learned/${learned}`, limiter)
      limiter.throttle(now, admission.at, 0, Math.max(asked, freeze))
      return
    }
    for (const limiter of concerned) {
      const cost = admission.debits.find(([debited]) => debited === limiter)?.[1] ?? 0
      limiter.throttle(now, admission.at, cost, dimension === "unknown" ? freeze : asked)
    }
  }

  #stated(stated: NonNullable<ReturnType<typeof limitOfMessage>>, now: number): void {
    const same = [...this.#limiters.values()].filter(
      (limiter) => limiter.dimension === stated.dimension && limiter.window === stated.window
    )
    if (same.length === 0) {
      this.#limiters.delete(`learned/${stated.dimension}`)
      this.#limiters.set(
        `stated/${stated.dimension}/${stated.window}`,
        Limiter.told(stated.dimension, stated.limit, stated.window, now, { level: 0 })
      )
    }
    // What was learned from headers that were wrong is wrong.
    for (const limiter of same) if (limiter.state(now, stated.limit)) this.#charge.reset()
  }

  /** What was admitted lately, in units a millisecond. */
  #lately(now: number): { readonly requests: number; readonly tokens: number } {
    const from = this.#samples.find(({ at }) => now - at <= 5_000) ?? this.#samples[0]
    if (from === undefined) return { requests: 0, tokens: 0 }
    const elapsed = Math.max(1_000, now - from.at)
    return {
      requests: (this.#totals.requests - from.totals.requests) / elapsed,
      tokens: this.#charge.between(from.totals, this.#totals) / elapsed
    }
  }
}

const stateOf = (limiter: Limiter, now: number): LimitState => ({
  dimension: limiter.dimension,
  limit: limiter.limit,
  window: limiter.window,
  perMinute: limiter.rate * minute,
  level: limiter.level(now),
  capacity: limiter.capacity
})

const tooLarge = (cost: number, limit: number): string =>
  `The call would take about ${cost} tokens, and the limit is ${limit} tokens at once`
