import { Bucket } from "./Bucket.ts"
import { minus } from "./Charge.ts"
import { Chance } from "./Chance.ts"
import type { Charge, Totals } from "./Charge.ts"
import { Cubic } from "./Cubic.ts"
import type { Dimension, Observed } from "./Headers.ts"

const second = 1_000
/** Where so many calls pass for one that is turned away, it may be chance, and not the rate. */
const sparse = 10
/** Milliseconds without a throttle after which a limit that was only spoken of may have become larger; by how much a second. */
const quiet = 60_000
const longestQuiet = 480_000
const growth = 0.02
/** Milliseconds between the calls that try whether anything passes again, at the most. */
const longestPause = 10_000
/** Milliseconds after a call was turned away in which a remainder is not believed to be more than was thought. */
const doubt = 10_000

/** Levels are held this much of a minute's limit below what is known: remainders are rounded, and requests overtake. */
const margin = 0.003

/** And this much of what was sent since a remainder was told: what a call is charged is known about as well. */
const inexact = 0.001

/** What was sent when, and what had been admitted by then, itself included. */
export interface Mark {
  readonly at: number
  readonly totals: Totals
}

/**
 * One limit of a provider: told by its headers, or by its user, or learned from its throttles alone. The rate is the
 * least of what the limit allows and what was found out.
 */
export class Limiter {
  readonly dimension: Dimension
  /** Milliseconds; undefined: the limit was never told. */
  readonly window: number | undefined
  readonly #bucket: Bucket
  /** Units a window; undefined: was never told. */
  #limit: number | undefined
  /** It is known from the text of a 429 alone: nothing will tell when it becomes larger. */
  readonly #isHearsay: boolean
  #quiet = quiet
  #quietSince: number
  readonly #chance = new Chance()
  #verdict: ReturnType<Chance["throttled"]> = "limit"
  /** Throttles in turn between which nothing passed. */
  #dead = 0
  /** What headers say against what a 429 said. */
  #denied: number | undefined
  /** The rate is learned from throttles, because what was told did not hold. */
  #cubic: Cubic | undefined
  #throttledAt = -Infinity
  /** The provider's bucket was empty then. */
  #emptyAt = -Infinity
  /** The part of the rate told that is used: less after calls were turned away one soon after another. */
  #part = 1
  #partSince = 0
  #doubtedUntil = 0
  /** How many throttles in turn came soon after another, when less had passed than should have. */
  #dense = 0
  #admittedThen = 0
  #admitted = 0
  #isWarned = false
  /** What the provider's bucket holds, as far as it was told. */
  #capacity: number
  /** How long a rate that was learned may be saved up: a little less than a bucket of a second would, or one pause. */
  #burst = 0.9 * second
  /** When the call was sent that told of the limit last. */
  #toldAt = 0
  #anchor: { readonly mark: Mark; readonly remaining: number } | undefined

  private constructor(options: {
    readonly dimension: Dimension
    readonly window: number | undefined
    readonly limit: number | undefined
    readonly bucket: Bucket
    readonly cubic: Cubic | undefined
    readonly isHearsay: boolean
    readonly now: number
  }) {
    this.#isHearsay = options.isHearsay
    this.#quietSince = options.now
    if (options.cubic !== undefined) this.#throttledAt = options.now
    this.dimension = options.dimension
    this.window = options.window
    this.#limit = options.limit
    this.#bucket = options.bucket
    this.#capacity = options.bucket.capacity
    this.#cubic = options.cubic
  }

  static told(
    dimension: Dimension,
    limit: number,
    window: number,
    now: number,
    options: { readonly level?: number; readonly capacity?: number; readonly isHearsay?: boolean } = {}
  ): Limiter {
    const capacity = options.capacity ?? limit
    const level = (options.level ?? capacity) - Math.min(capacity, limit) * margin
    const bucket = new Bucket({ capacity, rate: limit / window, level, now })
    const { isHearsay = false } = options
    return new Limiter({ dimension, window, limit, bucket, cubic: undefined, isHearsay, now })
  }

  /** @param rate units a millisecond at which it was throttled */
  static learned(dimension: Dimension, rate: number, now: number): Limiter {
    const cubic = new Cubic(now, rate, 0)
    const bucket = new Bucket({ capacity: cubic.rate(now) * second, rate: cubic.rate(now), level: 0, now })
    return new Limiter({ dimension, window: undefined, limit: undefined, bucket, cubic, isHearsay: false, now })
  }

