import type { Block, ParsedDocument } from "../../src/domain/Document.ts"
import { DocumentId, Group } from "../../src/domain/Ids.ts"

/** Mulberry32: a small generator of numbers in [0, 1), the same from the same seed. */
export const generator = (seed: number) => {
  let state = seed | 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  const integer = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1))
  const pick = <A>(values: readonly [A, ...ReadonlyArray<A>]): A => values[integer(0, values.length - 1)] ?? values[0]
  return { next, integer, pick }
}
export type Generator = ReturnType<typeof generator>

const syllables = ["ba", "ker", "lo", "min", "ta", "sol", "ri", "ven", "du", "pra", "ne", "qui", "os", "ham"] as const

const word = (random: Generator): string =>
  Array.from({ length: random.integer(1, 3) }, () => random.pick(syllables)).join("")

export const sentence = (random: Generator, most = 20): string => {
  const words = Array.from({ length: random.integer(1, most) }, () => word(random)).join(" ")
  return words.charAt(0).toUpperCase() + words.slice(1) + random.pick([".", ".", "?", "!"])
}

/** A block before it has a place: what parts it consists of, and how they are joined. */
export interface Piece {
  readonly kind: Block["kind"]
  readonly parts: ReadonlyArray<string>
  readonly level?: number
  readonly speaker?: string
  readonly at?: number
  readonly columns?: string
}

/** 1 to about 120 tokens. */
export const paragraph = (random: Generator): Piece => {
  const parts: Array<string> = []
  const length = random.integer(1, 420)
  for (let total = 0; total < length;) {
    const next = sentence(random, Math.min(20, 1 + Math.floor((length - total) / 12)))
    total += next.length
    parts.push(next)
  }
  return { kind: "paragraph", parts: [parts.join(" ")] }
}

export const piece = (random: Generator): Piece => {
  const chance = random.next()
  if (chance < 0.1) return { kind: "heading", level: random.integer(1, 4), parts: [sentence(random, 6)] }
  if (chance < 0.16)
    return { kind: "list", parts: Array.from({ length: random.integer(1, 30) }, () => `- ${sentence(random)}`) }
  if (chance < 0.2) {
    const columns = `${word(random)} | ${word(random)}`
    const rows = Array.from({ length: random.integer(1, 60) }, () => `${word(random)} | ${sentence(random, 6)}`)
    return { kind: "table", columns, parts: [columns, ...rows] }
  }
  if (chance < 0.23)
    return {
      kind: "code",
      parts: [Array.from({ length: random.integer(1, 40) }, () => `  ${word(random)} = ${word(random)};`).join("\n")]
    }
  return paragraph(random)
}

export const place = (pieces: ReadonlyArray<Piece>, title = "A title"): ParsedDocument => {
  const blocks: Array<Block> = []
  let text = ""
  for (const { kind, parts, ...rest } of pieces) {
    if (text !== "") text += "\n\n"
    const start = text.length
    const splits: Array<number> = []
    for (const [index, part] of parts.entries()) {
      if (index > 0) {
        text += "\n"
        splits.push(text.length)
      }
      text += part
    }
    const divisible = kind === "list" || kind === "table"
    blocks.push({ kind, start, end: text.length, ...rest, ...(divisible ? { splits } : {}) })
  }
  return {
    id: DocumentId.make("0".repeat(32)),
    group: Group.make("test"),
    mediaType: "text/plain",
    title,
    date: "2024-05-06",
    text,
    blocks
  }
}

/** Turns of a conversation, minutes apart, with a silence now and then. */
export const conversation = (random: Generator, count: number): ReadonlyArray<Piece> => {
  let at = Date.UTC(2024, 0, 1)
  let cast = random.integer(0, 3)
  return Array.from({ length: count }, () => {
    at += random.next() < 0.03 ? 3_600_000 : random.integer(1, 120) * 1000
    if (random.next() < 0.02) cast = random.integer(0, 3)
    const speaker = `Speaker ${cast * 2 + random.integer(0, 1)}`
    return {
      kind: "turn",
      speaker,
      at,
      parts: [`${speaker}: ${Array.from({ length: random.integer(1, 4) }, () => sentence(random)).join(" ")}`]
    }
  })
}

/** How many of the values in `after` are not in `before`, each counted as often as it comes. */
export const added = (before: ReadonlyArray<string>, after: ReadonlyArray<string>): number => {
  const counts = new Map<string, number>()
  for (const value of before) counts.set(value, (counts.get(value) ?? 0) + 1)
  return after.filter((value) => {
    const left = counts.get(value) ?? 0
    counts.set(value, left - 1)
    return left <= 0
  }).length
}
