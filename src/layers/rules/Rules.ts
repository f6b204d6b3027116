import type { Extraction } from "../../domain/Extraction.ts"
import { normaliseName } from "../../domain/Names.ts"
import { sentences } from "../../domain/Sentences.ts"
import { evidenceOf, wrapped } from "./Evidence.ts"
import { candidates } from "./Names.ts"
import type { Candidate } from "./Names.ts"
import { factOf, factText, pairs } from "./Relations.ts"
import type { Mention } from "./Relations.ts"
import { speakersOf } from "./Speakers.ts"
import { mask, tokenize } from "./Tokens.ts"
import type { Token } from "./Tokens.ts"
import { majority, votesOf } from "./Types.ts"
import type { EntityType } from "./Types.ts"
import * as Words from "./Words.ts"

/** Of a chunk, only its first entities are kept; an ordinary chunk of 400 tokens has some thirty. */
export const maxEntities = 2_000

/** A mention in the chunk's text, in UTF-16 code units; `entity` is an index into the extraction's entities. */
export interface RuleMention {
  readonly start: number
  readonly end: number
  readonly entity: number
}

export interface Analysis {
  readonly extraction: Extraction
  /** Ascending, not overlapping. */
  readonly mentions: ReadonlyArray<RuleMention>
  readonly tokens: number
}

/** One entity while it is being gathered. */
interface Gathered {
  readonly names: Set<string>
  readonly votes: Map<EntityType, number>
  mentions: number
}

