import { Cause, Context, Data, Deferred, Effect, Exit, Layer, Option, Scope } from "effect"
import type { Fiber } from "effect"
import { millisOf } from "./Monotonic.ts"
import type { Demand } from "./gate/Charge.ts"
import { warningOf } from "./gate/Explain.ts"
import type { Learned } from "./gate/Learned.ts"
import type { Priority } from "./gate/Order.ts"
import { Pool } from "./gate/Pool.ts"
import type { Admission, Feedback, Waiter } from "./gate/Pool.ts"
import type { PoolState } from "./gate/State.ts"

export type { Demand } from "./gate/Charge.ts"
export type { Feedback } from "./gate/Pool.ts"
export type { LimitState, PoolState } from "./gate/State.ts"

/**
 * The right to send one call. All calls to one endpoint and model share a `pool` of limits.
 */
export interface Ticket {
  readonly pool: string
  readonly priority: Priority
  /** A call that was sent before and is to be sent again goes before all others: its items have waited longest. */
  readonly again: boolean
  /** Groups of one priority take turns. */
  readonly group?: string
  /** Of what waits, the calls that will take longest go first. */
  readonly expectedOutput?: number
  /**
   * What the call would ask for if it were sent now: asked whenever it is next, and for the last time in the moment of
   * its admission, so that what waits by then goes together. None: there is nothing to send any more. Absent: a call
   * without tokens.
   */
  readonly demand?: () => Option.Option<Demand>
  /** Runs in the moment of admission, or of refusal because it is too large, before anybody else is asked: takes what `demand` told of. */
  readonly onTaken?: () => void
}

/** A user's own limits, a minute. Tokens count as the provider charges them. */
export interface Allowance {
  readonly requests?: number | undefined
  readonly tokens?: number | undefined
}

/** To be told what becomes of the call. */
export interface Permit {
  /** The call is on its way: now, if that is later than its admission. */
  readonly sending: Effect.Effect<void>
  /** Once, before the call's slot is free: else each call that is turned away lets another one in, to be turned away as well. */
  readonly settle: (feedback: Feedback) => Effect.Effect<void>
}

/**
 * `nothing`: by the time of its admission there was nothing to send. `tooLarge`: it is larger than a limit, and would never
 * pass; `notAllowed`: than one that the user has set.
 */
export class NotAdmitted extends Data.TaggedError("NotAdmitted")<{
  readonly reason: "nothing" | "tooLarge" | "notAllowed"
  readonly message: string
}> {}

/**
 * Admission: every model and embedding call of the process passes here, and nothing else limits them. A call is admitted
 * when the requests, the tokens and the slot that it needs are there, all at once; what the provider's limits are is
 * learned from its answers. A defect in its own books, or thrown by a ticket, ends the pool: whoever waits for it, or comes
 * later, dies of it, and only calls that are on their way go on, since they are paid for.
 */
