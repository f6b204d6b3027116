import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Metric, Result, Stream, Tracer } from "effect"
import { TestClock } from "effect/testing"
import { DeadLetter } from "../../src/domain/DeadLetter.ts"
import * as Phase from "../../src/pipeline/Phase.ts"
import type { Flow } from "../../src/pipeline/Phase.ts"

const letter = (source: string) =>
  new DeadLetter({ stage: "extract", cause: "refused", message: "It was refused.", source, attempts: 1 })

const isolated = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(effect, Metric.MetricRegistry, new Map())

const counts = Effect.gen(function* () {
  const found: Record<string, number> = {}
  for (const one of yield* Metric.snapshot) {
    if (one.type !== "Counter" || one.attributes?.["phase"] !== "extract") continue
    found[one.id.replace(/^sluice_phase_(.*)_total$/, "$1")] = Number(one.state.count)
  }
  return found
})

const describeItem = (item: number) => ({ attributes: { item } })
const items = (count: number): ReadonlyArray<Flow<number>> => Array.from({ length: count }, (_, n) => Result.succeed(n))

const values = <A>(flows: ReadonlyArray<Flow<A>>) => flows.filter(Result.isSuccess).map(({ success }) => success)
const letters = <A>(flows: ReadonlyArray<Flow<A>>) => flows.filter(Result.isFailure).map(({ failure }) => failure)

/** By the item's remainder: done, dead, discarded. */
const mixed = (item: number): Effect.Effect<string, DeadLetter | Phase.Discarded> =>
  item % 3 === 0
    ? Effect.succeed(`done ${item}`)
    : item % 3 === 1
      ? Effect.fail(letter(`${item}`))
      : Effect.fail(new Phase.Discarded({ reason: "known" }))

