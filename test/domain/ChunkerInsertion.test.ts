import { assert, describe, it } from "@effect/vitest"
import { chunkDocument } from "../../src/domain/Chunker.ts"
import { added, answering, conversation, paragraph, piece, place, type Piece } from "../fixtures/documents.ts"
import { makeRandom, type Random } from "../support/random.ts"

const keys = (pieces: ReadonlyArray<Piece>): ReadonlyArray<string> =>
  chunkDocument(place(pieces)).map((chunk) => JSON.stringify([chunk.header, chunk.text]))

const documents: Record<string, (random: Random, count: number) => ReadonlyArray<Piece>> = {
  prose: (random, count) => Array.from({ length: count }, () => paragraph(random)),
  "headings, lists, tables and code": (random, count) => Array.from({ length: count }, () => piece(random)),
  "one paragraph over and over": (random, count) => Array.from({ length: count }, () => same(random)),
  "a few paragraphs in turn": (random, count) => {
    const few = [paragraph(random), paragraph(random), paragraph(random)] as const
    return Array.from({ length: count }, (_, index) => few[index % 3] ?? few[0])
  },
  "a few paragraphs in any order": (random, count) => {
    const few = [paragraph(random), paragraph(random), paragraph(random)] as const
    return Array.from({ length: count }, () => random.pick(few))
  },
  conversation,
  "a conversation with answers": answering
}

const same = (() => {
  const made = new WeakMap<Random, Piece>()
  return (random: Random): Piece => {
    const known = made.get(random) ?? paragraph(random)
    made.set(random, known)
    return known
  }
})()

const newPiece = (random: Random, pieces: ReadonlyArray<Piece>, index: number): Piece => {
  const near = pieces[Math.min(index, pieces.length - 1)]
  return near?.kind === "turn"
    ? { ...near, parts: [`${near.speaker}: ${paragraph(random).parts.join(" ")}`] }
    : paragraph(random)
}

describe("one paragraph or turn changes at most three chunks", () => {
  for (const [name, make] of Object.entries(documents)) {
    it(`when it is inserted, edited or taken away: ${name}`, () => {
      let unchanged = 0
      let all = 0
      for (let seed = 0; seed < 40; seed++) {
        const random = makeRandom(seed)
        const pieces = make(random, random.between(1, random.pick([5, 40, 150])))
        const before = keys(pieces)
        for (const index of [0, pieces.length, random.between(0, pieces.length), random.between(0, pieces.length)]) {
          const inserted = newPiece(random, pieces, index)
          const after = keys([...pieces.slice(0, index), inserted, ...pieces.slice(index)])
          assert.isAtMost(added(before, after), 3, `seed ${seed}, inserted before ${index}`)
          assert.isAtLeast(added(before, after), 1)
          if (name === "prose" || name.includes("conversation"))
            assert.isAtMost(added(after, before), 3, `seed ${seed}, taken away at ${index}`)
          unchanged += after.length - added(before, after)
          all += after.length
        }
        const index = random.between(0, pieces.length - 1)
        if (pieces[index]?.kind === "paragraph" && name === "prose") {
          const after = keys(pieces.with(index, newPiece(random, pieces, index)))
          assert.isAtMost(added(before, after), 3, `seed ${seed}, edited ${index}`)
        }
      }
      // The bound would hold of documents of three chunks, too.
      assert.isAbove(unchanged / all, 0.6)
    })
  }
})
