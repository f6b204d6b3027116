import { Effect, Option, Stdio, Terminal } from "effect"
import { Argument, CliOutput, Command, TerminalCapabilities } from "effect/cli"
import { searchText, searchWords } from "../domain/Search.ts"
import { model as offline } from "../layers/HashEmbedder.ts"
import { Embeddings } from "../services/Embeddings.ts"
import { GraphStore } from "../services/GraphStore.ts"
import type { Found, FoundChunk, FoundEntity, FoundFact } from "../services/GraphStore.ts"
import { Ledger } from "../services/Ledger.ts"
import { UsageError } from "./ExitStatus.ts"
import * as Flags from "./Flags.ts"
import { column, count, counted, fit, jsonLine, plain, print, wrap } from "./Print.ts"

export const command = Command.make("search", {
  words: Argument.String("text").pipe(
    Argument.withDescription("Names, words or a question, in any order; quotes are not needed"),
    Argument.variadic({ min: 1 })
  ),
  config: Flags.config,
  settings: { ...Flags.common, ...Flags.searching }
}).pipe(
  Command.withDescription("Find entities by name, facts by their words, and passages by what they are about."),
  Command.withExamples([
    { command: "sluice search ada moreno", description: "Also where it is written with a slip" },
    { command: "sluice search who founded Northwind --kind facts", description: "Facts alone" },
    { command: "sluice search thaw --limit 50 --json", description: "For programs" }
  ])
)

/** Widest lines that are easy to read. */
const widest = 120

interface Screen {
  readonly width: number
  readonly strong: (text: string) => string
}

/** Where nobody looks at it, nothing is made bold; a width is needed all the same. */
const screen: Effect.Effect<Screen, never, Stdio.Stdio | Terminal.Terminal> = Effect.gen(function* () {
  const { stdoutIsTerminal } = yield* Stdio.Stdio
  const isTerminal = yield* stdoutIsTerminal
  const columns = isTerminal ? yield* (yield* Terminal.Terminal).columns : 0
  const { canColor } = yield* Effect.provide(TerminalCapabilities.TerminalCapabilities, TerminalCapabilities.layer)
  return {
    width: columns > 0 ? Math.max(30, Math.min(columns - 1, widest)) : 80,
    strong: isTerminal && canColor ? (text) => `\u001b[1m${text}\u001b[22m` : (text) => text
  }
})

const entityLines = ({ aliases, mentions, name, relations, type }: FoundEntity, { strong, width }: Screen) => {
  const counts = `${counted(relations, "relation")}, ${counted(mentions, "mention")}`
  const wide = width >= 70 ? Math.min(48, width - 48) : width - 2
  const others = aliases.length === 0 ? [] : [`    also ${fit(aliases.join(", "), width - 9)}`]
  return width >= 70
    ? [`  ${strong(column(name, wide))} ${column(type, 16)} ${fit(counts, width - wide - 20)}`.trimEnd(), ...others]
    : [`  ${strong(fit(name, wide))}`, `    ${fit(`${type}, ${counts}`, width - 4)}`, ...others]
}

const qualified = ({ evidence, invalidAt, validAt }: FoundFact): string =>
  [
    validAt === undefined ? "" : `from ${validAt}`,
    invalidAt === undefined ? "" : `until ${invalidAt}`,
    evidence > 1 ? `${count(evidence)} places` : ""
  ]
    .filter((part) => part !== "")
    .map((part) => `, ${part}`)
    .join("")

/** A sentence that says several things is shown once. */
const factLines = (facts: ReadonlyArray<FoundFact>, { strong, width }: Screen): ReadonlyArray<string> => {
  const end = Math.max(8, Math.floor((width - 8) * 0.36))
  const middle = Math.max(6, width - 6 - 2 * end)
  const heads = facts.map(
    ({ predicate, source, target, type }) =>
      `  ${strong(fit(source, end))} ─${fit(predicate ?? type, middle)}→ ${strong(fit(target, end))}`
  )
  const [first] = facts
  if (first === undefined) return []
  const about = fit(qualified(first), Math.max(0, width - 12))
  return [
    ...heads,
    ...wrap(`“${first.text}”`, width - 4, 3).map((line) => `    ${line}`),
    `    ${fit(first.document, Math.max(8, width - 4 - about.length))}${about}`
  ]
}

const bySentence = (facts: ReadonlyArray<FoundFact>): ReadonlyArray<ReadonlyArray<FoundFact>> => [
  ...Map.groupBy(facts, (fact) => JSON.stringify([fact.text, fact.document, qualified(fact)])).values()
]

/** Of a passage, about so much is shown as fits into three lines, from where it first has a word of the query. */
const excerpt = (text: string, words: ReadonlyArray<string>, width: number): string => {
  const clean = plain(text)
  const room = 3 * width
  if (CliOutput.displayWidth(clean) <= room) return clean
  const all = clean.split(" ")
  const at = all.findIndex((word) => words.some((one) => one.length > 2 && searchText(word).includes(one)))
  const from = Math.max(0, at - 6)
  return `${from > 0 ? "… " : ""}${all.slice(from).join(" ")}`
}

