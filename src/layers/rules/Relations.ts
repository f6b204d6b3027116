import type { ExtractedFact } from "../../domain/Extraction.ts"
import { classOf } from "./Lexicon.ts"
import type { Token } from "./Tokens.ts"

/** A mention of entity `entity`; tokens `[from,to)`. */
export interface Mention {
  readonly entity: number
  readonly from: number
  readonly to: number
  readonly sentence: number
}

export interface Pair {
  readonly source: number
  readonly target: number
  readonly sentence: number
  readonly predicate?: string
}

/** Of a sentence, only its first mentions are paired; of a chunk, only its first pairs are kept. */
const maxMentionsOfSentence = 50
export const maxPairs = 1_000
const maxBetween = 12

const isVerb = (lower: string): boolean => classOf(lower) === "verb" || /^[a-z]{3,}(?:ed|ized|ised)$/.test(lower)
const isPreposition = (lower: string): boolean => classOf(lower) === "preposition" || lower === "to" || lower === "by"
const isAdverb = (lower: string): boolean => lower === "not" || /^[a-z]{3,}ly$/.test(lower)

/** After these, a word that may be a verb is a noun or an adjective. */
const nounFollows = /^(?:the|a|an|his|her|its|their|my|your|our|this|these|those|of|['’]s)$/

/**
 * The verb phrase between two mentions that stand side by side, after ReVerb's pattern V | V P | V W* P (Fader,
 * Soderland and Etzioni 2011): from the first verb to the preposition before the second mention, or else to the last of
 * the verbs in a row and the prepositions after them.
 */
const predicateBetween = (tokens: ReadonlyArray<Token>, from: number, to: number): string | undefined => {
  if (to - from > maxBetween || to <= from) return undefined
  const between = tokens.slice(from, to)
  const start = between.findIndex(
    ({ kind, lower, shape }, i) =>
      kind === "word" && shape === "lower" && isVerb(lower) && !nounFollows.test(between[i - 1]?.lower ?? "")
  )
  if (start === -1 || between.some(({ kind, text }) => kind === "stop" && /[.;:!?()"“”|\u0000]/.test(text)))
    return undefined
  const phrase = between.slice(start)
  let end = phrase.length
  while (end > 0 && /^(?:the|a|an|his|her|its|their)$/.test(phrase[end - 1]?.lower ?? "")) end--
  const comma = phrase.findIndex(({ kind }) => kind === "stop")
  if (comma !== -1 || !isPreposition(phrase[end - 1]?.lower ?? "")) {
    end = 1
    const goesOn = (lower: string) => isVerb(lower) || isPreposition(lower) || isAdverb(lower)
    while (end < phrase.length && phrase[end]?.kind === "word" && goesOn(phrase[end]?.lower ?? "")) end++
  }
  return phrase
    .slice(0, end)
    .map(({ lower }) => lower)
    .join(" ")
}

/**
 * Who is named together, one pair a sentence: neighbours, with the verb phrase between them; and the chunk's hub, its
 * most mentioned entity (a mention in the header counts), with whoever is named in a sentence in which it is spoken of.
 * `mentions` ascend. At most `maxPairs`.
 */
export const pairs = (
  tokens: ReadonlyArray<Token>,
  mentions: ReadonlyArray<Mention>,
  hub: number | undefined,
  speaksOfHub: (sentence: number) => boolean
): ReadonlyArray<Pair> => {
  const found: Array<Pair> = []
  for (let from = 0; from < mentions.length && found.length < maxPairs;) {
    const sentence = mentions[from]?.sentence ?? 0
    let to = from
    while (mentions[to]?.sentence === sentence) to++
    const named = mentions.slice(from, Math.min(to, from + maxMentionsOfSentence))
    from = to
    const seen = new Map<string, number>()
    const add = (source: number, target: number, predicate?: string): void => {
      if (source === target) return
      const key = source < target ? `${source} ${target}` : `${target} ${source}`
      const known = seen.get(key)
      const pair = { source, target, sentence, ...(predicate === undefined ? {} : { predicate }) }
      if (known === undefined) {
        if (found.length >= maxPairs) return
        seen.set(key, found.push(pair) - 1)
      } else if (predicate !== undefined && found[known]?.predicate === undefined) found[known] = pair
    }
    for (const [i, mention] of named.entries()) {
      const before = named[i - 1]
      if (before !== undefined) {
        add(before.entity, mention.entity, predicateBetween(tokens, before.to, mention.from))
      }
    }
    if (hub === undefined) continue
    const at = named.findIndex(({ entity }) => entity === hub)
    if (at === -1 && !speaksOfHub(sentence)) continue
    for (const [i, mention] of named.entries()) {
      if (i < at) add(mention.entity, hub)
      else add(hub, mention.entity)
    }
  }
  return found
}

const maxText = 400

/** A sentence as a fact's text: white space as single spaces, cut at a word's end. */
export const factText = (sentence: string): string => {
  const text = sentence
    .slice(0, 4 * maxText)
    .replace(/\s+/gu, " ")
    .trim()
  if (text.length <= maxText) return text
  const cut = text.lastIndexOf(" ", maxText - 1)
  return `${text
    .slice(0, cut > maxText / 2 ? cut : maxText - 1)
    .toWellFormed()
    .replace(/\uFFFD$/u, "")}…`
}

export const factOf = (pair: Pair, names: ReadonlyArray<string>, text: string): ExtractedFact => ({
  source: names[pair.source] ?? "",
  target: names[pair.target] ?? "",
  type: "RELATED_TO",
  text,
  ...(pair.predicate === undefined ? {} : { predicate: pair.predicate })
})
