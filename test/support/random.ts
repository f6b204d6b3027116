/** A small deterministic generator (mulberry32, Tommy Ettinger, public domain algorithm) for seeded property tests. */
export const makeRandom = (seed: number) => {
  let state = seed >>> 0
  /** In [0, 1). */
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const int = (below: number): number => Math.floor(next() * below)
  const pick = <A>(values: readonly [A, ...ReadonlyArray<A>]): A => values[int(values.length)] ?? values[0]
  return {
    next,
    int,
    /** Both ends included. */
    between: (low: number, high: number): number => low + int(high - low + 1),
    pick,
    shuffle: <A>(values: ReadonlyArray<A>): ReadonlyArray<A> =>
      values
        .map((value) => [next(), value] as const)
        .toSorted(([a], [b]) => a - b)
        .map(([, value]) => value),
    bytes: (length: number): Uint8Array => Uint8Array.from({ length }, () => int(256)),
    /** Up to `pieces` pieces, one after the other. */
    concat: (values: readonly [string, ...ReadonlyArray<string>], pieces: number): string =>
      Array.from({ length: int(pieces + 1) }, () => pick(values)).join(""),
    /** Code points from all of Unicode, surrogates too, half of them below U+0300. */
    unicode: (length: number): string =>
      Array.from({ length }, () => String.fromCodePoint(int(2) === 0 ? int(0x300) : int(0x11_0000))).join("")
  }
}
export type Random = ReturnType<typeof makeRandom>
