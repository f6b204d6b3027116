import { Context, Deferred, Effect, Layer, Scope } from "effect"

/**
 * The right to send one call. All calls to one endpoint and model share a `pool` of limits.
 */
export interface Ticket {
  readonly pool: string
  readonly priority: "interactive" | "normal" | "bulk"
  /** A call that was sent before and is to be sent again goes before all others: its items have waited longest. */
  readonly again: boolean
}

interface Waiting {
  readonly ticket: Ticket
  readonly admitted: Deferred.Deferred<void>
}

interface Pool {
  inFlight: number
  /** Milliseconds since the epoch until which nothing is admitted. */
  frozenUntil: number
  /** Whether somebody waits for the end of the freeze. */
  isThawing: boolean
  isAdmitting: boolean
  readonly waiting: Array<Waiting>
}

/**
 * Admission: every model and embedding call of the process passes here, and nothing else limits them. In this form a
 * pool has a ceiling on what is in flight, and can be frozen for as long as the provider asks.
 */
export class Gate extends Context.Service<
  Gate,
  {
    /** Waits for its turn, then runs the call, and counts it as in flight until it ends, however it ends. */
    readonly admit: <A, E, R>(ticket: Ticket, call: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
    /** Admits nothing to the pool for so many milliseconds. */
    readonly freeze: (pool: string, millis: number) => Effect.Effect<void>
    /** The most that a pool ever has in flight: look-ahead windows are made from it. */
    readonly ceiling: number
    readonly inFlight: Effect.Effect<number>
  }
>()("sluice/services/Gate") {}

const rank = { interactive: 0, normal: 1, bulk: 2 } as const

const before = (a: Ticket, b: Ticket): boolean =>
  rank[a.priority] === rank[b.priority] ? a.again && !b.again : rank[a.priority] < rank[b.priority]

const make = Effect.fnUntraced(function* (options: { readonly ceiling: number }) {
  const scope = yield* Scope.Scope
  const pools = new Map<string, Pool>()
  const poolOf = (name: string): Pool => {
    const known = pools.get(name)
    if (known !== undefined) return known
    const made = { inFlight: 0, frozenUntil: 0, isThawing: false, isAdmitting: false, waiting: [] }
    pools.set(name, made)
    return made
  }

  /**
   * Whoever is admitted runs on at once, inside this loop, and may leave again before it ends. Leaving then only frees the
   * slot, which the loop sees: admitting from there would nest as deep as callers wait, and end the stack.
   */
  const admitWaiting = (pool: Pool) =>
    Effect.clockWith((clock) =>
      Effect.sync(() => {
        if (pool.isAdmitting) return
        pool.isAdmitting = true
        while (pool.inFlight < options.ceiling && clock.currentTimeMillisUnsafe() >= pool.frozenUntil) {
          const next = pool.waiting.shift()
          if (next === undefined) break
          pool.inFlight++
          Deferred.doneUnsafe(next.admitted, Effect.void)
        }
        pool.isAdmitting = false
      })
    )

  const leave = (pool: Pool) =>
    Effect.suspend(() => {
      pool.inFlight--
      return admitWaiting(pool)
    })

  /** Timers may ring a little early: whoever wakes before the end of the freeze sleeps on, or nobody would admit the waiting. */
  const thaw = (pool: Pool): Effect.Effect<void> =>
    Effect.clockWith((clock) => {
      const left = pool.frozenUntil - clock.currentTimeMillisUnsafe()
      if (left > 0) return Effect.andThen(Effect.sleep(Math.ceil(left)), thaw(pool))
      pool.isThawing = false
      return admitWaiting(pool)
    })

  /** Its caller is uninterruptible but for the wait itself: an interruption anywhere else would leave a slot taken. */
  const enter = (
    pool: Pool,
    ticket: Ticket,
    restore: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  ) =>
    Effect.suspend(() => {
      const waiting: Waiting = { ticket, admitted: Deferred.makeUnsafe() }
      const at = pool.waiting.findIndex((other) => before(ticket, other.ticket))
      if (at === -1) pool.waiting.push(waiting)
      else pool.waiting.splice(at, 0, waiting)
      return admitWaiting(pool).pipe(
        Effect.andThen(restore(Deferred.await(waiting.admitted))),
        Effect.onInterrupt(() => {
          const place = pool.waiting.indexOf(waiting)
          if (place === -1) return leave(pool)
          pool.waiting.splice(place, 1)
          return Effect.void
        })
      )
    })

  return Gate.of({
    ceiling: options.ceiling,
    inFlight: Effect.sync(() => [...pools.values()].reduce((sum, pool) => sum + pool.inFlight, 0)),
    admit: (ticket, call) =>
      Effect.uninterruptibleMask((restore) => {
        const pool = poolOf(ticket.pool)
        return enter(pool, ticket, restore).pipe(Effect.andThen(restore(call).pipe(Effect.ensuring(leave(pool)))))
      }),
    freeze: Effect.fn("Gate.freeze")(function* (name, millis) {
      const pool = poolOf(name)
      const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      if (now + millis <= pool.frozenUntil) return
      pool.frozenUntil = now + millis
      if (pool.isThawing) return
      pool.isThawing = true
      yield* Effect.forkIn(thaw(pool), scope)
    })
  })
})

/** `ceiling`: calls in flight, per pool. */
export const layer = (options: { readonly ceiling: number }): Layer.Layer<Gate> => Layer.effect(Gate, make(options))
