/** What may go wrong before the provider is given a rest, and what a fault costs: after the retry quota of the AWS SDKs. */
const full = 500
const fault = 14
const throttle = 5
/** So much is there again after a rest. */
const refilled = 100
/** So many connections in turn that come to nothing say that nobody is there. */
const dead = 5
/** Milliseconds. */
const firstPause = 1_000
const longestPause = 60_000

/**
 * When to leave a provider alone: after more faults than answers pay for, or when no connection comes about. Then, after a
 * pause that doubles each time, one call tries whether it is back.
 */
export class Breaker {
  #budget = full
  #inTurn = 0
  #openUntil: number | undefined
  #openedAt = 0
  #pause = firstPause

  get isOpen(): boolean {
    return this.#openUntil !== undefined
  }

  /** The most in flight, and until when: Infinity, where nothing is wrong. */
  limit(now: number): readonly [number, number] {
    if (this.#openUntil === undefined) return [Infinity, Infinity]
    return now < this.#openUntil ? [0, this.#openUntil] : [1, Infinity]
  }

  answered(): void {
    this.#budget = Math.min(full, this.#budget + 1)
    this.#inTurn = 0
    if (this.#openUntil === undefined) return
    this.#openUntil = undefined
    this.#pause = firstPause
    this.#budget = Math.max(refilled, this.#budget)
  }

  throttled(): void {
    this.#budget = Math.max(0, this.#budget - throttle)
    this.#inTurn = 0
  }

  /** @param sentAt a call that was on its way when the pause began says nothing new */
  failed(now: number, sentAt: number, isConnection: boolean): void {
    this.#budget = Math.max(0, this.#budget - fault)
    this.#inTurn = isConnection ? this.#inTurn + 1 : 0
    if (this.#openUntil !== undefined) {
      if (sentAt >= this.#openedAt && now >= this.#openUntil) this.#open(now, this.#pause * 2)
    } else if (this.#budget === 0 || this.#inTurn >= dead) this.#open(now, firstPause)
  }

  #open(now: number, pause: number): void {
    this.#pause = Math.min(longestPause, pause)
    this.#openedAt = now
    this.#openUntil = now + this.#pause
  }
}
