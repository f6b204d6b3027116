import { Cause, Deferred, Effect, Exit, Queue } from "effect"
import type { Scope } from "effect"

interface Waiting<A, B, E> {
  readonly item: A
  readonly done: Deferred.Deferred<B, E>
  isAbandoned: boolean
}

/**
 * Natural batching: while one commit runs, items queue, and the next commit takes all of them, `maxBatch` at most. So a
 * lone item waits for nobody, and under load a commit's fixed cost (a transaction, an fsync, a round trip) is shared.
 *
 * `commit` gets at least one item, and answers in the order of its items. If it fails, each item of that batch fails
 * with it; later batches are not touched. An item whose caller is interrupted before its batch begins is left out; after
 * that it is committed, and its answer dropped. Closing the scope interrupts all that wait.
 */
export const make = Effect.fnUntraced(function* <A, B, E, R>(
  commit: (batch: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, E, R>,
  options: { readonly maxBatch: number }
): Effect.fn.Return<(item: A) => Effect.Effect<B, E>, never, Scope.Scope | R> {
  const queue = yield* Queue.unbounded<Waiting<A, B, E>>()
  const open = new Set<Deferred.Deferred<B, E>>()
  let isClosed = false

  const commitNext = Effect.gen(function* () {
    const taken = yield* Queue.takeBetween(queue, 1, options.maxBatch)
    const batch = taken.filter(({ isAbandoned }) => !isAbandoned)
    if (batch.length === 0) return
    const exit = yield* Effect.exit(commit(batch.map(({ item }) => item)))
    if (Exit.isSuccess(exit) && exit.value.length === batch.length) {
      for (const [index, answer] of exit.value.entries()) {
        const waiting = batch[index]
        if (waiting !== undefined) Deferred.doneUnsafe(waiting.done, Exit.succeed(answer))
      }
      return
    }
    const cause = Exit.isFailure(exit)
      ? exit.cause
      : Cause.die(new Error(`A commit of ${batch.length} items gave ${exit.value.length} answers`))
    for (const { done } of batch) Deferred.doneUnsafe(done, Exit.failCause(cause))
  })

  yield* Effect.addFinalizer(() => {
    isClosed = true
    return Effect.forEach(open, Deferred.interrupt, { discard: true })
  })
  yield* Effect.forkScoped(Effect.forever(commitNext))

  return (item) =>
    Effect.suspend(() => {
      if (isClosed) return Effect.interrupt
      const waiting: Waiting<A, B, E> = { item, done: Deferred.makeUnsafe(), isAbandoned: false }
      open.add(waiting.done)
      Queue.offerUnsafe(queue, waiting)
      return Deferred.await(waiting.done).pipe(
        Effect.onExit(() =>
          Effect.sync(() => {
            waiting.isAbandoned = true
            open.delete(waiting.done)
          })
        )
      )
    })
})
