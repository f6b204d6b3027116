/** Less than this between two throttles is one and the same, milliseconds. */
const shortest = 200
/** Where nothing was throttled for so many times as long as the rate takes to come back, it grows by so much a second. */
const late = 2.5
const growth = 0.02

/**
 * A rate that is found out by being throttled. CUBIC (RFC 9438; for request rates as in the adaptive retry mode of the
 * AWS SDKs): after a throttle the rate falls, comes back to where it was throttled, stays about there, then grows ever
 * faster. Beyond that: what was admitted between two throttles tells the provider's rate, for its bucket was empty at
 * both, so that the rate need not fall far to be right. Units a millisecond.
 */
export class Cubic {
  /** The rate that is taken for the provider's. */
  #top: number
  #since: number
  /** The last throttle; what was admitted before tells nothing new. */
  #throttledAt: number
  #admittedThen: number
  #cut: number
  /** Milliseconds until the rate is back at the top. */
  #hold: number
  /** The top at the last throttle: what it has grown to since was let pass, and may have been saved up. */
  #proven: number

  /** @param admitted all units that were ever admitted and not turned away */
  constructor(now: number, rate: number, admitted: number, cut = 0.3, hold = 8_000) {
    this.#cut = cut
    this.#hold = hold
    this.#top = rate
    this.#proven = rate
    this.#since = now
    this.#throttledAt = now
    this.#admittedThen = admitted
  }

  get throttledAt(): number {
    return this.#throttledAt
  }

  /** What is worth telling others. */
  get proven(): number {
    return Math.min(1.25 * this.#proven, this.#top)
  }

  rate(now: number): number {
    const elapsed = now - this.#since
    const x = Math.min(late - 1, (elapsed - this.#hold) / this.#hold)
    const more = Math.max(0, (growth * (elapsed - late * this.#hold)) / 1_000)
    return this.#top * Math.min(1.5, 1 + this.#cut * x * x * x + more)
  }

  /** Where the rate was used and nothing was throttled, it grows on from what it has become. */
  grow(now: number, admitted: number): void {
    if (this.rate(now) < this.#top * 1.5) return
    const used = (admitted - this.#admittedThen) / Math.max(1, now - this.#throttledAt)
    if (used < 0.5 * this.#top) return
    this.#top *= 1.5
    this.#cut = 0.1
    this.#hold = 5_000
    this.#since = now - this.#hold
  }

  /**
   * @param cost of the call that was turned away
   * @param floor a rate that the provider cannot mean to be too much: a call in the time that it asks to wait
   */
  throttle(now: number, admitted: number, cost: number, floor: number): void {
    const elapsed = now - this.#throttledAt
    if (elapsed < shortest) return
    const units = admitted - this.#admittedThen
    // Nothing passed in between: it has not begun to pass anything again, and how long that takes belongs to its rate.
    if (units < cost) return
    const rate = this.rate(now)
    const measured = units / elapsed
    this.#throttledAt = now
    this.#admittedThen = admitted
    const isSteady = elapsed >= 5_000
    // So late that the rate had grown far beyond what was admitted: the bucket must have been full in between.
    const isLate = now - this.#since > late * this.#hold && rate > 1.15 * measured
    const least = isLate ? (measured + rate) / 2 : Math.max(measured, rate / 2)
    const top = Math.max(floor, Math.min(rate, least))
    const isSure = isSteady && Math.abs(top / this.#top - 1) < 0.03
    this.#cut = isSteady ? 0.02 : 0.1
    this.#hold = isSure ? 20_000 : isSteady ? 15_000 : 5_000
    this.#top = top
    this.#proven = top
    this.#since = now
  }
}
