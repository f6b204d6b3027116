import { Context, Effect, Layer, Semaphore } from "effect"
import type { GraphCounts } from "../domain/Graph.ts"
import type { Group, Recipe, RunId } from "../domain/Ids.ts"
import { GraphStore } from "../services/GraphStore.ts"
import type { SearchQuery, Write } from "../services/GraphStore.ts"
import { Ledger } from "../services/Ledger.ts"
import type { RunEntry } from "../services/Ledger.ts"
import type { StorageError } from "../services/StorageError.ts"
import * as Connection from "./neo4j/Connection.ts"
import { groups, stored } from "./neo4j/Documents.ts"
import { failure, locationOf } from "./neo4j/Fault.ts"
import { relationshipOf } from "./neo4j/Identifiers.ts"
import * as ledger from "./neo4j/Ledger.ts"
import { counts, hash, records } from "./neo4j/Records.ts"
import { forgetGroup, removal } from "./neo4j/Removals.ts"
import { rehearse } from "./neo4j/Rehearsal.ts"
import * as Schema from "./neo4j/Schema.ts"
import { search } from "./neo4j/Search.ts"
import * as Server from "./neo4j/Server.ts"
import { defaultWriters } from "./neo4j/Sessions.ts"
import { exportRows, overview, rename, renameAll } from "./neo4j/Views.ts"
import { commit } from "./neo4j/Writer.ts"

export type Options = Connection.Options

/** Graph and ledger in Neo4j 5.26 or newer, community edition and no plugins; makes the indexes that are missing. */
export const layer = (options: Options): Layer.Layer<GraphStore | Ledger, StorageError> =>
  Layer.effectContext(Effect.flatMap(Connection.make(options), (connection) => services(options, connection, false)))

/** For reading commands: a database without a graph is an error, and writing is one too. */
export const layerReadOnly = (options: Options): Layer.Layer<GraphStore | Ledger, StorageError> =>
  Layer.effectContext(Effect.flatMap(Connection.make(options), (connection) => services(options, connection, true)))

/** What a server is, and what it has of ours. */
export interface Inspection {
  /** Name, version and edition. */
  readonly server: string
  readonly location: string
  /** Nobody may write to it, as the server was told. */
  readonly isReadOnly: boolean
  /** Parts of the schema that are not there, with the statements that make them; all of them before the first run. */
  readonly missing: ReadonlyArray<string>
  readonly statements: ReadonlyArray<string>
  /** Absent: nothing was written to this database yet. */
  readonly counts?: GraphCounts
}

/** Changes nothing. */
export const inspect = (options: Options, group: Group): Effect.Effect<Inspection, StorageError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* Connection.make(options)
      const server = yield* Server.check(connection)
      const found = yield* Schema.state(connection)
      yield* Schema.check(connection, found)
      const inspection: Inspection = {
        server,
        isReadOnly: yield* Server.isReadOnly(connection),
        location: locationOf(options),
        missing: found.missing,
        statements: found.statements,
        ...(found.version === 0 ? {} : { counts: yield* counts(connection, group) })
      }
      return inspection
    })
  )

/**
 * Over a copy that a dry run writes to: what is known already is read from the server, and nothing is written there.
 * Copies of documents that are on the server alone are left out of what is written.
 */
export const layerDryRun = (options: Options): Layer.Layer<GraphStore | Ledger, StorageError, GraphStore | Ledger> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const copy = { store: yield* GraphStore, ledger: yield* Ledger }
      const connection = yield* Connection.make(options)
      yield* Server.check(connection)
      const found = yield* Schema.state(connection)
      yield* Schema.check(connection, found)
      if (found.version === 0) return Context.make(GraphStore, copy.store).pipe(Context.add(Ledger, copy.ledger))
      const written = new Set<string>()
      return Context.make(GraphStore, {
        ...copy.store,
        commit: (group, run, writes) => {
          for (const write of writes) if (write._tag === "document") written.add(write.resolved.document.id)
          const known = writes.filter((write) => write._tag !== "source" || written.has(write.document))
          return copy.store.commit(group, run, known)
        }
      }).pipe(Context.add(Ledger, { ...copy.ledger, ...reads(connection) }))
    })
  )

/** For a dry run of `forget`: what is taken out is out for whoever asks this layer, and nothing is written. */
export const layerRehearsal = (options: Options): Layer.Layer<GraphStore | Ledger, StorageError> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const connection = yield* Connection.make(options)
      const context = yield* services(options, connection, true)
      return Context.add(context, GraphStore, rehearse(connection, Context.get(context, GraphStore)))
    })
  )

