import { Deferred, Duration, Effect, Redacted, Semaphore } from "effect"
import type { Scope } from "effect"
import { auth, bookmarkManager, driver as open, notificationFilterMinimumSeverityLevel } from "neo4j-driver"
import type { Driver, Session, SessionMode } from "neo4j-driver"
import type { StorageError } from "../../services/StorageError.ts"
import { Silence, storageError, troubleOf } from "./Fault.ts"
import type { Address, Trouble } from "./Fault.ts"

export interface Options extends Address {
  /** Transactions at the very most; the pool has a connection for each, and some for readers. 8 if absent. */
  readonly writers?: number
  /** How long a server that does not answer is waited for; 2 minutes if absent. */
  readonly patience?: Duration.Duration
  /** How long a statement may go unanswered until the server is asked whether it is still there; 10 seconds if absent. */
  readonly silence?: Duration.Duration
  /** What the server's logs call this program. */
  readonly userAgent?: string
}

export interface Failed {
  readonly error: unknown
  readonly trouble: Trouble
}

export interface Sessions {
  /** What fails is given as it was thrown. Interrupted, the transaction is rolled back. */
  readonly use: <A>(mode: SessionMode, work: (session: Session) => Promise<A>) => Effect.Effect<A, Failed>
  readonly open: (mode: SessionMode) => Effect.Effect<Opened, never, Scope.Scope>
}

export interface Opened {
  readonly session: Session
  /** What the session is asked for; an outage where the server falls silent. */
  readonly watched: <A>(working: Effect.Effect<A, Failed>) => Effect.Effect<A, Failed>
}

export const defaultWriters = 8
/** Connections beside those of the writers: look-ups, exports, the schema. */
const readers = 4
const defaultSilence = Duration.seconds(10)
/** What is put in order with a server that may not answer: nobody waits longer for it. */
const parting = Duration.seconds(2)

/** A driver, until its server has fallen silent. */
interface Generation {
  readonly driver: Driver
  readonly gone: Deferred.Deferred<never, Failed>
}

const closed = (driver: { readonly close: () => Promise<void> }) =>
  Effect.ignore(
    Effect.timeoutOption(
      Effect.tryPromise(() => driver.close()),
      parting
    )
  )

/**
 * Sessions of one driver. A server that takes connections and answers nothing, as one that is stopped or behind a broken
 * network, is noticed: where something goes unanswered for long, it is asked over a connection of its own. If it has no
 * answer to that either, all that is under way fails as an outage, and later sessions begin with new connections, while a
 * server that is merely slow is left to its work.
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Sessions, StorageError, Scope.Scope> {
  const { database, username } = options
  const silence = options.silence ?? defaultSilence
  // An empty password is refused as a wrong one is, and a server without authentication takes any.
  const credentials = auth.basic(username, options.password === undefined ? "" : Redacted.value(options.password))
  const driverOf = (connections: number): Driver =>
    open(options.uri, credentials, {
      maxConnectionPoolSize: connections,
      connectionTimeout: 10_000,
      connectionAcquisitionTimeout: 60_000,
      // Retried by whoever is asking, where waits can be interrupted and told of.
      maxTransactionRetryTime: 0,
      disableLosslessIntegers: true,
      telemetryDisabled: true,
      notificationFilter: { minimumSeverityLevel: notificationFilterMinimumSeverityLevel.OFF },
      ...(options.userAgent === undefined ? {} : { userAgent: options.userAgent })
    })
  const generation = (): Generation => ({
    driver: driverOf((options.writers ?? defaultWriters) + readers),
    gone: Deferred.makeUnsafe()
  })

  let current = yield* Effect.try({ try: generation, catch: (error) => storageError(options, error) })
  yield* Effect.addFinalizer(() => closed(current.driver))
  // What one driver has written, the next one sees too.
  const bookmarks = bookmarkManager()
  const sessionOf = (driver: Driver, mode: SessionMode): Session =>
    driver.session({
      defaultAccessMode: mode,
      bookmarkManager: bookmarks,
      ...(database === undefined ? {} : { database })
    })

  /** Whether the server says anything at all. */
  const isThere = Effect.acquireUseRelease(
    Effect.sync(() => driverOf(1)),
    (driver) =>
      Effect.tryPromise({ try: () => driver.getServerInfo(), catch: troubleOf }).pipe(
        Effect.match({ onSuccess: () => true, onFailure: (trouble) => trouble !== "outage" }),
        Effect.timeoutOrElse({ duration: silence, orElse: () => Effect.succeed(false) })
      ),
    closed
  )

  const oneAtATime = yield* Semaphore.make(1)
  const ask = (asked: Generation) =>
    Effect.gen(function* () {
      if (asked !== current || (yield* isThere)) return
      current = generation()
      // In this order: what is under way would take the closing for an error of another kind.
      yield* Effect.uninterruptible(
        Effect.andThen(Deferred.fail(asked.gone, { error: new Silence(), trouble: "outage" }), closed(asked.driver))
      )
    }).pipe((asking) => Semaphore.withPermit(oneAtATime, asking))

  const watchedOn =
    (used: Generation): Opened["watched"] =>
    (working) => {
      const watching = Effect.forever(Effect.andThen(Effect.sleep(silence), ask(used)))
      return Effect.raceFirst(working, Effect.raceFirst(Deferred.await(used.gone), watching))
    }

  return {
    use: (mode, work) =>
      Effect.suspend(() => {
        const used = current
        const working = Effect.acquireUseRelease(
          Effect.sync(() => sessionOf(used.driver, mode)),
          (session) =>
            Effect.tryPromise({
              try: () => work(session),
              catch: (error): Failed => ({ error, trouble: troubleOf(error) })
            }),
          closed
        )
        return watchedOn(used)(working)
      }),
    open: (mode) =>
      Effect.suspend(() => {
        const used = current
        return Effect.map(
          Effect.acquireRelease(
            Effect.sync(() => sessionOf(used.driver, mode)),
            closed
          ),
          (session) => ({ session, watched: watchedOn(used) })
        )
      })
  }
})
