import { classOf, isFirstName, organizationWords, placeWords } from "./Lexicon.ts"
import type { Candidate } from "./Names.ts"
import type { Token } from "./Tokens.ts"
import * as Words from "./Words.ts"

/** In the order in which ties are decided. */
const entityTypes = ["Person", "Organization", "Location", "Event", "Work", "Product", "Concept", "Thing"] as const
export type EntityType = (typeof entityTypes)[number]

const ofClass = (lower: string): EntityType | undefined => {
  switch (classOf(lower)) {
    case "person":
      return "Person"
    case "location":
      return "Location"
    case "organization":
      return "Organization"
    case "demonym":
      return "Concept"
    default:
      return undefined
  }
}

const isPlaceWord = (word: string): boolean => placeWords.has(word) || Words.placeAfter.has(word)

const ofWords = (words: ReadonlyArray<string>): EntityType | undefined => {
  const [first = "", ...rest] = words
  const last = rest.at(-1) ?? first
  // The head of `Bank of England` and `War of the Roses` stands before its `of`.
  const of = words.indexOf("of")
  const head = of > 0 ? (words[of - 1] ?? last) : last
  if (rest.length > 0 && Words.legalForms.has(last)) return "Organization"
  if (Words.eventWords.has(head)) return "Event"
  if (Words.conceptWords.has(head)) return "Concept"
  if (rest.length === 0) return undefined
  if (isFirstName(first) && of === -1 && !organizationWords.has(last) && !isPlaceWord(last)) return "Person"
  if (organizationWords.has(head) || ["department", "ministry", "party", "orchestra"].includes(head))
    return "Organization"
  if (isPlaceWord(head) || head === "republic" || Words.placeBefore.has(first)) return "Location"
  if (classOf(last) === "person" && !Words.honorifics.has(first)) return "Person"
  if (Words.honorifics.has(first) && of === -1) return "Person"
  return words.some((word) => organizationWords.has(word)) ? "Organization" : undefined
}

/**
 * What a mention's own words and those around it say of its type: twice for its own words, those around it once, and three times for
 * what is said to be inside a single word, since many towns are first names too.
 */
export const votesOf = (candidate: Candidate, tokens: ReadonlyArray<Token>): ReadonlyArray<EntityType> => {
  if (candidate.speaker === true || candidate.title !== undefined) return ["Person", "Person", "Person"]
  if (candidate.quoted === true) return ["Work", "Work"]
  const words = tokens
    .slice(candidate.from, candidate.to)
    .filter(({ kind }) => kind !== "stop")
    .map(({ lower }) => lower)
  const own = ofClass(words.join(" ")) ?? ofWords(words)
  const votes: Array<EntityType> = own === undefined ? [] : [own, own]
  const before = tokens[candidate.from - 1]?.lower ?? ""
  const skipped = before === "the" ? (tokens[candidate.from - 2]?.lower ?? "") : before
  if (Words.locationCues.has(before)) votes.push(...Array<EntityType>(words.length === 1 ? 3 : 1).fill("Location"))
  if (Words.workWords.has(before)) votes.push("Work")
  if (before === "mr" || (Words.honorifics.has(before) && skipped === before)) votes.push("Person")
  return votes
}

/** The type with most votes; of several, the first in `entityTypes`; without a vote, `Thing`. */
export const majority = (votes: ReadonlyMap<EntityType, number>): EntityType => {
  let best: EntityType = "Thing"
  let most = 0
  for (const type of entityTypes) {
    const count = votes.get(type) ?? 0
    if (count > most) {
      best = type
      most = count
    }
  }
  return best
}
