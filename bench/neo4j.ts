import { parseArgs } from "node:util"
import { Effect, Redacted } from "effect"
import { auth, driver as open } from "neo4j-driver"
import type { Driver } from "neo4j-driver"
import { Group } from "../src/domain/Ids.ts"
import * as Neo4jStore from "../src/layers/Neo4jStore.ts"
import { corpora, wholeRuns } from "./neo4j/corpus.ts"
import { search } from "./neo4j/search.ts"
import { ceiling, ours, single, trial, unlabelled } from "./neo4j/writers.ts"
import type { Trial, Way } from "./neo4j/writers.ts"
import { workload } from "./neo4j/workload.ts"
import type { Workload } from "./neo4j/workload.ts"
import { machine, table } from "./support/table.ts"

const usage = `bench neo4j [--rows N] [--batch N] [--times N] [--kind K] [--naive]
bench neo4j --corpus N [--times N]
bench neo4j --search N

Rows into a real server (scripts/servers neo4j up; take NEO4J_JVM="-Xms1g -Xmx2g" for it), beside the server's
own ceiling, by 1 and 4 writers.
  --rows N    of each kind (default 20000)
  --batch N   rows of a transaction (default 2000)
  --times N   trials of each, taken in turn (default 3); the median is shown, the first round is for warming up
  --kind K    entities, mentions or relations alone
  --naive     also a statement for each row, and MERGE without labels (slow)
  --corpus N  whole documents of a chunk each, N of them, as fast as they can be written; beside SQLite
  --search N  the latency of search over N entities, N/5 chunks with vectors and 6N/5 facts; beside SQLite`

const kinds = ["entities", "mentions", "relations"] as const
type Kind = (typeof kinds)[number]

let groups = 0

/** All that goes before a kind: chunks and entities for mentions and relations. */
const prepare = async (driver: Driver, work: Workload, kind: Kind) => {
  if (kind === "entities") return
  const session = driver.session()
  try {
    await session.run("UNWIND $ids AS id CREATE (:Chunk {id: id, group: $group})", {
      ids: work.chunks,
      group: work.group
    })
  } finally {
    await session.close()
  }
  await trial(driver, work, ours(2000).entities, work.entities, 1)
}

const wipe = async (driver: Driver, group: string) => {
  const session = driver.session()
  try {
    for (const label of ["Chunk", "Fact", "Entity"]) {
      await session.run(
        `MATCH (n:${label} {group: $group}) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 2000 ROWS`,
        { group }
      )
    }
  } finally {
    await session.close()
  }
}

const measured = async (driver: Driver, kind: Kind, ways: ReturnType<typeof waysOf>, writers: number, rows: number) => {
  const found: Array<readonly [string, Trial]> = []
  const rates = async <A>(way: Way<A> | undefined, of: (work: Workload) => ReadonlyArray<A>) => {
    if (way === undefined) return
    const work = workload(Group.make(`bench-${process.pid}-${++groups}`), rows)
    await prepare(driver, work, kind)
    found.push([way.name, await trial(driver, work, way, of(work), writers)])
    await wipe(driver, work.group)
  }
  for (const way of ways) {
    if (kind === "entities") await rates(way.entities, ({ entities }) => entities)
    else if (kind === "mentions") await rates(way.mentions, ({ mentions }) => mentions)
    else await rates(way.relations, ({ relations }) => relations)
  }
  return found
}

const waysOf = (batch: number, naive: boolean) => [
  ours(batch),
  ceiling(batch),
  ...(naive
    ? [single(500), { entities: undefined, mentions: undefined, relations: unlabelled(100, 200).relations }]
    : [])
]

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

const sum = (values: ReadonlyArray<number>): number => values.reduce((a, b) => a + b, 0)

const searchTable = async (options: Neo4jStore.Options, entities: number): Promise<string> => {
  const found = await search(options, entities)
  const lines = found.map(({ p50, p95, query, store }) => [store, query, p50.toFixed(1), p95.toFixed(1)])
  return `${entities} entities, 256 dimensions\n\n${table(["store", "search", "p50 ms", "p95 ms"], lines)}`
}

