import { classOf } from "./Lexicon.ts"
import type { Token } from "./Tokens.ts"
import * as Words from "./Words.ts"

/** What the chunk itself says of its words, and in which language it seems to be. */
export interface Evidence {
  readonly language: "english" | "german" | "other"
  /** Words that stand somewhere in lower case. */
  readonly lower: ReadonlySet<string>
  /** Words that stand with a capital where nothing but being a name asks for one; or that the header has. */
  readonly capital: ReadonlySet<string>
  /** Per token: its capital may come from its place (start of a sentence, a cell or a quotation; a heading). */
  readonly weak: Uint8Array
}

/** A line that is at least this long was broken by its margin, so that a sentence or a name may go on in the next one. */
export const wrapped = 50

const opens = /^[#>|:•·\-–—*+"“„«'‘([\u0000/…;?!]$/u

export const isCapital = (token: Token): boolean => token.shape === "title" || token.shape === "capitals"

export const isCommon = (lower: string): boolean => {
  if (Words.functionWords.has(lower)) return true
  switch (classOf(lower)) {
    case "verb":
    case "noun":
    case "modifier":
    case "preposition":
    case "function":
    case "date":
      return true
    case undefined:
      return /.{3}(?:ly|ing|ed|ness|tion|tions|ment|ments)$/.test(lower)
    default:
      return false
  }
}

const named = new Set(["demonym", "person", "location", "organization"])
export const isNamed = (lower: string): boolean => named.has(classOf(lower) ?? "")

const languageOf = (tokens: ReadonlyArray<Token>): Evidence["language"] => {
  let words = 0
  let english = 0
  let german = 0
  for (const { kind, lower, shape } of tokens) {
    if (kind !== "word" || shape === "none") continue
    words++
    if (Words.english.has(lower)) english++
    if (Words.german.has(lower)) german++
  }
  if (german > english && german * 12 >= words) return "german"
  if (english * 12 >= words) return "english"
  return words < 30 && tokens.every(({ text }) => /^[\x00-\x7f]*$/.test(text)) ? "english" : "other"
}

/** Marks lines in which capitals say little: headings and lines that are all in capitals. */
const markLine = (tokens: ReadonlyArray<Token>, from: number, to: number, weak: Uint8Array): void => {
  let capitals = 0
  let words = 0
  let shouted = 0
  for (let i = from; i < to; i++) {
    const token = tokens[i]
    if (token?.kind !== "word" || token.shape === "none") continue
    if (token.text.length < 4 && !isCapital(token)) continue
    words++
    if (isCapital(token)) capitals++
    if (token.shape === "capitals" || token.text.length === 1) shouted++
  }
  const last = tokens[to - 1]?.text ?? ""
  const bullet = /^[-*+•–|]$/.test(tokens[from]?.text ?? "")
  const heading =
    tokens[from]?.text === "#" || (!bullet && words > 2 && words < 14 && capitals === words && !/[.!?…]/.test(last))
  if (heading || (words > 2 && shouted === words)) {
    for (let i = from; i < to; i++) weak[i] = shouted === words && words > 1 ? 2 : Math.max(1, weak[i] ?? 0)
  }
}

export const evidenceOf = (
  header: ReadonlyArray<Token>,
  tokens: ReadonlyArray<Token>,
  sentences: ReadonlyArray<number>
): Evidence => {
  const weak = new Uint8Array(tokens.length)
  let line = 0
  let lineStart = 0
  for (const [i, token] of tokens.entries()) {
    const before = tokens[i - 1]
    if (before === undefined || token.gap === "line" || (token.gap === "wide" && before.end + 1 < token.start)) {
      markLine(tokens, line, i, weak)
      if (before === undefined || before.end - lineStart < wrapped || token.gap === "wide") weak[i] = 1
      line = i
      lineStart = token.start
    }
    const numbered = i - line === 2 && tokens[line]?.kind === "number"
    if (numbered || sentences[i] !== sentences[i - 1] || (before?.kind === "stop" && opens.test(before.text))) {
      weak[i] = 1
    }
  }
  markLine(tokens, line, tokens.length, weak)
  const lower = new Set<string>()
  const capital = new Set<string>()
  for (const [i, token] of tokens.entries()) {
    if (token.kind !== "word") continue
    if (token.shape === "lower") lower.add(token.lower)
    if (isCapital(token) && weak[i] === 0) capital.add(token.lower)
  }
  for (const token of header) if (isCapital(token) && !isCommon(token.lower)) capital.add(token.lower)
  return { language: languageOf(tokens), lower, capital, weak }
}
