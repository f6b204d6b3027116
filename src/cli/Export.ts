import { Effect, FileSystem, Option, Stream } from "effect"
import { Command } from "effect/cli"
import { GraphStore } from "../services/GraphStore.ts"
import { problem, UsageError } from "./ExitStatus.ts"
import * as Flags from "./Flags.ts"
import { jsonLine, stream } from "./Print.ts"

export const command = Command.make("export", {
  config: Flags.config,
  settings: { ...Flags.common, ...Flags.exporting }
}).pipe(
  Command.withDescription(
    "Print the graph as JSON lines: documents, chunks, entities, mentions, relations, with their evidence."
  ),
  Command.withExamples([{ command: "sluice export --output graph.jsonl", description: "To a file" }])
)

export interface ExportOptions extends Flags.CommonSettings {
  readonly output: Option.Option<string>
}

/** Rows are joined to writes of about this many code units: one write a row would be slow, and all at once large. */
const writeSize = 65_536

const written = (path: string) =>
  Effect.mapError(
    (error: { readonly reason: { readonly _tag: string } }) =>
      new UsageError({ message: `${path} cannot be written: ${problem(error, "written")}.` })
  )

export const run = Effect.fnUntraced(function* (settings: ExportOptions) {
  const store = yield* GraphStore
  const lines = store.exportRows(settings.group).pipe(
    Stream.map((row) => `${jsonLine(row)}\n`),
    Stream.mapAccum(
      () => "",
      (pending, line) => {
        const joined = pending + line
        return joined.length < writeSize ? [joined, []] : ["", [joined]]
      },
      { onHalt: (pending) => (pending === "" ? [] : [pending]) }
    )
  )
  if (Option.isNone(settings.output)) return yield* stream(lines)
  const path = settings.output.value
  const fileSystem = yield* FileSystem.FileSystem
  const encoder = new TextEncoder()
  yield* Effect.scoped(
    Effect.gen(function* () {
      const file = yield* fileSystem.open(path, { flag: "w" }).pipe(written(path))
      yield* Stream.runForEach(lines, (text) => file.writeAll(encoder.encode(text)).pipe(written(path)))
    })
  )
})
