import { Effect, FileSystem, Path, Schema, Stream } from "effect"
import type { PlatformError } from "effect/PlatformError"
import { Group } from "../domain/Ids.ts"
import { GraphStore } from "../services/GraphStore.ts"
import { Ledger } from "../services/Ledger.ts"
import { StorageError } from "../services/StorageError.ts"
import * as Csv from "./neo4j/Csv.ts"
import type { TableName } from "./neo4j/Csv.ts"

/** The directory cannot be used, or not be written; `message` says why. */
export class DirectoryError extends Schema.TaggedError<DirectoryError>()("DirectoryError", {
  message: Schema.String
}) {}

/** What an export has written. */
export interface Exported {
  readonly directory: string
  readonly groups: ReadonlyArray<Group>
  readonly files: number
  readonly nodes: number
  readonly relationships: number
  readonly bytes: number
}

/** Says that the directory is an export's, from the first moment on. */
const marker = "sluice-export.json"
const argumentsFile = "import.args"
const readme = "README.txt"
/** The tool's own, which is neither ours nor in the way. */
const report = "import.report"

const Marker = Schema.fromJsonString(
  Schema.Struct({ format: Schema.Literal("neo4j-admin"), groups: Schema.Array(Group), complete: Schema.Boolean })
)
const encodeMarker = Schema.encodeSync(Marker)
const decodeMarker = Schema.decodeUnknownOption(Marker)

/** Bytes of a file, about: the tool reads a table's files at once, but a file with line breaks in its fields in turn. */
const partSize = 256_000_000
/** Code units of a table that wait to be written. */
const pending = 65_536

const isOurs = (name: string): boolean => {
  if (name === marker || name === argumentsFile || name === readme) return true
  const [, table = ""] = /^(.+)\.(?:header|\d{4})\.csv$/.exec(name) ?? []
  return Csv.isTableName(table)
}

const written = (path: string) =>
  Effect.mapError(
    (error: PlatformError) =>
      new DirectoryError({ message: `${path} cannot be written: ${error.reason._tag}. Give another --output.` })
  )

/** Makes the directory, or empties one that holds an earlier export and nothing else. */
const prepare = Effect.fnUntraced(function* (directory: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* fileSystem.makeDirectory(directory, { recursive: true }).pipe(written(directory))
  const entries = (yield* fileSystem.readDirectory(directory).pipe(written(directory))).filter(
    (name) => name !== report
  )
  if (entries.length === 0) return
  const text = yield* Effect.orElseSucceed(fileSystem.readFileString(path.join(directory, marker)), () => "")
  const foreign = entries.find((name) => !isOurs(name))
  if (decodeMarker(text)._tag === "None" || foreign !== undefined) {
    return yield* new DirectoryError({
      message: `${directory} is not empty${foreign === undefined ? "" : `: it has ${foreign}`}. Nothing was written: give a directory that is new, empty, or holds an earlier export and nothing else.`
    })
  }
  // The marker last: what is left of an emptying that broke off is still an export's.
  for (const name of entries.toSorted((a, b) => Number(a === marker) - Number(b === marker))) {
    yield* fileSystem.remove(path.join(directory, name)).pipe(written(path.join(directory, name)))
  }
})

/** A table's files. */
interface Open {
  readonly parts: Array<string>
  text: string
  rows: number
  /** Of the part that is being written. */
  bytes: number
}

/** The tables of a directory, in as many files as they need. */
const make = Effect.fnUntraced(function* (directory: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const tables = new Map<TableName, Open>()
  const totals = { bytes: 0, longest: 0 }

  const write = Effect.fnUntraced(function* (name: TableName, table: Open) {
    if (table.parts.length === 0 || table.bytes >= partSize) {
      table.parts.push(`${name}.${String(table.parts.length + 1).padStart(4, "0")}.csv`)
      table.bytes = 0
    }
    const file = path.join(directory, table.parts.at(-1) ?? "")
    const bytes = new TextEncoder().encode(table.text)
    table.text = ""
    table.bytes += bytes.length
    totals.bytes += bytes.length
    // Opened for each write: of hundreds of parts, none stays open.
    yield* Effect.scoped(Effect.flatMap(fileSystem.open(file, { flag: "a" }), (opened) => opened.writeAll(bytes))).pipe(
      written(file)
    )
  })

  return {
    tables,
    totals,
    put: (name: TableName, fields: ReadonlyArray<Csv.Field>): void => {
      const values = fields.map(Csv.fieldOf)
      for (const { length } of values) if (length > totals.longest) totals.longest = length
      const line = `${values.join(",")}\n`
      const table = tables.get(name)
      if (table === undefined) tables.set(name, { parts: [], text: line, rows: 1, bytes: 0 })
      else {
        table.text += line
        table.rows++
      }
    },
    /** Writes what waits, once it is worth a write. */
    drain: (least = pending) =>
      Effect.forEach(
        [...tables].filter(([, { text }]) => text.length >= least),
        ([name, table]) => write(name, table),
        { discard: true }
      ),
    /** Rows of tables of these names. */
    rows: (isCounted: (name: TableName) => boolean): number =>
      [...tables].reduce((sum, [name, { rows }]) => sum + (isCounted(name) ? rows : 0), 0)
  }
})

type Tables = Effect.Success<ReturnType<typeof make>>

