import { Effect, Option } from "effect"
import { Command } from "effect/cli"
import { Journal } from "../services/Journal.ts"
import type { Reckoning } from "../services/Journal.ts"
import { Ledger } from "../services/Ledger.ts"
import type { RunEntry } from "../services/Ledger.ts"
import * as Flags from "./Flags.ts"
import { column, count, duration, jsonLine, print } from "./Print.ts"
import { money, time } from "./Summary.ts"

export const command = Command.make("runs", {
  config: Flags.config,
  settings: { ...Flags.common, journal: Flags.models.journal }
}).pipe(Command.withDescription("The runs so far, the newest first: how each ended, what it took and cost."))

/** The newest, for people and programs alike. */
const shown = 1000

const states: Readonly<Record<RunEntry["status"], string>> = {
  running: "running or killed",
  complete: "complete",
  "with-dead-letters": "with dead letters",
  stopped: "stopped",
  failed: "failed",
  interrupted: "interrupted"
}

/** Of a run without an end the journal knows what it took until its last call. */
const rowOf = ({ finishedAt, id, report, root, startedAt, status }: RunEntry, reckoned: Reckoning | undefined) => ({
  run: id,
  status,
  ...(root === undefined ? {} : { root }),
  startedAt,
  ...(finishedAt === undefined ? {} : { finishedAt }),
  documents: report?.documents.seen ?? 0,
  calls: report === undefined ? (reckoned?.calls ?? 0) : report.calls.model + report.calls.embedding,
  cost: { usd: report?.cost.usd ?? reckoned?.usd ?? 0 },
  seconds: report?.seconds ?? Math.max(0, (finishedAt ?? reckoned?.lastAt ?? startedAt) - startedAt) / 1000
})

type Row = ReturnType<typeof rowOf>

const line = (cells: ReadonlyArray<readonly [text: string, width: number]>): string =>
  cells
    .map(([text, width]) => column(text, width))
    .join(" ")
    .trimEnd()

const lineOf = ({ calls, cost, documents, root, run, seconds, startedAt, status }: Row): string =>
  line([
    [run, 23],
    [time(startedAt).slice(0, 16), 16],
    [states[status], 17],
    [count(documents), 9],
    [count(calls), 6],
    [cost.usd === 0 ? "–" : money(cost.usd), 8],
    [duration(seconds * 1000), 11],
    [root ?? "", 23]
  ])

const header = line([
  ["Run", 23],
  ["Began (UTC)", 16],
  ["Ended", 17],
  ["Documents", 9],
  ["Calls", 6],
  ["Cost", 8],
  ["Time", 11],
  ["Goes on with", 23]
])

export const run = Effect.fnUntraced(function* (settings: Flags.CommonSettings) {
  const ledger = yield* Ledger
  const journal = yield* Effect.serviceOption(Journal)
  const runs = yield* ledger.runs(settings.group, shown)
  const endless = runs.filter(({ report }) => report === undefined).map(({ id }) => id)
  const reckoned = Option.isSome(journal) && endless.length > 0 ? yield* journal.value.reckon(endless) : new Map()
  const rows = runs.map((entry) => rowOf(entry, reckoned.get(entry.id)))
  if (settings.json) return yield* print([jsonLine({ runs: rows })])
  yield* print(rows.length === 0 ? ["No run of this group yet."] : [header, ...rows.map(lineOf)])
})
