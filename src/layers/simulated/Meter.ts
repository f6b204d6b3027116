import { uniform } from "../../domain/Hashing.ts"

export interface MeterOptions {
  /** Units per `span`. */
  readonly limit: number
  /** Milliseconds. */
  readonly span: number
  readonly window: "continuous" | "fixed" | number
  /** When the first request came: full then, and what changes are counted from. */
  readonly start: number
  readonly changes?: ReadonlyArray<{ readonly at: number; readonly factor: number }>
  /** The share that somebody else uses, and what the ups and downs of it are drawn by. */
  readonly tenant?: { readonly share: number; readonly seed: number; readonly name: string }
}

/** Somebody else's use changes from one such stretch of time to the next, milliseconds. */
const stretch = 5_000
/** Sums of fractions fall short of what they should be by less than this. */
const tolerance = 1e-6

/**
 * One limit: a bucket that fills evenly, or a counter that begins anew with each window of the calendar. Time never goes
 * back. What somebody else uses is taken as the time passes, as far as it is there.
 */
export class Meter {
  readonly #options: MeterOptions
  readonly #changes: ReadonlyArray<{ readonly at: number; readonly factor: number }>
  #factor = 1
  #changed = 0
  #at: number
  #level: number
  #supplied: number
  #taken = 0

  constructor(options: MeterOptions) {
    this.#options = options
    this.#changes = (options.changes ?? []).toSorted((a, b) => a.at - b.at)
    this.#at = options.start
    this.#level = this.capacity
    this.#supplied = this.capacity
    this.advance(options.start)
  }

  /** Units per span, as it is now. */
  get limit(): number {
    return this.#options.limit * this.#factor
  }

  get capacity(): number {
    const { span, window } = this.#options
    return typeof window === "number" ? (this.limit * window * 1_000) / span : this.limit
  }

  /** Units a millisecond. */
  get #rate(): number {
    return this.#options.window === "fixed" ? 0 : this.limit / this.#options.span
  }

  get level(): number {
    return this.#level
  }

  /** Units that requests took in all. */
  get taken(): number {
    return this.#taken
  }

  /** Units that could have been taken in all: what was there at the start, and what came since. */
  get supplied(): number {
    return this.#supplied
  }

  #nextWindow(): number {
    const { span } = this.#options
    return (Math.floor(this.#at / span) + 1) * span
  }

  advance(now: number): void {
    const { start, tenant, window } = this.#options
    for (;;) {
      const change = this.#changes[this.#changed]
      if (change !== undefined && start + change.at <= this.#at) {
        this.#changed++
        const before = this.limit
        this.#factor = change.factor
        // What is used of a window stays used; a bucket only loses what it has no room for.
        if (window === "fixed") this.#level += this.limit - before
        else this.#level = Math.min(this.#level, this.capacity)
        continue
      }
      if (this.#at >= now) return
      const index = Math.floor((this.#at - start) / stretch)
      const ends = [
        now,
        ...(change === undefined ? [] : [start + change.at]),
        ...(tenant === undefined ? [] : [start + (index + 1) * stretch]),
        ...(window === "fixed" ? [this.#nextWindow()] : [])
      ]
      const end = Math.min(...ends)
      const elapsed = end - this.#at
      const isAnew = window === "fixed" && end === this.#nextWindow()
      const pace = (this.limit / this.#options.span) * elapsed
      const others =
        tenant === undefined ? 0 : pace * Math.min(1, tenant.share * 2 * uniform(tenant.seed, tenant.name, index))
      this.#at = end
      const gained = this.#rate * elapsed
      this.#supplied += (window === "fixed" ? 0 : gained) - Math.min(others, Math.max(0, this.#level + gained))
      this.#level = Math.min(this.capacity, this.#level + gained)
      if (this.#level > 0) this.#level = Math.max(0, this.#level - others)
      if (isAnew) {
        this.#level = this.capacity
        this.#supplied += this.capacity
      }
    }
  }

  /** More than fits at once is let in when the bucket is full, and leaves it in debt. */
  has(units: number): boolean {
    return this.#level + tolerance >= Math.min(units, this.capacity)
  }

  take(units: number): void {
    this.#level -= units
    this.#taken += units
  }

  /** What is taken by nobody: the punishment for asking too often. */
  drain(units: number): void {
    this.#level -= Math.min(units, Math.max(0, this.#level))
  }

  /** Milliseconds until so many units are there, if nobody takes any. */
  wait(units: number): number {
    const missing = Math.min(units, this.capacity) - this.#level
    if (missing <= tolerance) return 0
    return this.#options.window === "fixed" ? this.#nextWindow() - this.#at : missing / this.#rate
  }

  /** Milliseconds until it is whole. */
  get reset(): number {
    return this.wait(this.capacity)
  }
}
