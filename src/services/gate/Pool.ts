import { Option } from "effect"
import type { Demand } from "./Charge.ts"
import type { ModelError, Usage } from "../ChatModel.ts"
import { Breaker } from "./Breaker.ts"
import { Climb } from "./Climb.ts"
import { limitsOf } from "./Headers.ts"
import { worthAfter } from "./Learned.ts"
import type { Learned } from "./Learned.ts"
import { Limits } from "./Limits.ts"
import type { Debited, Debits, Verdict } from "./Limits.ts"
import { Order } from "./Order.ts"
import type { Place } from "./Order.ts"
import { Overload } from "./Overload.ts"
import { stateOf } from "./State.ts"
import type { LimitState, PoolState } from "./State.ts"

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
export interface Admission extends Debited {
  /** When it was sent, which may be later: what was written before took its time. */
  sentAt: number
  readonly inFlight: number
  readonly level: number
  isSettled: boolean
}

export type Step<W> =
  | { readonly _tag: "admit"; readonly waiter: W; readonly admission: Admission }
  /** There was nothing to send. */
  | { readonly _tag: "nothing"; readonly waiter: W }
  | { readonly _tag: "tooLarge" | "notAllowed"; readonly waiter: W; readonly message: string }
  /** Nobody can pass before `until` (in milliseconds; Infinity: until somebody leaves, or comes). */
  | { readonly _tag: "wait"; readonly until: number }

export interface PoolOptions {
  /** The most in flight. */
  readonly ceiling: number
  /** False: the ceiling is the only limit. */
  readonly adaptive: boolean
}

/**
 * Milliseconds for which the first call is alone; then so many may go, and twice as many after each `doubling`, until
 * there is an answer or so many are unanswered.
 */
const patience = 300
const probes = 4
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
 * clock of its own (`now` is in milliseconds since whenever, and never goes back).
 */
export class Pool<W extends Waiter> {
  readonly #options: PoolOptions
  readonly #order = new Order<W>()
  readonly #limits = new Limits()
  readonly #climb: Climb
  readonly #overload = new Overload()
  readonly #breaker = new Breaker()
  #inFlight = 0
  #frozenUntil = 0
  #paceUntil = 0
  #isAnswered = false
  /** How much to have in flight was found out by an earlier process. */
  #isRemembered = false
  #binding: PoolState["binding"]
  #bindingLimit: Extract<Verdict, { _tag: "passes" }>["binding"]
  /** Who was refused when, and until when: nobody else need be asked before. */
  #blocked: { readonly waiter: W; readonly until: number } | undefined

