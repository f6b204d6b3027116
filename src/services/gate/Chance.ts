/** Calls of a trial; milliseconds after which it ends without a verdict. */
const longestTrial = 120_000
const fewest = 20
const most = 200
/** A trial's part of the rate. */
const slower = 0.8
/** So many throttles in turn that the rate does not explain call for a trial. */
const enough = 3
/** After a trial that was in vain so many throttles are the limit's. */
const proof = 10
/** Fewer calls than these for each that is turned away are never chance. */
const sparse = 6
/** How many throttles more than chance explains are too many. */
const alarm = 4

/**
 * Some providers, and more proxies, turn calls away at a low share that has nothing to do with how many are sent: one
 * machine of theirs is full. Whoever slows down after each of those ends at a standstill. A limit that is exceeded by
 * little turns away the same share, so there is one way to tell: to send less for a while. What a limit turns away then
 * ends, and what comes by chance stays as it is. Then the share is known, and no more than that is ignored; more is
 * noticed by its cumulative sum (Page's test, 1954).
 */
export class Chance {
  /** Of calls; 0: none is known. */
  #share = 0
  /** Throttles beyond what the share explains. */
  #score = 0
  #sinceLast = 0
  /** Calls between the throttles that are suspected. */
  #between = 0
  #suspects = 0
  /** So many throttles more are the limit's: a trial has shown it. */
  #proven = 0
  #trial: { readonly since: number; readonly calls: number; sent: number; throttled: number } | undefined

  /** The part of the rate to use. */
  pace(now: number): number {
    this.#conclude(now)
    return this.#trial === undefined ? 1 : slower
  }

  /** The share of calls that is turned away whatever the rate. */
  get share(): number {
    return this.#share
  }

  sent(): void {
    this.#sinceLast++
    const explained = this.#trial === undefined ? this.#share + Math.max(0.02, this.#share / 2) : 1 / sparse
    this.#score = Math.max(0, this.#score - explained)
    if (this.#trial !== undefined) this.#trial.sent++
  }

  /**
   * @param isStrange whether the rate was one that cannot have been too much, as far as is known
   * @returns `chance`: it says nothing of the limit. `doubtful`: heed what it asks for, but learn nothing
   */
  throttled(now: number, isStrange: boolean): "chance" | "doubtful" | "limit" {
    this.#conclude(now)
    const calls = this.#sinceLast
    this.#sinceLast = 0
    this.#score++
    if (this.#share > 0) return this.#score <= alarm ? "chance" : this.#limit(0)
    if (this.#trial !== undefined) {
      this.#trial.throttled++
      // Pauses would hide how much is turned away. If less is too much as well, the limit has come down.
      return this.#score < enough ? "chance" : this.#limit(proof)
    }
    // What came before the first says little: it may have been a bucket that was full.
    if (this.#suspects > 0) this.#between += calls
    const isDense = this.#suspects > 1 && this.#between < sparse * this.#suspects
    if (this.#proven > 0 || !isStrange || isDense) return this.#limit(Math.max(0, this.#proven - 1))
    this.#suspects++
    if (this.#suspects < enough) return "doubtful"
    const length = Math.min(most, Math.max(fewest, (3 * this.#between) / (enough - 1)))
    this.#trial = { since: now, calls: length, sent: 0, throttled: 0 }
    this.#score = 0
    return "doubtful"
  }

  #limit(proven: number): "limit" {
    this.#share = 0
    this.#proven = proven
    this.#forget()
    return "limit"
  }

  #conclude(now: number): void {
    const trial = this.#trial
    if (trial === undefined || (trial.sent < trial.calls && now - trial.since < longestTrial)) return
    this.#forget()
    if (trial.throttled === 0) this.#proven = trial.sent >= trial.calls ? proof : 0
    else this.#share = Math.min(1 / sparse, trial.throttled / Math.max(1, trial.sent))
  }

  #forget(): void {
    this.#trial = undefined
    this.#suspects = 0
    this.#between = 0
    this.#score = 0
  }
}
