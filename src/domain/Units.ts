import type { Unit } from "./Boundaries.ts"
import { limits } from "./Boundaries.ts"
import type { Block } from "./Document.ts"
import { hash32 } from "./Hashing.ts"
import { sentences } from "./Sentences.ts"
import { estimateReaches, estimateTokens, insidePair } from "./Tokens.ts"

/** Thousandths of tokens. */
const budgets = {
  /** An item, row, code fence or turn up to this size is never divided. It leaves room for headings above it. */
  unit: 850_000,
  /** A paragraph up to this size is not divided into sentences. */
  paragraph: 60_000,
  /** White space between two units, however much there is: that of the last unit comes and goes. */
  separator: 400,
  /** Size of the pieces of a sentence or line that is longer than a unit. */
  piece: 200_000
}

/** How good a place for a cut is: before a heading of level 1 to 6 best, so 9 to 4; then these. */
const ranks = { heading: 10, block: 3, item: 2, sentence: 1, piece: 0 }

const visible = /\S/
const visibleFrom = /\S/g
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" })

const isBlank = (text: string, start: number, end: number): boolean => !visible.test(text.slice(start, end))

/** How far back from the end of a piece white space is looked for, in UTF-16 code units. */
const wordReach = 200

/**
 * Where to end a piece of `text[start, end)` that may reach `limit`: after white space near there, or else between two
 * grapheme clusters, or, in a cluster longer than a piece, between two code points.
 */
const pieceEnd = (text: string, start: number, limit: number): number => {
  for (let index = limit; index > Math.max(start, limit - wordReach); index--) {
    if (/\s/.test(text.charAt(index - 1)) && !/\s/.test(text.charAt(index)) && !/\p{M}/u.test(text.charAt(index)))
      return index
  }
  const cluster = graphemes.segment(text.slice(start, limit + 64)).containing(limit - start)
  if (cluster !== undefined && cluster.index > 0) return start + cluster.index
  return insidePair(text, limit) ? limit + 1 : limit
}

interface Range {
  readonly start: number
  readonly end: number
  readonly rank: number
}

/** Joins what is blank to what is before it, or else to what follows. */
const joined = (text: string, ranges: ReadonlyArray<Range>): ReadonlyArray<Range> => {
  const kept: Array<Range> = []
  let blankFrom = -1
  for (const range of ranges) {
    if (range.end <= range.start) continue
    const previous = kept.at(-1)
    if (isBlank(text, range.start, range.end)) {
      if (previous !== undefined) kept[kept.length - 1] = { ...previous, end: range.end }
      else if (blankFrom < 0) blankFrom = range.start
    } else {
      kept.push(blankFrom < 0 ? range : { ...range, start: blankFrom })
      blankFrom = -1
    }
  }
  return kept
}

const pieces = (text: string, range: Range): ReadonlyArray<Range> => {
  const found: Array<Range> = []
  let start = range.start
  while (start < range.end) {
    const limit = estimateReaches(text, start, range.end, budgets.piece)
    const end = limit >= range.end ? range.end : Math.min(range.end, pieceEnd(text, start, limit))
    found.push({ start, end, rank: start === range.start ? range.rank : ranks.piece })
    start = end
  }
  return found
}

const lines = (text: string, range: Range): ReadonlyArray<Range> => {
  const found: Array<Range> = []
  for (let start = range.start; start < range.end;) {
    const newline = text.indexOf("\n", start)
    const end = newline < 0 || newline >= range.end ? range.end : newline + 1
    found.push({ start, end, rank: start === range.start ? range.rank : ranks.sentence })
    start = end
  }
  return found
}

const inSentences = (text: string, range: Range): ReadonlyArray<Range> =>
  sentences(text.slice(range.start, range.end)).map(([start, end]) => ({
    start: range.start + start,
    end: range.start + end,
    rank: start === 0 ? range.rank : ranks.sentence
  }))

type Divide = (text: string, range: Range) => ReadonlyArray<Range>