  constructor(options: PoolOptions) {
    this.#options = options
    this.#climb = new Climb(options.ceiling, probes)
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

  /** What the next process should know; undefined: this one has learned nothing yet. */
  get learned(): Learned | undefined {
    if (!this.#isAnswered) return undefined
    const { charge, limits } = this.#limits.learned
    if (limits.length > 0) return { charge, limits }
    return this.#climb.isDoubling ? undefined : { charge, limits, concurrency: this.#climb.limit }
  }

  /** Before the first call: what an earlier process learned, `age` milliseconds ago. */
  restore(learned: Learned, age: number, now: number): void {
    const part = worthAfter(age)
    if (part === 0 || this.#limits.firstAt !== undefined || !this.#options.adaptive) return
    this.#limits.restore(learned, part, now)
    if (learned.concurrency === undefined || this.#limits.size > 0) return
    this.#climb.restore(Math.max(probes, Math.round(part * learned.concurrency)))
    this.#isRemembered = true
  }

  /** What its user allows at most, a minute. */
  allow(dimension: "requests" | "tokens", limit: number, now: number): void {
    this.#limits.allow(dimension, limit, now)
    this.#blocked = undefined
  }

  /** Limits that are in use to four fifths, each told once. */
  takeWarnings(): ReadonlyArray<LimitState> {
    return this.#limits.takeWarnings()
  }

  next(now: number): Step<W> {
    if (this.#order.size === 0) return this.#wait(undefined, Infinity)
    if (now < this.#frozenUntil) return this.#wait("pause", this.#frozenUntil)
    const [concurrency, changes] = this.#concurrency(now)
    if (this.#inFlight >= concurrency) return this.#wait("concurrency", changes)
    const waiter = this.#nextWaiter(now)
    if (waiter === undefined) return this.#wait(undefined, Infinity)
    if (this.#blocked?.waiter === waiter && now < this.#blocked.until)
      return this.#wait(this.#binding, this.#blocked.until)
    this.#blocked = undefined
    const demand = Option.getOrUndefined(waiter.demand())
    if (demand === undefined) {
      this.#order.remove(waiter, "left")
      return { _tag: "nothing", waiter }
    }
    const verdict = this.#limits.judge(demand, now)
    if (verdict._tag !== "passes") {
      this.#order.remove(waiter, "left")
      return { _tag: verdict._tag, waiter, message: verdict.message }
    }
    let until = verdict.at
    if (verdict.binding !== undefined) {
      this.#binding = verdict.binding.dimension
      this.#bindingLimit = verdict.binding
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
    return { _tag: "admit", waiter, admission: this.#admit(now, demand, verdict.debits) }
  }

  /** The call has ended, however it ended. */
  leave(admission: Admission, now: number): void {
    this.#inFlight--
    if (admission.isSettled) return
    admission.isSettled = true
    this.#limits.lost(admission, now)
  }

  settle(admission: Admission, feedback: Feedback, now: number, wall = now): void {
    if (admission.isSettled) return
    admission.isSettled = true
    if (!this.#options.adaptive) return
    if (feedback._tag === "answered") this.#answered(admission, feedback.headers, feedback.usage, now, wall)
    else this.#failed(admission, feedback.error, feedback.freeze, now)
    this.#blocked = undefined
  }

  state(now: number): PoolState {
    return {
      mode: this.#mode,
      limits: this.#limits.state(now),
      charge: this.#limits.chargeRule,
      inFlight: this.#inFlight,
      waiting: this.#order.size,
      concurrency: this.#concurrency(now)[0],
      ceiling: this.#options.ceiling,
      binding: this.#order.size === 0 ? undefined : this.#binding,
      bindingLimit:
        this.#order.size === 0 || this.#bindingLimit === undefined || this.#bindingLimit.dimension !== this.#binding
          ? undefined
          : stateOf(this.#bindingLimit, now),
      frozenFor: Math.max(0, this.#frozenUntil - now)
    }
  }

  get #mode(): PoolState["mode"] {
    if (!this.#options.adaptive) return "fixed"
    if (!this.#isAnswered) return "first"
    return this.#limits.size > 0 ? "told" : "untold"
  }

  /** The longest calls would be the last to tell of limits: a few short ones go before them. */
  #nextWaiter(now: number): W | undefined {
    const mode = this.#mode
    if (mode === "first" && this.#inFlight < probes) return this.#order.shortest()
    const isSounding = mode === "first" || (mode === "untold" && this.#climb.isDoubling)
    return isSounding ? this.#order.eldest() : this.#order.next(now)
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
      const { firstAt } = this.#limits
      if (firstAt === undefined) return [1, Infinity]
      // The answer to the first call tells the limits. If it takes long, the others need not wait for it.
      const elapsed = now - firstAt - patience
      if (elapsed < 0) return [1, now - elapsed]
      // An earlier process knew the rates, or how many: they are kept to until the answer says otherwise.
      if (this.#limits.size > 0) return [Math.min(ceiling, overload), Infinity]
      if (this.#isRemembered) return [Math.min(this.#climb.limit, overload), Infinity]
      const open = Math.min(unanswered, Math.floor(probes * 2 ** (elapsed / doubling) + 1e-9))
      this.#climb.open(open)
      const changes =
        open === unanswered ? Infinity : firstAt + patience + Math.ceil(doubling * Math.log2((open + 1) / probes))
      return [Math.min(ceiling, overload, open), changes]
    }
    const limit = mode === "told" ? ceiling : this.#climb.limit
    if (overload >= limit) return [limit, Infinity]
    return [Math.max(1, Math.floor(overload)), now + 1_000]
  }

  #admit(now: number, demand: Demand, debits: Debits): Admission {
    let pause = 0
    // What an earlier process knew of rates is not confirmed before there is an answer.
    const pace = this.#isAnswered ? haste : 1
    for (const [limiter, cost] of debits) pause = Math.max(pause, cost / (pace * limiter.rate))
    this.#paceUntil = Math.max(now - slack, this.#paceUntil) + Math.min(pause, longestPause)
    this.#inFlight++
    return {
      at: now,
      sentAt: now,
      demand,
      ...this.#limits.debit(demand, debits, now),
      debits,
      inFlight: this.#inFlight,
      level: this.#climb.level,
      isSettled: false
    }
  }

  #answered(
    admission: Admission,
    headers: Readonly<Record<string, string>>,
    usage: Usage,
    now: number,
    wall: number
  ): void {
    const { demand, sentAt } = admission
    this.#isAnswered = true
    this.#breaker.answered()
    this.#overload.answered(now, this.#options.ceiling)
    this.#limits.answered(admission, limitsOf(headers, wall), usage, now)
    if (this.#limits.size > 0) return
    this.#climb.answered(now, {
      level: admission.level,
      inFlight: admission.inFlight,
      latency: now - sentAt,
      work: 1 + usage.output + 0.05 * (usage.input || demand.inputTokens)
    })
  }

  #failed(admission: Admission, error: ModelError, freeze: number, now: number): void {
    const { reason } = error
    if (reason._tag === "RateLimited") {
      this.#breaker.throttled()
      this.#isAnswered = true
      const { dimension, retryAfter } = reason
      const asked = retryAfter === undefined ? 0 : freeze
      this.#limits.throttled(admission, { dimension, message: error.message, asked, freeze }, now)
      return
    }
    this.#limits.failed(admission, now)
    if (error.retryable) this.#breaker.failed(now, admission.at, reason._tag === "ConnectionFault")
    // That the request is at fault is an answer, too.
    else this.#breaker.answered()
    if (reason._tag !== "Overloaded") {
      this.#overload.answered(now, this.#options.ceiling)
      return
    }
    if (reason.retryAfter !== undefined) this.freeze(now + freeze)
    const rate = /slow_down/.test(error.message) ? this.#limits.lately("tokens", now) : undefined
    if (!this.#overload.overloaded(now, admission.at, this.#inFlight, rate)) return
    this.freeze(now + freeze)
    if (this.#limits.size === 0) this.#climb.overloaded(now, this.#inFlight)
  }
}