const corpusTables = async (options: Neo4jStore.Options, driver: Driver, chunks: number, times: number) => {
  const lines = (await corpora(options, driver, chunks, times)).map((row) => [
    row.name,
    row.chunksPerSecond.toFixed(0),
    row.server.toFixed(2),
    row.client.toFixed(2),
    row.atOnce,
    String(row.conflicts)
  ])
  const whole = (await wholeRuns(options, driver, chunks)).map((row) => [
    row.name,
    row.seconds.toFixed(1),
    row.cpuSeconds.toFixed(1),
    row.serverSeconds.toFixed(1)
  ])
  return [
    `${chunks} documents of a chunk`,
    table(["writing alone", "chunks/s", "server ms a chunk", "client ms a chunk", "at once", "conflicts"], lines),
    table(["files to graph, offline rules", "seconds", "client CPU s", "server CPU s"], whole)
  ].join("\n\n")
}

interface RowTrials {
  readonly rows: number
  readonly batch: number
  readonly times: number
  readonly kind: string | undefined
  readonly naive: boolean
}

const rowsTable = async (driver: Driver, { batch, kind: only, naive, rows, times }: RowTrials): Promise<string> => {
  const all = new Map<string, Array<Trial>>()
  for (let round = 0; round <= times; round++) {
    for (const kind of kinds.filter((one) => only === undefined || one === only)) {
      for (const writers of [1, 4]) {
        for (const [name, found] of await measured(driver, kind, waysOf(batch, naive && round > 0), writers, rows)) {
          const key = `${kind}|${name}|${writers}`
          if (round > 0) all.set(key, [...(all.get(key) ?? []), found])
        }
      }
    }
  }
  const rate = (key: string) => median((all.get(key) ?? []).map(({ rowsPerSecond }) => rowsPerSecond))
  const lines = [...all].map(([key, trials]) => {
    const [kind = "", name = "", writers = ""] = key.split("|")
    return [
      kind,
      name,
      writers,
      Math.round(rate(key)).toLocaleString("en"),
      `${Math.round((100 * rate(key)) / rate(`${kind}|CREATE only|${writers}`))} %`,
      median(trials.map(({ cpu }) => cpu)).toFixed(0),
      String(sum(trials.map(({ deadlocks }) => deadlocks))),
      String(sum(trials.map(({ retries }) => retries)))
    ]
  })
  return [
    `${rows} rows of a kind, ${batch} a transaction, Zipf hubs, median of ${times}`,
    table(["rows", "way", "writers", "rows/s", "of ceiling", "server µs a row", "deadlocks", "retries"], lines)
  ].join("\n\n")
}

export const run = async (args: ReadonlyArray<string>): Promise<void> => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rows: { type: "string", default: "20000" },
      batch: { type: "string", default: "2000" },
      times: { type: "string", default: "3" },
      kind: { type: "string" },
      search: { type: "string" },
      corpus: { type: "string" },
      naive: { type: "boolean", default: false },
      help: { type: "boolean", default: false }
    }
  })
  const { NEO4J_PASSWORD: password = "", NEO4J_URI: uri = "", NEO4J_USERNAME: username = "neo4j" } = process.env
  if (values.help || uri === "") {
    process.stdout.write(`${usage}\n`)
    return
  }
  const { corpus, kind, naive, search: entities } = values
  const [rows, batch, times] = [Number(values.rows), Number(values.batch), Number(values.times)]
  const driver = open(uri, auth.basic(username, password))
  try {
    const options = { uri, username, password: Redacted.make(password) }
    // The schema that a run has, indexes and all.
    await Effect.runPromise(Effect.scoped(Effect.provide(Effect.void, Neo4jStore.layer(options))))
    const { server } = await Effect.runPromise(Neo4jStore.inspect(options, Group.make("bench")))
    const shown =
      entities !== undefined
        ? await searchTable(options, Number(entities))
        : corpus !== undefined
          ? await corpusTables(options, driver, Number(corpus), times)
          : await rowsTable(driver, { rows, batch, times, kind, naive })
    process.stdout.write(`${machine()}; ${server}; ${shown}\n`)
  } finally {
    await driver.close()
  }
}
