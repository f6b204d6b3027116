/** What there was to do at one moment, in chunks. */
export interface Mark {
  /** Milliseconds since the run began. */
  readonly elapsed: number
  /** Chunks that an extractor was asked about. */
  readonly asked: number
  /** All chunks that are done, with those whose answers were there already. */
  readonly done: number
  /** Chunks that are left, as far as anybody knows. */
  readonly left: number
}

/** Milliseconds between marks that are kept, and the least that a pace is measured over. */
const spacing = 500
const shortest = 15_000

/** Marks that are kept of a run that stands still; then every other one goes. */
const most = 200

/** Chunks that a pace is measured over, at least: answers come in packs. */
const fewest = 10

/**
 * How long a run still takes, at the pace of late: the pace since its beginning has in it what cost nothing (what is
 * unchanged, answers from the journal) and what a full bucket of the provider's let through at once.
 */
export class Pace {
  #marks: ReadonlyArray<Mark> = []

  /** @returns milliseconds; undefined as long as there is nothing to judge by */
  left(now: Mark): number | undefined {
    const last = this.#marks.at(-1)
    if (last === undefined || now.elapsed - last.elapsed >= spacing) this.#marks = [...this.#marks, now]
    const from = Math.max(
      0,
      this.#marks.findLastIndex((mark) => now.elapsed - mark.elapsed >= shortest && now.done - mark.done >= fewest)
    )
    const kept = this.#marks.slice(from)
    this.#marks = kept.length > most ? kept.filter((_, index) => index % 2 === 0) : kept
    const since = this.#marks[0]
    if (since === undefined || now.left === 0 || now.elapsed < 1000) return undefined
    const asked = now.asked - since.asked
    const units = asked > 0 ? asked : now.done - since.done
    return units === 0 ? undefined : (now.left * (now.elapsed - since.elapsed)) / units
  }
}
