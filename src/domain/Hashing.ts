/**
 * FNV-1a over UTF-16 code units (http://www.isthe.com/chongo/tech/comp/fnv/), with MurmurHash3's finaliser
 * (https://github.com/aappleby/smhasher) behind it, because the low bits of FNV alone are weak. 32 bits, unsigned, the
 * same on every platform. Not for ids: those are SHA-256.
 */
const mixed = (hash: number): number => {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

const offset = 0x811c9dc5
const prime = 0x01000193

export const hash32 = (text: string, seed = 0): number => {
  let h = offset ^ seed
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), prime)
  return mixed(h)
}

/** 53 bits, so that it is an exact number: among a million texts two collide with a chance of 1 in 18,000. */
export const hash53 = (text: string, seed = 0): number => {
  let high = offset ^ seed
  let low = high ^ 0x5bd1e995
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    high = Math.imul(high ^ unit, prime)
    low = Math.imul(low ^ unit, prime)
  }
  return (mixed(high) & 0x1fffff) * 0x1_0000_0000 + mixed(low)
}

/** A number in [0, 1) that depends on its arguments alone. */
export const uniform = (seed: number, ...keys: ReadonlyArray<string | number>): number =>
  hash32(keys.join("\u0000"), seed) / 0x1_0000_0000

const word = /[\p{L}\p{N}\p{M}]+/gu

/**
 * A text as a vector of length 1: its words and their character 3- and 4-grams, hashed into `dimensions` numbers with a
 * sign of their own each (Weinberger et al. 2009, https://arxiv.org/abs/0902.2206). A text without a word is the first
 * axis.
 */
export const hashedVector = (text: string, dimensions: number): Float32Array => {
  const sums = new Float64Array(dimensions)
  const add = (h: number) => {
    const m = mixed(h)
    sums[m % dimensions] = (sums[m % dimensions] ?? 0) + (m >>> 31 === 0 ? 1 : -1)
  }
  for (const [found] of text.normalize("NFKC").toLowerCase().matchAll(word)) {
    const marked = `^${found}$`
    let whole = offset
    for (let i = 0; i < found.length; i++) whole = Math.imul(whole ^ found.charCodeAt(i), prime)
    add(whole)
    for (let i = 0; i + 3 <= marked.length; i++) {
      let gram = offset ^ 3
      for (let j = i; j < i + 3; j++) gram = Math.imul(gram ^ marked.charCodeAt(j), prime)
      add(gram)
      if (i + 4 <= marked.length) add(Math.imul(gram ^ marked.charCodeAt(i + 3), prime))
    }
  }
  return unitVector(sums) ?? Float32Array.from({ length: dimensions }, (_, axis) => (axis === 0 ? 1 : 0))
}

/** The vector scaled to length 1; undefined where it has no direction: all zeros, or a number that is not finite. */
export const unitVector = (vector: ArrayLike<number>): Float32Array | undefined => {
  let squares = 0
  for (let i = 0; i < vector.length; i++) squares += (vector[i] ?? 0) ** 2
  if (!(squares > 0 && squares < Infinity)) return undefined
  const scale = 1 / Math.sqrt(squares)
  const unit = new Float32Array(vector.length)
  for (let i = 0; i < vector.length; i++) unit[i] = (vector[i] ?? 0) * scale
  return unit
}
