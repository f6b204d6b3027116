import { Cause, Context, Deferred, Effect, Exit, Option, Queue, Semaphore, Tracer } from "effect"
import type { Duration, Scope } from "effect"

interface Waiting<A, B, E> {
  readonly item: A
  readonly weight: number
  readonly done: Deferred.Deferred<B, E>
  readonly span: Tracer.AnySpan | undefined
  isAbandoned: boolean
}

export interface Options<A> {
  /** Items that one commit takes at most. */
  readonly maxBatch: number
  /** Turns that other fibers get before a batch is taken; 0 if absent. */
  readonly patience?: number
  /** For what takes several commits at once. */
  readonly several?: Several<A>
}

export interface Several<A> {
  /** Commits under way at the very most. */
  readonly most: number
  /** As it is now: how many may be under way; and how much has to wait, while one is, before a further one begins. */
  readonly limits: () => { readonly atOnce: number; readonly enough: number }
  /** What an item counts towards `enough`. */
  readonly weigh: (item: A) => number
  /** After so long a further one begins, however little waits. */
  readonly within: Duration.Duration
}

/**
 * Natural batching: while a commit runs, items queue, and the next commit takes all of them, `maxBatch` at most. So a
 * lone item waits for nobody, and under load a commit's fixed cost (a transaction, an fsync, a round trip) is shared.
 *
 * `commit` gets at least one item, and answers in the order of its items. If it fails, each item of that batch fails
 * with it; other batches are not touched. An item whose caller is interrupted before its batch begins is left out; after
 * that it is committed, and its answer dropped. With `patience`, other fibers get so many turns before a batch is taken, to
 * join it: no time where nobody has anything to do, and fewer commits where everybody has. With `several`, there are more
 * commits at once the more waits: none that is small while another is under way, and none that is much larger than it has
 * to be. A batch's spans hang from its first caller's. Closing the scope interrupts all that wait.
 */
export const make = Effect.fnUntraced(function* <A, B, E>(
  commit: (batch: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, E>,
  options: Options<A>
): Effect.fn.Return<(item: A) => Effect.Effect<B, E>, never, Scope.Scope> {
  const { maxBatch, patience = 0, several } = options
  const queue = yield* Queue.unbounded<Waiting<A, B, E>>()
  const open = new Set<Deferred.Deferred<B, E>>()
  let isClosed = false
  /** What a committer died of. */
  let broken: Cause.Cause<never> | undefined
  const taking = yield* Semaphore.make(1)
  let underWay = 0
  let weight = 0
  /** Who waits for the next commit to be due; late: for its turn alone. */
  let gathering: { readonly due: Deferred.Deferred<void>; isLate: boolean } | undefined

  const mayBegin = (): boolean => several === undefined || underWay < Math.max(1, several.limits().atOnce)
  /** Whether the next commit has all that it waits for. */
  const isDue = (): boolean =>
    mayBegin() && (several === undefined || underWay === 0 || weight >= several.limits().enough)
  const notify = (): void => {
    if (gathering === undefined) return
    if (gathering.isLate ? mayBegin() : isDue()) Deferred.doneUnsafe(gathering.due, Effect.void)
  }

  /** Until the next commit is due, or enough time has passed and it may begin. */
  const gather = Effect.fnUntraced(function* ({ within }: Several<A>) {
    const waiting = { due: Deferred.makeUnsafe<void>(), isLate: false }
    gathering = waiting
    yield* Effect.timeoutOption(Deferred.await(waiting.due), within)
    waiting.isLate = true
    notify()
    yield* Deferred.await(waiting.due)
    gathering = undefined
  })

  /** One item at least, and no more than make a commit. */
  const takeBatch = Effect.gen(function* () {
    if (several === undefined) return yield* Queue.takeBetween(queue, 1, maxBatch)
    const { enough } = several.limits()
    const first = yield* Queue.take(queue)
    const taken = [first]
    for (let sum = first.weight; taken.length < maxBatch && sum < enough;) {
      const next = yield* Queue.poll(queue)
      if (Option.isNone(next)) break
      taken.push(next.value)
      sum += next.value.weight
    }
    return taken
  })

  const take = Effect.gen(function* () {
    if (patience > 0 || several !== undefined) yield* Queue.peek(queue)
    for (let turn = 0; turn < patience && open.size < maxBatch; turn++) yield* Effect.yieldNow
    if (several !== undefined && !isDue()) yield* gather(several)
    const taken = yield* takeBatch
    for (const one of taken) weight -= one.weight
    underWay++
    return taken
  })

  const commitBatch = Effect.fnUntraced(function* (taken: ReadonlyArray<Waiting<A, B, E>>) {
    const batch = taken.filter(({ isAbandoned }) => !isAbandoned)
    const [first] = batch
    if (first === undefined) return
    // What `commit` throws is its batch's end, and must not be the committer's.
    const committed = Effect.suspend(() => commit(batch.map(({ item }) => item)))
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

  const commitNext = Effect.flatMap(Semaphore.withPermit(taking, take), (taken) =>
    Effect.ensuring(
      commitBatch(taken),
      Effect.sync(() => {
        underWay--
        notify()
      })
    )
  )

  /** There may be nobody left to commit what waits: whoever waits, or comes later, dies of the same. */
  const breakDown = (cause: Cause.Cause<never>) =>
    Effect.sync(() => {
      broken = cause
      for (const done of open) Deferred.doneUnsafe(done, Exit.failCause(cause))
    })

  yield* Effect.addFinalizer(() => {
    isClosed = true
    return Effect.forEach(open, Deferred.interrupt, { discard: true })
  })
  for (let committer = 0; committer < (several?.most ?? 1); committer++) {
    yield* Effect.forkScoped(Effect.catchCause(Effect.forever(commitNext), breakDown))
  }

  return (item) =>
    Effect.contextWith((context: Context.Context<never>) => {
      if (isClosed) return Effect.interrupt
      if (broken !== undefined) return Effect.failCause(broken)
      const span = Option.getOrUndefined(Context.getOption(context, Tracer.ParentSpan))
      const waiting: Waiting<A, B, E> = {
        item,
        weight: several?.weigh(item) ?? 0,
        done: Deferred.makeUnsafe(),
        span,
        isAbandoned: false
      }
      open.add(waiting.done)
      Queue.offerUnsafe(queue, waiting)
      weight += waiting.weight
      notify()
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
