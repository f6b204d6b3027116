import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Logger, Stream } from "effect"
import { graphHash } from "../../../src/domain/Canonical.ts"
import { RunId } from "../../../src/domain/Ids.ts"
import { documentWrite, recordsOf, resolvedDocument } from "../../fixtures/graphs.ts"
import { hasNeo4j, neo4j, query, useStore } from "../../support/neo4j.ts"
import { proxy } from "../../support/proxy.ts"
import type { Proxy } from "../../support/proxy.ts"
import { freshGroup } from "../../suites/GraphStore.ts"

const run = RunId.make("run")

const through = ({ port }: Proxy) => ({ ...neo4j, uri: `bolt://127.0.0.1:${port}` })

/** Done when whoever logs to `logged` says that it waits for the server. */
const told = Effect.gen(function* () {
  const waiting = yield* Deferred.make<void>()
  const logger = Logger.make<unknown, void>(({ message }) => {
    if (String(message).includes("waiting for it")) Deferred.doneUnsafe(waiting, Effect.void)
  })
  return { waiting, logged: Logger.layer([logger]) }
})

describe.skipIf(!hasNeo4j)("a server that goes away (needs one: scripts/servers neo4j up)", () => {
  it.live("a commit of a server that is away is made when it is back, and one that was under way is whole", () =>
    Effect.gen(function* () {
      const between = yield* proxy(Number(new URL(neo4j.uri).port))
      const { logged, waiting } = yield* told
      const group = freshGroup()
      const outline = { bytes: "a", chunks: [{ names: ["Ada Byron", "Zoë"] }] }
      const large = { bytes: "large", chunks: [{ names: Array.from({ length: 300 }, (_, i) => `Person ${i}`) }] }
      yield* useStore(through(between), (store) =>
        Effect.gen(function* () {
          yield* store.commit(group, run, [documentWrite(group, ["a"], outline)])
          const written = yield* Effect.forkChild(store.commit(group, run, [documentWrite(group, ["l"], large)]))
          yield* Effect.yieldNow
          yield* between.cut
          yield* Effect.race(Deferred.await(waiting), Fiber.await(written))
          yield* between.mend
          yield* Fiber.join(written)
          const expected = [outline, large].map((one) => resolvedDocument(group, one))
          assert.strictEqual(yield* store.hash(group), graphHash(recordsOf(expected)))
        })
      ).pipe(Effect.provide(logged))
    }).pipe(Effect.scoped)
  )

  it.live("a server that takes connections and says nothing is noticed: a commit is made when it answers again", () =>
    Effect.gen(function* () {
      const between = yield* proxy(Number(new URL(neo4j.uri).port))
      const { logged, waiting } = yield* told
      const group = freshGroup()
      const outlines = Array.from({ length: 4 }, (_, i) => ({
        bytes: `${i}`,
        chunks: [{ names: Array.from({ length: 300 }, (_, j) => `Person ${i} ${j}`) }]
      }))
      const options = { ...through(between), silence: Duration.millis(200) }
      yield* useStore(options, (store) =>
        Effect.gen(function* () {
          yield* store.commit(group, run, [documentWrite(group, ["a"], { bytes: "a", chunks: [{ names: ["Ada"] }] })])
          const begun = yield* Effect.forkChild(between.sent(20_000), { startImmediately: true })
          const writing = yield* Effect.forkChild(
            Effect.forEach(outlines, (outline) => store.commit(group, run, [documentWrite(group, ["a"], outline)]), {
              concurrency: 4
            })
          )
          yield* Fiber.join(begun)
          yield* between.stall
          yield* Deferred.await(waiting)
          yield* between.mend
          yield* Fiber.join(writing)
          const rows = yield* Stream.runCollect(store.exportRows(group))
          assert.strictEqual(rows.filter(({ kind }) => kind === "document").length, 1)
          assert.strictEqual(rows.filter(({ kind }) => kind === "mention").length, 300)
        })
      ).pipe(Effect.provide(logged))
    }).pipe(Effect.scoped)
  )

  it.live("rows of a server that says nothing any more are an error, and not waited for for ever", () =>
    Effect.gen(function* () {
      const between = yield* proxy(Number(new URL(neo4j.uri).port))
      const group = freshGroup()
      const options = { ...neo4j, uri: `bolt://127.0.0.1:${between.port}`, silence: Duration.millis(200) }
      yield* useStore(options, (store) =>
        Effect.gen(function* () {
          yield* store.commit(group, run, [documentWrite(group, ["a"], { bytes: "a", chunks: [{ names: ["Ada"] }] })])
          yield* between.stall
          const failed = yield* Effect.flip(Stream.runCollect(store.exportRows(group)))
          assert.strictEqual(failed.reason, "unavailable")
          assert.match(failed.message, /says nothing/)
          yield* between.mend
          assert.strictEqual((yield* Stream.runCollect(store.exportRows(group))).length, 4)
        })
      )
    }).pipe(Effect.scoped)
  )

  it.live("a commit that is interrupted ends at once, whatever the server says, and leaves no transaction there", () =>
    Effect.gen(function* () {
      const between = yield* proxy(Number(new URL(neo4j.uri).port))
      const group = freshGroup()
      const outline = { bytes: "a", chunks: [{ names: Array.from({ length: 3000 }, (_, i) => `Person ${i}`) }] }
      const open = query(
        "SHOW TRANSACTIONS YIELD parameters, currentQuery WHERE parameters.group = $of RETURN currentQuery",
        { of: group }
      )
      yield* useStore(through(between), (store) =>
        Effect.gen(function* () {
          const interrupted = Effect.fnUntraced(function* (before: Effect.Effect<void>) {
            const begun = yield* Effect.forkChild(between.sent(100_000), { startImmediately: true })
            const writing = yield* Effect.forkChild(store.commit(group, run, [documentWrite(group, ["a"], outline)]))
            yield* Fiber.join(begun)
            yield* before
            yield* Fiber.interrupt(writing)
          })
          yield* interrupted(Effect.void)
          yield* interrupted(between.stall)
        })
      )
      assert.deepStrictEqual(yield* open, [])
      yield* useStore(neo4j, (store) =>
        Effect.gen(function* () {
          assert.strictEqual((yield* store.counts(group)).documents, 0)
        })
      )
    }).pipe(Effect.scoped)
  )

  it.live("a server that nobody hears of is unavailable once patience is at an end", () =>
    Effect.gen(function* () {
      const between = yield* proxy(Number(new URL(neo4j.uri).port))
      yield* between.cut
      const options = { ...through(between), patience: Duration.zero }
      const error = yield* Effect.flip(useStore(options, (store) => store.counts(freshGroup())))
      assert.strictEqual(error.reason, "unavailable")
      assert.isTrue(error.retryable)
      assert.include(error.message, String(between.port))
    }).pipe(Effect.scoped)
  )
})
