import { readFile } from "node:fs/promises"
import { Schema } from "effect"
import { analyse } from "../src/layers/rules/Rules.ts"
import type { Options } from "../src/layers/rules/Rules.ts"

const Documents = Schema.fromJsonString(
  Schema.Array(
    Schema.Struct({
      sents: Schema.Array(Schema.Array(Schema.String)),
      vertexSet: Schema.Array(
        Schema.Array(
          Schema.Struct({
            type: Schema.String,
            pos: Schema.Tuple([Schema.Int, Schema.Int]),
            sent_id: Schema.Int
          })
        )
      ),
      labels: Schema.Array(Schema.Struct({ h: Schema.Int, t: Schema.Int }))
    })
  )
)
type Document = (typeof Documents.Type)[number]

/** Times and numbers are no entities of ours. */
const values = new Set(["TIME", "NUM"])

const closes = /^(?:[.,;:!?)\]%]|'s|n't|'re|'ve|'ll|'d|'m)$/
const opens = /^[([]$/

interface Passage {
  readonly text: string
  /** Offsets of each token of each sentence. */
  readonly offsets: ReadonlyArray<ReadonlyArray<readonly [start: number, end: number]>>
}

/** The running text of tokens, with the spaces that print has. */
const passage = ({ sents }: Document): Passage => {
  let text = ""
  let quoted = false
  let glue = true
  const offsets = sents.map((tokens) =>
    tokens.map((token) => {
      const quote = token === '"'
      const space = !glue && !closes.test(token) && !(quote && quoted)
      if (space && token !== "") text += " "
      const start = text.length
      text += token
      if (quote) quoted = !quoted
      glue = opens.test(token) || (quote && quoted)
      return [start, text.length] as const
    })
  )
  return { text, offsets }
}

interface Counts {
  found: number
  gold: number
  right: number
}

const scores = ({ found, gold, right }: Counts) => {
  const precision = found === 0 ? 0 : (100 * right) / found
  const recall = gold === 0 ? 0 : (100 * right) / gold
  const f1 = precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall)
  return { P: precision.toFixed(1), R: recall.toFixed(1), F1: f1.toFixed(1) }
}

const pairKey = (a: number | string, b: number | string) => [a, b].map(String).toSorted().join(" ")

const measure = (documents: ReadonlyArray<Document>, options: Options) => {
  const entities: Counts = { found: 0, gold: 0, right: 0 }
  const pairs: Counts = { found: 0, gold: 0, right: 0 }
  let tokens = 0
  let seconds = 0
  const wrong = new Map<string, number>()
  for (const document of documents) {
    const { offsets, text } = passage(document)
    const started = performance.now()
    const analysis = analyse("", text, options)
    seconds += (performance.now() - started) / 1000
    tokens += document.sents.reduce((sum, sentence) => sum + sentence.length, 0)

    const spans = document.vertexSet.flatMap((vertex, index) =>
      vertex.map(({ pos: [from, to], sent_id, type }) => ({
        start: offsets[sent_id]?.[from]?.[0] ?? 0,
        end: offsets[sent_id]?.[to - 1]?.[1] ?? 0,
        index,
        type
      }))
    )
    const gold = new Set(spans.filter(({ type }) => !values.has(type)).map(({ end, start }) => `${start} ${end}`))
    entities.gold += gold.size
    entities.found += analysis.mentions.length
    for (const { end, start } of analysis.mentions) {
      if (gold.delete(`${start} ${end}`)) entities.right++
      else {
        const over = spans.find((span) => span.start < end && start < span.end)
        const key = `+ ${text.slice(start, end)}${over === undefined ? "" : `   [${text.slice(over.start, over.end)}]`}`
        wrong.set(key, (wrong.get(key) ?? 0) + 1)
      }
    }
    for (const missed of gold) {
      const [start = 0, end = 0] = missed.split(" ").map(Number)
      if (analysis.mentions.some((mention) => mention.start < end && start < mention.end)) continue
      const key = `- ${text.slice(start, end)}`
      wrong.set(key, (wrong.get(key) ?? 0) + 1)
    }

    // Perfect coreference inside the passage: an entity is every vertex that one of its mentions overlaps.
    const vertexOf = new Map<number, number | string>()
    for (const { end, entity, start } of analysis.mentions) {
      const hit = spans.find((span) => span.start < end && start < span.end)
      if (hit !== undefined && !vertexOf.has(entity)) vertexOf.set(entity, hit.index)
    }
    const related = new Set(document.labels.map(({ h, t }) => pairKey(h, t)))
    const position = new Map(analysis.extraction.entities.map(({ name }, index) => [name, index]))
    const said = new Set<string>()
    for (const { source, target } of analysis.extraction.facts) {
      const a = position.get(source) ?? -1
      const b = position.get(target) ?? -1
      const from = vertexOf.get(a) ?? `unknown${a}`
      const to = vertexOf.get(b) ?? `unknown${b}`
      if (from !== to) said.add(pairKey(from, to))
    }
    pairs.gold += related.size
    pairs.found += said.size
    for (const pair of said) if (related.has(pair)) pairs.right++
  }
  return { entities: scores(entities), pairs: scores(pairs), speed: Math.round(tokens / seconds), tokens, wrong }
}

/**
 * Measures the `rules` extractor on a Re-DocRED file (https://github.com/tonytan48/Re-DocRED): exact untyped entity
 * mentions without times and numbers, and untyped pairs of entities, mapped to the file's entities by overlap.
 * `args`: the file; then `--wrong` to list what was most often wrong.
 */
export const run = async (args: ReadonlyArray<string>): Promise<void> => {
  const [file] = args
  if (file === undefined) throw new Error("Give the path of a Re-DocRED json file, such as dev_revised.json")
  const documents = Schema.decodeSync(Documents)(await readFile(file, "utf8"))
  measure(documents.slice(0, 50), {})
  const star = measure(documents, {})
  const named = measure(documents, { hub: "named" })
  const everywhere = measure(documents, { hub: "everywhere" })
  console.table({
    "entities, exact": { ...star.entities, "tokens/s": star.speed },
    pairs: { ...star.pairs, "tokens/s": star.speed },
    "pairs, hub where it is named": { ...named.pairs, "tokens/s": named.speed },
    "pairs, hub in every sentence": { ...everywhere.pairs, "tokens/s": everywhere.speed }
  })
  if (!args.includes("--wrong")) return
  const most = [...star.wrong].toSorted(([, a], [, b]) => b - a).slice(0, 150)
  for (const [what, times] of most) console.log(String(times).padStart(5), what)
}
