import { isCapital, isCommon, isNamed } from "./Evidence.ts"
import type { Evidence } from "./Evidence.ts"
import { classOf, isFirstName, organizationWords, placeWords } from "./Lexicon.ts"
import type { Token } from "./Tokens.ts"
import * as Words from "./Words.ts"

/** A stretch of the text that names something; tokens `[from,to)`. */
export interface Candidate {
  readonly from: number
  readonly to: number
  /** The index of the sentence that it begins in. */
  readonly sentence: number
  /** Where the title before a person's name begins. */
  readonly title?: number
  /** It stands before what the person says. */
  readonly speaker?: boolean
  /** It is a title in quotation marks. */
  readonly quoted?: boolean
}

/** More words in a row than this are no name but a heading, a list without commas or shouting. */
const maxWords = 10
const maxQuoted = 8
/** Words that begin a sentence and are no part of a name even where a capitalised word follows. */
const isOpener = (lower: string, language: Evidence["language"]): boolean => {
  if (Words.functionWords.has(lower)) return true
  if (language !== "english" && Words.foreignFunctionWords.has(lower)) return true
  const found = classOf(lower)
  return found === "preposition" || found === "function" || found === "date"
}

/** Names in the tokens, ascending, not overlapping. */
export const candidates = (
  tokens: ReadonlyArray<Token>,
  sentences: ReadonlyArray<number>,
  evidence: Evidence,
  speakers: ReadonlyMap<number, number>
): ReadonlyArray<Candidate> => {
  const { capital, language, lower, weak } = evidence
  const found: Array<Candidate> = []

  const gapAllows = (i: number): boolean => {
    const token = tokens[i]
    if (token === undefined || sentences[i] !== sentences[i - 1]) return false
    return (
      token.gap === "none" ||
      token.gap === "space" ||
      // Whoever speaks next is no part of a name that the turn before ends with.
      (token.gap === "line" && weak[i] === 0 && !speakers.has(i))
    )
  }

  const isPart = (i: number): boolean => {
    const token = tokens[i]
    if (token === undefined || token.kind !== "word" || !isCapital(token)) return false
    const before = tokens[i - 1]
    const after = tokens[i + 1]
    const acronym = token.shape === "capitals" && (weak[i] ?? 0) < 2
    if (acronym ? Words.commonAcronyms.has(token.lower) : isStopWord(i, token, after)) return false
    if (token.text.includes("_")) return false
    if (after?.gap === "none" && /^[(_=\\/@]$/.test(after.text)) return false
    if (before !== undefined && token.gap === "none" && /^[._=$@#\\]$/.test(before.text)) return false
    return token.text.length <= 60
  }

  /** `First` in `First World War` and `I` in `World War I` are words of a name. */
  const isStopWord = (i: number, token: Token, after: Token | undefined): boolean => {
    if (Words.ordinals.has(token.lower)) return after === undefined || !isCapital(after) || !gapAllows(i + 1)
    if (token.text === "I") return !Words.eventWords.has(tokens[i - 1]?.lower ?? "")
    return Words.functionWords.has(token.lower) || Words.calendar.has(token.lower)
  }

  /** The first token after `i` in the name that begins at `from`; undefined if the name ends at `i`. */
  const next = (i: number, from: number): number | undefined => {
    const token = tokens[i]
    const after = tokens[i + 1]
    if (token === undefined || after === undefined || !gapAllows(i + 1)) return undefined
    if (isPart(i + 1)) return after.gap === "none" && token.kind === "stop" ? undefined : i + 1
    if (after.kind === "stop") {
      const dot = after.text === "." && after.gap === "none"
      if (dot && (Words.dottedInNames.has(token.lower) || (token.text.length === 1 && isCapital(token)))) {
        return gapAllows(i + 2) && isPart(i + 2) ? i + 2 : undefined
      }
      if (after.text === "&" && gapAllows(i + 2) && isPart(i + 2)) return i + 2
      if (/^['’]s$/.test(after.text) && Words.owners.has(token.lower) && gapAllows(i + 2) && isPart(i + 2)) return i + 2
      const legal = tokens[i + 2]
      if (after.text === "," && legal !== undefined && gapAllows(i + 2) && isPart(i + 2)) {
        return /^(?:inc|ltd|llc|jr|sr|corp|plc)$/.test(legal.lower) ? i + 2 : undefined
      }
      return undefined
    }
    if (after.kind === "number") {
      return after.gap === "space" && /^\p{N}{1,3}$/u.test(after.text) && !Words.calendar.has(token.lower)
        ? i + 1
        : undefined
    }
    const first = tokens[from]?.lower ?? ""
    const person = isFirstName(first) || (i > from && Words.titles.has(first))
    if (Words.joining.has(after.lower) && !person && classOf(token.lower) !== "demonym") {
      if (gapAllows(i + 2) && isPart(i + 2)) return i + 2
      return tokens[i + 2]?.lower === "the" && gapAllows(i + 2) && gapAllows(i + 3) && isPart(i + 3) ? i + 3 : undefined
    }
    if (Words.particles.has(after.lower) && (language !== "german" || person)) {
      if (gapAllows(i + 2) && isPart(i + 2)) return i + 2
      const second = tokens[i + 2]
      return second !== undefined && Words.particles.has(second.lower) && gapAllows(i + 3) && isPart(i + 3)
        ? i + 3
        : undefined
    }
    return undefined
  }

  /** Whether a capitalised word in a weak place is a name by other signs. */
  const isKnown = (i: number, strict: boolean): boolean => {
    const word = tokens[i]?.lower ?? ""
    if (isNamed(word) || capital.has(word)) return !(lower.has(word) && !isNamed(word))
    return !strict && !lower.has(word) && !isCommon(word)
  }

  /** Whether the word at a weak place only happens to stand before a name: `Ask Maria Lopez`, `Recibió el Premio Nobel`. */
  const isAdded = (i: number): boolean => {
    const word = tokens[i]?.lower ?? ""
    const after = tokens[i + 1]
    if (after === undefined || capital.has(word) || isNamed(word) || Words.honorifics.has(word)) return false
    return language === "english"
      ? isFirstName(after.lower) && classOf(word) !== undefined
      : Words.particles.has(after.lower) && Words.foreignArticles.has(after.lower)
  }

  const push = (from: number, to: number): void => {
    let start = from
    const multi = () => to - start > 1
    while (start < to) {
      const token = tokens[start]
      if (token === undefined) return
      const place = weak[start] ?? 0
      if (token.shape === "lower" || token.kind === "stop") start++
      else if (place > (token.shape === "capitals" ? 1 : 0) && isOpener(token.lower, language)) start++
      else if (place > 0 && multi() && classOf(token.lower) === "verb" && !capital.has(token.lower)) start++
      else if (place > 0 && multi() && isAdded(start)) start++
      else break
    }
    if (start >= to) return
    const sentence = sentences[start] ?? 0
    let title: number | undefined
    while (multi()) {
      const word = tokens[start]
      if (word === undefined || !Words.titles.has(word.lower)) break
      const after = tokens[start + 1]?.text === "." ? start + 2 : start + 1
      const head = tokens[after]
      if (after >= to || head === undefined || head.lower === "of" || organizationWords.has(head.lower)) break
      title ??= start
      start = after
    }
    const first = tokens[start]
    if (first === undefined) return
    if (!multi()) {
      if (first.text.length < 2) return
      if (title === undefined) {
        if (Words.honorifics.has(first.lower) || Words.legalForms.has(first.lower)) return
        const acronym = first.shape === "capitals"
        const place = weak[start] ?? 0
        if (place > (acronym ? 1 : 0) && !isKnown(start, place > 1 || language === "other")) return
        if (!acronym && language === "german" && !isNamed(first.lower)) return
        if (!acronym && lower.has(first.lower) && !isNamed(first.lower)) return
      }
    } else if ((weak[start] ?? 0) > 0 && language === "german" && !isKnown(start, true)) {
      return push(start + 1, to)
    }
    found.push({ from: start, to, sentence, ...(title === undefined ? {} : { title }) })
  }

  /** In headings and shouting, only the words that are names by other signs. */
  const pushKnown = (from: number, to: number): void => {
    let start = -1
    for (let i = from; i <= to; i++) {
      const strict = (weak[i] ?? 0) > 1 || to - from > maxWords
      const word = tokens[i]?.lower ?? ""
      const goesOn = start !== -1 && (organizationWords.has(word) || placeWords.has(word))
      const known = i < to && isPart(i) && (goesOn || isKnown(i, strict))
      if (known && start === -1) start = i
      if ((!known || i - start >= maxWords) && start !== -1) {
        push(start, i)
        start = known ? i : -1
      }
    }
  }

  for (let i = 0; i < tokens.length;) {
    const speaker = speakers.get(i)
    if (speaker !== undefined) {
      found.push({ from: i, to: speaker, sentence: sentences[i] ?? 0, speaker: true })
      i = speaker
      continue
    }
    const quoted = quotation(tokens, sentences, i)
    if (quoted !== undefined) {
      found.push({ from: i + 1, to: quoted, sentence: sentences[i] ?? 0, quoted: true })
      i = quoted
      continue
    }
    if (!isPart(i)) {
      i++
      continue
    }
    let to = i + 1
    let allWeak = (weak[i] ?? 0) > 0
    for (let last = i; ;) {
      const following = next(last, i)
      if (following === undefined) break
      last = following
      to = following + 1
      allWeak &&= (weak[following] ?? 0) > 0
    }
    const heading = allWeak && to - i > 1 && (weak[i + 1] ?? 0) > 0
    if (heading || to - i > maxWords) pushKnown(i, to)
    else push(i, to)
    i = to
  }
  return found
}

const closing: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["“", "”"],
  ["„", "“"],
  ["«", "»"],
  ["《", "》"],
  ["『", "』"]
])

/** The end of a title in quotation marks that open at token `i`. */
const quotation = (tokens: ReadonlyArray<Token>, sentences: ReadonlyArray<number>, i: number): number | undefined => {
  const open = tokens[i]
  const close = open?.kind === "stop" ? closing.get(open.text) : undefined
  if (close === undefined) return undefined
  let words = 0
  let capitals = 0
  let lowered = 0
  for (let j = i + 1; j < tokens.length && j <= i + maxQuoted + 1; j++) {
    const token = tokens[j]
    if (token === undefined || sentences[j] !== sentences[i] || token.gap === "line" || token.gap === "wide")
      return undefined
    if (token.text === close) {
      if (/[《『]/.test(tokens[i]?.text ?? "")) return j > i + 1 ? j : undefined
      const last = tokens[j - 1]
      const wide = words > 1 && capitals > lowered && last !== undefined && last.kind !== "stop"
      return wide && isCapital(tokens[i + 1] ?? token) ? j : undefined
    }
    if (token.kind !== "word") continue
    words++
    if (isCapital(token)) capitals++
    else if (token.text.length > 3) lowered++
  }
  return undefined
}
