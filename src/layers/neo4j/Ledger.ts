import { Effect, Option, Schema, Stream } from "effect"
import type { DocumentState } from "../../domain/Graph.ts"
import { sourceId } from "../../domain/Ids.ts"
import type { DocumentId, Group, Recipe, RunId } from "../../domain/Ids.ts"
import { RunReport } from "../../domain/RunReport.ts"
import type { KnownDocument, KnownSource, RunEntry } from "../../services/Ledger.ts"
import type { StorageError } from "../../services/StorageError.ts"
import type { Connection, Row } from "./Connection.ts"
import { decode } from "./Decoded.ts"
import { decodeLetter, letterId, ofSource } from "./Letters.ts"
import { boolean, headOf, integer, text, texts, whole } from "./Values.ts"

const ReportJson = Schema.fromJsonString(RunReport)
const encodeReport = Schema.encodeSync(ReportJson)
const decodeReport = Schema.decodeUnknownSync(ReportJson)
const decodeRecipe = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Record(Schema.String, Schema.String)))

/** The node of a run. */
export const runRow = (run: RunEntry) => ({
  id: run.id,
  group: run.group,
  startedAt: run.startedAt,
  finishedAt: run.finishedAt ?? null,
  status: run.status,
  report: run.report === undefined ? null : encodeReport(run.report),
  root: run.root ?? null,
  recipe: run.recipe === undefined ? null : JSON.stringify(run.recipe)
})

export const putRun = (connection: Connection, run: RunEntry): Effect.Effect<void, StorageError> => {
  const { finishedAt, startedAt, ...row } = runRow(run)
  return Effect.asVoid(
    connection.write((send) =>
      send(
        `MERGE (r:Run {group: $group, id: $id})
         SET r.startedAt = $startedAt, r.finishedAt = $finishedAt, r.status = $status, r.report = $report,
           r.root = $root, r.recipe = $recipe`,
        { ...row, startedAt: whole(startedAt), finishedAt: finishedAt === null ? null : whole(finishedAt) }
      )
    )
  )
}

const runEntry = (row: Row, group: Group): RunEntry => {
  const { finishedAt, recipe, report, root } = row
  return {
    id: text<RunId>(row, "id"),
    group,
    startedAt: integer(row, "startedAt"),
    ...(typeof finishedAt === "number" ? { finishedAt } : {}),
    status: text<RunEntry["status"]>(row, "status"),
    ...(typeof root === "string" ? { root: text<RunId>(row, "root") } : {}),
    ...(typeof recipe === "string" ? { recipe: decodeRecipe(recipe) } : {}),
    ...(typeof report === "string" ? { report: decodeReport(report) } : {})
  }
}

export const runs = Effect.fnUntraced(function* (
  connection: Connection,
  group: Group,
  limit = Number.MAX_SAFE_INTEGER
) {
  const found = yield* connection.read(
    `MATCH (r:Run {group: $group})
     RETURN r.id AS id, r.startedAt AS startedAt, r.finishedAt AS finishedAt, r.status AS status, r.report AS report,
       r.root AS root, r.recipe AS recipe
     ORDER BY startedAt DESC, id DESC LIMIT $limit`,
    { group, limit: whole(limit) }
  )
  return yield* decode(connection, () => found.map((row) => runEntry(row, group)))
})

const knownDocument = (row: Row): Option.Option<KnownDocument> =>
  typeof row["recipe"] === "string"
    ? Option.some({
        recipe: text<Recipe>(row, "recipe"),
        state: text<DocumentState>(row, "state"),
        run: text<RunId>(row, "run"),
        isPointedAt: boolean(row, "isPointedAt"),
        hasLetter: boolean(row, "hasLetter")
      })
    : Option.none()

export interface Asked {
  readonly id: DocumentId
  readonly source: string
}

export const documents = Effect.fnUntraced(function* (
  connection: Connection,
  group: Group,
  asked: ReadonlyArray<Asked>
) {
  const found = yield* connection.read(
    `UNWIND $asked AS row
     OPTIONAL MATCH (d:Document {id: row.id, group: $group})
     RETURN d.recipe AS recipe, d.state AS state, d.run AS run,
       EXISTS { (:Source {id: row.source})-[:IS]->(d) } AS isPointedAt,
       EXISTS { (:DeadLetter {id: row.letter}) } AS hasLetter
     ORDER BY row.index`,
    {
      group,
      asked: asked.map(({ id, source }, index) => ({
        index: whole(index),
        id,
        source: sourceId(group, source),
        letter: letterId(group, source, ofSource)
      }))
    }
  )
  return yield* decode(connection, () => found.map(knownDocument))
})

