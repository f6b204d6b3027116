import { assert, describe, it } from "@effect/vitest"
import type { Block, ParsedDocument } from "../../src/domain/Document.ts"
import { chunkDocument, maximumChunkTokens } from "../../src/domain/Chunker.ts"
import { countTokens, estimateTokens } from "../../src/domain/Tokens.ts"
import { conversation, paragraph, piece, place, type Piece } from "../fixtures/documents.ts"
import { makeRandom, type Random } from "../support/random.ts"

const bare = (text: string, blocks: ReadonlyArray<Block> = []): ParsedDocument => ({ ...place([]), text, blocks })

const sizeOf = (text: string): number => {
  const trimmed = text.trim().replaceAll(/\s{2,}/g, " ")
  return estimateTokens(trimmed, 0, trimmed.length) / 1000
}

/** What holds of any chunks of any document. */
const assertSound = (document: ParsedDocument, name: string) => {
  const chunks = chunkDocument(document)
  let covered = 0
  for (const [ordinal, chunk] of chunks.entries()) {
    assert.strictEqual(chunk.ordinal, ordinal, name)
    assert.strictEqual(chunk.start, covered, name)
    assert.strictEqual(chunk.text, document.text.slice(chunk.start, chunk.end), name)
    assert.isTrue(chunk.text.isWellFormed(), `${name}: a surrogate pair is cut`)
    assert.notStrictEqual(chunk.text.trim(), "", `${name}: blank chunk`)
    assert.isAtMost(sizeOf(chunk.text), maximumChunkTokens * 1.05, name)
    assert.isAtMost(chunk.header.length, 300, name)
    assert.notMatch(chunk.header, /[\r\n\t]/, name)
    assert.isTrue(chunk.header.isWellFormed(), name)
    covered = chunk.end
  }
  assert.strictEqual(covered, document.text.trim() === "" ? 0 : document.text.length, name)
  return chunks
}

const alphabets: readonly [string, ...ReadonlyArray<string>] = [
  "a",
  "word ",
  "Sentence. ",
  "\n",
  "\r\n",
  "\n\n",
  " ",
  "\u00a0",
  "é",
  "e\u0301",
  "\u0301",
  "😀",
  "👨‍👩‍👧",
  "🇫🇷",
  "👍🏽",
  "漢字",
  "、",
  "。",
  "ไทย",
  "שלום ",
  "مرحبا ",
  "\u202e",
  "\u200d",
  "\ufeff",
  "<|endoftext|>",
  "1234567",
  "||",
  "\u2028",
  "각",
  "𝕬"
]

const anyText = (random: Random, length: number): string => {
  let text = ""
  while (text.length < length)
    text += random.pick(alphabets).repeat(random.next() < 0.03 ? random.between(1, 3000) : random.between(1, 6))
  return text
}

const kinds = ["heading", "paragraph", "list", "table", "code", "turn"] as const

const anyBlocks = (random: Random, text: string): ReadonlyArray<Block> => {
  const blocks: Array<Block> = []
  for (let start = random.between(0, 50); start < text.length;) {
    const end = Math.min(text.length, start + random.between(1, random.next() < 0.2 ? 8000 : 300))
    const splits = Array.from({ length: random.between(0, 8) }, () => random.between(start + 1, end)).toSorted(
      (a, b) => a - b
    )
    blocks.push({
      kind: random.pick(kinds),
      start,
      end,
      splits,
      level: random.between(1, 6),
      speaker: `😀${random.between(0, 9)}\n${"x".repeat(random.between(0, 90))}`,
      at: random.between(0, 4) * 2_000_000,
      columns: "a\t|\nb".repeat(random.between(0, 99))
    })
    start = end + (random.next() < 0.3 ? random.between(0, 40) : 0)
  }
  return blocks
}

