/** A piece of a document that is never divided. */
export interface Unit {
  readonly start: number
  /** About how many tokens, in thousandths. */
  readonly weight: number
  /** How good a place its start is for a cut; higher is better. */
  readonly rank: number
  /** 32 bits of its text. */
  readonly hash: number
}

/** Thousandths of tokens. A stretch up to `whole` is not cut, no chunk of several units is longer than `longest`. */
export const limits = { whole: 600_000, longest: 1_000_000, apart: 200_000 }

/** Isolation is compared in four steps: a boundary that is a little more or less alone is not another boundary. */
const steps = [limits.apart, limits.apart * 0.75, limits.apart * 0.5, limits.apart * 0.25]

/** How many units of the text that follows tell equal boundaries apart; a power of two. */
const horizon = 16

/** `contexts[k][i]` is a hash of the 2^k units that begin with unit i. */
const contextsOf = (units: ReadonlyArray<Unit>): ReadonlyArray<Uint32Array> => {
  let level = Uint32Array.from(units, (unit) => unit.hash)
  let factor = 0x9e3779b1
  const contexts = [level]
  for (let width = 1; width < horizon; width *= 2) {
    const below = level
    const shift = factor
    level = below.map((hash, index) => Math.imul(hash, shift) + (below[index + width] ?? 0))
    // Squared, so that each unit of a context has a power of its own and their order counts.
    factor = Math.imul(factor, factor)
    contexts.push(level)
  }
  return contexts
}

const at = (values: ArrayLike<number>, index: number): number => values[index] ?? 0

/**
 * Distances from each inner boundary to the nearest higher one before and after it, the ends counting as such; linear,
 * by a stack of descending boundaries.
 */
const distances = (positions: Float64Array, compare: (a: number, b: number) => number) => {
  const count = positions.length - 1
  const before = new Float64Array(count)
  const after = new Float64Array(count)
  const stack = new Int32Array(count)
  let depth = 0
  for (let index = 1; index < count; index++) {
    while (depth > 0 && compare(at(stack, depth - 1), index) <= 0) depth--
    before[index] = at(positions, index) - (depth > 0 ? at(positions, at(stack, depth - 1)) : 0)
    stack[depth++] = index
  }
  depth = 0
  for (let index = count - 1; index > 0; index--) {
    while (depth > 0 && compare(at(stack, depth - 1), index) <= 0) depth--
    after[index] = at(positions, depth > 0 ? at(stack, depth - 1) : count) - at(positions, index)
    stack[depth++] = index
  }
  return { before, after }
}

/**
 * Text that repeats itself has no boundary that stands out. Of boundaries that repeat one another closer than `apart`,
 * the first stands, and then the first that is `apart` from the last that stands; the others give way.
 */
const repeated = (
  units: ReadonlyArray<Unit>,
  positions: Float64Array,
  contexts: ReadonlyArray<Uint32Array>
): Uint8Array => {
  const [first, last] = [contexts[0] ?? new Uint32Array(), contexts.at(-1) ?? new Uint32Array()]
  const gives = new Uint8Array(units.length)
  const since = new Float64Array(units.length)
  const byContext = new Map<number, number>()
  const byText = new Map<number, number>()
  const near = (index: number, earlier: number | undefined): earlier is number =>
    earlier !== undefined &&
    at(positions, index) - at(positions, earlier) <= limits.apart &&
    units[index]?.rank === units[earlier]?.rank
  /** Whether the units between the two come once more after the second. */
  const again = (index: number, earlier: number): boolean => {
    const period = index - earlier
    if (index + period > units.length) return false
    const level = Math.min(contexts.length - 1, 31 - Math.clz32(period))
    const hashes = contexts[level] ?? first
    const rest = period - 2 ** level
    return hashes[index] === hashes[earlier] && hashes[index + rest] === hashes[earlier + rest]
  }
  for (let index = 1; index < units.length; index++) {
    let earlier = byContext.get(at(last, index))
    if (!near(index, earlier)) {
      earlier = byText.get(at(first, index))
      if (!near(index, earlier) || !again(index, earlier)) earlier = undefined
    }
    if (earlier !== undefined) {
      const distance = at(since, earlier) + at(positions, index) - at(positions, earlier)
      if (distance < limits.apart) {
        gives[index] = 1
        since[index] = distance
      }
    }
    byContext.set(at(last, index), index)
    byText.set(at(first, index), index)
  }
  return gives
}

/**
 * Chooses before which units to cut: content-defined chunking over units instead of bytes. Boundaries are ordered by
 * rank, then by a hash of the text that follows. A boundary is a cut
 * - if it is the highest within `apart` tokens on either side: the local maximum chunking of Bjørner, Blass and Gurevich
 *   (Content-dependent chunking for differential compression, 2010), by which cuts lie at least `apart` from each other
 *   and depend on nothing farther away;
 * - or else if the nearest higher boundaries on its two sides, with the more isolated the higher, are more than `longest`
 *   apart: the pieces of a treap, cut from the top until they fit. A boundary more or less changes no other piece of it.
 * So an insertion of less than half of `apart` changes the chunk where it is and, seldom, one on each side.
 */
export const cuts = (units: ReadonlyArray<Unit>): ReadonlyArray<number> => {
  const positions = new Float64Array(units.length + 1)
  for (const [index, unit] of units.entries()) positions[index + 1] = at(positions, index) + unit.weight
  if (at(positions, units.length) <= limits.whole) return []
  const contexts = contextsOf(units)
  const gives = repeated(units, positions, contexts)
  const ranks = Float64Array.from(units, (unit, index) => (at(gives, index) === 1 ? -1 : unit.rank))
  const compare = (a: number, b: number): number => {
    let order = at(ranks, a) - at(ranks, b)
    for (let level = 0; order === 0 && level < contexts.length; level++) {
      const hashes = contexts[level]
      if (hashes !== undefined) order = at(hashes, a) - at(hashes, b)
    }
    return order
  }
  const alone = distances(positions, compare)
  const isolation = Int8Array.from(units, (_, index) => {
    const distance = Math.min(at(alone.before, index), at(alone.after, index))
    return at(gives, index) === 1 ? -1 : steps.reduce((level, step) => level + (distance > step ? 1 : 0), 0)
  })
  const spans = distances(positions, (a, b) => at(isolation, a) - at(isolation, b) || compare(a, b) || b - a)
  const chosen: Array<number> = []
  for (let index = 1; index < units.length; index++) {
    if (at(isolation, index) === steps.length || at(spans.before, index) + at(spans.after, index) > limits.longest)
      chosen.push(index)
  }
  return chosen
}
