import { Charge, costBetween, costOf, minus, nothing, plus } from "./Charge.ts"
import type { ChargeRule, Demand, Totals } from "./Charge.ts"
import type { Usage } from "../ChatModel.ts"
import { dimensions, limitOfMessage, minute, windowOf } from "./Headers.ts"
import type { Dimension, Observed } from "./Headers.ts"
import { rounded } from "./Learned.ts"
import type { Learned } from "./Learned.ts"
import { Limiter } from "./Limiter.ts"
import { OwnLimit } from "./OwnLimit.ts"
import { stateOf } from "./State.ts"
import type { LimitState } from "./State.ts"

export type Debits = ReadonlyArray<readonly [Limiter, number]>

/** What the limits say of a call. */
export type Verdict =
  | {
      readonly _tag: "passes"
      /** When all limits have room for it; the limit that is the last to have it, if it has to wait. */
      readonly at: number
      readonly binding: Limiter | OwnLimit | undefined
      readonly debits: Debits
    }
  /** It is larger than a limit, of the provider or of the user, and would never pass. */
  | { readonly _tag: "tooLarge" | "notAllowed"; readonly message: string }

/** A call as the limits remember it. */
export interface Debited {
  readonly demand: Demand
  readonly debits: Debits
  /** All that was ever admitted, this call included. */
  readonly totals: Totals
  /** Tokens of output of all calls that had ended by then. */
  readonly landed: number
  readonly at: number
  readonly sentAt: number
}

/** What a provider says that turns a call away. */
export interface Throttle {
  readonly dimension: Dimension | "unknown"
  readonly message: string
  /** Milliseconds for which it asks to be left alone, 0: it does not; and for which to leave it alone anyway. */
  readonly asked: number
  readonly freeze: number
}

/** Milliseconds for which a rate that is not known for sure may be saved up. */
const shortestBurst = 900

const isToken = (dimension: Dimension): boolean => dimension !== "requests"

/** Whether a throttle that names `named` may mean a limit on `dimension`. */
const concerns = (named: Throttle["dimension"], dimension: Dimension): boolean =>
  named === "unknown" || named === dimension || (named === "tokens" && isToken(dimension))

/**
 * All limits of one endpoint and model: what they have room for, and what answers and throttles say of them. They are
 * debited together or not at all. Times are milliseconds since whenever, and never go back.
 */
export class Limits {
  readonly #charge = new Charge()
  readonly #limiters = new Map<string, Limiter>()
  #own: ReadonlyArray<OwnLimit> = []
  /** What had been sent until a limit was met that nobody had told. */
  readonly #firstThrottles = new Map<Dimension, { readonly units: number; readonly elapsed: number }>()
  #totals = nothing
  /** Tokens of output: of calls that have ended; expected of those that have not. */
  #landed = 0
  #pending = 0
  /** The first call was admitted then. */
  #firstAt: number | undefined
  /** Totals of the last seconds. */
  #samples: ReadonlyArray<{ readonly at: number; readonly totals: Totals }> = []
  #warnings: Array<LimitState> = []

  /** Limits of the provider that are known. */
  get size(): number {
    return this.#limiters.size
  }

  get firstAt(): number | undefined {
    return this.#firstAt
  }

  get chargeRule(): ChargeRule {
    return this.#charge.rule
  }

