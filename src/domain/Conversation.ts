import type { Block } from "./Document.ts"

/** Milliseconds: a longer silence between two turns ends a conversation. */
const longestSilence = 30 * 60 * 1000

/** How many turns on either side are looked at for a change of participants. */
const reach = 4

/** Thousandths of tokens: a change of participants so soon after another is one with it. */
const shortest = 40_000

/**
 * Which turns, as indices of blocks, begin a conversation of their own: those after a silence of more than 30 minutes,
 * and those where the participants change: nobody who speaks in the four turns before speaks in the four that follow.
 * A change within 40 tokens of an earlier change or of a silence does not count. Who takes part is known from these eight
 * turns alone, across silences too, so that a turn more or less moves no boundary far from it.
 */
export const conversationStarts = (
  blocks: ReadonlyArray<Block>,
  weight: (block: Block) => number
): ReadonlySet<number> => {
  const starts = new Set<number>()
  const turns = [...blocks.entries()].filter(([, block]) => block.kind === "turn")
  const silences = new Uint8Array(turns.length + 1)
  let last: number | undefined
  for (const [position, [index, { at }]] of turns.entries()) {
    if (at === undefined) continue
    if (last !== undefined && at - last > longestSilence) {
      starts.add(index)
      silences[position] = 1
    }
    last = at
  }
  silences[turns.length] = 1
  /** Speakers of up to four turns from `from` in one direction, or undefined if one of them is not known. */
  const speakers = (from: number, step: 1 | -1): ReadonlySet<string> | undefined => {
    const found = new Set<string>()
    for (let count = 0, position = from; count < reach; count++, position += step) {
      const turn = turns[position]
      if (turn === undefined) break
      if (turn[1].speaker === undefined) return undefined
      found.add(turn[1].speaker)
    }
    return found
  }
  const weights = Float64Array.from(turns, ([, block]) => weight(block))
  /** Of each turn, how much is said from it to the next silence. */
  const left = new Float64Array(turns.length + 1)
  for (let position = turns.length - 1; position >= 0; position--)
    left[position] = (weights[position] ?? 0) + (silences[position + 1] === 1 ? 0 : (left[position + 1] ?? 0))
  let since = 0
  for (const [position, [index]] of turns.entries()) {
    if (position > 0 && silences[position] !== 1) {
      const before = speakers(position - 1, -1)
      const after = speakers(position, 1)
      if (before !== undefined && after !== undefined && before.isDisjointFrom(after)) {
        if (since >= shortest && (left[position] ?? 0) >= shortest) starts.add(index)
        since = 0
      }
    } else since = 0
    since += weights[position] ?? 0
  }
  return starts
}
