import { parseArgs } from "node:util"
import { admissions } from "./gate/admissions.ts"
import { boundOf } from "./gate/bound.ts"
import type { Bound } from "./gate/bound.ts"
import { cookbook, limited, reservoir } from "./gate/clients.ts"
import type { Client } from "./gate/clients.ts"
import { extraction, extractions } from "./gate/extraction.ts"
import { ours } from "./gate/ours.ts"
import { ingestReally, runReally } from "./gate/real.ts"
import { jobsOf, scenarios, shapes, short } from "./gate/scenarios.ts"
import type { Scenario } from "./gate/scenarios.ts"
import { runVirtually } from "./gate/virtual.ts"
import type { Outcome } from "./gate/virtual.ts"
import { machine, table } from "./support/table.ts"

const usage = `bench gate [--scenario NAME,…] [--client NAME,…] [--real] [--chunks N] [--shapes] [--extraction] [--admissions]

The same calls through this program's gate and through what people use otherwise, against a simulated provider with
limits, in virtual time. All figures are from the provider's own books.
  --scenario NAME,…  of ${scenarios.map(({ name }) => name).join(", ")} (default: all)
  --client NAME,…    of sluice, p-limit, endless, bottleneck, cookbook (default: all)
  --real             instead: one scenario over HTTP in real time beside the same in virtual time, and the built program
                     with no flag but its base URL at 500 RPM and 200k TPM (about five minutes)
  --chunks N         documents of one chunk each for the built program (default 300)
  --shapes           instead: small runs against limits of every shape
  --extraction       instead: chunks through packs and gate, in virtual time
  --admissions       instead: what the gate itself costs, with up to 10,000 calls waiting`

interface Entry {
  readonly name: string
  readonly title: string
  readonly client: Client
  /** It takes long: only there, unless it is asked for. */
  readonly only?: string
}

const clients: ReadonlyArray<Entry> = [
  { name: "sluice", title: "sluice", client: ours },
  { name: "p-limit", title: "p-limit, SDK's retries (2)", client: limited(2) },
  { name: "endless", title: "p-limit, retries without end", client: limited(Infinity), only: "A" },
  { name: "bottleneck", title: "Bottleneck, two reservoirs", client: reservoir },
  { name: "cookbook", title: "cookbook, as intended", client: cookbook }
]

const percent = (share: number, digits = 1): string => `${(share * 100).toFixed(digits)} %`

/** The most used limit, and how much of it was used. */
const busiest = ({ usage }: Outcome["ledger"]): string => {
  const shares = Object.values(usage)
    .flatMap((limits) => Object.entries(limits))
    .map(([name, { supplied, taken }]) => [name, taken / supplied] as const)
    .toSorted(([, a], [, b]) => b - a)
  const [first] = shares
  return first === undefined ? "–" : `${first[0]} ${percent(first[1])}`
}

export const row = (
  title: string,
  calls: number,
  bound: Bound,
  { finished, ledger }: Outcome
): ReadonlyArray<string> => {
  const lost = calls - ledger.items.answered
  const turnedAway = Object.values(ledger.limited).reduce((sum, count) => sum + count, 0)
  const real = ledger.tokens.input + ledger.tokens.output
  return [
    title,
    finished ? (ledger.makespan / 1_000).toFixed(1) : "> 3 h",
    lost === 0 ? percent(bound.millis / ledger.makespan) : "–",
    busiest(ledger),
    `${turnedAway} (${percent(turnedAway / calls, 2)})`,
    String(lost),
    percent(ledger.charged.tokens === 0 ? 0 : ledger.charged.wasted / ledger.charged.tokens),
    real === 0 ? "–" : (ledger.charged.tokens / real).toFixed(2),
    String(ledger.maxInFlight)
  ]
}

export const head = [
  "client",
  "makespan s",
  "of the bound",
  "busiest limit",
  "turned away (per call)",
  "lost",
  "wasted",
  "charged/real",
  "most in flight"
]

const selected = <A>(all: ReadonlyArray<A>, names: string | undefined, nameOf: (one: A) => string): ReadonlyArray<A> =>
  names === undefined ? all : all.filter((one) => names.split(",").includes(nameOf(one)))

/** Scenario by client: the share of the bound and what was turned away, or how much was lost. */
const summary = (
  measured: ReadonlyArray<{ readonly scenario: Scenario; readonly cells: ReadonlyMap<string, string> }>
): string => {
  const titles = [...new Set(measured.flatMap(({ cells }) => [...cells.keys()]))]
  return table(
    ["of the bound · turned away per call", ...titles],
    measured.map(({ cells, scenario }) => [scenario.name, ...titles.map((title) => cells.get(title) ?? "")])
  )
}

const cellOf = (calls: number, bound: Bound, { finished, ledger }: Outcome): string => {
  const lost = calls - ledger.items.answered
  const turnedAway = Object.values(ledger.limited).reduce((sum, count) => sum + count, 0) / calls
  if (!finished || lost > 0) return `${percent(lost / calls, 0)} lost`
  return `${percent(bound.millis / ledger.makespan)} · ${percent(turnedAway, turnedAway < 0.1 ? 1 : 0)}`
}

