import { Duration, Effect, Option, Random, Stream } from "effect"
import type { Scope } from "effect"
import type { ManagedTransaction } from "neo4j-driver"
import * as Monotonic from "../../services/Monotonic.ts"
import type { StorageError } from "../../services/StorageError.ts"
import { codeOf, isThereAlready, locationOf, silenceOf, storageError, troubleOf } from "./Fault.ts"
import type { Address } from "./Fault.ts"
import * as Sessions from "./Sessions.ts"

export type Options = Sessions.Options

export type Row = Readonly<Record<string, unknown>>
export type Parameters = Readonly<Record<string, unknown>>

/** One driver, and transactions that outlive restarts of the server and quarrels with other writers. */
export interface Connection {
  readonly address: Address
  /** In one transaction, which may be made more than once: `work` must not keep what it did before. */
  readonly write: <A>(work: (run: RunStatement) => Promise<A>) => Effect.Effect<A, StorageError>
  /** Rows of one statement. */
  readonly read: (statement: string, parameters?: Parameters) => Effect.Effect<ReadonlyArray<Row>, StorageError>
  /** Rows as they come, some at once, in constant memory. */
  readonly stream: (statement: string, parameters?: Parameters) => Stream.Stream<ReadonlyArray<Row>, StorageError>
  /** A statement that wants a transaction of its own, as those that change the schema do; what is there already is made. */
  readonly alone: (statement: string, parameters?: Parameters) => Effect.Effect<void, StorageError>
}

/** Sends a statement and does not wait for those before it: the server takes them in turn. */
export interface RunStatement {
  (statement: string, parameters?: Parameters): Promise<Answer>
}

export interface Answer {
  readonly rows: ReadonlyArray<Row>
  readonly nodesCreated: number
  readonly relationshipsCreated: number
}

const defaultPatience = Duration.minutes(2)
/**
 * Milliseconds that a transaction may take, for the server: so it lets go of what a writer has locked that it hears no more
 * of, as when the network between them broke.
 */
const longest = 300_000
/** How often a server that is away is asked. */
const asking = Duration.seconds(1)
/** Waits after conflicts: doubled from the first to the last, each by chance between half and one and a half times that. */
const conflictWaits = { first: 50, last: 2000, tries: 20 }

const runIn =
  (tx: ManagedTransaction): RunStatement =>
  async (statement, parameters = {}) => {
    const { records, summary } = await tx.run(statement, parameters)
    const { nodesCreated, relationshipsCreated } = summary.counters.updates()
    return { rows: records.map((record) => record.toObject()), nodesCreated, relationshipsCreated }
  }

/** Rows of a page: a step of the stream for each row would cost more than the row. */
const pageSize = 500

const pages = async function* (records: AsyncIterable<{ readonly toObject: () => Row }>) {
  let page: Array<Row> = []
  for await (const record of records) {
    page.push(record.toObject())
    if (page.length < pageSize) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}

/** Opens nothing yet: the first statement does. */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Connection, StorageError, Scope.Scope> {
  const sessions = yield* Sessions.make(options)
  const patience = Duration.toMillis(options.patience ?? defaultPatience)

  // Since when nobody answers, of all statements together: once that was too long, none waits any more.
  let away: number | undefined
  let hasAnswered = false
  const back = Effect.suspend(() => {
    hasAnswered = true
    if (away === undefined) return Effect.void
    away = undefined
    return Effect.logInfo(`Neo4j at ${locationOf(options)} answers again.`)
  })

  /** Waits for a server that is away, and tries again what another writer came in between. */
  const persistent = Effect.fnUntraced(function* <A>(attempt: Effect.Effect<A, Sessions.Failed>) {
    for (let conflicts = 0; ;) {
      const tried = yield* Effect.result(attempt)
      if (tried._tag === "Success") {
        yield* back
        return tried.success
      }
      const { error, trouble } = tried.failure
      if (trouble !== "outage") yield* back
      if (trouble === "fatal" || (trouble === "conflict" && ++conflicts >= conflictWaits.tries)) {
        return yield* storageError(options, error)
      }
      if (trouble === "conflict") {
        const wait = Math.min(conflictWaits.last, conflictWaits.first * 2 ** (conflicts - 1))
        yield* Effect.logDebug("Another writer came in between: once more", { tries: conflicts, code: codeOf(error) })
        yield* Effect.sleep(Duration.millis(wait * (0.5 + (yield* Random.next))))
        continue
      }
      const now = yield* Monotonic.millis
      if (away === undefined) {
        away = now
        if (patience > 0) {
          yield* Effect.logWarning(
            `${silenceOf(options, error, hasAnswered)}: waiting for it, ${Math.round(patience / 1000)} seconds at most.`
          )
        }
      }
      if (now - away >= patience) return yield* storageError(options, error, hasAnswered)
      yield* Effect.sleep(asking)
    }
  })

  return {
    address: options,
    write: (work) =>
      persistent(
        sessions.use("WRITE", (session) => session.executeWrite((tx) => work(runIn(tx)), { timeout: longest }))
      ),
    read: (statement, parameters = {}) =>
      persistent(
        sessions.use("READ", async (session) => {
          const { records } = await session.executeRead((tx) => tx.run(statement, parameters))
          return records.map((record): Row => record.toObject())
        })
      ),
    stream: (statement, parameters = {}) =>
      Stream.unwrap(
        Effect.map(sessions.open("READ"), ({ session, watched }) => {
          const all = pages(session.run(statement, parameters))
          const next = watched(
            Effect.tryPromise({
              try: () => all.next(),
              catch: (error): Sessions.Failed => ({ error, trouble: troubleOf(error) })
            })
          )
          return Stream.paginate(undefined, () =>
            next.pipe(
              Effect.map((page) =>
                page.done === true ? ([[], Option.none()] as const) : ([[page.value], Option.some(undefined)] as const)
              ),
              Effect.mapError(({ error }) => storageError(options, error))
            )
          )
        })
      ),
    alone: (statement, parameters = {}) =>
      persistent(
        sessions.use("WRITE", async (session) => {
          try {
            await session.run(statement, parameters)
          } catch (error) {
            if (!isThereAlready(error)) throw error
          }
        })
      )
  }
})
