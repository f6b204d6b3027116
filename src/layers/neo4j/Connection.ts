import { Duration, Effect, Random, Redacted, Stream } from "effect"
import type { Scope } from "effect"
import { auth, driver as open, notificationFilterMinimumSeverityLevel } from "neo4j-driver"
import type { ManagedTransaction, Session } from "neo4j-driver"
import * as Monotonic from "../../services/Monotonic.ts"
import type { StorageError } from "../../services/StorageError.ts"
import { codeOf, isThereAlready, locationOf, storageError, troubleOf } from "./Fault.ts"
import type { Address, Trouble } from "./Fault.ts"

export interface Options extends Address {
  /** Absent: of a server that asks nobody who they are. */
  readonly password?: Redacted.Redacted
  /** Transactions at the very most; the pool has a connection for each, and some for readers. 8 if absent. */
  readonly writers?: number
  /** How long a server that does not answer is waited for; 2 minutes if absent. */
  readonly patience?: Duration.Duration
  /** What the server's logs call this program. */
  readonly userAgent?: string
}

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

export const defaultWriters = 8
/** Connections beside those of the writers: look-ups, exports, the schema. */
const readers = 4
const defaultPatience = Duration.minutes(2)
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
  const { database, username } = options
  const writers = options.writers ?? defaultWriters
  const patience = Duration.toMillis(options.patience ?? defaultPatience)
  // An empty password is refused as a wrong one is, and a server without authentication takes any.
  const credentials = auth.basic(username, options.password === undefined ? "" : Redacted.value(options.password))
  const driver = yield* Effect.acquireRelease(
    Effect.try({
      try: () =>
        open(options.uri, credentials, {
          maxConnectionPoolSize: writers + readers,
          connectionTimeout: 10_000,
          connectionAcquisitionTimeout: 60_000,
          // Retried here, where waits can be interrupted and told of.
          maxTransactionRetryTime: 0,
          disableLosslessIntegers: true,
          telemetryDisabled: true,
          notificationFilter: { minimumSeverityLevel: notificationFilterMinimumSeverityLevel.OFF },
          ...(options.userAgent === undefined ? {} : { userAgent: options.userAgent })
        }),
      catch: (error) => storageError(options, error)
    }),
    (opened) => Effect.ignore(Effect.tryPromise(() => opened.close()))
  )
  const bookmarkManager = driver.executeQueryBookmarkManager

  const inSession = <A>(mode: "READ" | "WRITE", use: (session: Session) => Promise<A>) =>
    Effect.acquireUseRelease(
      Effect.sync(() =>
        driver.session({ defaultAccessMode: mode, bookmarkManager, ...(database === undefined ? {} : { database }) })
      ),
      (session) =>
        Effect.tryPromise({
          try: () => use(session),
          catch: (error): Failed => ({ error, trouble: troubleOf(error) })
        }),
      (session) => Effect.ignore(Effect.tryPromise(() => session.close()))
    )

  // Since when nobody answers, of all statements together: once that was too long, none waits any more.
  let away: number | undefined
  const back = Effect.suspend(() => {
    if (away === undefined) return Effect.void
    away = undefined
    return Effect.logInfo(`Neo4j at ${locationOf(options)} answers again.`)
  })

  /** Waits for a server that is away, and tries again what another writer came in between. */
  const persistent = Effect.fnUntraced(function* <A>(attempt: Effect.Effect<A, Failed>) {
    for (let conflicts = 0; ;) {
      const tried = yield* Effect.result(attempt)
      if (tried._tag === "Success") {
        yield* back
        return tried.success
      }
      const { error, trouble } = tried.failure
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
            `Neo4j at ${locationOf(options)} does not answer: waiting for it, ${Math.round(patience / 1000)} seconds at most.`
          )
        }
      }
      if (now - away >= patience) return yield* storageError(options, error)
      yield* Effect.sleep(asking)
    }
  })

  return {
    address: options,
    write: (work) => persistent(inSession("WRITE", (session) => session.executeWrite((tx) => work(runIn(tx))))),
    read: (statement, parameters = {}) =>
      persistent(
        inSession("READ", async (session) => {
          const { records } = await session.executeRead((tx) => tx.run(statement, parameters))
          return records.map((record): Row => record.toObject())
        })
      ),
    stream: (statement, parameters = {}) =>
      Stream.unwrap(
        Effect.gen(function* () {
          const session = yield* Effect.acquireRelease(
            Effect.sync(() =>
              driver.session({
                defaultAccessMode: "READ",
                bookmarkManager,
                ...(database === undefined ? {} : { database })
              })
            ),
            (opened) => Effect.ignore(Effect.tryPromise(() => opened.close()))
          )
          return Stream.fromAsyncIterable(pages(session.run(statement, parameters)), (error) =>
            storageError(options, error)
          )
        })
      ),
    alone: (statement, parameters = {}) =>
      persistent(
        inSession("WRITE", async (session) => {
          try {
            await session.run(statement, parameters)
          } catch (error) {
            if (!isThereAlready(error)) throw error
          }
        })
      )
  }
})

interface Failed {
  readonly error: unknown
  readonly trouble: Trouble
}
