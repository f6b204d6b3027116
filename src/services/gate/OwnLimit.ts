import { Bucket } from "./Bucket.ts"
import { minute } from "./Headers.ts"

/** Of one minute, in slots: what was sent is remembered by slot, so that memory does not follow the limit. */
const slot = 100
/** Milliseconds beyond the minute: calls arrive a little later or sooner than they were admitted. */
const slack = 200
/** Of a minute: what may go at once, so that a minute's worth is spread over the minute. */
const burst = 1 / 60

interface Sent {
  readonly slot: number
  units: number
}

/**
 * What a user allows, in units a minute: a limit that holds in every minute, whenever it begins, and that nothing the
 * provider says can widen. Calls that are turned away count, for they were sent. Times are milliseconds.
 */
export class OwnLimit {
  readonly dimension: "requests" | "tokens"
  /** Units a minute. */
  readonly limit: number
  readonly #bucket: Bucket
  #sent: Array<Sent> = []
  #first = 0
  #sum = 0
  #isWarned = false

  constructor(dimension: "requests" | "tokens", limit: number, now: number) {
    this.dimension = dimension
    this.limit = limit
    const capacity = Math.max(1, limit * burst)
    this.#bucket = new Bucket({ capacity, rate: limit / minute, level: capacity, now })
  }

  /** Units a millisecond. */
  get rate(): number {
    return this.limit / minute
  }

  get capacity(): number {
    return this.limit
  }

  /** What the last minute has left. */
  level(now: number): number {
    this.#forget(now)
    return this.limit - this.#sum
  }

  /** Milliseconds until so many units may go. */
  wait(now: number, units: number): number {
    this.#forget(now)
    let tooMany = this.#sum + units - this.limit
    let until = now
    for (let index = this.#first; tooMany > 0; index++) {
      const entry = this.#sent[index]
      // More than the limit alone: when nothing else was sent for a minute.
      if (entry === undefined) break
      tooMany -= entry.units
      until = endOf(entry)
    }
    return Math.max(until - now, this.#bucket.wait(now, units))
  }

  /** Fewer than nothing, for what turned out to be more than was thought, is the same debit. */
  debit(now: number, units: number): void {
    this.#bucket.debit(now, units)
    this.#sum += units
    const current = Math.floor(now / slot)
    const last = this.#sent.at(-1)
    if (last?.slot === current) last.units += units
    else this.#sent.push({ slot: current, units })
  }

  /** Whether four fifths are in use, the first time that it is so. */
  warns(now: number): boolean {
    if (this.#isWarned || this.level(now) > 0.2 * this.limit) return false
    this.#isWarned = true
    return true
  }

  #forget(now: number): void {
    for (let entry = this.#sent[this.#first]; entry !== undefined && endOf(entry) <= now;) {
      this.#sum -= entry.units
      entry = this.#sent[++this.#first]
    }
    if (this.#first === this.#sent.length) this.#sum = 0
    if (this.#first > 1_000) {
      this.#sent = this.#sent.slice(this.#first)
      this.#first = 0
    }
  }
}

const endOf = (sent: Sent): number => (sent.slot + 1) * slot + minute + slack