const passageLines = (chunk: FoundChunk, words: ReadonlyArray<string>, { strong, width }: Screen) => {
  const { header, score, source, text, title } = chunk
  const place = header === "" ? title : header.replaceAll("\n", " ")
  return [
    `  ${strong(fit(place === "" ? source : place, width - 9))}  ${score.toFixed(2)}`,
    ...wrap(excerpt(text, words, width - 4), width - 4, 3).map((line) => `    ${line}`),
    ...(source === place ? [] : [`    ${fit(source, width - 4)}`])
  ]
}

const section = <A>(title: string, found: ReadonlyArray<A>, lines: (one: A) => ReadonlyArray<string>) =>
  found.length === 0 ? [] : ["", title, ...found.flatMap(lines)]

const isModel = (name: string): boolean => !name.startsWith("hash-")

/** Embeddings of two models cannot be compared, even where they are of one length. */
const otherModel = (used: string): string =>
  isModel(used)
    ? `The passages' embeddings were made by ${used}: give --embedding-model ${used} to find them.`
    : "The passages' embeddings were made by offline hashing: leave out --embedding-model to find them."

const otherLengths = (own: string, { otherDimensions }: Found): string | undefined =>
  otherDimensions.length === 0
    ? undefined
    : `The passages' embeddings have ${otherDimensions.map(count).join(" and ")} dimensions, and were made by another model than ${own}: give the --embedding-model of the ingest to find them.`

/** Models that embedded the group's documents in its latest runs, the latest first. */
const embedders = Effect.fnUntraced(function* (group: Flags.CommonSettings["group"]) {
  const runs = yield* (yield* Ledger).runs(group, 20)
  return runs.flatMap(({ recipe }) => recipe?.["embedding"] ?? [])
})

/** Below it, texts that have nothing in common are as near by chance: their hashes meet. */
const spelling = 0.2

/** What is nearest may be near in nothing; the offline embedder, which knows spelling alone, can be held to that. */
const isTold = (words: ReadonlyArray<string>, { header, score, text }: FoundChunk): boolean => {
  if (score >= spelling) return true
  const passage = searchText(`${header} ${text}`)
  return words.some((word) => passage.includes(word))
}

const choose = (found: Found, kinds: Flags.SearchSettings["kinds"]): Found => {
  const has = (kind: (typeof kinds)[number]) => kinds.length === 0 || kinds.includes(kind)
  return {
    ...found,
    entities: has("entities") ? found.entities : [],
    facts: has("facts") ? found.facts : [],
    chunks: has("passages") ? found.chunks : []
  }
}

/** The words of the command line; none is an error. */
export const textOf = (words: ReadonlyArray<string>) => {
  const text = words.join(" ").trim()
  return text === ""
    ? new UsageError({ message: "Say what to look for, as in `sluice search ada moreno`." })
    : Effect.succeed(text)
}

/** Whether passages are wanted, which takes an embedding of the query. */
export const needsVector = (text: string, { kinds }: Pick<Flags.SearchSettings, "kinds">): boolean =>
  (kinds.length === 0 || kinds.includes("passages")) && searchWords(text).length > 0

const none = (text: string, settings: Flags.CommonSettings): ReadonlyArray<string> => [
  `Nothing found for “${fit(text, 50)}” in group ${settings.group}.`,
  "Try fewer words, or only the beginning of a name. `sluice report` shows what is in the graph."
]

export const run = Effect.fnUntraced(function* (text: string, settings: Flags.CommonSettings & Flags.SearchSettings) {
  const store = yield* GraphStore
  const embeddings = Option.getOrUndefined(yield* Effect.serviceOption(Embeddings))
  const [used, ...others] = embeddings === undefined ? [] : yield* embedders(settings.group)
  const isOther = used !== undefined && ![used, ...others].includes(embeddings?.model ?? used)
  const [vector] =
    embeddings === undefined || isOther ? [] : yield* embeddings.embed(settings.group, [{ header: "", text }])
  const all = yield* store.search(settings.group, {
    text,
    limit: settings.limit,
    ...(vector === undefined ? {} : { vector })
  })
  const words = searchWords(text)
  const told =
    embeddings?.model === offline ? { ...all, chunks: all.chunks.filter((chunk) => isTold(words, chunk)) } : all
  const found = choose(told, settings.kinds)
  const note = isOther ? otherModel(used) : otherLengths(embeddings?.model ?? "", all)
  if (settings.json) {
    const { chunks: passages, entities, facts } = found
    return yield* print([
      jsonLine({
        query: text,
        group: settings.group,
        entities,
        facts,
        passages,
        ...(note === undefined ? {} : { note })
      })
    ])
  }
  const at = yield* screen
  const lines = [
    ...section("Entities", found.entities, (entity) => entityLines(entity, at)),
    ...section("Facts", bySentence(found.facts), (facts) => factLines(facts, at)),
    ...section("Passages", found.chunks, (chunk) => passageLines(chunk, words, at))
  ]
  yield* print([
    ...(lines.length === 0 ? none(text, settings) : lines.slice(1)),
    ...(note === undefined ? [] : ["", ...wrap(note, at.width, 4)])
  ])
})
