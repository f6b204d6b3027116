import { Cause, Context, Deferred, Effect, Exit, Option, Queue, Tracer } from "effect"
import type { Scope } from "effect"

interface Waiting<A, B, E> {
  readonly item: A
  readonly done: Deferred.Deferred<B, E>
  readonly span: Tracer.AnySpan | undefined
  isAbandoned: boolean
}

/**
 * Natural batching: while one commit runs, items queue, and the next commit takes all of them, `maxBatch` at most. So a
 * lone item waits for nobody, and under load a commit's fixed cost (a transaction, an fsync, a round trip) is shared.
 *
 * `commit` gets at least one item, and answers in the order of its items. If it fails, each item of that batch fails
 * with it; later batches are not touched. An item whose caller is interrupted before its batch begins is left out; after
 * that it is committed, and its answer dropped. With `patience`, other fibers get so many turns before a batch is taken, to
 * join it: no time where nobody has anything to do, and fewer commits where everybody has. A batch's spans hang from its first caller's. Closing the scope interrupts all that wait.
 */
export const make = Effect.fnUntraced(function* <A, B, E>(
  commit: (batch: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, E>,
  options: { readonly maxBatch: number; readonly patience?: number }
): Effect.fn.Return<(item: A) => Effect.Effect<B, E>, never, Scope.Scope> {
  const queue = yield* Queue.unbounded<Waiting<A, B, E>>()
  const open = new Set<Deferred.Deferred<B, E>>()
  let isClosed = false
  const patience = options.patience ?? 0

  const commitNext = Effect.gen(function* () {
    if (patience > 0) {
      yield* Queue.peek(queue)
      for (let turn = 0; turn < patience && open.size < options.maxBatch; turn++) yield* Effect.yieldNow
    }
    const taken = yield* Queue.takeBetween(queue, 1, options.maxBatch)
    const batch = taken.filter(({ isAbandoned }) => !isAbandoned)
    const [first] = batch
    if (first === undefined) return
    const committed = commit(batch.map(({ item }) => item))
    const exit = yield* Effect.exit(first.span === undefined ? committed : Effect.withParentSpan(committed, first.span))
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
    Effect.contextWith((context: Context.Context<never>) => {
      if (isClosed) return Effect.interrupt
      const span = Option.getOrUndefined(Context.getOption(context, Tracer.ParentSpan))
      const waiting: Waiting<A, B, E> = { item, done: Deferred.makeUnsafe(), span, isAbandoned: false }
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
