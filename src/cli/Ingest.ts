import { Effect, Option } from "effect"
import { Argument, Command } from "effect/cli"
import type { IngestResult } from "../pipeline/Pipeline.ts"
import { GraphStore } from "../services/GraphStore.ts"
import { ceilingsOf, forecast, stoppedMessage } from "./Budget.ts"
import { Ended, status } from "./ExitStatus.ts"
import * as Flags from "./Flags.ts"
import { flagOf } from "./Places.ts"
import { complain, counted, fit, Invocation, jsonLine, plain, print } from "./Print.ts"
import { overviewLines, reportLines, width } from "./Summary.ts"

export const command = Command.make("ingest", {
  paths: Argument.String("path").pipe(
    Argument.withDescription("Files, directories, globs, http(s) addresses, or - for standard input"),
    Argument.variadic({ min: 1 })
  ),
  config: Flags.config,
  settings: { ...Flags.common, ...Flags.models, ...Flags.selection, ...Flags.extraction, ...Flags.budget }
}).pipe(
  Command.withDescription("Turn documents into a knowledge graph. Run it again to go on, or to take in what changed."),
  Command.withExamples([
    { command: "sluice ingest docs", description: "Everything in a directory" },
    { command: "sluice ingest notes.md --extractor rules", description: "Offline, without a model" },
    { command: "sluice ingest docs --watch", description: "And go on with what changes, until Ctrl-C" },
    { command: "sluice ingest docs --dry-run --json", description: "What it would do and cost" }
  ])
)

const unfinished = Effect.fnUntraced(function* (result: IngestResult, dryRun: boolean) {
  const { report, status: ended, stopped } = result
  if (Option.isSome(stopped)) {
    const { documents } = report
    const isNothingDone = documents.ingested + documents.partial + documents.unchanged === 0
    return new Ended({
      status: stopped.value.reason === "configuration" && isNothingDone ? status.usage : status.stopped,
      message: yield* stoppedMessage(stopped.value, result)
    })
  }
  if (ended === "complete") return undefined
  const bad = report.documents.failed + report.documents.partial
  return new Ended({
    status: status.deadLetters,
    message: `${counted(bad, "document")} could not be read, or not in full${dryRun ? "." : ": `sluice failures` says why."}`
  })
})

type IngestOptions = Pick<
  Flags.RetrySettings,
  keyof Flags.CommonSettings | "dryRun" | "maxCost" | "maxCalls" | "maxTokens" | "maxSeconds"
>

/** Flags that other commands need to find the same graph. */
const sameGraph = ({ group, store }: Flags.CommonSettings): string =>
  [
    flagOf(store) === flagOf(Flags.defaults.store) ? "" : ` --store ${plain(flagOf(store))}`,
    group === Flags.defaults.group ? "" : ` --group ${group}`
  ].join("")

const goneLine = (sources: number): string =>
  `${counted(sources, "source")} of earlier runs ${sources === 1 ? "is" : "are"} gone and still in the graph: --prune takes ${sources === 1 ? "it" : "them"} out.`

/** Commands to be copied: each with what it shows beside it, or above it where both would not fit. */
const nextLines = (commands: ReadonlyArray<readonly [command: string, what: string]>): ReadonlyArray<string> => {
  const longest = Math.max(...commands.map(([command]) => command.length))
  const lines = commands.map(([command, what]) => `  ${command.padEnd(longest)}  ${what}`)
  return lines.every((line) => line.length <= width)
    ? lines
    : commands.flatMap(([command, what]) => [`  # ${what}`, `  ${command}`])
}

const summary = Effect.fnUntraced(function* (result: IngestResult, settings: IngestOptions) {
  const store = yield* GraphStore
  const { documents } = result.report
  const overview = yield* store.overview(settings.group, { entities: 8, facts: 4 })
  // What a simulated model answers says how many calls there would be, and nothing of what they would find.
  const isSimulated = settings.dryRun && result.report.calls.model > 0
  const flags = sameGraph(settings)
  const self = yield* Invocation
  const next = nextLines([
    ...(documents.failed + documents.partial > 0 ? [[`${self} failures${flags}`, "what went wrong"] as const] : []),
    [`${self} search NAME${flags}`, "what the graph knows of it"],
    [`${self} report${flags}`, "this run and the graph, again"],
    [`${self} export${flags}`, "the graph as JSON lines"]
  ])
  return [
    ...(settings.dryRun ? ["A dry run: no model was called, and nothing was written. It would be about:"] : []),
    ...reportLines(result.report, isSimulated),
    ...(documents.gone === undefined ? [] : ["", goneLine(documents.gone)]),
    ...(isSimulated ? [] : overviewLines(overview)),
    ...(settings.dryRun ? [] : ["", `The graph is in ${fit(store.location, 66)}. Next:`, ...next])
  ]
})

/** The pipeline brings a tokenizer along, which `--help` must not wait for. */
export const once = Effect.flatMap(
  Effect.promise(() => import("../pipeline/Pipeline.ts")),
  ({ ingest }) => ingest
)

export const run = Effect.fnUntraced(function* (settings: IngestOptions) {
  const result = yield* once
  const lines = settings.json ? [jsonLine(result.report)] : yield* summary(result, settings)
  // Whoever does not read on wants to know the status all the same.
  yield* Effect.catchTag(print(lines), "OutputClosed", () => Effect.void)
  if (settings.dryRun) {
    const { fits, lines: judged } = forecast(ceilingsOf(settings), result.before, result.report)
    yield* complain(judged)
    if (!fits) return yield* new Ended({ status: status.stopped, message: "A real run would stop before the end." })
  }
  const ended = yield* unfinished(result, settings.dryRun)
  if (ended !== undefined) return yield* ended
})