  /**
   * @param rate units a millisecond that an earlier process found to pass
   * @param burst milliseconds for which that is saved up
   */
  static remembered(dimension: Dimension, rate: number, burst: number, now: number): Limiter {
    const cubic = new Cubic(now, rate, 0, 0.02, 20_000)
    const capacity = cubic.rate(now) * burst
    const bucket = new Bucket({ capacity, rate: cubic.rate(now), level: capacity, now })
    const limiter = new Limiter({
      dimension,
      window: undefined,
      limit: undefined,
      bucket,
      cubic,
      isHearsay: false,
      now
    })
    limiter.#throttledAt = -Infinity
    limiter.#burst = burst
    return limiter
  }

  get limit(): number | undefined {
    return this.#limit
  }

  get capacity(): number {
    return this.#bucket.capacity
  }

  /** What an earlier process would have liked to know: units a millisecond, and for how many milliseconds they are saved up. */
  get found(): { readonly rate: number; readonly burst: number } {
    const rate = Math.min(this.#cubic?.proven ?? Infinity, this.rate)
    return { rate, burst: this.capacity / this.rate }
  }

  /** Units a millisecond. */
  get rate(): number {
    return this.#bucket.rate
  }

  level(now: number): number {
    this.#adjust(now)
    return this.#bucket.level(now)
  }

  wait(now: number, units: number): number {
    this.#adjust(now)
    // What the provider takes is known to a token or two.
    return this.#bucket.wait(now, units + Math.min(units, margin * this.#bucket.capacity))
  }

  debit(now: number, units: number): void {
    this.#admitted += units
    this.#chance.sent()
    this.#bucket.debit(now, units)
  }

  /** A call turned out to take more, or less, than it was debited. */
  correct(now: number, units: number): void {
    this.#admitted += units
    this.#bucket.debit(now, units)
  }

  /** For a call that was turned away on another limit's account. */
  credit(now: number, units: number): void {
    this.#admitted -= units
    this.#bucket.credit(now, units)
  }

  freeze(until: number): void {
    this.#bucket.freeze(until)
  }

  /** Whether four fifths are in use, the first time that it is so. */
  warns(now: number): boolean {
    if (this.#isWarned || this.#limit === undefined || this.#bucket.level(now) > 0.2 * this.#bucket.capacity)
      return false
    this.#isWarned = true
    return true
  }

  /**
   * What a response says of the limit, for the call that was sent at `mark`.
   * @param since what was taken of it since then
   */
  observe(now: number, told: Observed, isConfirmed: boolean, mark: Mark, since: number, charge: Charge): void {
    if (this.window === undefined || told.limit === this.#denied) return
    // Answers come in another order than their calls were sent: what an older one says of the limit is past.
    if (mark.at < this.#toldAt) return
    this.#toldAt = mark.at
    const own = this.#limit ?? told.limit
    if (told.limit !== own) {
      this.#capacity *= told.limit / own
      this.#limit = told.limit
      this.#cubic = undefined
      this.#adjust(now)
    }
    const { remaining } = told
    if (remaining === undefined) return
    // A bucket that has more in it than it was thought to hold.
    const capacity = isConfirmed ? told.limit : Math.min(told.limit, remaining)
    this.#capacity = Math.max(this.#capacity, capacity)
    this.#adjust(now)
    this.#learnCharge(mark, remaining, charge)
    const rate = told.limit / this.window
    // Whatever the bucket lost while it was full in between, the level kept here has lost as well.
    const uncertain = margin * this.#bucket.capacity + inexact * since
    const projected = Math.min(this.#bucket.capacity, remaining + rate * (now - mark.at) - since) - uncertain
    // While what was told does not seem to hold, it is believed only where it says less.
    if ((this.#cubic === undefined && now >= this.#doubtedUntil) || projected < this.#bucket.level(now))
      this.#bucket.reconcile(now, projected)
  }

  /**
   * The provider turned a call away. Only what was sent since the last time tells something new of the rate.
   * @param freeze milliseconds that it asked for, 0: it did not
   */
  throttle(now: number, sentAt: number, cost: number, freeze: number): void {
    this.#adjust(now)
    this.credit(now, cost)
    const isNew = sentAt >= this.#throttledAt
    if (isNew) this.#verdict = this.#chance.throttled(now, this.#isStrange(now))
    if (this.#verdict === "chance") return
    if (freeze > 0) this.#bucket.freeze(now + freeze)
    if (this.#verdict === "doubtful") return
    this.#bucket.drain(now)
    this.#burst = 0.9 * Math.min(60_000, Math.max(second, freeze))
    if (!isNew) return
    const units = this.#admitted - this.#admittedThen
    this.#dead = units < cost ? this.#dead + 1 : 0
    if (this.#dead > 0) this.#bucket.freeze(now + Math.min(longestPause, 250 * 2 ** this.#dead))
    this.#hush(now)
    if (this.#cubic !== undefined) {
      this.#throttledAt = now
      this.#admittedThen = this.#admitted
      this.#cubic.throttle(now, this.#admitted, cost, cost / Math.max(second, freeze))
      return
    }
    // The provider's bucket was empty at both times: what was admitted between them is its rate.
    const elapsed = now - this.#emptyAt
    const measured = units / Math.max(second, elapsed)
    const isLess = elapsed < 10_000 && (units < sparse * cost || measured < 0.8 * this.rate)
    this.#dense = isLess ? this.#dense + 1 : 0
    if (elapsed < 60_000) {
      this.#part = Math.max(0.9, 0.98 * this.#partAt(now))
      this.#partSince = now
    }
    if (this.#dense > 2) {
      this.#cubic = new Cubic(now, Math.min(this.rate, Math.max(measured, this.rate / 2)), this.#admitted, 0.05)
    }
    this.#doubtedUntil = now + doubt
    this.#throttledAt = this.#emptyAt = now
    this.#admittedThen = this.#admitted
  }

  /** Whether what is there by all accounts does not explain that a call was turned away. A learned rate explains none. */
  #isStrange(now: number): boolean {
    if (this.#cubic !== undefined) return true
    return this.#bucket.level(now) > 0.1 * this.#bucket.capacity || this.#partAt(now) < 0.97
  }

  /**
   * A limit that the provider states when it turns a call away: it holds, until headers say something new.
   * @returns whether headers said otherwise
   */
  state(now: number, limit: number): boolean {
    if (this.window === undefined || this.#limit === limit) return false
    this.#denied = this.#limit
    this.#limit = limit
    this.#cubic = undefined
    this.#capacity = Math.min(this.#capacity, limit)
    this.#quiet = quiet / 2
    this.#hush(now)
    this.#adjust(now)
    return true
  }

  /** A throttle, or what it states: a limit that did not become larger is tried again after twice the time. */
  #hush(now: number): void {
    if (this.#hopeAt(now) > 1) this.#quiet = Math.min(longestQuiet, 2 * this.#quiet)
    this.#quietSince = now
  }

  /** What a limit that was only spoken of is multiplied with while nothing is throttled. */
  #hopeAt(now: number): number {
    if (!this.#isHearsay) return 1
    return 1 + Math.max(0, (growth * (now - this.#quietSince - this.#quiet)) / second)
  }

  /** It comes back by a thousandth a second. */
  #partAt(now: number): number {
    return Math.min(1, this.#part + (0.001 * (now - this.#partSince)) / second)
  }

  #adjust(now: number): void {
    const whole = this.#limit === undefined || this.window === undefined ? Infinity : this.#limit / this.window
    // A bucket that is full is not what anybody waits for.
    if (this.#isHearsay && this.#bucket.fullAt >= now - second) this.#quietSince = now
    const pace = this.#chance.pace(now)
    const told = whole * this.#partAt(now) * pace * this.#hopeAt(now)
    if (this.#cubic !== undefined) {
      this.#cubic.grow(now, this.#admitted)
      const rate = this.#cubic.rate(now) * pace
      if (rate >= told * 1.2) this.#cubic = undefined
      else {
        const capacity = this.#limit === undefined ? Infinity : this.#capacity
        this.#bucket.resize(now, Math.min(capacity, rate * (this.#dead > 0 ? 50 : this.#burst)), Math.min(told, rate))
        return
      }
    }
    if (!Number.isFinite(told)) return
    if (told !== this.#bucket.rate || this.#capacity !== this.#bucket.capacity) {
      this.#bucket.resize(now, this.#capacity, told)
    }
  }

  /** From what was left at two calls, a second apart or more, follows what the provider took for all those between. */
  #learnCharge(mark: Mark, remaining: number, charge: Charge): void {
    if (this.dimension !== "tokens") return
    const anchor = this.#anchor
    if (anchor === undefined) {
      this.#anchor = { mark, remaining }
      return
    }
    const elapsed = mark.at - anchor.mark.at
    if (elapsed < second) return
    this.#anchor = { mark, remaining }
    // A bucket that was full in between has lost some of its filling, and who was turned away was not charged.
    const isWhole = Math.max(this.#bucket.fullAt, this.#throttledAt) < anchor.mark.at
    if (!isWhole || elapsed > 20_000 || this.#cubic !== undefined) return
    const filled = anchor.remaining + this.#bucket.rate * elapsed
    charge.learn(filled - remaining, minus(mark.totals, anchor.mark.totals))
  }
}
