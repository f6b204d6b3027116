import { Context, Deferred, Effect, Option } from "effect"
import type { ChatModel, ModelError } from "./ChatModel.ts"
import * as Monotonic from "./Monotonic.ts"
import { RunStopped } from "./RunStopped.ts"

/**
 * A second model, at the same provider or another, that answers what the first cannot: once its quota is spent, or while
 * it is over its capacity or does not answer. None: the run waits for the first, and stops when its patience is over.
 */
export const FallbackModel = Context.Reference<
  Option.Option<{ readonly chat: ChatModel["Service"]; readonly model: string }>
>("sluice/services/FallbackModel", { defaultValue: () => Option.none() })

/** So many faults in a row, over so many milliseconds, without any answer: what recovers sooner is waited for. */
const faultsUntilDown = 5
const millisUntilDown = 10_000
const firstPause = 30_000
const longestPause = 600_000

/**
 * Whether the first of two models can be had. While it cannot, one call goes to it after each pause, which doubles until
 * there is an answer; all others go to the second. Plain state: `now` is in milliseconds.
 */
class Availability {
  #faults = 0
  #since: number | undefined
  #pause = firstPause
  /** Of the next call that tries the first again; undefined: it can be had. */
  #probeAt: number | undefined
  #isSecondGone = false

  get isDown(): boolean {
    return this.#probeAt !== undefined
  }

  /** Its quota is spent: nothing to wait for. */
  get isSpent(): boolean {
    return this.#probeAt === Infinity
  }

  /** Which of the two a call should go to now. */
  choose(now: number): "first" | "second" {
    if (this.#isSecondGone || this.#probeAt === undefined) return "first"
    if (now < this.#probeAt) return "second"
    this.#probeAt = now + this.#pause
    this.#pause = Math.min(longestPause, 2 * this.#pause)
    return "first"
  }

  /** The first said something, whatever it was. @returns whether it is back */
  answered(): boolean {
    const isBack = this.#probeAt !== undefined && !this.isSpent
    this.#faults = 0
    this.#since = undefined
    if (!isBack) return false
    this.#probeAt = undefined
    this.#pause = firstPause
    return true
  }

  /**
   * A call to the first failed through the provider's fault, and `stopped` is what would come of it without a second.
   * Being at a limit is no fault: the gate waits for it. Nor does a wrong key or address send anybody elsewhere.
   *
   * @returns whether the call should go to the second
   */
  failed(now: number, { reason }: ModelError, stopped: RunStopped | undefined): boolean {
    if (this.#isSecondGone || reason._tag === "Misconfigured") return false
    if (reason._tag === "QuotaExhausted") this.#probeAt = Infinity
    else if (reason._tag !== "RateLimited") {
      this.#faults++
      this.#since ??= now
    }
    const isPatienceOver =
      stopped !== undefined || (this.#faults >= faultsUntilDown && now - (this.#since ?? now) >= millisUntilDown)
    if (this.#probeAt === undefined && isPatienceOver) this.#probeAt = now + this.#pause
    return this.isDown
  }

  get isSecondGone(): boolean {
    return this.#isSecondGone
  }

  /** There is no second any more: the first is waited for as if there had never been one. @returns whether that is new, and makes sense */
  secondGone(): boolean {
    if (this.isSpent || this.#isSecondGone) return false
    this.#isSecondGone = true
    this.#probeAt = undefined
    return true
  }
}

/** Two models of which the second stands in for the first. */
export class Standby {
  readonly #first: string
  readonly #second: string
  readonly #state = new Availability()
  /** Those who wait to be admitted are told by it that they should choose again. */
  #changed = Deferred.makeUnsafe<void>()

  constructor(first: string, second: string) {
    this.#first = first
    this.#second = second
  }

  choose(now: number): "first" | "second" {
    return this.#state.choose(now)
  }

  /** Waits for admission, or, if it has not come by then, until it is time to choose again: undefined. */
  unlessChanged<A, E, R>(
    admitted: Effect.Effect<A, E, R>,
    isAdmitted: () => boolean
  ): Effect.Effect<A | undefined, E, R> {
    const changed = Effect.flatMap(Deferred.await(this.#changed), () =>
      isAdmitted() ? Effect.never : Effect.undefined
    )
    return Effect.raceFirst(admitted, changed)
  }

  readonly #change = Effect.suspend(() => {
    const changed = this.#changed
    this.#changed = Deferred.makeUnsafe()
    return Deferred.succeed(changed, undefined)
  })

  readonly answered = Effect.suspend(() =>
    this.#state.answered()
      ? Effect.andThen(Effect.logInfo(`The model ${this.#first} answers again: calls go to it.`), this.#change)
      : Effect.void
  )

  /** Whether the call should go to the second at once; `stopped` is what would come of the fault without a second. */
  readonly firstFailed = (error: ModelError, stopped: RunStopped | undefined): Effect.Effect<boolean> =>
    Effect.flatMap(Monotonic.millis, (now) => {
      const wasDown = this.#state.isDown
      if (!this.#state.failed(now, error, stopped)) return Effect.succeed(false)
      if (wasDown) return Effect.succeed(true)
      const until = this.#state.isSpent ? "" : " until it answers again"
      return Effect.logWarning(
        `The model ${this.#first} cannot be had, so calls go to ${this.#second}${until}. The last it said was: ${error.message}`
      ).pipe(Effect.andThen(this.#change), Effect.as(true))
    })

  /** Whether the call should go back to the first, since the second is gone for good. */
  readonly secondFailed = (stopped: RunStopped | undefined): Effect.Effect<boolean, RunStopped> => {
    if (stopped === undefined) return Effect.succeed(false)
    if (stopped.reason !== "configuration" && this.#state.secondGone()) {
      return Effect.logWarning(`The fallback model ${this.#second} cannot be had either. ${stopped.message}`).pipe(
        Effect.andThen(this.#change),
        Effect.as(true)
      )
    }
    if (this.#state.isSecondGone) return Effect.succeed(true)
    return Effect.fail(
      new RunStopped({
        reason: stopped.reason,
        retryable: stopped.retryable,
        message: `The model ${this.#first} cannot be had, and neither can its fallback ${this.#second}. ${stopped.message}`
      })
    )
  }
}
