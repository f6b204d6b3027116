import { createRequire } from "node:module"

/**
 * What compromise's lexicon says of a lower-case word or phrase. Only its data is used: its tagger runs at some 30,000
 * tokens a second. (wink-nlp, which is faster, tokenises a string in a way that depends on the strings that it has seen
 * before, so that the same chunk could give two answers; and it keeps every word that it has seen.)
 */
export type WordClass =
  | "verb"
  | "noun"
  | "modifier"
  | "preposition"
  | "function"
  | "date"
  | "honorific"
  | "demonym"
  | "person"
  | "location"
  | "organization"

const classOfTag: ReadonlyMap<string, WordClass> = new Map<string, WordClass>([
  ...["PastTense", "PresentTense", "Gerund", "Infinitive", "Participle", "Copula", "Modal", "Verb", "Imperative"].map(
    (tag) => [tag, "verb"] as const
  ),
  ...["Singular", "Plural", "Noun", "Uncountable", "Actor", "Unit", "Currency"].map((tag) => [tag, "noun"] as const),
  ...["Adjective", "Comparative", "Superlative", "Adverb", "Negative"].map((tag) => [tag, "modifier"] as const),
  ["Preposition", "preposition"],
  ...[
    "Determiner",
    "Conjunction",
    "Pronoun",
    "Reflexive",
    "QuestionWord",
    "Possessive",
    "Condition",
    "Expression",
    "TextValue",
    "Cardinal",
    "Ordinal",
    "Multiple",
    "Value"
  ].map((tag) => [tag, "function"] as const),
  ...["WeekDay", "Month", "Date", "Duration", "Holiday"].map((tag) => [tag, "date"] as const),
  ["Honorific", "honorific"],
  ["Demonym", "demonym"],
  ...["FirstName", "MaleName", "FemaleName", "LastName", "Person"].map((tag) => [tag, "person"] as const),
  ...["City", "Country", "Region", "Place"].map((tag) => [tag, "location"] as const),
  ...["Organization", "SportsTeam"].map((tag) => [tag, "organization"] as const)
])

/** Where a word has several tags, the first of these that it has is its class. */
const order: ReadonlyArray<WordClass> = [
  "date",
  "honorific",
  "demonym",
  "location",
  "organization",
  "person",
  "verb",
  "preposition",
  "function",
  "modifier",
  "noun"
]

const stringsIn = (tags: unknown): ReadonlyArray<string> =>
  typeof tags === "string" ? [tags] : Array.isArray(tags) ? tags.filter((tag) => typeof tag === "string") : []

const entryOf = (value: unknown, key: string): unknown =>
  (typeof value === "object" && value !== null) || typeof value === "function"
    ? Object.entries(value).find(([name]) => name === key)?.[1]
    : undefined

/**
 * What is required is one file, what is imported some two hundred; and the model is not decoded by Schema: either would
 * double the time that a thread takes to start.
 */
const nlp: unknown = createRequire(import.meta.url)("compromise/two")
const modelOf = entryOf(nlp, "model")
const model: unknown = typeof modelOf === "function" ? modelOf.call(nlp) : undefined

/** One of the model's tables, such as `one.lexicon`. */
const table = (part: string, name: string): ReadonlyArray<readonly [string, unknown]> => {
  const found = entryOf(entryOf(model, part), name)
  if (typeof found !== "object" || found === null) throw new Error(`compromise's model has no ${part}.${name}`)
  return Object.entries(found)
}

const lexicon = table("one", "lexicon")

const classes: ReadonlyMap<string, WordClass> = new Map(
  lexicon.flatMap(([word, tags]) => {
    const found = new Set(stringsIn(tags).flatMap((tag) => classOfTag.get(tag) ?? []))
    const first = order.find((candidate) => found.has(candidate))
    return first === undefined ? [] : [[word, first] as const]
  })
)

const firstNames: ReadonlySet<string> = new Set(
  lexicon.flatMap(([word, tags]) =>
    stringsIn(tags).some((tag) => tag === "FirstName" || tag === "MaleName" || tag === "FemaleName") ? [word] : []
  )
)

export const classOf = (lower: string): WordClass | undefined => classes.get(lower)
export const isFirstName = (lower: string): boolean => firstNames.has(lower)

/** Words by which an organisation or a place is known when its name holds or ends with one. */
export const organizationWords: ReadonlySet<string> = new Set(table("two", "orgWords").map(([word]) => word))
export const placeWords: ReadonlySet<string> = new Set(table("two", "placeWords").map(([word]) => word))
