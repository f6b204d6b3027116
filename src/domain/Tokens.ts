import { createRequire } from "node:module"

type Encoding = typeof import("gpt-tokenizer/encoding/o200k_base")
type EncodeOptions = Parameters<Encoding["countTokens"]>[1]

const load: (module: string) => Encoding = createRequire(import.meta.url)
let encoding: Encoding | undefined

/** Its tables are loaded with the first text that is counted: a run in which nothing has changed counts none. */
const countEncoded = (text: string, options: EncodeOptions): number => {
  encoding ??= load("gpt-tokenizer/encoding/o200k_base")
  return encoding.countTokens(text, options)
}

/** Longest run of one kind of character that is encoded at once: byte pair merging takes time quadratic in a run. */
const longestRun = 256

const space = 0
const digit = 1
const mark = 2
const letter = 3

/** A coarse form of the classes at whose edges o200k_base splits a text before it merges bytes. */
const kindOf = (code: number): number => {
  if (code < 0x80) {
    if (code <= 0x20) return space
    if (code >= 0x30 && code <= 0x39) return digit
    return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) ? letter : mark
  }
  if (code === 0xa0) return space
  return (code >= 0x2000 && code <= 0x206f) || (code >= 0x3000 && code <= 0x303f) || (code >= 0xff00 && code <= 0xff20)
    ? mark
    : letter
}

/** Whether `index` lies between the two halves of a surrogate pair. */
export const insidePair = (text: string, index: number): boolean =>
  index > 0 &&
  index < text.length &&
  (text.charCodeAt(index) & 0xfc00) === 0xdc00 &&
  (text.charCodeAt(index - 1) & 0xfc00) === 0xd800

const textOnly = { disallowedSpecial: new Set<string>() }

/**
 * Prose is made of few words, so the counts of short pieces of a text are kept: each in the slot that its hash gives,
 * where the next with the same slot takes its place. Numbers alone: a string as a key would cost more than half of what
 * encoding does.
 */
const kept = { slots: 1 << 16, length: 16 }
const pieces = {
  units: new Uint16Array(kept.slots * kept.length),
  lengths: new Uint8Array(kept.slots),
  counts: new Uint8Array(kept.slots)
}

const isKept = (slot: number, text: string, from: number, to: number): boolean => {
  if (pieces.lengths[slot] !== to - from) return false
  for (let index = from, at = slot * kept.length; index < to; index++, at++)
    if (pieces.units[at] !== text.charCodeAt(index)) return false
  return true
}

/** Tokens of a piece, which `hash` is of. */
const countPiece = (text: string, from: number, to: number, hash: number): number => {
  if (to - from > kept.length) return countEncoded(text.slice(from, to), textOnly)
  const slot = (hash ^ (hash >>> 15)) & (kept.slots - 1)
  if (isKept(slot, text, from, to)) return pieces.counts[slot] ?? 0
  const count = countEncoded(text.slice(from, to), textOnly)
  for (let index = from, at = slot * kept.length; index < to; index++, at++) pieces.units[at] = text.charCodeAt(index)
  pieces.lengths[slot] = to - from
  pieces.counts[slot] = count
  return count
}

/** The encoding splits a text before a space and a letter, whatever stands around them. */
const beginsWord = (text: string, index: number): boolean => {
  const next = text.charCodeAt(index + 1) | 0x20
  return text.charCodeAt(index) === 0x20 && next >= 0x61 && next <= 0x7a
}

/**
 * Tokens of a text by o200k_base; the names of special tokens are text like any other. Exact, except that a run of more
 * than 256 characters of one kind is counted in pieces, which can add a token for each.
 */
export const countTokens = (text: string): number => {
  let total = 0
  let from = 0
  let run = 0
  let kind = -1
  let hash = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    const next = kindOf(code)
    if (next !== kind) {
      kind = next
      run = 0
    }
    run++
    const tooLong = run > longestRun && !insidePair(text, index)
    if (tooLong || (kind === space && index > from && beginsWord(text, index))) {
      total += countPiece(text, from, index, hash)
      from = index
      hash = 0
      if (tooLong) run = 1
    }
    hash = Math.imul(hash ^ code, 0x01000193)
  }
  return total + countPiece(text, from, text.length, hash)
}

/**
 * Thousandths of a token per UTF-16 code unit, by script; measured against o200k_base on prose of each. Characters of
 * scripts with many tokens per character are rated high rather than low.
 */
const rateOf = (code: number): number => {
  if (code < 0x250) return 450
  if (code < 0x370) return 700
  if (code < 0x530) return 270
  if (code < 0x600) return 400
  if (code < 0x700) return 320
  if (code < 0x900) return 900
  if (code < 0xe00) return 400
  if (code < 0x1100) return 480
  if (code < 0x1400) return 1800
  if (code < 0x1e00) return 1000
  if (code < 0x2000) return 700
  if (code < 0x2e80) return 800
  if (code < 0xa000) return 720
  if (code >= 0xac00 && code < 0xd7b0) return 600
  return 1000
}

/** What one character costs after how many of its kind in a row, in thousandths of a token. */
const rate = (code: number, kind: number, run: number): number => {
  if (code >= 0x80) return rateOf(code)
  switch (kind) {
    case space:
      return run > 1 ? (code === 0x20 ? 12 : 100) : code === 0x20 ? 20 : 350
    case digit:
      return run === 1 ? 700 : 250
    case mark:
      return run > 8 ? 150 : run === 1 ? 800 : 600
    default:
      // Long runs of letters are no words: keys, base64, genes.
      return run > 16 ? 450 : code < 0x61 ? 400 : 200
  }
}

/**
 * About how many tokens `text[start, end)` has, in thousandths: a hundred times as fast as counting, and the same
 * wherever the text stands.
 */
export const estimateTokens = (text: string, start: number, end: number): number => {
  let total = 0
  let run = 0
  let kind = -1
  for (let index = start; index < end; index++) {
    const code = text.charCodeAt(index)
    const next = kindOf(code)
    run = next === kind ? run + 1 : 1
    kind = next
    total += rate(code, kind, run)
  }
  return total
}

/** The index at which the estimate of `text[start, index)` first reaches `limit` thousandths, or `end`. */
export const estimateReaches = (text: string, start: number, end: number, limit: number): number => {
  let total = 0
  let run = 0
  let kind = -1
  for (let index = start; index < end; index++) {
    const code = text.charCodeAt(index)
    const next = kindOf(code)
    run = next === kind ? run + 1 : 1
    kind = next
    total += rate(code, kind, run)
    if (total >= limit) return index + 1
  }
  return end
}