export class Gate extends Context.Service<
  Gate,
  {
    /** Waits for its turn, then runs the call, and counts it as in flight until it ends, however it ends. */
    readonly admit: <A, E, R>(
      ticket: Ticket,
      call: (permit: Permit) => Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E | NotAdmitted, R>
    /** Admits nothing to the pool for so many milliseconds. */
    readonly freeze: (pool: string, millis: number) => Effect.Effect<void>
    /** What may be sent to the pool in any minute at most, whatever the provider allows: the lower of both holds. */
    readonly allow: (pool: string, allowance: Allowance) => Effect.Effect<void>
    /** What is known of each pool that has answered, for the next process. */
    readonly learned: Effect.Effect<ReadonlyMap<string, Learned>>
    /**
     * Before the pool's first call: what an earlier process learned of it, `age` milliseconds ago. It is where to begin;
     * the first call still goes alone, and what its answer says of limits holds at once.
     */
    readonly restore: (pool: string, learned: Learned, age: number) => Effect.Effect<void>
    /** The most that a pool ever has in flight: look-ahead windows are made from it. */
    readonly ceiling: number
    readonly inFlight: Effect.Effect<number>
    /** What is known of each pool's limits, and what it waits for. */
    readonly state: Effect.Effect<ReadonlyMap<string, PoolState>>
  }
>()("sluice/services/Gate") {}

interface Waiting extends Waiter {
  readonly onTaken: (() => void) | undefined
  readonly admitted: Deferred.Deferred<Admission, NotAdmitted>
  /** Set in the moment of admission: an interruption may come between that and the fiber's next step. */
  admission: Admission | undefined
}

interface Shell {
  readonly name: string
  readonly pool: Pool<Waiting>
  /** Whoever waits; the pool knows them as well, but may be what is broken. */
  readonly waiting: Set<Waiting>
  /** The defect that ended the pool: nobody can be admitted by books that are wrong. */
  broken: Cause.Cause<never> | undefined
  isAdmitting: boolean
  /** The one timer of the pool: nothing can pass before it rings. */
  timer: Timer | undefined
}

interface Timer {
  readonly until: number
  fiber: Fiber.Fiber<void> | undefined
}

export interface GateOptions {
  /** Calls in flight, per pool, at the most. */
  readonly ceiling: number
  /** False: the ceiling is the only limit, and answers teach nothing. */
  readonly adaptive?: boolean
}

const noDemand = Option.some<Demand>({ inputTokens: 0, outputCap: 0, expectedOutput: 0 })

const make = Effect.fnUntraced(function* (options: GateOptions) {
  const scope = yield* Scope.Scope
  const shells = new Map<string, Shell>()
  const shellOf = (name: string): Shell => {
    const known = shells.get(name)
    if (known !== undefined) return known
    const pool = new Pool<Waiting>({ ceiling: options.ceiling, adaptive: options.adaptive ?? true })
    const made: Shell = {
      name,
      pool,
      waiting: new Set(),
      broken: undefined,
      isAdmitting: false,
      timer: undefined
    }
    shells.set(name, made)
    return made
  }

  /**
   * Whoever is admitted runs on at once, inside this loop, and may leave again before it ends. Leaving then only frees the
   * slot, which the loop sees: admitting from there would nest as deep as callers wait, and end the stack.
   * @returns when to try again
   */
  const admitWaiting = (shell: Shell, now: () => number): number => {
    if (shell.isAdmitting) return Infinity
    shell.isAdmitting = true
    try {
      while (shell.broken === undefined) {
        const step = shell.pool.next(now())
        if (step._tag === "wait") return step.until
        const { admitted, onTaken } = step.waiter
        if (step._tag !== "nothing") onTaken?.()
        shell.waiting.delete(step.waiter)
        if (step._tag === "admit") {
          step.waiter.admission = step.admission
          Deferred.doneUnsafe(admitted, Effect.succeed(step.admission))
        } else {
          const message = step._tag === "nothing" ? "There is nothing to send" : step.message
          Deferred.doneUnsafe(admitted, Effect.fail(new NotAdmitted({ reason: step._tag, message })))
        }
      }
      return Infinity
    } finally {
      shell.isAdmitting = false
    }
  }

  /** Timers may ring a little early: whoever wakes before it is time sleeps on, or nobody would admit the waiting. */
  const ring = (shell: Shell, timer: Timer): Effect.Effect<void> =>
    Effect.clockWith((clock) => {
      const left = timer.until - millisOf(clock)
      if (left > 0) return Effect.andThen(Effect.sleep(Math.ceil(left)), ring(shell, timer))
      if (shell.timer !== timer) return Effect.void
      shell.timer = undefined
      return pump(shell)
    })

  /** Said as well as thrown: there may be nobody left to die of it. */
  const breakDown = (shell: Shell, defect: unknown): Effect.Effect<void> => {
    const broken = Cause.die(defect)
    shell.broken = broken
    const waiting = [...shell.waiting]
    shell.waiting.clear()
    for (const { admitted } of waiting) Deferred.doneUnsafe(admitted, Exit.failCause(broken))
    return Effect.logError(`Nothing more can be sent to ${shell.name}: its limits cannot be worked out`, broken)
  }

  const arm = (shell: Shell, until: number): Effect.Effect<void> => {
    if (until === Infinity || (shell.timer !== undefined && shell.timer.until <= until)) return Effect.void
    shell.timer?.fiber?.interruptUnsafe()
    const timer: Timer = { until, fiber: undefined }
    shell.timer = timer
    return Effect.map(Effect.forkIn(ring(shell, timer), scope), (fiber) => {
      timer.fiber = fiber
    })
  }

  /** Changes the books, then admits whoever can pass now. It never fails: see `breakDown`. */
  const pump = (shell: Shell, change: (now: number, wall: number) => void = () => undefined): Effect.Effect<void> =>
    Effect.clockWith((clock) => {
      if (shell.broken !== undefined) return Effect.void
      try {
        change(millisOf(clock), clock.currentTimeMillisUnsafe())
        const armed = arm(
          shell,
          admitWaiting(shell, () => millisOf(clock))
        )
        const warnings = shell.pool.takeWarnings()
        if (warnings.length === 0) return armed
        return Effect.andThen(
          armed,
          Effect.forEach(warnings, (limit) => Effect.logWarning(warningOf(shell.name, limit)), { discard: true })
        )
      } catch (defect) {
        return breakDown(shell, defect)
      }
    })

  const leave = (shell: Shell, admission: Admission) => pump(shell, (now) => shell.pool.leave(admission, now))

  /** Its caller is uninterruptible but for the wait itself: an interruption anywhere else would leave a slot taken. */
  const enter = (
    shell: Shell,
    ticket: Ticket,
    restore: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  ) =>
    Effect.suspend(() => {
      if (shell.broken !== undefined) return Effect.failCause(shell.broken)
      const { again, demand = () => noDemand, expectedOutput = 0, group = "", onTaken, priority } = ticket
      const waiting: Waiting = {
        place: { priority, again, group, expectedOutput },
        demand,
        onTaken,
        admitted: Deferred.makeUnsafe(),
        admission: undefined
      }
      shell.waiting.add(waiting)
      return pump(shell, (now) => shell.pool.enqueue(waiting, now)).pipe(
        Effect.andThen(restore(Deferred.await(waiting.admitted))),
        // Which of the two it is holds for this one step: it may be admitted in the next.
        Effect.onInterrupt(() =>
          pump(shell, (now) => {
            shell.waiting.delete(waiting)
            if (waiting.admission === undefined) shell.pool.withdraw(waiting)
            else shell.pool.leave(waiting.admission, now)
          })
        )
      )
    })

  const permitOf = (shell: Shell, admission: Admission): Permit => ({
    sending: Effect.clockWith((clock) =>
      Effect.sync(() => {
        admission.sentAt = millisOf(clock)
      })
    ),
    settle: (feedback) => pump(shell, (now, wall) => shell.pool.settle(admission, feedback, now, wall))
  })

  return Gate.of({
    ceiling: options.ceiling,
    inFlight: Effect.sync(() => [...shells.values()].reduce((sum, { pool }) => sum + pool.inFlight, 0)),
    state: Effect.clockWith((clock) =>
      Effect.sync(() => new Map([...shells].map(([name, { pool }]) => [name, pool.state(millisOf(clock))])))
    ),
    admit: (ticket, call) =>
      Effect.uninterruptibleMask((restore) => {
        const shell = shellOf(ticket.pool)
        return enter(shell, ticket, restore).pipe(
          Effect.flatMap((admission) =>
            restore(Effect.suspend(() => call(permitOf(shell, admission)))).pipe(
              Effect.ensuring(leave(shell, admission))
            )
          )
        )
      }),
    learned: Effect.sync(
      () =>
        new Map(
          [...shells].flatMap(([name, { pool }]) => {
            const { learned } = pool
            return learned === undefined ? [] : [[name, learned] as const]
          })
        )
    ),
    restore: (name, learned, age) =>
      Effect.clockWith((clock) => Effect.sync(() => shellOf(name).pool.restore(learned, age, millisOf(clock)))),
    allow: (name, { requests, tokens }) =>
      Effect.clockWith((clock) =>
        Effect.sync(() => {
          const now = millisOf(clock)
          const { pool } = shellOf(name)
          if (requests !== undefined) pool.allow("requests", requests, now)
          if (tokens !== undefined) pool.allow("tokens", tokens, now)
        })
      ),
    freeze: (name, millis) =>
      Effect.suspend(() => {
        const shell = shellOf(name)
        return pump(shell, (now) => shell.pool.freeze(now + millis))
      })
  })
})

export const layer = (options: GateOptions): Layer.Layer<Gate> => Layer.effect(Gate, make(options))
