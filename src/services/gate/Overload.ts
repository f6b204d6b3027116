/** Of the latest answers so many that say "overloaded" mean it; fewer are one machine's trouble, not the provider's. */
const serious = 0.3
/** How much the latest answer counts. */
const weight = 0.05
const minute = 60_000
const quarter = 15 * minute
/** Tokens a millisecond above which a provider wants growth of at most half in 15 minutes: a million a minute. */
const large = 1_000_000 / minute

/** A ceiling on what is in flight while a provider says that it is over its capacity, and until it has grown back. */
export class Overload {
  #share = 0
  #from: number | undefined
  #at = 0
  #doubling = 15_000

  /** Infinity: there is none. */
  limit(now: number): number {
    return this.#from === undefined ? Infinity : this.#from * 2 ** ((now - this.#at) / this.#doubling)
  }

  answered(now: number, ceiling: number): void {
    this.#share *= 1 - weight
    if (this.limit(now) > ceiling) this.#from = undefined
  }

  /**
   * @param inFlight when it said so
   * @param slowDown tokens a millisecond that were admitted lately, if the provider said that they grew too fast
   * @returns whether it is serious
   */
  overloaded(now: number, sentAt: number, inFlight: number, slowDown?: number): boolean {
    this.#share += weight * (1 - this.#share)
    if ((this.#share < serious && slowDown === undefined) || (this.#from !== undefined && sentAt < this.#at))
      return false
    this.#from = Math.max(1, Math.floor(Math.min(inFlight, this.limit(now)) / 2))
    this.#at = now
    // 15 min / log2(1.5)
    this.#doubling = slowDown !== undefined && slowDown > large ? quarter / Math.log2(1.5) : 15_000
    return true
  }
}
