import { Effect } from "effect"
import { Command } from "effect/cli"
import { GraphStore } from "../services/GraphStore.ts"
import { Ledger } from "../services/Ledger.ts"
import type { RunEntry } from "../services/Ledger.ts"
import * as Flags from "./Flags.ts"
import { counted, fit, jsonLine, print } from "./Print.ts"
import { overviewLines, reportLines, time } from "./Summary.ts"

export const command = Command.make("report", { config: Flags.config, settings: Flags.common }).pipe(
  Command.withDescription("What the last run did and cost, and what is in the graph.")
)

const ended: Readonly<Record<RunEntry["status"], string>> = {
  running: "is under way, or was killed: run the same command again to go on",
  complete: "is complete",
  "with-dead-letters": "finished; `sluice failures` has what could not be read",
  stopped: "stopped early: run the same command again to go on",
  failed: "failed: run the same command again to go on",
  interrupted: "was interrupted: run the same command again to go on"
}

const runLines = (run: RunEntry | undefined): ReadonlyArray<string> =>
  run === undefined
    ? ["No run of this group yet."]
    : [
        `Run ${run.id}, ${time(run.startedAt)} UTC, ${ended[run.status]}.`,
        ...(run.report === undefined ? [] : reportLines(run.report))
      ]

export const run = Effect.fnUntraced(function* (settings: Flags.CommonSettings) {
  const store = yield* GraphStore
  const ledger = yield* Ledger
  const [last] = yield* ledger.runs(settings.group, 1)
  const graph = yield* store.counts(settings.group)
  const overview = yield* store.overview(settings.group, { entities: 8, facts: 4 })
  if (settings.json) return yield* print([jsonLine({ run: last ?? null, graph, overview })])
  yield* print([
    ...runLines(last),
    "",
    `In ${fit(store.location, 50)}, group ${settings.group}:`,
    `  ${counted(graph.documents, "document")} · ${counted(graph.chunks, "chunk")} · ${counted(graph.entities, "entity", "entities")} · ${counted(graph.relations, "relation")} · ${counted(graph.mentions, "mention")}`,
    ...overviewLines(overview)
  ])
})