describe("chunkDocument", () => {
  it("partitions any Unicode under any blocks into chunks that are not blank and not too long", () => {
    for (let seed = 0; seed < 120; seed++) {
      const random = makeRandom(seed)
      const text = anyText(random, random.between(0, 12_000))
      const title = random.next() < 0.5 ? "Title" : "𝕬\n".repeat(500)
      assertSound({ ...bare(text, anyBlocks(random, text)), title }, `seed ${seed}`)
      assertSound(bare(text), `seed ${seed} without blocks`)
    }
  })

  it("takes texts that have no place for a cut", () => {
    const long: ReadonlyArray<readonly [string, number]> = [
      ["a".repeat(100_000), 20],
      ["😀".repeat(30_000), 20],
      ["漢".repeat(50_000), 20],
      [`e${"\u0301".repeat(50_000)}`, 10],
      ["the quick brown fox ".repeat(5000), 10],
      ["a\n".repeat(20_000), 10]
    ]
    for (const [text, least] of long) {
      const chunks = assertSound(bare(text), text.slice(0, 10))
      assert.isAbove(chunks.length, least)
    }
    assert.lengthOf(
      assertSound(bare(`\n${"\n".repeat(100_000)}a${"\n".repeat(100_000)}b${"\n".repeat(100_000)}`), ""),
      1
    )
  })

  it("keeps a cluster of code points whole", () => {
    for (const cluster of ["👨‍👩‍👧", "e\u0301\u0323", "각", "🇫🇷"]) {
      const text = cluster.repeat(6000)
      for (const { start } of assertSound(bare(text), cluster)) assert.strictEqual(start % cluster.length, 0, cluster)
    }
  })

  it("has no chunk for a blank document and one for a short one", () => {
    for (const text of ["", " ", "\n\n\t"]) assert.deepStrictEqual(chunkDocument(bare(text)), [])
    const random = makeRandom(5)
    for (let count = 0; count < 50; count++) {
      const document = place(Array.from({ length: random.between(1, 8) }, () => paragraph(random)))
      if (sizeOf(document.text) < 590) assert.lengthOf(chunkDocument(document), 1)
    }
  })

  it("makes chunks of about 400 tokens of prose", () => {
    const random = makeRandom(6)
    const document = place(Array.from({ length: 800 }, () => paragraph(random)))
    const chunks = assertSound(document, "prose")
    const mean = sizeOf(document.text) / chunks.length
    assert.isAbove(mean, 320)
    assert.isBelow(mean, 520)
    assert.isBelow(chunks.filter((chunk) => sizeOf(chunk.text) < 150).length / chunks.length, 0.02)
  })

  it("never cuts within a row, item, fence, turn or short paragraph, nor after a heading or a table's header row", () => {
    for (let seed = 0; seed < 30; seed++) {
      const random = makeRandom(seed)
      const mixed = Array.from({ length: 120 }, () => piece(random))
      const document = place(seed % 4 === 0 ? conversation(random, 120) : mixed)
      const allowed = new Set<number>([0])
      for (const [index, block] of document.blocks.entries()) {
        if (document.blocks[index - 1]?.kind !== "heading") allowed.add(block.start)
        for (const split of block.splits?.slice(block.kind === "table" ? 1 : 0) ?? []) allowed.add(split)
      }
      for (const { start } of assertSound(document, `seed ${seed}`)) {
        const block = document.blocks.find((block) => block.start < start && block.end > start)
        if (block?.kind === "paragraph") assert.match(document.text.slice(0, start), /[.?!]\s$/)
        else assert.isTrue(allowed.has(start), `seed ${seed}: cut at ${start}`)
      }
    }
  })

  it("divides a fence that is too long between its lines alone, and a turn between its sentences", () => {
    const lines = Array.from({ length: 900 }, (_, index) => `value_${index} = compute(${index}); check(value)`).join(
      "\n"
    )
    const spoken = Array.from({ length: 900 }, (_, index) => `We then came to point ${index} of the list.`).join(" ")
    const code = assertSound(place([{ kind: "code", parts: [lines] }]), "code")
    const turn = assertSound(place([{ kind: "turn", speaker: "Ann", parts: [spoken] }]), "turn")
    assert.isAbove(code.length, 5)
    assert.isAbove(turn.length, 5)
    for (const { start } of code.slice(1)) assert.strictEqual(lines.charAt(start - 1), "\n")
    for (const { start } of turn.slice(1)) assert.strictEqual(spoken.slice(start - 2, start), ". ")
    for (const { header } of turn) assert.include(header, "Ann")
  })

  it("prefers to cut before headings", () => {
    const random = makeRandom(8)
    const section = (): ReadonlyArray<Piece> => [
      { kind: "heading", level: 2, parts: [`Part ${random.between(1, 1e9)}`] },
      ...Array.from({ length: 6 }, () => paragraph(random))
    ]
    const document = place(Array.from({ length: 60 }, section).flat())
    const starts = new Set(document.blocks.filter((block) => block.kind === "heading").map((block) => block.start))
    const chunks = chunkDocument(document)
    assert.isAbove(chunks.filter((chunk) => starts.has(chunk.start)).length / chunks.length, 0.6)
  })

  it("counts tokens exactly and gives the same chunks each time", () => {
    const random = makeRandom(9)
    const document = place(Array.from({ length: 100 }, () => piece(random)))
    const chunks = chunkDocument(document)
    assert.deepStrictEqual(chunkDocument(document), chunks)
    for (const chunk of chunks) assert.strictEqual(chunk.tokens, countTokens(chunk.text))
    assert.lengthOf(new Set(chunks.map((chunk) => chunk.id)), chunks.length)
  })
})