describe("Phase", () => {
  it.effect("received is sent, failed and discarded together, and each item is in exactly one of them", () =>
    Effect.gen(function* () {
      const phase = Phase.make({ name: "extract", concurrency: 7, describe: describeItem, run: mixed })
      const flows = yield* Stream.runCollect(phase(Stream.fromIterable(items(100))))
      assert.deepStrictEqual(yield* counts, { received: 100, sent: 34, failed: 33, discarded: 33 })
      assert.strictEqual(values(flows).length, 34)
      assert.sameMembers(
        letters(flows).map(({ source }) => source),
        items(100).flatMap((_, n) => (n % 3 === 1 ? [`${n}`] : []))
      )
    }).pipe(isolated)
  )

  it.effect("letters of earlier phases pass untouched and uncounted", () =>
    Effect.gen(function* () {
      const phase = Phase.make({
        name: "extract",
        concurrency: 4,
        describe: describeItem,
        run: (item: number) => Effect.succeed(item * 2)
      })
      const early = [letter("first"), letter("second")]
      const flows = yield* Stream.runCollect(
        phase(Stream.fromIterable<Flow<number>>([Result.succeed(1), ...early.map((one) => Result.fail(one))]))
      )
      assert.sameMembers(letters(flows), early)
      assert.deepStrictEqual(values(flows), [2])
      const { failed = 0, received, sent } = yield* counts
      assert.deepStrictEqual([received, sent, failed], [1, 1, 0])
    }).pipe(isolated)
  )

  it.effect("with `recover` an item that failed goes on as something, and still counts as failed", () =>
    Effect.gen(function* () {
      const phase = Phase.make({
        name: "extract",
        concurrency: 4,
        describe: describeItem,
        run: mixed,
        recover: (item, { source }) => `recovered ${item} ${source}`
      })
      const flows = yield* Stream.runCollect(phase(Stream.fromIterable(items(3))))
      assert.sameMembers(values(flows), ["done 0", "recovered 1 1"])
      assert.deepStrictEqual(yield* counts, { received: 3, sent: 1, failed: 1, discarded: 1 })
    }).pipe(isolated)
  )

  it.effect("any other error ends the stream, and what is under way is interrupted", () =>
    Effect.gen(function* () {
      let interrupted = 0
      const phase = Phase.make({
        name: "extract",
        concurrency: 4,
        describe: describeItem,
        run: (item: number) =>
          item === 3
            ? Effect.fail("the store is gone" as const)
            : Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
      })
      const error = yield* Effect.flip(Stream.runDrain(phase(Stream.fromIterable(items(100)))))
      assert.strictEqual(error, "the store is gone")
      assert.strictEqual(interrupted, 3)
    }).pipe(isolated)
  )

  it.effect("a defect is no dead letter: it ends the stream", () =>
    Effect.gen(function* () {
      const phase = Phase.make({
        name: "extract",
        concurrency: 4,
        describe: describeItem,
        run: (): Effect.Effect<number> =>
          Effect.sync(() => {
            throw new Error("bug")
          })
      })
      const exit = yield* Effect.exit(Stream.runDrain(phase(Stream.fromIterable(items(5)))))
      assert.isTrue(Exit.hasDies(exit))
    }).pipe(isolated)
  )

  it.effect("never works on more items than its concurrency, and on as many as that", () =>
    Effect.gen(function* () {
      let now = 0
      let most = 0
      const phase = Phase.make({
        name: "extract",
        concurrency: 5,
        describe: describeItem,
        run: (item: number) =>
          Effect.gen(function* () {
            most = Math.max(most, ++now)
            yield* Effect.sleep(1 + ((item * 7) % 13))
            now--
            return item
          })
      })
      const fiber = yield* Effect.forkChild(Stream.runCollect(phase(Stream.fromIterable(items(200)))))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(most, 5)
      const exit = fiber.pollUnsafe()
      assert.isTrue(exit !== undefined && Exit.isSuccess(exit) && exit.value.length === 200)
    }).pipe(isolated)
  )

  it.effect("a slow item holds up no other", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const out: Array<number> = []
      const phase = Phase.make({
        name: "extract",
        concurrency: 2,
        describe: describeItem,
        run: (item: number) => (item === 0 ? Effect.as(Deferred.await(gate), item) : Effect.as(Effect.sleep(1), item))
      })
      yield* Effect.forkChild(
        phase(Stream.fromIterable(items(50))).pipe(
          Stream.runForEach((flow) => Effect.sync(() => out.push(...values([flow]))))
        )
      )
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(out.length, 49)
      yield* Deferred.succeed(gate, undefined)
      yield* TestClock.adjust(1)
      assert.strictEqual(out.at(-1), 0)
    }).pipe(isolated)
  )

  it.effect(
    "each item has a span under the parent given, which fails with a dead letter and not with a discarded item",
    () =>
      Effect.gen(function* () {
        const ended: Array<Tracer.NativeSpan> = []
        const tracer = Tracer.make({
          span: (options) => {
            const span = new Tracer.NativeSpan(options)
            ended.push(span)
            return span
          }
        })
        yield* Effect.gen(function* () {
          const parent = yield* Effect.makeSpan("document")
          const phase = Phase.make({
            name: "extract",
            concurrency: 2,
            describe: (item: number) => ({ parent, attributes: { item } }),
            run: mixed
          })
          yield* Stream.runDrain(phase(Stream.fromIterable(items(3))))
          const spans = ended.filter(({ name }) => name === "pipeline.extract")
          assert.strictEqual(spans.length, 3)
          for (const span of spans) {
            assert.strictEqual(span.parent._tag === "Some" ? span.parent.value.spanId : "", parent.spanId)
            const { status } = span
            if (status._tag !== "Ended") return assert.fail("still open")
            assert.strictEqual(Exit.isFailure(status.exit), span.attributes.get("item") === 1)
          }
        }).pipe(Effect.provideService(Tracer.Tracer, tracer))
      }).pipe(isolated)
  )
})
