import { join } from "node:path"
import { Effect, Layer, Logger, References } from "effect"
import { hashedVector } from "../../src/domain/Hashing.ts"
import { Group, RunId } from "../../src/domain/Ids.ts"
import * as Neo4jStore from "../../src/layers/Neo4jStore.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import type { SearchQuery, Write } from "../../src/services/GraphStore.ts"
import { Ledger } from "../../src/services/Ledger.ts"
import type { StorageError } from "../../src/services/StorageError.ts"
import { inTemporary } from "../support/measure.ts"
import { dimensions, documentOf } from "./document.ts"
import { random, zipf } from "./workload.ts"

/** Of each chunk: entities that are named here first, others that were named before, and facts. */
const perChunk = { own: 5, known: 3, facts: 6 }
const warmUp = 15
const queries = 45
const run = RunId.make("bench")

export interface Latencies {
  readonly store: string
  readonly query: string
  readonly p50: number
  readonly p95: number
}

const syllables = "ba ke lo mi nu ra se ti vo wa dra fen gol hir jan kos lem mor pel qui ros sten tur ul vik".split(" ")

/** Words as names have them: 300 first names, 20,000 others. */
const word = (index: number): string => {
  let rest = index * 7 + 26
  let text = ""
  while (rest > 0) {
    text += syllables[rest % syllables.length] ?? ""
    rest = Math.floor(rest / syllables.length)
  }
  return text.charAt(0).toUpperCase() + text.slice(1)
}

const makeCorpus = (group: Group, count: number) => {
  const next = random(23)
  const first = zipf(300, next)
  const names = Array.from({ length: count }, () => `${word(first())} ${word(300 + Math.floor(next() * 20_000))}`)
  const entityOf = zipf(count, next)
  const typeOf = zipf(30, next)
  const verbs = ["met", "founded", "left", "advised", "wrote to", "was paid by", "succeeded", "admired"]
  const document = (index: number): Write => {
    const own = names.slice(index * perChunk.own, (index + 1) * perChunk.own)
    const all = [...own, ...Array.from({ length: perChunk.known }, () => names[entityOf()] ?? "")]
    const pick = () => all[Math.floor(next() * all.length)] ?? ""
    const facts = Array.from({ length: perChunk.facts }, () => {
      const [source, target] = [pick(), pick()]
      const more = Array.from({ length: 6 }, () => word(300 + Math.floor(next() * 20_000)).toLowerCase()).join(" ")
      const text = `${source} ${verbs[Math.floor(next() * verbs.length)] ?? ""} ${target} in the year of ${more}.`
      return { source, target, type: `RELATION_${typeOf()}`, text }
    })
    const text = `${facts.map((fact) => fact.text).join(" ")} ${all.join(", ")}.`
    const entities = [...new Set(all)].map((name) => ({ name, type: "Person", aliases: [] }))
    return documentOf(group, index, { text, title: `Document ${index}`, entities, facts })
  }
  const anyName = () => names[Math.floor(next() * names.length)] ?? ""
  /** Two neighbours change places. */
  const slipped = (name: string): string => {
    const at = 1 + Math.floor(next() * (name.length - 3))
    return `${name.slice(0, at)}${name.charAt(at + 1)}${name.charAt(at)}${name.slice(at + 2)}`
  }
  return { documents: Math.ceil(count / perChunk.own), document, anyName, slipped, next }
}

const batch = 100

const measure = Effect.fnUntraced(function* (store: string, count: number, group: Group) {
  const graph = yield* GraphStore
  const corpus = makeCorpus(group, count)
  for (let from = 0; from < corpus.documents; from += batch) {
    const to = Math.min(from + batch, corpus.documents)
    yield* graph.commit(
      group,
      run,
      Array.from({ length: to - from }, (_, index) => corpus.document(from + index))
    )
  }
  yield* (yield* Ledger).finishRun({ id: run, group, startedAt: 0, status: "complete" })
  const vectorOf = (text: string) => hashedVector(text, dimensions)
  const name = () => corpus.slipped(corpus.anyName())
  const ways: Readonly<Record<string, () => Omit<SearchQuery, "limit">>> = {
    "names and facts: a name with a slip": () => ({ text: name() }),
    "names and facts: the beginning of a name": () => ({ text: corpus.anyName().slice(0, 5) }),
    "names and facts: a question": () => ({ text: `who was ${corpus.anyName()} paid by` }),
    "passages alone": () => ({ text: "", vector: vectorOf(corpus.anyName()) }),
    "all: a name with a slip": () => {
      const text = name()
      return { text, vector: vectorOf(text) }
    }
  }
  const found: Array<Latencies> = []
  for (const [query, make] of Object.entries(ways)) {
    const times: Array<number> = []
    for (let at = 0; at < warmUp + queries; at++) {
      const asked = { ...make(), limit: 10 }
      const started = performance.now()
      yield* graph.search(group, asked)
      times.push(performance.now() - started)
    }
    const sorted = times.slice(warmUp).toSorted((a, b) => a - b)
    const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0
    found.push({ store, query, p50: at(0.5), p95: at(0.95) })
  }
  yield* graph.forgetGroup(group)
  return found
})

/** Milliseconds from asking to ten answers of each kind, over so many entities with what is said of them. */
export const search = async (options: Neo4jStore.Options, count: number): Promise<ReadonlyArray<Latencies>> => {
  const on = (store: string, layer: Layer.Layer<GraphStore | Ledger, StorageError>) =>
    Effect.runPromise(
      measure(store, count, Group.make(`search-${process.pid}`)).pipe(
        Effect.provide(Layer.merge(layer, Logger.layer([]))),
        Effect.provideService(References.MinimumLogLevel, "Error")
      )
    )
  const server = await on("Neo4j", Neo4jStore.layer(options))
  const file = await inTemporary((directory) => on("SQLite", SqliteStore.layer({ file: join(directory, "store.db") })))
  return [...server, ...file]
}
