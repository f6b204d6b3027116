import { Deferred, Effect, Scope } from "effect"

/**
 * Natural batching: while one commit runs, what arrives queues, and the next commit takes all of it, up to `maxBatch`.
 * No timer: a lone item is committed at once, and under load the batches grow by themselves. `commit` answers in the
 * order of its batch; its error reaches every waiter of that batch. A waiter that is interrupted stops waiting; its item
 * is committed all the same.
 */
export const make = Effect.fnUntraced(function* <A, B, E, R>(
  commit: (batch: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, E, R>,
  options: { readonly maxBatch: number }
) {
  const scope = yield* Scope.Scope
  const context = yield* Effect.context<R>()
  const queue: Array<{ readonly item: A; readonly done: Deferred.Deferred<B, E> }> = []
  let isRunning = false

  const drain: Effect.Effect<void> = Effect.gen(function* () {
    while (true) {
      const batch = queue.splice(0, options.maxBatch)
      if (batch.length === 0) {
        isRunning = false
        return
      }
      const exit = yield* Effect.exit(Effect.provide(commit(batch.map(({ item }) => item)), context))
      for (const [index, { done }] of batch.entries()) {
        if (exit._tag === "Failure") {
          Deferred.doneUnsafe(done, Effect.failCause(exit.cause))
          continue
        }
        const result = exit.value[index]
        Deferred.doneUnsafe(
          done,
          result === undefined
            ? Effect.die(new Error("A group commit answered fewer items than it was given"))
            : Effect.succeed(result)
        )
      }
    }
  })

  return (item: A): Effect.Effect<B, E> =>
    Effect.suspend(() => {
      const done = Deferred.makeUnsafe<B, E>()
      queue.push({ item, done })
      if (isRunning) return Deferred.await(done)
      isRunning = true
      return Effect.andThen(Effect.forkIn(drain, scope), Deferred.await(done))
    })
})