const changed = (group: Group, location: string): StorageError =>
  new StorageError({
    storage: "store",
    reason: "unavailable",
    retryable: true,
    message: `The group ${group} in ${location} changed while it was exported, so the files do not fit together. Run the same command again when nobody writes to it.`
  })

/** What the tables have of a group must be what the store says before and after, or an import would fail half-way. */
const putGroup = Effect.fnUntraced(function* (tables: Tables, group: Group) {
  const store = yield* GraphStore
  const ledger = yield* Ledger
  const rowsOf = () => ({
    group,
    documents: tables.rows((name) => name === "documents"),
    chunks: tables.rows((name) => name.startsWith("chunks")),
    entities: tables.rows((name) => name === "entities"),
    relations: tables.rows((name) => name === "relations"),
    mentions: tables.rows((name) => name === "mentions")
  })
  const before = rowsOf()
  Csv.putGroup(tables.put, group)
  for (const run of yield* ledger.runs(group)) Csv.putRun(tables.put, run)
  for (const letter of yield* ledger.deadLetters(group)) Csv.putLetter(tables.put, group, letter)
  yield* Stream.runForEach(store.stored(group), (document) => {
    Csv.putDocument(tables.put, document)
    return tables.drain()
  })
  yield* Stream.runForEachArray(store.exportRows(group, ["entity", "relation"]), (rows) => {
    for (const row of rows) Csv.putView(tables.put, group, row)
    return tables.drain()
  })
  const after = rowsOf()
  const counts = yield* store.counts(group)
  const isWhole =
    counts.documents === after.documents - before.documents &&
    counts.chunks === after.chunks - before.chunks &&
    counts.entities === after.entities - before.entities &&
    counts.relations === after.relations - before.relations &&
    counts.mentions === after.mentions - before.mentions
  if (!isWhole) return yield* changed(group, store.location)
})

/** The tool's buffer, in characters: each of its threads has some, so that it is no larger than the longest field asks. */
const buffer = { least: 4 * 1024 * 1024, margin: 1.25 }

/** One argument a line, as the tool reads a file of them. */
const argumentsOf = (tables: Tables): string => {
  const inputs = [...tables.tables].map(([name, { parts }]) => {
    const { kind, name: label } = Csv.tableOf(name)
    return `--${kind}=${label === undefined ? "" : `${label}=`}${[`${name}.header.csv`, ...parts].join(",")}`
  })
  return [
    "--id-type=string",
    `--array-delimiter=U+${Csv.arrayDelimiter.charCodeAt(0).toString(16).padStart(4, "0").toUpperCase()}`,
    "--multiline-fields=true",
    `--read-buffer-size=${Math.max(buffer.least, Math.ceil(buffer.margin * tables.totals.longest))}`,
    "--bad-tolerance=0",
    ...inputs
  ]
    .map((argument) => `${argument}\n`)
    .join("")
}

/** The command that imports it, to be run in the directory. */
export const command = `neo4j-admin database import full neo4j --overwrite-destination=true @${argumentsFile}`

const readmeOf = ({
  bytes,
  groups,
  nodes,
  relationships
}: Exported): string => `A graph of Sluice, for Neo4j 5.26 or newer.

${groups.length === 1 ? "Group" : "Groups"}: ${groups.join(", ")}
Nodes: ${nodes}, relationships: ${relationships}, bytes: ${bytes}

1. Stop the server. Its database "neo4j" is replaced by what is here; for another name, change it in the command.
2. In this directory, as the user whom the server runs as:
     ${command}
   ${argumentsFile} names the files and says how they are to be read. HEAP_SIZE=4g in its environment gives the tool more
   memory, should it ask for that: very long texts want it.
3. Start the server. The first \`sluice ingest\` with --store neo4j://HOST:PORT makes the indexes, and finds all
   documents of the same corpus unchanged.
`

/**
 * Writes groups to a directory, for the server's own offline import. The directory must be new or empty, or hold an
 * earlier export alone, which goes. Takes the memory of a page, however many rows there are.
 */
export const write = Effect.fn("Neo4jCsv.write")(function* (
  directory: string,
  groups: ReadonlyArray<Group>
): Effect.fn.Return<Exported, DirectoryError | StorageError, GraphStore | Ledger | FileSystem.FileSystem | Path.Path> {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = (name: string, text: string) =>
    fileSystem.writeFileString(path.join(directory, name), text).pipe(written(path.join(directory, name)))
  yield* prepare(directory)
  yield* file(marker, encodeMarker({ format: "neo4j-admin", groups, complete: false }))
  const tables = yield* make(directory)
  Csv.putSchema(tables.put)
  yield* Effect.forEach(groups, (group) => putGroup(tables, group), { discard: true })
  yield* tables.drain(1)
  for (const name of tables.tables.keys()) yield* file(`${name}.header.csv`, Csv.headerOf(name))
  const exported: Exported = {
    directory: path.resolve(directory),
    groups,
    files: [...tables.tables.values()].reduce((sum, { parts }) => sum + parts.length + 1, 0),
    nodes: tables.rows((name) => Csv.tableOf(name).kind === "nodes"),
    relationships: tables.rows((name) => Csv.tableOf(name).kind === "relationships"),
    bytes: tables.totals.bytes
  }
  yield* file(argumentsFile, argumentsOf(tables))
  yield* file(readme, readmeOf(exported))
  yield* file(marker, encodeMarker({ format: "neo4j-admin", groups, complete: true }))
  return exported
})