const endsSentence = /[.!?…。！？:;|]["'”’)»]*\s*$/u
const beginsItem = /^\s*(?:[-*+•>|#]|\d+[.)]\s)/

/** The sentences of a text; what only a margin broke is one. */
const sentenceSpans = (text: string): ReadonlyArray<readonly [number, number]> => {
  const joined: Array<readonly [number, number]> = []
  for (const [start, end] of sentences(text)) {
    const before = joined.at(-1)
    const isWrapped =
      before !== undefined &&
      /[^\s]\r?\n$/.test(text.slice(start - 3, start)) &&
      start - 2 - Math.max(before[0], text.lastIndexOf("\n", start - 2)) >= wrapped &&
      !endsSentence.test(text.slice(start - 12, start)) &&
      !beginsItem.test(text.slice(start, start + 12))
    if (isWrapped) joined[joined.length - 1] = [before[0], end]
    else joined.push([start, end])
  }
  return joined
}

/** The sentence that each token begins in. */
const sentenceOfTokens = (
  tokens: ReadonlyArray<Token>,
  spans: ReadonlyArray<readonly [number, number]>
): ReadonlyArray<number> => {
  let sentence = 0
  return tokens.map(({ start }) => {
    while ((spans[sentence]?.[1] ?? Infinity) <= start) sentence++
    return sentence
  })
}

const initials = (name: string): string =>
  name
    .split(/[\s-]+/u)
    .filter((word) => /^\p{Lu}/u.test(word))
    .map((word) => word.slice(0, 1))
    .join("")

/** Whether the candidate is the abbreviation in `Full Name (FN)`, and `before` the full name. */
const definedBy = (
  text: string,
  tokens: ReadonlyArray<Token>,
  before: Candidate | undefined,
  candidate: Candidate,
  nameOf: (candidate: Candidate) => string
): boolean => {
  if (before === undefined || candidate.from !== before.to + 1 || candidate.to !== candidate.from + 1) return false
  if (tokens[before.to]?.text !== "(" || text.charAt(tokens[candidate.to - 1]?.end ?? 0) !== ")") return false
  const short = nameOf(candidate).replaceAll(".", "")
  return /^\p{Lu}{2,10}$/u.test(short) && initials(nameOf(before)) === short
}

/** The most mentioned entity, of several the first. */
const hubOf = (mentions: ReadonlyArray<number>): number | undefined => {
  let hub: number | undefined
  for (const [i, count] of mentions.entries()) if (hub === undefined || count > (mentions[hub] ?? 0)) hub = i
  return hub
}

export interface Options {
  /**
   * In which sentences the hub is paired with everyone who is named: those that name it, those that also may mean it by
   * a pronoun (the default), or all.
   */
  readonly hub?: "named" | "pronoun" | "everywhere"
}

/** What `extractByRules` extracts, with its mentions. */
export const analyse = (header: string, text: string, options: Options = {}): Analysis => {
  const isField = (label: string) => Words.fieldNames.has(label)
  const tokens = tokenize(mask(text, isField))
  const spans = sentenceSpans(text)
  const sentenceOf = sentenceOfTokens(tokens, spans)
  const evidence = evidenceOf(tokenize(header), tokens, sentenceOf)
  const found = candidates(tokens, sentenceOf, evidence, speakersOf(header, text, tokens))

  const slice = (from: number, to: number): string =>
    text.slice(tokens[from]?.start ?? 0, tokens[to - 1]?.end ?? 0).replace(/\s+/gu, " ")
  const nameOf = (candidate: Candidate): string => slice(candidate.from, candidate.to)

  const gathered: Array<Gathered> = []
  const byKey = new Map<string, number>()
  const mentions: Array<Mention> = []
  for (const [i, candidate] of found.entries()) {
    const name = nameOf(candidate)
    const key = normaliseName(name)
    const before = found[i - 1]
    let entity = byKey.get(key)
    if (entity === undefined && definedBy(text, tokens, before, candidate, nameOf)) {
      entity = mentions.at(-1)?.entity
      if (entity !== undefined) byKey.set(key, entity)
    }
    if (entity === undefined) {
      if (gathered.length >= maxEntities) continue
      entity = gathered.push({ names: new Set(), votes: new Map(), mentions: 0 }) - 1
      byKey.set(key, entity)
    }
    const of = gathered[entity]
    if (of === undefined) continue
    of.names.add(name)
    if (candidate.title !== undefined && normaliseName(slice(candidate.title, candidate.to)) === key) {
      of.names.add(slice(candidate.title, candidate.to))
    }
    for (const type of votesOf(candidate, tokens)) of.votes.set(type, (of.votes.get(type) ?? 0) + 1)
    of.mentions++
    mentions.push({ entity, from: candidate.from, to: candidate.to, sentence: candidate.sentence })
  }

  const types = gathered.map(({ votes }) => majority(votes))
  const surnames = new Set(
    gathered.flatMap(({ names }, i) => {
      const words = [...names][0]?.split(" ") ?? []
      return types[i] === "Person" && words.length > 1 ? [words.at(-1) ?? ""] : []
    })
  )
  const entities = gathered.map(({ names }, i) => {
    const [name = "", ...aliases] = names
    const type = types[i] === "Thing" && surnames.has(name) ? "Person" : (types[i] ?? "Thing")
    return { name, type, aliases }
  })

  const hub = hubOf(
    entities.map(({ name }, i) => (gathered[i]?.mentions ?? 0) + (name !== "" && header.includes(name) ? 1 : 0))
  )
  const texts = new Map<number, string>()
  const textOf = (sentence: number): string => {
    const known = texts.get(sentence)
    if (known !== undefined) return known
    const [start = 0, end = 0] = spans[sentence] ?? []
    const made = factText(text.slice(start, end))
    texts.set(sentence, made)
    return made
  }
  const names = entities.map(({ name }) => name)
  const pronouns = new Set<number>()
  for (const [i, { lower }] of tokens.entries()) if (Words.thirdPerson.has(lower)) pronouns.add(sentenceOf[i] ?? 0)
  const speaksOfHub = (sentence: number): boolean =>
    options.hub === "everywhere" || (options.hub !== "named" && pronouns.has(sentence))
  const facts = pairs(tokens, mentions, hub, speaksOfHub).map((pair) => factOf(pair, names, textOf(pair.sentence)))
  return {
    extraction: { entities, facts },
    mentions: mentions.map(({ entity, from, to }) => ({
      entity,
      start: tokens[from]?.start ?? 0,
      end: tokens[to - 1]?.end ?? 0
    })),
    tokens: tokens.length
  }
}

/**
 * Named entities by capitalisation, the lexicon and the chunk's own evidence; facts by co-occurrence in a sentence. Pure:
 * the same header and text give the same answer in every process. Time and memory are linear in the text.
 */
export const extractByRules = (header: string, text: string): Extraction => analyse(header, text).extraction
