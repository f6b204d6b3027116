import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Duration, Effect, Exit, Fiber, Option, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as GroupCommit from "../../src/services/GroupCommit.ts"

/** A commit that records its batches; each one runs until it is released. */
const recorder = Effect.fnUntraced(function* (options: GroupCommit.Options<number>) {
  const batches: Array<ReadonlyArray<number>> = []
  const gates: Array<Deferred.Deferred<void, string>> = []
  const write = yield* GroupCommit.make((batch: ReadonlyArray<number>) => {
    const gate = Deferred.makeUnsafe<void, string>()
    batches.push(batch)
    gates.push(gate)
    return Effect.as(
      Deferred.await(gate),
      batch.map((item) => item * 10)
    )
  }, options)
  const settled = Effect.repeat(Effect.yieldNow, { times: 20 })
  const gate = (index: number) => gates[index] ?? Deferred.makeUnsafe<void, string>()
  return {
    batches,
    fork: (item: number) => Effect.tap(Effect.forkChild(write(item)), settled),
    write,
    release: (index: number) => Effect.tap(Deferred.succeed(gate(index), undefined), settled),
    fail: (index: number, error: string) => Effect.tap(Deferred.fail(gate(index), error), settled)
  }
})

describe("GroupCommit", () => {
  it.effect("a lone item waits for nobody, and what arrives meanwhile is the next batch", () =>
    Effect.gen(function* () {
      const { batches, fork, release } = yield* recorder({ maxBatch: 100 })
      const first = yield* fork(1)
      const others = yield* Effect.forEach([2, 3, 4], fork)
      assert.deepStrictEqual(batches, [[1]])
      yield* release(0)
      assert.strictEqual(yield* Fiber.join(first), 10)
      assert.deepStrictEqual(batches, [[1], [2, 3, 4]])
      yield* release(1)
      assert.deepStrictEqual(yield* Effect.forEach(others, Fiber.join), [20, 30, 40])
    })
  )

  it.effect("a commit that throws before it is an effect fails its batch, and the next ones are committed", () =>
    Effect.gen(function* () {
      const broken = new Error("thrown")
      const write = yield* GroupCommit.make(
        (batch: ReadonlyArray<number>) => {
          if (batch.includes(0)) throw broken
          return Effect.succeed(batch)
        },
        { maxBatch: 2 }
      )
      const fibers = yield* Effect.forEach([0, 1, 2], (item) => Effect.forkChild(Effect.exit(write(item))))
      yield* Effect.repeat(Effect.yieldNow, { times: 20 })
      assert.deepStrictEqual(
        fibers.map((fiber) => fiber.pollUnsafe()),
        [Exit.die(broken), Exit.die(broken), Exit.succeed(2)].map(Exit.succeed)
      )
    })
  )

  it.effect("an item that cannot be weighed fails alone", () =>
    Effect.gen(function* () {
      const broken = new Error("thrown")
      const several = {
        most: 2,
        limits: () => ({ atOnce: 2, enough: 10 }),
        within: Duration.seconds(1),
        weigh: (item: number) => {
          if (item === 0) throw broken
          return item
        }
      }
      const commit = (batch: ReadonlyArray<number>) => Effect.succeed(batch)
      const write = yield* GroupCommit.make(commit, { maxBatch: 10, several })
      const fibers = yield* Effect.forEach([1, 0, 2], (item) => Effect.forkChild(Effect.exit(write(item))))
      yield* TestClock.adjust("1 minute")
      yield* Effect.repeat(Effect.yieldNow, { times: 20 })
      assert.deepStrictEqual(
        fibers.map((fiber) => fiber.pollUnsafe()),
        [Exit.succeed(1), Exit.die(broken), Exit.succeed(2)].map(Exit.succeed)
      )
    })
  )

  it.effect("a committer that dies takes along all that wait, and all that come later", () =>
    Effect.gen(function* () {
      const broken = new Error("thrown")
      const limits = () => {
        throw broken
      }
      const several = { most: 2, limits, within: Duration.seconds(1), weigh: () => 1 }
      const commit = (batch: ReadonlyArray<number>) => Effect.succeed(batch)
      const write = yield* GroupCommit.make(commit, { maxBatch: 10, several })
      const fibers = yield* Effect.forEach([1, 2], (item) => Effect.forkChild(Effect.exit(write(item))))
      yield* Effect.repeat(Effect.yieldNow, { times: 20 })
      fibers.push(yield* Effect.forkChild(Effect.exit(write(3))))
      yield* Effect.repeat(Effect.yieldNow, { times: 20 })
      for (const fiber of fibers) {
        const exit = Option.getOrThrow(Option.fromUndefinedOr(fiber.pollUnsafe())).pipe(
          Exit.getSuccess,
          Option.getOrThrow
        )
        assert.strictEqual(Exit.isFailure(exit) && Cause.squash(exit.cause), broken)
      }
    })
  )

  it.effect("a batch holds maxBatch items at most", () =>
    Effect.gen(function* () {
      const { batches, fork, release } = yield* recorder({ maxBatch: 2 })
      const fibers = yield* Effect.forEach([1, 2, 3, 4, 5, 6], fork)
      for (let index = 0; index < 4; index++) yield* release(index)
      assert.deepStrictEqual(yield* Effect.forEach(fibers, Fiber.join), [10, 20, 30, 40, 50, 60])
      assert.deepStrictEqual(batches, [[1], [2, 3], [4, 5], [6]])
    })
  )

  it.effect("an error reaches each item of its batch, and no other batch", () =>
    Effect.gen(function* () {
      const { fail, fork, release } = yield* recorder({ maxBatch: 2 })
      const [one, two, three, four] = yield* Effect.forEach([1, 2, 3, 4], fork)
      if (one === undefined || two === undefined || three === undefined || four === undefined) return
      yield* release(0)
      yield* fail(1, "disk full")
      yield* release(2)
      assert.strictEqual(yield* Fiber.join(one), 10)
      assert.strictEqual(yield* Effect.flip(Fiber.join(two)), "disk full")
      assert.strictEqual(yield* Effect.flip(Fiber.join(three)), "disk full")
      assert.strictEqual(yield* Fiber.join(four), 40)
    })
  )

  it.effect("an interrupted caller is left out while it waits, and harms nobody", () =>
    Effect.gen(function* () {
      const { batches, fork, release } = yield* recorder({ maxBatch: 10 })
      const [one, two, three] = yield* Effect.forEach([1, 2, 3], fork)
      if (one === undefined || two === undefined || three === undefined) return
      yield* Fiber.interrupt(two)
      // One is being committed: that goes on, and so do the others.
      yield* Fiber.interrupt(one)
      yield* release(0)
      yield* release(1)
      assert.strictEqual(yield* Fiber.join(three), 30)
      assert.deepStrictEqual(batches, [[1], [3]])
    })
  )

  it.effect("a commit that dies, or forgets an answer, is a defect of its items and not the end", () =>
    Effect.gen(function* () {
      let commits = 0
      const write = yield* GroupCommit.make(
        (batch: ReadonlyArray<number>) => {
          commits++
          return commits === 1 ? Effect.die("bug") : Effect.succeed(commits === 2 ? [] : batch)
        },
        { maxBatch: 10 }
      )
      assert.isTrue(Exit.hasDies(yield* Effect.exit(write(1))))
      assert.isTrue(Exit.hasDies(yield* Effect.exit(write(2))))
      assert.strictEqual(yield* write(3), 3)
    })
  )

  it.effect("closing the scope interrupts all that wait, and all that come later", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { fork, write } = yield* Scope.provide(recorder({ maxBatch: 1 }), scope)
      const fibers = yield* Effect.forEach([1, 2], fork)
      yield* Scope.close(scope, Exit.void)
      for (const fiber of fibers) assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      assert.isTrue(Exit.hasInterrupts(yield* Effect.exit(write(3))))
    })
  )

  it.effect("answers may be nothing at all", () =>
    Effect.gen(function* () {
      const write = yield* GroupCommit.make(
        (batch: ReadonlyArray<number>) => Effect.succeed(batch.map(() => undefined)),
        {
          maxBatch: 3
        }
      )
      assert.strictEqual(yield* write(1), undefined)
    })
  )

  describe("with several at once", () => {
    const limits = { atOnce: 2, enough: 10 }
    const several = { most: 4, limits: () => limits, weigh: (item: number) => item, within: Duration.seconds(1) }

    it.effect("begins another when enough waits, however long the first takes, and no third", () =>
      Effect.gen(function* () {
        const { batches, fork, release } = yield* recorder({ maxBatch: 100, several })
        const fibers = [yield* fork(1), yield* fork(4), yield* fork(5)]
        assert.deepStrictEqual(batches, [[1]])
        fibers.push(yield* fork(1), yield* fork(20))
        assert.deepStrictEqual(batches, [[1], [4, 5, 1]])
        yield* release(1)
        assert.deepStrictEqual(batches, [[1], [4, 5, 1], [20]])
        yield* release(0)
        yield* release(2)
        assert.deepStrictEqual(yield* Effect.forEach(fibers, Fiber.join), [10, 40, 50, 10, 200])
      })
    )

    it.effect("begins another with less when its time has come, or when nothing is under way", () =>
      Effect.gen(function* () {
        const { batches, fork, release } = yield* recorder({ maxBatch: 100, several })
        const fibers = [yield* fork(1), yield* fork(2)]
        yield* TestClock.adjust("999 millis")
        assert.deepStrictEqual(batches, [[1]])
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(batches, [[1], [2]])
        yield* release(1)
        fibers.push(yield* fork(3))
        assert.deepStrictEqual(batches, [[1], [2]])
        yield* release(0)
        assert.deepStrictEqual(batches, [[1], [2], [3]])
        yield* release(2)
        assert.deepStrictEqual(yield* Effect.forEach(fibers, Fiber.join), [10, 20, 30])
      })
    )

    it.effect("takes no more than make a commit, and waits for its turn when as many are under way as may be", () =>
      Effect.gen(function* () {
        let now = { atOnce: 2, enough: 10 }
        const { batches, fork, release } = yield* recorder({
          maxBatch: 100,
          several: { ...several, limits: () => now }
        })
        const fibers = yield* Effect.forEach([1, 6, 7, 8], fork)
        assert.deepStrictEqual(batches, [[1], [6, 7]])
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(batches, [[1], [6, 7]])
        now = { atOnce: 3, enough: 100 }
        fibers.push(yield* fork(9))
        yield* TestClock.adjust("1 seconds")
        assert.deepStrictEqual(batches, [[1], [6, 7], [8, 9]])
        now = { atOnce: 1, enough: 10 }
        fibers.push(yield* fork(10))
        yield* release(1)
        yield* release(2)
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(batches, [[1], [6, 7], [8, 9]])
        yield* release(0)
        assert.deepStrictEqual(batches, [[1], [6, 7], [8, 9], [10]])
        yield* release(3)
        assert.deepStrictEqual(yield* Effect.forEach(fibers, Fiber.join), [10, 60, 70, 80, 90, 100])
      })
    )

    it.effect("a commit that fails fails its own items alone", () =>
      Effect.gen(function* () {
        const { fail, fork, release } = yield* recorder({ maxBatch: 100, several })
        const one = yield* fork(1)
        const ten = yield* fork(10)
        yield* fail(1, "no")
        assert.strictEqual(yield* Effect.flip(Fiber.join(ten)), "no")
        yield* release(0)
        assert.strictEqual(yield* Fiber.join(one), 10)
      })
    )
  })
})