/** Divides a range that is larger than `budget` by `divide`, and by force what is still larger than a unit. */
const divided = (text: string, range: Range, budget: number, divide: Divide): ReadonlyArray<Range> =>
  estimateTokens(text, range.start, range.end) <= budget
    ? [range]
    : joined(text, divide(text, range)).flatMap((part) =>
        estimateTokens(text, part.start, part.end) <= budgets.unit ? [part] : joined(text, pieces(text, part))
      )

const items = (block: Block): ReadonlyArray<Range> => {
  const found: Array<Range> = []
  let start = block.start
  for (const split of block.splits ?? []) {
    if (split <= start || split >= block.end) continue
    found.push({ start, end: split, rank: start === block.start ? ranks.block : ranks.item })
    start = split
  }
  found.push({ start, end: block.end, rank: start === block.start ? ranks.block : ranks.item })
  return found
}

const rangesOf = (text: string, block: Block): ReadonlyArray<Range> => {
  const { start, end } = block
  const whole = { start, end, rank: ranks.block }
  switch (block.kind) {
    case "heading":
      return divided(text, { start, end, rank: ranks.heading - (block.level ?? 1) }, budgets.unit, inSentences)
    case "paragraph":
      return divided(text, whole, budgets.paragraph, inSentences)
    case "code":
      return divided(text, whole, budgets.unit, lines)
    case "turn":
      return divided(text, whole, budgets.unit, inSentences)
    case "list":
    case "table":
      return joined(text, items(block)).flatMap((item) => divided(text, item, budgets.unit, inSentences))
  }
}

const snapped = (text: string, index: number): number => {
  const within = Math.max(0, Math.min(text.length, index))
  return insidePair(text, within) ? within - 1 : within
}

/**
 * Blocks that ascend, are not blank, and hold all that is not blank: what a parser promises, made true. Text outside of
 * blocks becomes a paragraph.
 */
export const soundBlocks = (text: string, blocks: ReadonlyArray<Block>): ReadonlyArray<Block> => {
  const sound: Array<Block> = []
  let covered = 0
  const cover = (end: number) => {
    visibleFrom.lastIndex = covered
    const start = visibleFrom.exec(text)?.index ?? text.length
    if (start < end) sound.push({ kind: "paragraph", start, end })
  }
  for (const block of blocks) {
    const start = Math.max(covered, snapped(text, block.start))
    const end = snapped(text, block.end)
    if (end <= start || isBlank(text, start, end)) continue
    cover(start)
    const splits = block.splits?.map((split) => snapped(text, split))
    sound.push({ ...block, start, end, ...(splits === undefined ? {} : { splits }) })
    covered = end
  }
  cover(text.length)
  return sound
}

/** A unit, and whether a heading or a table's header row leads it, so that more of the same may be put before it. */
export interface DocumentUnit extends Unit {
  /** Indices of the first and last block that it has a part of. */
  readonly block: number
  readonly lastBlock: number
  readonly leads: boolean
}

/**
 * The pieces that are never divided: rows, items, fences, turns, sentences or short paragraphs. A heading and a table's
 * first row are one unit with what follows them, as far as the limit allows.
 */
export const unitsOf = (text: string, blocks: ReadonlyArray<Block>): ReadonlyArray<DocumentUnit> => {
  const drafts: Array<DocumentUnit> = []
  for (const [block, value] of blocks.entries()) {
    const ranges = rangesOf(text, value)
    const tableHead = value.kind === "table" && value.columns !== undefined
    for (const [index, { start, end, rank }] of ranges.entries()) {
      const trimmed = text.slice(start, end).trim()
      drafts.push({
        start,
        weight: estimateTokens(trimmed, 0, trimmed.length) + budgets.separator,
        rank,
        hash: hash32(trimmed),
        block,
        lastBlock: block,
        leads: value.kind === "heading" || (tableHead && index === 0 && ranges.length > 1)
      })
    }
  }
  const units: Array<DocumentUnit> = []
  for (const draft of drafts.toReversed()) {
    const next = units.at(-1)
    if (draft.leads && next !== undefined && draft.weight + next.weight <= limits.longest)
      units[units.length - 1] = { ...draft, weight: draft.weight + next.weight, lastBlock: next.lastBlock }
    else units.push(draft)
  }
  return units.toReversed()
}
