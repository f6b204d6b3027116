import type { Limits } from "./Limits.ts"

/** A request on a server with places of its own. */
export interface Place {
  readonly tokens: number
  /** When it has its last token, in tokens that each running request was given since the server started; absent: it waits. */
  target?: number
}

type SlotOptions = NonNullable<Limits["slots"]>

/** How much of what is left a face sleeps through at once: the batch may shrink in the meantime, and so become faster. */
const nap = 0.6
/** Of a request's tokens: the rest that is slept through at once. */
const rest = 0.05
/** Of a token. */
const tolerance = 1e-3

/**
 * Continuous batching: each step gives one token to every request that runs, and takes `step + perRequest · running`
 * milliseconds. What comes while all places are taken waits, first come, first served.
 */
export class SlotServer {
  readonly #options: SlotOptions
  readonly #running = new Set<Place>()
  readonly #waiting = new Set<Place>()
  #tokens = 0
  #at = 0

  constructor(options: SlotOptions) {
    this.#options = options
  }

  #advance(now: number): void {
    if (now > this.#at && this.#running.size > 0) this.#tokens += (now - this.#at) / this.#pace(this.#running.size)
    this.#at = Math.max(this.#at, now)
  }

  /** Milliseconds a token. */
  #pace(running: number): number {
    return Math.max(1e-6, this.#options.step + this.#options.perRequest * Math.max(1, running))
  }

  #fill(): void {
    for (const place of this.#waiting) {
      if (this.#running.size >= this.#options.count) return
      this.#waiting.delete(place)
      place.target = this.#tokens + place.tokens
      this.#running.add(place)
    }
  }

  get isFull(): boolean {
    return this.#running.size >= this.#options.count && this.#waiting.size >= (this.#options.queue ?? Infinity)
  }

  enter(now: number, tokens: number): Place {
    this.#advance(now)
    const place: Place = { tokens }
    this.#waiting.add(place)
    this.#fill()
    return place
  }

  /** Milliseconds after which to ask again; 0: it has all its tokens. */
  left(now: number, place: Place): number {
    this.#advance(now)
    if (place.target === undefined) return Math.max(1, place.tokens * this.#pace(1) * nap)
    const missing = place.target - this.#tokens
    if (missing <= tolerance) return 0
    return missing * this.#pace(this.#running.size) * (missing > place.tokens * rest ? nap : 1)
  }

  leave(now: number, place: Place): void {
    this.#advance(now)
    this.#running.delete(place)
    this.#waiting.delete(place)
    this.#fill()
  }
}
