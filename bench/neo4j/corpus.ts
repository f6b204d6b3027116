import { join } from "node:path"
import { mkdirSync, writeFileSync } from "node:fs"
import { Effect, Layer, Logger, References } from "effect"
import type { Driver } from "neo4j-driver"
import { Group, RunId } from "../../src/domain/Ids.ts"
import * as Neo4jStore from "../../src/layers/Neo4jStore.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { commits } from "../../src/pipeline/Commits.ts"
import * as Concurrency from "../../src/services/Concurrency.ts"
import type { Write } from "../../src/services/GraphStore.ts"
import { inTemporary, runSluice } from "../support/measure.ts"
import { documentOf } from "./document.ts"
import { serverCpu } from "./writers.ts"
import { random, zipf } from "./workload.ts"

/** What a model finds in a chunk of 400 tokens, about. */
const perChunk = { entities: 8, facts: 6 }
const vocabulary = { entities: 20_000, types: 8, relations: 30 }
const filler = "The minutes say in some detail what was agreed, and by whom it was to be done before the winter. "
const run = RunId.make("bench")

/** Documents of one chunk, as they come to the store: names, types and relations by Zipf, so that there are hubs. */
const corpus = (group: Group, chunks: number): ReadonlyArray<Write> => {
  const next = random(17)
  const entityOf = zipf(vocabulary.entities, next)
  const typeOf = zipf(vocabulary.relations, next)
  const nameOf = (entity: number) => `Person ${entity.toString(36).toUpperCase()} Example`
  return Array.from({ length: chunks }, (_, index): Write => {
    const names = [...new Set(Array.from({ length: perChunk.entities }, () => nameOf(entityOf())))]
    const pick = () => names[Math.floor(next() * names.length)] ?? ""
    const facts = Array.from({ length: perChunk.facts }, (_, fact) => {
      const [source, target] = [pick(), pick()]
      return {
        source,
        type: `RELATION_${typeOf()}`,
        target,
        text: `${source} had to do with ${target}, says ${index}-${fact}.`
      }
    })
    const text = `${filler.repeat(12)}\n${facts.map((fact) => fact.text).join(" ")} ${names.join(", ")}.`
    const entities = names.map((name, at) => ({
      name,
      type: `Type${(name.length + at) % vocabulary.types}`,
      aliases: []
    }))
    return documentOf(group, index, { text, title: "", entities, facts })
  })
}

export interface Written {
  readonly name: string
  readonly chunksPerSecond: number
  /** Milliseconds of the server's processors for a chunk. */
  readonly server: number
  /** Milliseconds of this process's processors for a chunk. */
  readonly client: number
  readonly conflicts: number
  /** Commits under way at once, when the last one had been made. */
  readonly atOnce: string
}

let groups = 0

/** As fast as the store takes them, from documents that are ready: what writing alone could do. */
const written = async (
  name: string,
  chunks: number,
  layer: ReturnType<typeof Neo4jStore.layer>,
  driver: Driver
): Promise<Written> => {
  const group = Group.make(`corpus-${process.pid}-${++groups}`)
  const writes = corpus(group, chunks)
  let conflicts = 0
  let atOnce = ""
  const watching = Logger.make<unknown, void>(({ message }) => {
    const said = JSON.stringify(message)
    if (said.includes("Another writer")) conflicts++
    atOnce = /"atOnce":(\d+)/.exec(said)?.[1] ?? atOnce
  })
  const write = Effect.gen(function* () {
    const commit = yield* commits({ group, id: run })
    const started = {
      at: performance.now(),
      cpu: process.cpuUsage(),
      server: yield* Effect.promise(() => serverCpu(driver))
    }
    yield* Effect.forEach(writes, commit, { concurrency: Concurrency.ceilings.write, discard: true })
    const seconds = (performance.now() - started.at) / 1000
    const { system, user } = process.cpuUsage(started.cpu)
    const server = (yield* Effect.promise(() => serverCpu(driver))) - started.server
    return { seconds, client: (system + user) / 1000 / chunks, server: server / 1000 / chunks }
  })
  const { client, seconds, server } = await Effect.runPromise(
    Effect.scoped(write).pipe(
      Effect.provide(Layer.mergeAll(layer, Concurrency.layer(), Logger.layer([watching]))),
      Effect.provideService(References.MinimumLogLevel, "Debug")
    )
  )
  await driver.executeQuery(
    "MATCH (n {group: $group}) WHERE n:Chunk OR n:Fact OR n:Entity OR n:Document OR n:Source DETACH DELETE n",
    { group }
  )
  return { name, chunksPerSecond: chunks / seconds, server, client, conflicts, atOnce }
}

/** Chunks a second that the stores take, and seconds of the whole program over files, with the offline rules. */
export const corpora = async (options: Neo4jStore.Options, driver: Driver, chunks: number, times: number) => {
  const rows: Array<Written> = []
  await inTemporary(async (directory) => {
    for (let round = 0; round < times; round++) {
      rows.push(await written("Neo4j", chunks, Neo4jStore.layer(options), driver))
      rows.push(await written("Neo4j, 1 writer", chunks, Neo4jStore.layer({ ...options, writers: 1 }), driver))
      const file = join(directory, `${round}.db`)
      rows.push(await written("SQLite", chunks, SqliteStore.layer({ file }), driver))
    }
  })
  return rows
}

export interface Whole {
  readonly name: string
  readonly seconds: number
  readonly cpuSeconds: number
  readonly serverSeconds: number
}

export const wholeRuns = async (
  options: Neo4jStore.Options,
  driver: Driver,
  chunks: number
): Promise<ReadonlyArray<Whole>> =>
  inTemporary(async (directory) => {
    const group = Group.make(`whole-${process.pid}`)
    const files = join(directory, "files")
    mkdirSync(files)
    for (const [index, write] of corpus(group, chunks).entries()) {
      if (write._tag === "document") writeFileSync(join(files, `${index}.txt`), write.resolved.document.text)
    }
    const found: Array<Whole> = []
    for (const [name, store] of [
      ["SQLite", `sqlite:${join(directory, "graph.db")}`],
      ["Neo4j", options.uri]
    ] as const) {
      const before = await serverCpu(driver)
      const args = [
        "ingest",
        files,
        "--extractor=rules",
        `--store=${store}`,
        `--group=${group}`,
        `--journal=${join(directory, name)}`
      ]
      const measured = await runSluice([...args, "--progress=none"], { cwd: directory })
      if (measured.status !== 0) throw new Error(measured.stderr)
      const serverSeconds = ((await serverCpu(driver)) - before) / 1e6
      found.push({ name, seconds: measured.wallSeconds, cpuSeconds: measured.cpuSeconds, serverSeconds })
    }
    await runSluice(
      ["forget", `--group=${group}`, "--yes", `--store=${options.uri}`, `--journal=${join(directory, "Neo4j")}`],
      { cwd: directory }
    )
    return found
  })
