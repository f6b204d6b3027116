import { Effect, FileSystem, Option, Stream } from "effect"
import { Command } from "effect/cli"
import type { Group } from "../domain/Ids.ts"
import { GraphStore } from "../services/GraphStore.ts"
import { problem, UsageError } from "./ExitStatus.ts"
import * as Flags from "./Flags.ts"
import { bytes, counted, jsonLine, plain, print, stream } from "./Print.ts"

export const command = Command.make("export", {
  config: Flags.config,
  settings: { ...Flags.common, ...Flags.exporting }
}).pipe(
  Command.withDescription(
    "Print the graph as JSON lines, or write CSV files for the first load of a Neo4j server (--format csv)."
  ),
  Command.withExamples([
    { command: "sluice export --output graph.jsonl", description: "To a file" },
    {
      command: "sluice export --format csv --output import",
      description: "Everything, for neo4j-admin database import full"
    }
  ])
)

/** Rows are joined to writes of about this many code units: one write a row would be slow, and all at once large. */
const writeSize = 65_536

const written = (path: string) =>
  Effect.mapError(
    (error: { readonly reason: { readonly _tag: string } }) =>
      new UsageError({ message: `${path} cannot be written: ${problem(error, "written")}.` })
  )

const exportLines = Effect.fnUntraced(function* (group: Group, output: Option.Option<string>) {
  const store = yield* GraphStore
  const lines = store.exportRows(group).pipe(
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
  if (Option.isNone(output)) return yield* stream(lines)
  const path = output.value
  const fileSystem = yield* FileSystem.FileSystem
  const encoder = new TextEncoder()
  yield* Effect.scoped(
    Effect.gen(function* () {
      const file = yield* fileSystem.open(path, { flag: "w" }).pipe(written(path))
      yield* Stream.runForEach(lines, (text) => file.writeAll(encoder.encode(text)).pipe(written(path)))
    })
  )
})

const exportTables = Effect.fnUntraced(function* ({ group, json, output }: Flags.ExportSettings) {
  if (Option.isNone(output)) {
    return yield* new UsageError({ message: "--format csv writes many files: say where with --output DIRECTORY." })
  }
  const store = yield* GraphStore
  const there = yield* store.groups
  const groups = Option.match(group, { onNone: () => there, onSome: (one) => [one] })
  const absent = groups.find((one) => !there.includes(one))
  if (absent !== undefined) {
    return yield* new UsageError({
      message: `There is no group ${absent} in ${plain(store.location)}: nothing was written.`
    })
  }
  const { command: imported, write } = yield* Effect.promise(() => import("../layers/Neo4jCsv.ts"))
  const exported = yield* write(output.value, groups).pipe(
    Effect.catchTag("DirectoryError", ({ message }) => new UsageError({ message }))
  )
  const { bytes: size, directory, files, nodes, relationships } = exported
  yield* print(
    json
      ? [jsonLine({ ...exported, command: imported })]
      : [
          `${plain(directory)}: ${counted(nodes, "node")} and ${counted(relationships, "relationship")} of ${counted(groups.length, "group")} in ${counted(files, "file")}, ${bytes(size)}.`,
          "With the server stopped, and its database to be replaced:",
          `  cd ${plain(directory)} && ${imported}`,
          "Then start it: the first `sluice ingest` with --store neo4j://HOST:PORT makes the indexes. README.txt says more."
        ]
  )
})

export const run = (settings: Flags.ExportSettings) =>
  settings.format === "csv"
    ? exportTables(settings)
    : exportLines(
        Option.getOrElse(settings.group, () => Flags.defaults.group),
        settings.output
      )