describe("header", () => {
  const random = makeRandom(11)
  const prose = (count: number) => Array.from({ length: count }, () => paragraph(random))
  const heading = (level: number, text: string): Piece => ({ kind: "heading", level, parts: [text] })

  it("names the title and the headings above the chunk, not those within it", () => {
    const document = place(
      [
        heading(1, "# One"),
        heading(2, "Inner"),
        ...prose(30),
        heading(2, "Other"),
        ...prose(30),
        heading(1, "Two")
      ].concat(prose(30)),
      "Book"
    )
    const chunks = chunkDocument(document)
    assert.strictEqual(chunks[0]?.header, "Book")
    for (const chunk of chunks) {
      const expected =
        chunk.start < document.text.indexOf("Other")
          ? "Book › One › Inner"
          : chunk.start < document.text.indexOf("Two")
            ? "Book › One › Other"
            : "Book › Two"
      if (/^(# One|Other|Two)/.test(chunk.text)) assert.include(["Book", "Book › One"], chunk.header)
      else assert.strictEqual(chunk.header, expected)
    }
  })

  it("repeats the columns of a table in each further piece", () => {
    const rows = Array.from({ length: 300 }, (_, index) => `Name ${index} | City ${index} | ${index * 7}`)
    const chunks = chunkDocument(place([{ kind: "table", columns: "Name | City | Number", parts: rows }], "Towns"))
    assert.isAbove(chunks.length, 3)
    assert.strictEqual(chunks[0]?.header, "Towns")
    for (const chunk of chunks.slice(1)) assert.strictEqual(chunk.header, "Towns › Name | City | Number")
  })

  it("names the speakers and the day of a conversation", () => {
    const at = Date.UTC(2024, 1, 29, 23, 59)
    const turns = ["Ann", "Bob", "Ann"].map((speaker, index) => ({
      kind: "turn" as const,
      speaker,
      at: at + index,
      parts: [`${speaker}: Yes.`]
    }))
    assert.deepStrictEqual(
      chunkDocument(place(turns, "Call")).map((chunk) => chunk.header),
      ["Call › Ann, Bob › 2024-02-29"]
    )
    const recorded = turns.map((turn, index) => ({ ...turn, at: index * 1000 }))
    assert.strictEqual(chunkDocument(place(recorded, "Call"))[0]?.header, "Call › Ann, Bob › 2024-05-06")
  })

  it("is one line of at most 300 characters, whatever the title", () => {
    const document = place(
      [1, 2, 3, 4, 5, 6].map((level) => heading(level, `${level} ${"long\nheading ".repeat(99)}`)).concat(prose(40)),
      `T${"\u{1f600}\n".repeat(1000)}`
    )
    for (const { header } of assertSound(document, "long")) assert.isAtMost(header.length, 300)
    assert.include(chunkDocument(document).at(-1)?.header, "6 long heading")
  })
})

describe("conversations", () => {
  const turn = (speaker: string, at: number | undefined, words = 3): Piece => ({
    kind: "turn",
    speaker,
    ...(at === undefined ? {} : { at }),
    parts: [`${speaker}: ${"so it goes ".repeat(words).trim()}.`]
  })
  const firsts = (turns: ReadonlyArray<Piece>) => {
    const document = place(turns)
    const starts = assertSound(document, "turns").map((chunk) => chunk.start)
    return starts.map((start) => document.blocks.findIndex((block) => block.start === start))
  }
  const minute = 60_000

  it("are cut at each silence of more than 30 minutes, however short they are", () => {
    const at = [0, 30, 60.1, 61, 100, 131].map((value) => Math.round(value * minute))
    assert.deepStrictEqual(firsts(at.map((value) => turn("Ann", value))), [0, 2, 4, 5])
  })

  it("are cut under the heading of the day, not between it and its first turn", () => {
    const day: Piece = { kind: "heading", level: 2, parts: ["Tuesday"] }
    assert.deepStrictEqual(firsts([turn("Ann", 0), day, turn("Bob", 40 * minute)]), [0, 1])
  })

  it("keep a turn with what it answers across a silence, and across a change of those who speak", () => {
    const answer = (speaker: string, at: number | undefined, answers: Piece, words = 3): Piece => ({
      ...turn(speaker, at, words),
      answers
    })
    const [question, aside] = [turn("Ann", 0), turn("Bob", minute)]
    assert.deepStrictEqual(firsts([question, aside, answer("Cy", 90 * minute, question)]), [0])
    assert.deepStrictEqual(firsts([question, aside, turn("Cy", 90 * minute)]), [0, 2])
    // Beyond its reach, or where there is a silence between the two, it begins one as others do.
    const between = [2, 3, 4].map((at) => turn("Bob", at * minute))
    assert.deepStrictEqual(firsts([question, aside, ...between, answer("Cy", 90 * minute, question)]), [0, 5])
    assert.deepStrictEqual(
      firsts([question, turn("Bob", 60 * minute), answer("Cy", 120 * minute, question)]),
      [0, 1, 2]
    )
    const long = ["A", "B", "A", "B", "A", "B"].map((speaker) => turn(speaker, undefined, 9))
    const others = ["D", "C", "D", "C", "D"].map((speaker) => turn(speaker, undefined, 9))
    assert.deepStrictEqual(firsts([...long, turn("C", undefined, 9), ...others]), [0, 6])
    assert.deepStrictEqual(firsts([...long, answer("C", undefined, long[5] ?? question, 9), ...others]), [0])
  })

  it("keep a thread together, and go on after it where they were", () => {
    const root = turn("Ann", 0)
    const thread = [2, 100, 101, 300].map((at) => ({ ...turn("Bob", at * minute), answers: root }))
    assert.deepStrictEqual(firsts([root, ...thread.slice(0, 2), turn("Cy", 5 * minute)]), [0])
    assert.deepStrictEqual(firsts([root, ...thread, turn("Cy", 400 * minute)]), [0, 5])
    assert.deepStrictEqual(firsts([root, ...thread, turn("Cy", 5 * minute)]), [0])
    assert.deepStrictEqual(firsts([root, ...thread, turn("Cy", 5 * minute), turn("Cy", 50 * minute)]), [0, 6])
  })

  it("are cut where other people speak, once each piece has 40 tokens", () => {
    const talk = (cast: ReadonlyArray<string>, words: number) =>
      Array.from({ length: 8 }, (_, index) => turn(cast[index % cast.length] ?? "", undefined, words))
    assert.deepStrictEqual(firsts([...talk(["A", "B"], 9), ...talk(["C", "D"], 9)]), [0, 8])
    assert.deepStrictEqual(firsts([...talk(["A", "B"], 9), ...talk(["B", "C"], 9)]), [0])
    assert.deepStrictEqual(firsts([turn("A", 0, 1), turn("B", 0, 1), turn("C", 0, 1)]), [0])
    assert.deepStrictEqual(firsts([...talk(["A", "B"], 9), turn("C", undefined, 1)]), [0])
  })
})