const measure = async (scenario: Scenario, names: string | undefined) => {
  const jobs = jobsOf(scenario)
  const bound = boundOf(scenario, jobs)
  const rows: Array<ReadonlyArray<string>> = []
  const cells = new Map<string, string>()
  for (const { client, only, title } of selected(clients, names, ({ name }) => name)) {
    if (names === undefined && only !== undefined && only !== scenario.name) continue
    const outcome = await runVirtually(client, scenario, jobs)
    rows.push([...row(title, scenario.calls, bound, outcome), outcome.cpuSeconds.toFixed(1)])
    cells.set(title, cellOf(scenario.calls, bound, outcome))
  }
  process.stdout.write(
    `${scenario.name}: ${scenario.title}. At most ${scenario.concurrency} at once.\n` +
      `Bound ${(bound.millis / 1_000).toFixed(1)} s, by ${bound.by}: ${bound.inputs}.\n\n` +
      `${table([...head, "CPU s"], rows)}\n\n`
  )
  return { scenario, cells }
}

/** No bound where it is not known what there was to take when: somebody else takes, or output counts when it is there. */
const isBounded = ({ provider: { limits = {} } }: Scenario): boolean =>
  limits.tenant === undefined && limits.charge !== "real" && limits.ramp === undefined

const measureShapes = async (): Promise<void> => {
  const rows: Array<ReadonlyArray<string>> = []
  for (const scenario of shapes) {
    const jobs = jobsOf(scenario)
    const outcome = await runVirtually(ours, scenario, jobs)
    const cells = row(scenario.title, scenario.calls, boundOf(scenario, jobs), outcome)
    rows.push(cells.map((cell, column) => (column === 2 && !isBounded(scenario) ? "–" : cell)))
  }
  process.stdout.write(
    `600 calls, 2,000 RPM, 600k TPM, at most 200 at once.\n\n${table(["limits", ...head.slice(1)], rows)}\n`
  )
}

const measureReal = async (chunks: number): Promise<void> => {
  const jobs = jobsOf(short)
  const bound = boundOf(short, jobs)
  const [virtual, real] = await Promise.all([runVirtually(ours, short, jobs), runReally(ours, short, jobs)])
  process.stdout.write(
    `${short.title}. At most ${short.concurrency} at once.\n` +
      `Bound ${(bound.millis / 1_000).toFixed(1)} s, by ${bound.by}: ${bound.inputs}.\n\n` +
      `${table(head, [
        row("virtual time", short.calls, bound, virtual),
        row("real time, HTTP", short.calls, bound, real)
      ])}\n\n`
  )
  const [small] = extractions
  if (small === undefined) return
  const { cpuSeconds, dead, ledger, status } = await ingestReally(small.provider, chunks)
  process.stdout.write(
    `sluice ingest with no flag but --base-url and --model, ${chunks} chunks, ${dead} dead, exit status ${status}, ` +
      `${((cpuSeconds * 1_000) / chunks).toFixed(2)} ms of processor time a chunk\n\n` +
      `${table(extractionHead, [extractionRow(small.title, chunks, ledger)])}\n`
  )
}

const extractionHead = [
  "limits",
  "chunks",
  "makespan s",
  "busiest limit",
  "calls",
  "turned away (per call)",
  "chunks asked again",
  "charged/chunk",
  "charged/real",
  "most in flight"
]

const extractionRow = (title: string, chunks: number, ledger: Outcome["ledger"]): ReadonlyArray<string> => {
  const turnedAway = Object.values(ledger.limited).reduce((sum, count) => sum + count, 0)
  return [
    title,
    String(chunks),
    (ledger.makespan / 1_000).toFixed(1),
    busiest(ledger),
    String(ledger.answered),
    `${turnedAway} (${percent(turnedAway / ledger.answered, 2)})`,
    String(ledger.items.asked - ledger.items.distinct),
    (ledger.charged.tokens / chunks).toFixed(0),
    (ledger.charged.tokens / (ledger.tokens.input + ledger.tokens.output)).toFixed(2),
    String(ledger.maxInFlight)
  ]
}

const measureExtraction = async (): Promise<void> => {
  const rows: Array<ReadonlyArray<string>> = []
  for (const scenario of extractions) {
    const { ledger } = await runVirtually(extraction(scenario.calls, scenario.text), scenario, [])
    rows.push(extractionRow(scenario.title, scenario.calls, ledger))
  }
  process.stdout.write(`${table(extractionHead, rows)}\n`)
}

export const run = async (args: ReadonlyArray<string>): Promise<void> => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenario: { type: "string" },
      client: { type: "string" },
      real: { type: "boolean", default: false },
      chunks: { type: "string", default: "300" },
      admissions: { type: "boolean", default: false },
      shapes: { type: "boolean", default: false },
      extraction: { type: "boolean", default: false },
      help: { type: "boolean", default: false }
    }
  })
  if (values.help) return void process.stdout.write(`${usage}\n`)
  process.stdout.write(`${machine()}\n\n`)
  if (values.admissions) {
    const rows = (await admissions()).map(({ cpuMillis, perSecond, waiting, what }) => [
      what,
      String(waiting),
      perSecond.toFixed(0),
      cpuMillis.toFixed(3)
    ])
    return void process.stdout.write(`${table(["", "calls waiting", "calls/s", "CPU ms/call"], rows)}\n`)
  }
  if (values.shapes) return measureShapes()
  if (values.extraction) return measureExtraction()
  if (values.real) return measureReal(Number(values.chunks))
  const measured: Array<Awaited<ReturnType<typeof measure>>> = []
  for (const scenario of selected(scenarios, values.scenario, ({ name }) => name)) {
    measured.push(await measure(scenario, values.client))
  }
  if (measured.length > 1) process.stdout.write(`${summary(measured)}\n`)
}
