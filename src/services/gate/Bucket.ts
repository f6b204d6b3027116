/**
 * A bucket that fills evenly: `capacity` units at most, `rate` units a millisecond. Its level may go below zero, by what
 * was debited before it turned out to be smaller. Times are milliseconds, and never go back.
 */
export class Bucket {
  #capacity: number
  #rate: number
  #level: number
  #at: number
  #frozenUntil = 0
  #fullAt: number
  /** What is left of an upward correction, which is let in slowly. */
  #owed = 0

  constructor(options: {
    readonly capacity: number
    readonly rate: number
    readonly level: number
    readonly now: number
  }) {
    this.#capacity = options.capacity
    this.#rate = options.rate
    this.#level = Math.min(options.level, options.capacity)
    this.#at = options.now
    this.#fullAt = options.now
  }

  /** When it was last full: what came in since then is all there. */
  get fullAt(): number {
    return this.#fullAt
  }

  get capacity(): number {
    return this.#capacity
  }

  get rate(): number {
    return this.#rate
  }

  level(now: number): number {
    this.#refill(now)
    return this.#level
  }

  /** Milliseconds until so many units are there; what is more than the capacity waits until the bucket is full. */
  wait(now: number, units: number): number {
    this.#refill(now)
    const missing = Math.min(units, this.#capacity) - this.#level
    // What sums of fractions lose is not worth waiting for; and a bucket that grows while it fills is never quite full.
    const slight = units > this.#capacity ? 1e-4 * this.#capacity : 1e-6
    const fill = missing <= slight ? 0 : this.#rate <= 0 ? Infinity : missing / this.#rate
    return Math.max(0, this.#frozenUntil - now, fill)
  }

  debit(now: number, units: number): void {
    this.#refill(now)
    this.#level -= units
  }

  /** Gives back what was debited for a call that was not charged. */
  credit(now: number, units: number): void {
    this.#refill(now)
    this.#level = Math.min(this.#capacity, this.#level + units)
  }

  freeze(until: number): void {
    this.#frozenUntil = Math.max(this.#frozenUntil, until)
  }

  /** Nothing is there: the provider has just said so. */
  drain(now: number): void {
    this.#refill(now)
    this.#level = Math.min(this.#level, 0)
    this.#owed = 0
  }

  resize(now: number, capacity: number, rate: number): void {
    this.#refill(now)
    this.#capacity = capacity
    this.#rate = rate
    this.#level = Math.min(this.#level, capacity)
  }

  /**
   * Corrects the level to what the provider's must be now. Downward at once; upward by at most a twentieth of the
   * capacity a second, for a request may have overtaken another on its way.
   */
  reconcile(now: number, projected: number): void {
    this.#refill(now)
    this.#owed = 0
    if (projected < this.#level) this.#level = projected
    else this.#owed = Math.min(projected, this.#capacity) - this.#level
  }

  #refill(now: number): void {
    const elapsed = now - this.#at
    if (elapsed <= 0) return
    this.#at = now
    const catchUp = Math.min(this.#owed, (elapsed * this.#capacity) / 20_000)
    this.#owed -= catchUp
    this.#level = Math.min(this.#capacity, this.#level + elapsed * this.#rate + catchUp)
    if (this.#level >= this.#capacity) this.#fullAt = now
  }
}