  state(now: number): ReadonlyArray<LimitState> {
    return [...this.#limiters.values(), ...this.#own].map((limiter) => stateOf(limiter, now))
  }

  /** What its user allows, in units a minute, beside whatever the provider does. */
  allow(dimension: OwnLimit["dimension"], limit: number, now: number): void {
    this.#own = [...this.#own.filter((own) => own.dimension !== dimension), new OwnLimit(dimension, limit, now)]
  }

  get learned(): Pick<Learned, "limits" | "charge"> {
    return {
      limits: [...this.#limiters.values()].map(({ dimension, found, limit, window }) => ({
        dimension,
        perMinute: rounded(found.rate * minute),
        burst: rounded(Math.max(found.burst, this.#savedUp(dimension, found.rate))),
        ...(limit === undefined ? {} : { limit }),
        ...(window === undefined ? {} : { window })
      })),
      charge: { rule: this.#charge.rule, factor: rounded(this.#charge.factor) }
    }
  }

  #note(dimension: Dimension, now: number): void {
    if (this.#firstThrottles.has(dimension)) return
    const units = costBetween(dimension, nothing, this.#totals, this.#charge)
    this.#firstThrottles.set(dimension, { units, elapsed: now - (this.#firstAt ?? now) })
  }

  /** What had passed before the first call was turned away, beyond the rate, was there from the start. */
  #savedUp(dimension: Dimension, rate: number): number {
    const first = this.#firstThrottles.get(dimension)
    return first === undefined ? 0 : Math.min(minute, 0.95 * (first.units / rate - first.elapsed))
  }

  /**
   * What an earlier process found to pass is the rate to begin with: the first headers take its place, and where none come
   * it is tried like any rate that was learned.
   * @param part of it, for it may be old
   */
  restore({ charge, limits }: Pick<Learned, "limits" | "charge">, part: number, now: number): void {
    this.#charge.restore(charge.rule, charge.factor)
    for (const dimension of dimensions) {
      const [least] = limits
        .filter((limit) => limit.dimension === dimension && (limit.window ?? minute) <= minute)
        .toSorted((a, b) => a.perMinute - b.perMinute)
      if (least === undefined) continue
      const rate = (part * least.perMinute) / minute
      const burst = part < 1 ? shortestBurst : Math.min(minute, Math.max(shortestBurst, least.burst ?? 0))
      this.#limiters.set(`remembered/${dimension}`, Limiter.remembered(dimension, rate, burst, now))
    }
  }

  /** Something newer is known. */
  #unlearn(dimension: Dimension): void {
    this.#limiters.delete(`learned/${dimension}`)
    for (const other of dimensions) {
      if (isToken(other) === isToken(dimension)) this.#limiters.delete(`remembered/${other}`)
    }
  }

  /** Limits that are in use to four fifths, each told once. */
  takeWarnings(): ReadonlyArray<LimitState> {
    const taken = this.#warnings
    if (taken.length > 0) this.#warnings = []
    return taken
  }

  judge(demand: Demand, now: number): Verdict {
    let at = now
    let binding: Limiter | OwnLimit | undefined
    const debits: Array<readonly [Limiter, number]> = []
    for (const limiter of this.#limiters.values()) {
      const cost = costOf(limiter.dimension, demand, this.#charge)
      if (limiter.limit !== undefined && cost > limiter.limit && isToken(limiter.dimension))
        return { _tag: "tooLarge", message: tooLarge(cost, limiter.limit) }
      const passes = now + limiter.wait(now, cost)
      if (passes > at) {
        at = passes
        binding = limiter
      }
      debits.push([limiter, cost])
    }
    for (const own of this.#own) {
      const cost = this.#ownCost(own, demand)
      if (cost > own.limit) return { _tag: "notAllowed", message: notAllowed(cost, own.limit) }
      const passes = now + own.wait(now, cost)
      if (passes > at) {
        at = passes
        binding = own
      }
    }
    return { _tag: "passes", at, binding, debits }
  }

  debit(demand: Demand, debits: Debits, now: number): Pick<Debited, "totals" | "landed"> {
    for (const [limiter, cost] of debits) {
      limiter.debit(now, cost)
      if (limiter.warns(now)) this.#warnings.push(stateOf(limiter, now))
    }
    for (const own of this.#own) {
      own.debit(now, this.#ownCost(own, demand))
      if (own.warns(now)) this.#warnings.push(stateOf(own, now))
    }
    this.#firstAt ??= now
    const last = this.#samples.at(-1)
    if (last === undefined || now - last.at >= 1_000) {
      this.#samples = [...this.#samples.slice(-9), { at: now, totals: this.#totals }]
    }
    this.#totals = plus(this.#totals, demand)
    this.#pending += demand.expectedOutput
    return { totals: this.#totals, landed: this.#landed }
  }

  /** @param headers of the answer, names in lower case */
  answered(call: Debited, told: ReadonlyArray<Observed>, usage: Usage, now: number): void {
    this.#ended(call, usage.output, now)
    for (const one of told) this.#observe(call, one, now)
    for (const own of this.#own) {
      const more = usage.input + usage.output - this.#ownCost(own, call.demand)
      if (own.dimension === "tokens" && more > 0) own.debit(now, more)
    }
  }

  /** It ended without an answer: most likely without any output. */
  failed(call: Debited, now: number): void {
    this.#ended(call, 0, now)
  }

  /** Nobody waits for its answer any more: what it takes is most likely what was expected. */
  lost(call: Debited, now: number): void {
    this.#ended(call, call.demand.expectedOutput, now)
  }

  /** Output is counted when it is there; until then it is held for what is expected of it. */
  #ended({ debits, demand }: Debited, output: number, now: number): void {
    this.#pending -= demand.expectedOutput
    this.#landed += output
    for (const [limiter, cost] of debits) {
      if (limiter.dimension === "outputTokens") limiter.correct(now, output - cost)
    }
  }

  /** Tokens count as they do for the provider, and never less than what is really used. */
  #ownCost({ dimension }: OwnLimit, demand: Demand): number {
    return dimension === "requests" ? 1 : Math.max(this.#charge.of(demand), demand.inputTokens + demand.expectedOutput)
  }

  /** What was taken since a call was sent. */
  #since(dimension: Dimension, { landed, totals }: Debited): number {
    return dimension === "outputTokens"
      ? this.#landed - landed + this.#pending
      : costBetween(dimension, totals, this.#totals, this.#charge)
  }

  #observe(call: Debited, told: Observed, now: number): void {
    const { demand, sentAt: at, totals } = call
    const window = windowOf(told)
    const known = [minute, ...(window === undefined ? [] : [window])]
      .map((each) => this.#limiters.get(`${told.name}/${each}`))
      .find((limiter) => limiter !== undefined && (window === undefined || limiter.window === window))
    if (known !== undefined) {
      known.observe(now, told, window !== undefined, { at, totals }, this.#since(told.dimension, call), this.#charge)
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
    // A reset that is told to the millisecond is the time until it is whole.
    const whole = told.reset === undefined || told.reset % 1_000 === 0 ? rate * 1_000 : remaining + rate * told.reset
    const capacity = isSmall ? Math.min(limit, Math.max(whole, remaining + own)) : limit
    const since = this.#since(told.dimension, call)
    const level = Math.min(capacity, remaining + rate * (now - at) - since)
    this.#limiters.set(`${told.name}/${over}`, Limiter.told(told.dimension, limit, over, now, { level, capacity }))
    this.#unlearn(told.dimension)
    if (this.#limiters.get(`stated/${told.dimension}/${over}`)?.limit === limit) {
      this.#limiters.delete(`stated/${told.dimension}/${over}`)
    }
  }

  /** The provider turned a call away. */
  throttled(call: Debited, { asked, dimension, freeze, message }: Throttle, now: number): void {
    const stated = limitOfMessage(message)
    if (stated !== undefined) {
      this.#stated(stated, now)
      if (stated.dimension === "tokens" && stated.requested !== undefined) {
        this.#charge.learn(stated.requested, plus(nothing, call.demand))
      }
    }
    const concerned = [...this.#limiters.values()].filter(
      (limiter) =>
        concerns(dimension, limiter.dimension) &&
        (dimension === "unknown" ||
          stated === undefined ||
          stated.window === limiter.window ||
          limiter.window === undefined)
    )
    this.#pending -= call.demand.expectedOutput
    for (const [limiter, cost] of call.debits) if (!concerned.includes(limiter)) limiter.credit(now, cost)
    if (concerned.length === 0) {
      const learned = dimension === "unknown" ? "requests" : dimension
      const floor = costOf(learned, call.demand, this.#charge) / Math.max(1_000, freeze)
      this.#note(learned, now)
      const rate = Math.max(this.lately(learned, now), floor)
      const limiter = Limiter.learned(learned, rate, now)
      this.#limiters.set(`learned/${learned}`, limiter)
      limiter.throttle(now, call.at, 0, Math.max(asked, freeze))
      return
    }
    for (const limiter of concerned) {
      if (limiter.limit === undefined) this.#note(limiter.dimension, now)
      const cost = call.debits.find(([debited]) => debited === limiter)?.[1] ?? 0
      limiter.throttle(now, call.at, cost, dimension === "unknown" ? freeze : asked)
    }
  }

  #stated(stated: NonNullable<ReturnType<typeof limitOfMessage>>, now: number): void {
    const same = [...this.#limiters.values()].filter(
      (limiter) => limiter.dimension === stated.dimension && limiter.window === stated.window
    )
    if (same.length === 0) {
      this.#unlearn(stated.dimension)
      this.#limiters.set(
        `stated/${stated.dimension}/${stated.window}`,
        Limiter.told(stated.dimension, stated.limit, stated.window, now, { level: 0, isHearsay: true })
      )
    }
    // What was learned from headers that were wrong is wrong.
    for (const limiter of same) if (limiter.state(now, stated.limit)) this.#charge.reset()
  }

  /** What was admitted lately, in units a millisecond. */
  lately(dimension: Dimension, now: number): number {
    const from = this.#samples.find(({ at }) => now - at <= 5_000) ?? this.#samples[0]
    if (from === undefined) return 0
    return costBetween(dimension, from.totals, this.#totals, this.#charge) / Math.max(1_000, now - from.at)
  }
}

const tooLarge = (cost: number, limit: number): string =>
  `The call would take about ${cost} tokens, and the limit is ${limit} tokens at once`

const notAllowed = (cost: number, limit: number): string =>
  `One call takes about ${cost} tokens, with room for its answer, and --tpm allows ${limit} a minute`
