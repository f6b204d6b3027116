/** Milliseconds at a level before another is tried: twice as long after each that was no better, so long at most. */
const hold = 60_000
const longestHold = 480_000

type Mode = "doubling" | "rising" | "falling" | "holding"

interface Level {
  readonly limit: number
  readonly throughput: number
}

/**
 * How many calls to have in flight where nobody tells a limit. It doubles while twice as many calls do clearly more work
 * a second; then the provider is at its capacity, and more would only queue there: it comes down to the fewest calls that
 * keep it busy, which costs nothing on the way, and tries again from time to time whether more of them do more. Throughput is calls in flight divided by
 * the time that one unit of work takes (Little's law), over calls that met the full number: fair to long answers.
 */
export class Climb {
  readonly #ceiling: number
  #limit: number
  /** The way up is by one with each answer, so that a provider that has had enough turns away few. */
  #opened: number
  #mode: Mode = "doubling"
  /** Calls of an earlier level tell nothing of this one. */
  #level = 0
  #count = 0
  #full = 0
  #latency = 0
  #work = 0
  /** The best level so far. */
  #best: Level | undefined
  #heldSince = 0
  #hold = hold

  constructor(ceiling: number, start: number) {
    this.#ceiling = ceiling
    this.#limit = Math.min(ceiling, start)
    this.#opened = this.#limit
  }

  get limit(): number {
    return this.#opened
  }

  get isDoubling(): boolean {
    return this.#mode === "doubling"
  }

  /** To be kept with a call when it is admitted. */
  get level(): number {
    return this.#level
  }

  /** Before there is any answer: time alone says that as many calls do no harm. */
  open(limit: number): void {
    if (limit <= this.#limit) return
    this.#limit = Math.min(this.#ceiling, limit)
    this.#opened = this.#limit
  }

  /** An earlier process had found the level: it is measured anew, and fewer are tried first. */
  restore(limit: number): void {
    this.#limit = Math.min(this.#ceiling, limit)
    this.#opened = this.#limit
    this.#mode = "falling"
  }

  /** The provider says that it is over its capacity. */
  overloaded(now: number, inFlight: number): void {
    this.#best = undefined
    this.#holdAt(now, Math.floor(0.7 * Math.min(inFlight, this.#limit)))
  }

  /** @param inFlight when the call was admitted, itself included */
  answered(
    now: number,
    call: { readonly level: number; readonly inFlight: number; readonly latency: number; readonly work: number }
  ): void {
    if (this.#opened < this.#limit) this.#opened++
    if (call.level !== this.#level || call.latency <= 0) return
    const isFull = call.inFlight >= 0.8 * this.#limit
    // On the way up those that met fewer are left out, and few tell a doubling from none.
    if (this.#mode === "doubling" && !isFull) return
    this.#count++
    if (isFull) this.#full++
    this.#latency += call.latency
    this.#work += call.work
    const enough = this.#mode === "doubling" ? Math.max(4, Math.min(16, this.#limit / 8)) : Math.max(20, this.#limit)
    if (this.#count < enough) return
    const isMostlyFull = this.#full >= this.#count / 2
    const throughput = (this.#limit * this.#work) / this.#latency
    this.#count = this.#full = this.#latency = this.#work = 0
    if (isMostlyFull) this.#decide(now, throughput)
  }

  #decide(now: number, throughput: number): void {
    const best = this.#best
    const here = { limit: this.#limit, throughput }
    const gain = best === undefined ? undefined : throughput / best.throughput
    switch (this.#mode) {
      case "doubling":
        // What told of a level that is no better came while it was being filled: there it is measured anew.
        if (gain !== undefined && gain < 1.25) return this.#move("falling", this.#limit, undefined)
        if (this.#limit === this.#ceiling) return this.#holdAt(now, this.#limit, here)
        return this.#move("doubling", this.#limit * 2, here)
      case "falling":
        if (best !== undefined && gain !== undefined && gain < 0.97) return this.#holdAt(now, best.limit, best)
        if (this.#limit === 1) return this.#holdAt(now, 1, here)
        return this.#move("falling", this.#limit * 0.7, {
          ...here,
          throughput: Math.max(throughput, best?.throughput ?? 0)
        })
      case "rising":
        if (best === undefined || gain === undefined || gain >= 1.05) {
          this.#hold = hold
          return this.#limit === this.#ceiling
            ? this.#holdAt(now, this.#limit, here)
            : this.#move("rising", this.#limit * 1.25, here)
        }
        this.#hold = Math.min(longestHold, this.#hold * 2)
        return this.#holdAt(now, best.limit, best)
      case "holding":
        this.#best = here
        if (now - this.#heldSince >= this.#hold && this.#limit < this.#ceiling)
          this.#move("rising", this.#limit * 1.25, here)
    }
  }

  #holdAt(now: number, limit: number, best?: Level | undefined): void {
    this.#heldSince = now
    this.#move("holding", limit, best)
  }

  #move(mode: Mode, limit: number, best: Level | undefined): void {
    this.#mode = mode
    this.#best = best
    this.#set(limit)
  }

  #set(limit: number): void {
    const next = Math.min(this.#ceiling, Math.max(1, Math.round(limit)))
    this.#level++
    this.#limit = next
    this.#opened = Math.min(this.#opened, next)
    this.#count = this.#full = this.#latency = this.#work = 0
  }
}
