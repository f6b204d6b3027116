import { Context, Effect, Layer, Option, Schema } from "effect"
import type { Scope } from "effect"
import { DeadLetter } from "../domain/DeadLetter.ts"
import type { Group, Recipe, RunId } from "../domain/Ids.ts"
import { sourceId } from "../domain/Ids.ts"
import { RunReport } from "../domain/RunReport.ts"
import { GraphStore } from "../services/GraphStore.ts"
import { Ledger } from "../services/Ledger.ts"
import type { KnownDocument, RunEntry } from "../services/Ledger.ts"
import type { StorageError } from "../services/StorageError.ts"
import * as Connection from "./neo4j/Connection.ts"
import type { Row } from "./neo4j/Connection.ts"
import { decode } from "./neo4j/Decoded.ts"
import { failure, locationOf } from "./neo4j/Fault.ts"
import { counts, hash, records } from "./neo4j/Records.ts"
import * as SchemaOf from "./neo4j/Schema.ts"
import { boolean, integer, text, whole } from "./neo4j/Values.ts"
import { exportRows, overview } from "./neo4j/Views.ts"
import { commit } from "./neo4j/Writer.ts"

export type Options = Connection.Options

/** Graph and ledger in Neo4j 5.26 or newer, community edition and no plugins; makes the indexes that are missing. */
export const layer = (options: Options): Layer.Layer<GraphStore | Ledger, StorageError> =>
  Layer.effectContext(services(options, false))

/** For reading commands: a database without a graph is an error, and writing is one too. */
export const layerReadOnly = (options: Options): Layer.Layer<GraphStore | Ledger, StorageError> =>
  Layer.effectContext(services(options, true))

const ReportJson = Schema.fromJsonString(RunReport)
const encodeReport = Schema.encodeSync(ReportJson)
const decodeReport = Schema.decodeUnknownSync(ReportJson)
const decodeLetter = Schema.decodeUnknownSync(Schema.fromJsonString(DeadLetter))

const runEntry = (row: Row, group: Group): RunEntry => ({
  id: text<RunId>(row, "id"),
  group,
  startedAt: integer(row, "startedAt"),
  ...(typeof row["finishedAt"] === "number" ? { finishedAt: row["finishedAt"] } : {}),
  status: text<RunEntry["status"]>(row, "status"),
  ...(typeof row["report"] === "string" ? { report: decodeReport(row["report"]) } : {})
})

const knownDocument = (row: Row): Option.Option<KnownDocument> =>
  typeof row["recipe"] === "string"
    ? Option.some({
        recipe: text<Recipe>(row, "recipe"),
        state: text<"complete" | "partial">(row, "state"),
        isPointedAt: boolean(row, "isPointedAt"),
        hasLetter: boolean(row, "hasLetter")
      })
    : Option.none()

interface Asked {
  readonly id: string
  readonly source: string
}

const services = Effect.fnUntraced(function* (
  options: Options,
  isReadOnly: boolean
): Effect.fn.Return<Context.Context<GraphStore | Ledger>, StorageError, Scope.Scope> {
  const connection = yield* Connection.make(options)
  const location = locationOf(options)
  if (isReadOnly) {
    const found = yield* SchemaOf.state(connection)
    yield* SchemaOf.check(connection, found)
    if (found.version === 0) {
      return yield* failure(
        "unavailable",
        `There is no graph at ${location} yet: make one with \`sluice ingest PATH\`, or give another --store.`
      )
    }
  } else yield* SchemaOf.ensure(connection)

  const barred = failure("readonly", `The graph at ${location} was opened for reading alone.`)

  let length: number | undefined
  const withVectors = Effect.fnUntraced(function* (dimensions: number) {
    if (dimensions === length) return
    yield* SchemaOf.ensureVectors(connection, dimensions)
    length = dimensions
  })

  const putRun = Effect.fnUntraced(function* (run: RunEntry) {
    if (isReadOnly) return yield* barred
    yield* connection.write((send) =>
      send(
        `MERGE (r:Run {group: $group, id: $id})
         SET r.startedAt = $startedAt, r.finishedAt = $finishedAt, r.status = $status, r.report = $report`,
        {
          id: run.id,
          group: run.group,
          startedAt: whole(run.startedAt),
          finishedAt: run.finishedAt === undefined ? null : whole(run.finishedAt),
          status: run.status,
          report: run.report === undefined ? null : encodeReport(run.report)
        }
      )
    )
  })

  return Context.make(GraphStore, {
    commit: Effect.fn("GraphStore.commit")(function* (group, run, writes) {
      yield* Effect.annotateCurrentSpan({ group, writes: writes.length })
      if (isReadOnly) return yield* barred
      if (writes.length === 0) return
      for (const write of writes) {
        const vector = write._tag === "document" ? write.embeddings[0]?.vector : undefined
        if (vector !== undefined) yield* withVectors(vector.length)
      }
      yield* connection.write((send) => commit(send, group, run, writes))
    }),
    counts: Effect.fn("GraphStore.counts")((group: Group) => counts(connection, group)),
    hash: Effect.fn("GraphStore.hash")((group: Group) => hash(connection, group, isReadOnly)),
    records: (group) => records(connection, group),
    exportRows: (group) => exportRows(connection, group),
    overview: (group, limits) => overview(connection, group, limits),
    location
  }).pipe(
    Context.add(Ledger, {
      startRun: Effect.fn("Ledger.startRun")(putRun),
      finishRun: Effect.fn("Ledger.finishRun")(putRun),
      runs: Effect.fn("Ledger.runs")(function* (group, limit) {
        const found = yield* connection.read(
          `MATCH (r:Run {group: $group})
           RETURN r.id AS id, r.startedAt AS startedAt, r.finishedAt AS finishedAt, r.status AS status, r.report AS report
           ORDER BY startedAt DESC, id DESC LIMIT $limit`,
          { group, limit: whole(limit) }
        )
        return yield* decode(connection, () => found.map((row) => runEntry(row, group)))
      }),
      documents: Effect.fn("Ledger.documents")(function* (group: Group, asked: ReadonlyArray<Asked>) {
        const found = yield* connection.read(
          `UNWIND $asked AS row
           OPTIONAL MATCH (d:Document {id: row.id, group: $group})
           RETURN d.recipe AS recipe, d.state AS state,
             EXISTS { (:Source {id: row.source})-[:IS]->(d) } AS isPointedAt,
             EXISTS { (:DeadLetter {id: row.source + "/-1"}) } AS hasLetter
           ORDER BY row.index`,
          {
            group,
            asked: asked.map(({ id, source }, index) => ({ index: whole(index), id, source: sourceId(group, source) }))
          }
        )
        return yield* decode(connection, () => found.map(knownDocument))
      }),
      hasLetters: Effect.fn("Ledger.hasLetters")(function* (group: Group, sources: ReadonlyArray<string>) {
        const found = yield* connection.read(
          `UNWIND $asked AS row
           RETURN EXISTS { (:DeadLetter {id: row.id}) } AS hasLetter ORDER BY row.index`,
          { asked: sources.map((source, index) => ({ index: whole(index), id: `${sourceId(group, source)}/-1` })) }
        )
        return yield* decode(connection, () => found.map((row) => boolean(row, "hasLetter")))
      }),
      deadLetters: Effect.fn("Ledger.deadLetters")(function* (group) {
        const found = yield* connection.read(
          "MATCH (l:DeadLetter {group: $group}) RETURN l.letter AS letter ORDER BY l.source, l.ordinal",
          { group }
        )
        return yield* decode(connection, () => found.map((row) => decodeLetter(text(row, "letter"))))
      })
    })
  )
})
