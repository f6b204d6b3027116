import type { Block } from "./Document.ts"

/** Milliseconds: a longer silence between two turns ends a conversation. */
const longestSilence = 30 * 60 * 1000

/** How many turns on either side are looked at for a change of participants, and before for what a turn answers. */
const reach = 4

/** Thousandths of tokens: a change of participants so soon after another is one with it. */
const shortest = 40_000

/** Whether each turn comes more than 30 minutes away from every one of the four timed turns before it. */
const silencesOf = (turns: ReadonlyArray<Block>): Uint8Array => {
  const silences = new Uint8Array(turns.length + 1)
  const recent: Array<number> = []
  for (const [position, { at }] of turns.entries()) {
    if (at === undefined) continue
    if (recent.length > 0 && recent.every((other) => Math.abs(at - other) > longestSilence)) silences[position] = 1
    recent.push(at)
    if (recent.length > reach) recent.shift()
  }
  silences[turns.length] = 1
  return silences
}

/**
 * How far before each turn the nearest one stands that it answers, or that answers the same as it does; 0 if that is none
 * of the four before.
 */
const answersOf = (turns: ReadonlyArray<Block>): Uint8Array =>
  Uint8Array.from(turns, ({ replyTo }, position) => {
    if (replyTo === undefined) return 0
    for (let back = 1; back <= reach && back <= position; back++) {
      const earlier = turns[position - back]
      if (earlier?.start === replyTo || earlier?.replyTo === replyTo) return back
    }
    return 0
  })

/**
 * Which turns, as indices of blocks, begin a conversation of their own: those after a silence of more than 30 minutes,
 * and those where the participants change: nobody who speaks in the four turns before speaks in the four that follow.
 * A change within 40 tokens of an earlier change or of a silence does not count. A turn that answers one of the four
 * before, or what one of them answers, begins none, unless there is a silence between them. A silence is measured from
 * the nearest in time of the four turns before, for a thread put together goes on while others speak. All of this is
 * known from eight turns alone, across silences too, so that a turn more or less moves no boundary far from it.
 */
export const conversationStarts = (
  blocks: ReadonlyArray<Block>,
  weight: (block: Block) => number
): ReadonlySet<number> => {
  const starts = new Set<number>()
  const turns = [...blocks.entries()].filter(([, block]) => block.kind === "turn")
  const spoken = turns.map(([, block]) => block)
  const silences = silencesOf(spoken)
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
  const changes = Uint8Array.from(turns, (_, position) => {
    if (position === 0 || silences[position] === 1) return 0
    const before = speakers(position - 1, -1)
    const after = speakers(position, 1)
    return before !== undefined && after !== undefined && before.isDisjointFrom(after) ? 1 : 0
  })
  const apart = Uint8Array.from(silences)
  for (const [position, back] of answersOf(spoken).entries()) {
    let isNearest = back > 0
    for (let between = 1; between < back; between++) isNearest &&= apart[position - between] === 0
    if (isNearest) silences[position] = changes[position] = 0
  }
  const weights = Float64Array.from(spoken, weight)
  /** Of each turn, how much is said from it to the next silence. */
  const left = new Float64Array(turns.length + 1)
  for (let position = turns.length - 1; position >= 0; position--)
    left[position] = (weights[position] ?? 0) + (silences[position + 1] === 1 ? 0 : (left[position + 1] ?? 0))
  let since = 0
  for (const [position, [index]] of turns.entries()) {
    if (silences[position] === 1) {
      starts.add(index)
      since = 0
    } else if (position === 0) since = 0
    else if (changes[position] === 1) {
      if (since >= shortest && (left[position] ?? 0) >= shortest) starts.add(index)
      since = 0
    }
    since += weights[position] ?? 0
  }
  return starts
}
