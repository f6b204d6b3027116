/** Milliseconds at a level before another is tried. */
const hold = 60_000

/**
 * How many calls to have in flight where nobody tells a limit. It doubles while twice as many calls do clearly more work
 * a second; then the provider is at its capacity, and more would only queue there: it looks for the fewest calls that
 * keep it busy, and tries again from time to time whether more of them do more. Throughput is calls in flight divided by
 * the time that one unit of work takes (Little's law), over calls that met the full number: fair to long answers.
 */
export class Climb {
  readonly #ceiling: number
  #limit: number
  /** The way up is by one with each answer, so that a provider that has had enough turns away few. */
  #opened: number
  #mode: "doubling" | "rising" | "falling" | "holding" = "doubling"
  /** Calls of an earlier level tell nothing of this one. */
  #level = 0
  #count = 0
  #full = 0
  #latency = 0
  #work = 0
  /** The best level so far. */
  #best: { readonly limit: number; readonly throughput: number } | undefined
  #heldSince = 0

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
    this.#set(limit)
    this.#opened = this.#limit
  }

  /** The provider says that it is over its capacity. */
  overloaded(now: number, inFlight: number): void {
    this.#best = undefined
    this.#mode = "holding"
    this.#heldSince = now
    this.#set(Math.max(1, Math.floor(0.7 * Math.min(inFlight, this.#limit))))
  }

  /** @param inFlight when the call was admitted, itself included */
  answered(
    now: number,
    call: { readonly level: number; readonly inFlight: number; readonly latency: number; readonly work: number }
  ): void {
    if (this.#opened < this.#limit) this.#opened++
    if (call.level !== this.#level || call.latency <= 0) return
    this.#count++
    if (call.inFlight >= 0.8 * this.#limit) this.#full++
    this.#latency += call.latency
    this.#work += call.work
    const enough = this.#mode === "doubling" ? Math.max(4, this.#limit / 2) : Math.max(20, 2 * this.#limit)
    if (this.#count < enough) return
    const isFull = this.#full >= this.#count / 2
    const throughput = (this.#limit * this.#work) / this.#latency
    this.#count = this.#full = this.#latency = this.#work = 0
    if (isFull) this.#decide(now, throughput)
  }

  #decide(now: number, throughput: number): void {
    const best = this.#best
    const here = { limit: this.#limit, throughput }
    if (best === undefined) {
      this.#best = here
      this.#set(this.#mode === "doubling" ? this.#limit * 2 : this.#limit)
      return
    }
    const gain = throughput / best.throughput
    switch (this.#mode) {
      case "doubling":
        if (gain >= 1.25) {
          this.#best = here
          if (this.#limit === this.#ceiling) {
            this.#heldSince = now
            this.#move("holding", this.#limit)
          } else this.#set(this.#limit * 2)
        } else this.#move("rising", best.limit * 1.25)
        return
      case "rising":
        if (gain >= 1.05) {
          this.#best = here
          this.#set(this.#limit * 1.25)
        } else this.#move("falling", best.limit * 0.85)
        return
      case "falling":
        if (gain >= 0.97) {
          this.#best = { limit: this.#limit, throughput: Math.max(throughput, best.throughput) }
          this.#set(this.#limit * 0.85)
        } else {
          this.#heldSince = now
          this.#move("holding", best.limit)
        }
        return
      case "holding":
        this.#best = here
        if (now - this.#heldSince >= hold) this.#move("rising", this.#limit * 1.25)
    }
  }

  #move(mode: "rising" | "falling" | "holding", limit: number): void {
    this.#mode = mode
    this.#set(limit)
  }

  #set(limit: number): void {
    const next = Math.min(this.#ceiling, Math.max(1, Math.round(limit)))
    if (next !== this.#limit || this.#mode === "doubling") this.#level++
    this.#limit = next
    this.#opened = Math.min(this.#opened, next)
    this.#count = this.#full = this.#latency = this.#work = 0
  }
}