/** What a ledger reads. */
const reads = (connection: Connection.Connection) =>
  ({
    runs: Effect.fn("Ledger.runs")((group: Group, limit?: number) => ledger.runs(connection, group, limit)),
    documents: Effect.fn("Ledger.documents")((group: Group, asked: ReadonlyArray<ledger.Asked>) =>
      ledger.documents(connection, group, asked)
    ),
    outdated: Effect.fn("Ledger.outdated")((group: Group, recipe: Recipe) =>
      ledger.outdated(connection, group, recipe)
    ),
    hasLetters: Effect.fn("Ledger.hasLetters")((group: Group, sources: ReadonlyArray<string>) =>
      ledger.hasLetters(connection, group, sources)
    ),
    sources: (group: Group, prefix?: string) => ledger.sources(connection, group, prefix),
    hasMembers: Effect.fn("Ledger.hasMembers")((group: Group, sources: ReadonlyArray<string>) =>
      ledger.hasMembers(connection, group, sources)
    ),
    deadLetters: Effect.fn("Ledger.deadLetters")((group: Group) => ledger.deadLetters(connection, group))
  }) satisfies Partial<Ledger["Service"]>

const services = Effect.fnUntraced(function* (
  options: Options,
  connection: Connection.Connection,
  isReadOnly: boolean
): Effect.fn.Return<Context.Context<GraphStore | Ledger>, StorageError> {
  const location = locationOf(options)
  yield* Server.check(connection)
  if (isReadOnly) {
    const found = yield* Schema.state(connection)
    yield* Schema.check(connection, found)
    if (found.version === 0) {
      return yield* failure(
        "absent",
        `There is no graph at ${location} yet: make one with \`sluice ingest PATH\`, or give another --store.`
      )
    }
  } else yield* Schema.ensure(connection)

  const barred = failure("readonly", `The graph at ${location} was opened for reading alone.`)

  /** Of the relations that were written. */
  const types = new Set<string>()
  /** Of embeddings that there are indexes for. */
  const lengths = new Set<number>()
  let hasRemoved = false
  let isSearchable = false
  const oneAtATime = yield* Semaphore.make(1)
  const withVectors = (dimensions: number) =>
    Effect.suspend(() =>
      lengths.has(dimensions)
        ? Effect.void
        : Effect.tap(Schema.ensureVectors(connection, [dimensions]), () => Effect.sync(() => lengths.add(dimensions)))
    ).pipe((ensured) => Semaphore.withPermit(oneAtATime, ensured))

  const putRun = (run: RunEntry) => (isReadOnly ? Effect.fail(barred) : ledger.putRun(connection, run))

  return Context.make(GraphStore, {
    commit: Effect.fn("GraphStore.commit")(function* (group: Group, run: RunId, writes: ReadonlyArray<Write>) {
      yield* Effect.annotateCurrentSpan({ group, writes: writes.length })
      if (isReadOnly) return yield* barred
      if (writes.length === 0) return
      for (const write of writes) {
        for (const { vector } of write._tag === "document" ? write.embeddings : []) {
          if (!lengths.has(vector.length)) yield* withVectors(vector.length)
        }
      }
      yield* connection.write((send) => commit(send, group, run, writes))
      for (const write of writes) {
        if (write._tag !== "document") continue
        for (const { type } of write.resolved.graph.relations) types.add(relationshipOf(type))
      }
      if (writes.some(({ _tag }) => _tag === "removed" || _tag === "forgotten")) hasRemoved = true
    }),
    writers: options.writers ?? defaultWriters,
    removal: Effect.fn("GraphStore.removal")((group, writes) => removal(connection, group, writes)),
    forgetGroup: Effect.fn("GraphStore.forgetGroup")(function* (group: Group) {
      if (isReadOnly) return yield* barred
      yield* forgetGroup(connection, group)
      hasRemoved = true
    }),
    purge: Effect.gen(function* () {
      if (!isReadOnly) yield* renameAll(connection)
      if (!hasRemoved) return false
      hasRemoved = false
      yield* Effect.logInfo(
        `What was taken out is no longer in the graph at ${location}, but Neo4j may keep it in its own files until it uses the room again, and in its transaction logs for as long as db.tx_log.rotation.retention_policy says.`
      )
      return false
    }),
    groups: Effect.suspend(() => groups(connection)),
    stored: (group) => stored(connection, group),
    counts: Effect.fn("GraphStore.counts")((group: Group) => counts(connection, group)),
    hash: Effect.fn("GraphStore.hash")((group: Group) => hash(connection, group, isReadOnly)),
    records: (group) => records(connection, group),
    exportRows: (group, kinds) => exportRows(connection, group, kinds),
    overview: (group, limits) => overview(connection, group, limits),
    search: Effect.fn("GraphStore.search")(function* (group: Group, query: SearchQuery) {
      if (!isSearchable) yield* Schema.checkSearchable(connection)
      isSearchable = true
      return yield* search(connection, group, query)
    }),
    location
  }).pipe(
    Context.add(Ledger, {
      startRun: Effect.fn("Ledger.startRun")(putRun),
      finishRun: Effect.fn("Ledger.finishRun")((run: RunEntry) =>
        Effect.andThen(
          putRun(run),
          Effect.andThen(rename(connection, run.group), Schema.ensureRelations(connection, types))
        )
      ),
      ...reads(connection)
    })
  )
})
