import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { writeCorpus } from "./calls.ts"
import { inTemporary, runSluice, withProcess } from "./support/measure.ts"
import type { Measured } from "./support/measure.ts"
import { machine, table } from "./support/table.ts"

const usage = `bench resume [--chunks N] [--pairs N] [--unchanged N] [--corpus N]

What it costs that nothing is lost and nothing is paid for twice.
  --chunks N     of the pairs with and without journal and ledger (default 2000)
  --pairs N      interleaved (default 7)
  --unchanged N  documents of the second ingest, in which nothing has changed (default 10000)
  --corpus N     documents of the smallest corpus of the memory rows; the others are 10 and 50 times as large (default 200)`

const script = fileURLToPath(new URL("./support/ingest.ts", import.meta.url))
const provider = new URL("../test/support/provider.ts", import.meta.url)

interface Report {
  readonly documents: { readonly unchanged: number }
  readonly chunks: { readonly total: number; readonly dead: number }
  readonly calls: { readonly model: number }
}

const reportOf = (measured: Measured): Report => {
  if (measured.status !== 0) throw new Error(`the program ended with ${measured.status}: ${measured.stderr}`)
  return JSON.parse(measured.stdout.trim().split("\n").at(-1) ?? "")
}

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

/** Processor time a chunk, without and with journal and ledger, in turns so that both meet the same noise. */
const pairs = async (directory: string, chunks: number, count: number) => {
  const corpus = writeCorpus(directory, chunks)
  const once = (mode: string, index: number) =>
    withProcess(provider, [JSON.stringify({ seed: 1, latency: { median: 100 } })], async (url) => {
      const store = join(directory, `${mode}-${index}`, "graph.db")
      const measured = await runSluice([corpus, url, store, mode], { cwd: directory, script })
      reportOf(measured)
      return (measured.cpuSeconds * 1000) / chunks
    })
  const rows: Array<{ readonly without: number; readonly with: number }> = []
  for (let index = 0; index < count; index++) {
    // Whoever is second finds the files in the cache.
    const order = index % 2 === 0 ? (["without", "with"] as const) : (["with", "without"] as const)
    const row = { without: 0, with: 0 }
    for (const mode of order) row[mode] = await once(mode, index)
    rows.push(row)
  }
  return rows
}

const writeSmall = (directory: string, count: number): string => {
  const path = join(directory, "small")
  mkdirSync(path)
  for (let index = 0; index < count; index++) {
    writeFileSync(
      join(path, `${index}.txt`),
      `Ada Moreno joined Helios Labs in ${1900 + (index % 120)}, says note ${index}.`
    )
  }
  return path
}

const unchanged = async (directory: string, count: number) => {
  const corpus = writeSmall(directory, count)
  const store = `--store=sqlite:${join(directory, "unchanged", "graph.db")}`
  const args = ["ingest", corpus, "--extractor", "rules", "--json", "--progress", "none", store]
  const first = await runSluice(args, { cwd: directory })
  reportOf(first)
  const again = await runSluice(args, { cwd: directory })
  if (reportOf(again).documents.unchanged !== count) throw new Error(`not all are unchanged: ${again.stdout}`)
  const cells = (name: string, { cpuSeconds, peakMegabytes, wallSeconds }: Measured) => [
    name,
    cpuSeconds.toFixed(2),
    wallSeconds.toFixed(2),
    peakMegabytes.toFixed(0)
  ]
  return [cells("first", first), cells("again", again)]
}

/** The most memory that a corpus takes, a new one and one that was killed at the last moment. */
const memory = async (directory: string, documents: number) => {
  const corpus = writeCorpus(directory, documents)
  return withProcess(provider, [JSON.stringify({ seed: 1, latency: { median: 20 } })], async (url) => {
    const run = (name: string, journal: string) =>
      runSluice(
        [
          "ingest",
          corpus,
          "--extractor=llm",
          "--model=simulated",
          `--base-url=${url}`,
          "--json",
          "--progress=none",
          `--journal=${join(directory, journal)}`,
          `--store=sqlite:${join(directory, name, "graph.db")}`
        ],
        { cwd: directory }
      )
    const first = await run(`first-${documents}`, `journal-${documents}.db`)
    reportOf(first)
    const replayed = await run(`replayed-${documents}`, `journal-${documents}.db`)
    const { calls } = reportOf(replayed)
    return { first, replayed, calls: calls.model }
  })
}

export const run = async (args: ReadonlyArray<string>): Promise<void> => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      chunks: { type: "string", default: "2000" },
      pairs: { type: "string", default: "7" },
      unchanged: { type: "string", default: "10000" },
      corpus: { type: "string", default: "200" },
      help: { type: "boolean", default: false }
    }
  })
  if (values.help) return void process.stdout.write(`${usage}\n`)
  const print = (text: string) => process.stdout.write(`${text}\n\n`)
  print(machine())
  await inTemporary(async (directory) => {
    const measured = await pairs(directory, Number(values.chunks), Number(values.pairs))
    const more = measured.map((row) => row.with / row.without - 1)
    print(
      table(
        ["pair", "without", "with", "more"],
        [
          ...measured.map((row, index) => [
            String(index + 1),
            row.without.toFixed(2),
            row.with.toFixed(2),
            `${((more[index] ?? 0) * 100).toFixed(1)} %`
          ]),
          [
            "median",
            median(measured.map(({ without }) => without)).toFixed(2),
            median(measured.map((row) => row.with)).toFixed(2),
            `${(median(more) * 100).toFixed(1)} %`
          ]
        ]
      )
    )
  })
  await inTemporary(async (directory) => {
    print(
      table(
        [`${values.unchanged} documents`, "CPU s", "wall s", "RSS MB"],
        await unchanged(directory, Number(values.unchanged))
      )
    )
  })
  await inTemporary(async (directory) => {
    const rows: Array<ReadonlyArray<string>> = []
    let smallest: number | undefined
    for (const times of [1, 10, 50]) {
      const documents = Number(values.corpus) * times
      const { calls, first, replayed } = await memory(directory, documents)
      smallest ??= first.peakMegabytes
      rows.push([
        String(documents),
        first.peakMegabytes.toFixed(0),
        (first.peakMegabytes / smallest).toFixed(2),
        replayed.peakMegabytes.toFixed(0),
        String(calls)
      ])
    }
    print(table(["documents", "RSS MB", "times the smallest", "again, from the journal: RSS MB", "its calls"], rows))
  })
}
