/** How much the local phases work on at once. */
export interface Sizes {
  /** Documents that are read and parsed. */
  readonly parse: number
  /** Documents that wait for the store. */
  readonly write: number
  /** Bytes of text that are in flight, from before parsing until written. */
  readonly documents: number
}

/** How the machine and the store fared of late. */
export interface Load {
  /** Processor time of this process, of all that the machine has for it: 0 to 1. */
  readonly cpu: number
  /** Memory of this process, of what it may have: 0 to 1, over 1 where it has had more than it should. */
  readonly memory: number
  /** Milliseconds that what was due had to wait for the calling thread. */
  readonly delay: number
  /** Milliseconds of the longest commit. */
  readonly commit: number
}

/** Above these there is to be less. `delay`: progress is shown and answers are taken in late. `commit`: others wait to look things up. */
const high: Load = { cpu: 0.9, memory: 0.8, delay: 500, commit: 1000 }
/** Of `high`; between the two all stays as it is. */
const calm = 0.9
/** What is left of a size at each step down. */
const cut = 0.7
/** Of the most, at each step up: back to the top in about a minute. */
const rise = 1 / 64
/** Of the most: what is always done at once, however busy all is; memory alone may ask for less. */
const busy: Sizes = { parse: 1 / 8, write: 1 / 16, documents: 1 / 4 }

/**
 * The sizes for the next second: additive increase, multiplicative decrease, as TCP shares a line whose width nobody
 * knows (Chiu and Jain 1989). Fractions count, so that slow growth adds up; who applies the sizes rounds them. Short of
 * memory there is less of all, down to one at a time; a busy processor or store is no reason to have it wait for work.
 */
export const next = (sizes: Sizes, load: Load, most: Sizes): Sizes => {
  const isShort = load.memory > high.memory
  const isBusy = load.cpu > high.cpu || load.delay > high.delay
  const isSlow = load.commit > high.commit
  const isCalm =
    load.memory < calm * high.memory &&
    load.cpu < calm * high.cpu &&
    load.delay < calm * high.delay &&
    load.commit < calm * high.commit
  const step = (of: keyof Sizes, isMuch: boolean): number => {
    const size = sizes[of]
    if (isShort) return Math.max(1, size * cut)
    if (isMuch) return Math.min(size, Math.max(1, size * cut, most[of] * busy[of]))
    return isCalm ? Math.min(most[of], size + most[of] * rise) : size
  }
  return { parse: step("parse", isBusy), write: step("write", isSlow), documents: step("documents", isBusy || isSlow) }
}

/**
 * Text that memory has room for, in bytes. A document takes about 20 times its text: chunks, what was extracted, its
 * part of the graph, and copies on their way to the store (measured with the offline rules, dense in names).
 */
export const documentsFor = (memory: number): number => Math.min(64 * 1024 * 1024, Math.max(1, Math.floor(memory / 24)))
