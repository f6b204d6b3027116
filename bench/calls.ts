import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { passage } from "./support/corpus.ts"
import { inTemporary, runSluice, withProcess } from "./support/measure.ts"
import { machine, table } from "./support/table.ts"

const usage = `bench calls [--chunks N] [--concurrency N] [--latency MS] [--serial N]

The whole pipeline, from files to a committed SQLite graph, against a simulated provider over HTTP in a process of its
own, without limits. One document is one chunk of about 400 tokens. Processor time is the whole process of ours, start-up included.
With NEO4J_URI set, one row goes to that server.
  --chunks N       documents (default 6000)
  --concurrency N  calls in flight (default 1000)
  --latency MS     of a call (default 1000)
  --serial N       documents of the rows that compare one call at a time with many (default 40)`

/** Documents of one chunk each. */
export const writeCorpus = (directory: string, count: number): string => {
  const path = join(directory, `corpus-${count}`)
  mkdirSync(path)
  for (let index = 0; index < count; index++) writeFileSync(join(path, `${index}.txt`), passage(index))
  return path
}

interface Row {
  readonly name: string
  readonly corpus: string
  readonly concurrency: number
  readonly pack: string
  /** A server's address; absent: a file. */
  readonly store?: string
}

/** The same in all rows, since the hash holds it, and nobody else's on a server. */
const group = `bench-${process.pid}`

interface Report {
  readonly chunks: { readonly total: number; readonly dead: number }
  readonly calls: { readonly model: number }
  readonly tokens: { readonly input: number; readonly output: number }
  readonly graph: { readonly hash: string }
  readonly seconds: number
}

const parseReport = (stdout: string): Report => JSON.parse(stdout.trim().split("\n").at(-1) ?? "")

const measure = async (row: Row, baseURL: string, directory: string, index: number) => {
  const rowDirectory = join(directory, `row-${index}`)
  mkdirSync(rowDirectory)
  const place = [
    `--store=${row.store ?? `sqlite:${join(rowDirectory, "graph.db")}`}`,
    `--journal=${join(rowDirectory, "journal.db")}`,
    `--group=${group}`
  ]
  const args = ["ingest", row.corpus, "--json", "--progress", "none", "--extractor", "llm", "--model", "simulated"]
  const measured = await runSluice(
    [...args, "--base-url", baseURL, `--pack=${row.pack}`, `--concurrency=${row.concurrency}`, ...place],
    { cwd: directory }
  )
  if (row.store !== undefined) await runSluice(["forget", "--yes", ...place], { cwd: directory })
  if (measured.status !== 0) throw new Error(`ingest ended with ${measured.status}: ${measured.stderr}`)
  const report = parseReport(measured.stdout)
  const { total } = report.chunks
  const cells = [
    row.name,
    String(total),
    (total / report.seconds).toFixed(0),
    ((measured.cpuSeconds * 1000) / total).toFixed(2),
    (report.calls.model / total).toFixed(3),
    ((report.tokens.input + report.tokens.output) / total).toFixed(0),
    measured.wallSeconds.toFixed(1),
    measured.peakMegabytes.toFixed(0),
    report.graph.hash.slice(0, 12)
  ]
  return { cells, hash: report.graph.hash }
}

export const run = async (args: ReadonlyArray<string>): Promise<void> => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      chunks: { type: "string", default: "6000" },
      concurrency: { type: "string", default: "1000" },
      latency: { type: "string", default: "1000" },
      serial: { type: "string", default: "40" },
      help: { type: "boolean", default: false }
    }
  })
  if (values.help) return void process.stdout.write(`${usage}\n`)
  const concurrency = Number(values.concurrency)
  await inTemporary(async (directory) => {
    const corpus = writeCorpus(directory, Number(values.chunks))
    const small = writeCorpus(directory, Number(values.serial))
    const { NEO4J_URI: server = "" } = process.env
    const rows: ReadonlyArray<Row> = [
      { name: "one chunk a call", corpus, concurrency, pack: "1" },
      { name: "--pack auto", corpus, concurrency, pack: "auto" },
      { name: "--pack auto --concurrency 64", corpus, concurrency: 64, pack: "auto" },
      ...(server === "" ? [] : [{ name: "--pack auto, into Neo4j", corpus, concurrency, pack: "auto", store: server }]),
      { name: "small corpus, many at once, packed", corpus: small, concurrency, pack: "auto" },
      { name: "small corpus, --concurrency 1 --pack 1", corpus: small, concurrency: 1, pack: "1" }
    ]
    const provider = JSON.stringify({ seed: 1, latency: { median: Number(values.latency) } })
    const script = new URL("../test/support/provider.ts", import.meta.url)
    const measured: Array<Awaited<ReturnType<typeof measure>>> = []
    for (const [index, row] of rows.entries()) {
      measured.push(await withProcess(script, [provider], (url) => measure(row, url, directory, index)))
    }
    const head = [
      "row",
      "chunks",
      "chunks/s",
      "CPU ms/chunk",
      "calls/chunk",
      "tokens/chunk",
      "wall s",
      "RSS MB",
      "hash"
    ]
    const hashes = measured.map(({ hash }) => hash)
    const isOne = (some: ReadonlyArray<string>): string => (new Set(some).size === 1 ? "equal" : "DIFFERENT")
    process.stdout.write(
      `${machine()}\n${values.latency} ms a call, no limits\n\n${table(
        head,
        measured.map(({ cells }) => cells)
      )}\n\nHashes: whole corpus ${isOne(hashes.slice(0, -2))}, small corpus ${isOne(hashes.slice(-2))}\n`
    )
  })
}
