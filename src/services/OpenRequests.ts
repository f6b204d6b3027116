import { Deferred, Effect } from "effect"

/** Requests that are reserved and not settled. Plain state: once it is closed, nobody may begin another. */
export class OpenRequests {
  #open = 0
  #isClosed = false
  readonly #idle = Deferred.makeUnsafe<void>()

  get isClosed(): boolean {
    return this.#isClosed
  }

  began(): void {
    this.#open++
  }

  readonly ended: Effect.Effect<void> = Effect.suspend(() => {
    this.#open--
    return this.#open === 0 && this.#isClosed ? Deferred.succeed(this.#idle, undefined) : Effect.void
  })

  readonly count: Effect.Effect<number> = Effect.sync(() => this.#open)

  /** Closes, and waits until all have ended, for so many milliseconds at most. @returns those that have not */
  drain(millis: number): Effect.Effect<number> {
    return Effect.suspend(() => {
      this.#isClosed = true
      if (this.#open === 0) return Effect.succeed(0)
      // Whoever drains may be where nothing can be interrupted, so the timer is a fiber of its own.
      const timer = Effect.andThen(Effect.sleep(millis), Deferred.succeed(this.#idle, undefined))
      return Effect.forkDetach(Effect.interruptible(timer)).pipe(
        Effect.flatMap((fiber) =>
          Effect.andThen(
            Deferred.await(this.#idle),
            Effect.sync(() => fiber.interruptUnsafe())
          )
        ),
        Effect.andThen(this.count)
      )
    })
  }
}