export const outdated = Effect.fnUntraced(function* (connection: Connection, group: Group, recipe: Recipe) {
  const [row = {}] = yield* connection.read(
    `MATCH (d:Document {group: $group}) WHERE d.recipe <> $recipe
     RETURN count(d) AS documents, coalesce(sum(COUNT { (d)<-[:PART_OF]-() }), 0) AS chunks`,
    { group, recipe }
  )
  return yield* decode(connection, () => ({ documents: integer(row, "documents"), chunks: integer(row, "chunks") }))
})

export const hasLetters = Effect.fnUntraced(function* (
  connection: Connection,
  group: Group,
  sources: ReadonlyArray<string>
) {
  const found = yield* connection.read(
    `UNWIND $asked AS row
     RETURN EXISTS { (:DeadLetter {id: row.id}) } AS hasLetter ORDER BY row.index`,
    { asked: sources.map((source, index) => ({ index: whole(index), id: letterId(group, source, ofSource) })) }
  )
  return yield* decode(connection, () => found.map((row) => boolean(row, "hasLetter")))
})

export const deadLetters = Effect.fnUntraced(function* (connection: Connection, group: Group) {
  const found = yield* connection.read(
    "MATCH (l:DeadLetter {group: $group}) RETURN l.letter AS letter ORDER BY l.source, l.ordinal",
    { group }
  )
  return yield* decode(connection, () => found.map((row) => decodeLetter(text(row, "letter"))))
})

/** The server's order of strings, and SQLite's: by code point. */
const inOrder = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** Names that one statement gives. */
const pageSize = 1000

/** By keys, so that what is removed meanwhile is in nobody's way. The sources that only have a dead letter are few. */
export const sources = (
  connection: Connection,
  group: Group,
  prefix = ""
): Stream.Stream<KnownSource, StorageError> => {
  const page = Effect.fnUntraced(function* (after: string | undefined) {
    const found = yield* connection.read(
      `MATCH (s:Source {group: $group})
       WHERE s.head STARTS WITH $head AND s.head >= $afterHead AND s.uri STARTS WITH $prefix
         AND ($after IS NULL OR s.head > $afterHead OR s.uri > $after)
       MATCH (s)-[:IS]->(d:Document)
       WITH s, d ORDER BY s.group, s.head, s.uri LIMIT ${pageSize}
       RETURN s.uri AS source, d.id AS document`,
      { group, prefix, head: headOf(prefix), after: after ?? null, afterHead: headOf(after ?? "") }
    )
    return yield* decode(connection, () =>
      found.map((row): KnownSource => ({ source: text(row, "source"), document: text<DocumentId>(row, "document") }))
    )
  })
  const failed = connection.read(
    `MATCH (l:DeadLetter {group: $group})
     WHERE l.head STARTS WITH $head AND l.source STARTS WITH $prefix AND NOT EXISTS { (:Source {id: l.sourceId}) }
     RETURN collect(DISTINCT l.source) AS sources`,
    { group, prefix, head: headOf(prefix) }
  )
  return Stream.unwrap(
    Effect.map(failed, ([row]) => {
      const letters = row === undefined ? [] : texts(row, "sources").toSorted(inOrder)
      const rest = (given: number) => letters.slice(given).map((source): KnownSource => ({ source }))
      const known = Stream.paginate<string | undefined, KnownSource, StorageError>(undefined, (after) =>
        Effect.map(page(after), (rows) => [
          rows,
          rows.length < pageSize ? Option.none() : Option.fromUndefinedOr(rows.at(-1)?.source)
        ])
      )
      return known.pipe(
        Stream.mapAccum(
          () => 0,
          (given, next): readonly [number, ReadonlyArray<KnownSource>] => {
            let end = given
            while (end < letters.length && inOrder(letters[end] ?? "", next.source) < 0) end++
            return [end, [...rest(given).slice(0, end - given), next]]
          },
          { onHalt: rest }
        )
      )
    })
  )
}

export const hasMembers = Effect.fnUntraced(function* (
  connection: Connection,
  group: Group,
  asked: ReadonlyArray<string>
) {
  const found = yield* connection.read(
    `UNWIND $asked AS row
     RETURN EXISTS { MATCH (s:Source {group: $group}) WHERE s.head STARTS WITH row.head AND s.uri STARTS WITH row.prefix }
       OR EXISTS {
         MATCH (l:DeadLetter {group: $group})
         WHERE l.head STARTS WITH row.head AND l.source STARTS WITH row.prefix AND l.source <> row.prefix
       } AS hasMembers
     ORDER BY row.index`,
    {
      group,
      asked: asked.map((source, index) => ({
        index: whole(index),
        prefix: `${source}#`,
        head: headOf(`${source}#`)
      }))
    }
  )
  return yield* decode(connection, () => found.map((row) => boolean(row, "hasMembers")))
})
