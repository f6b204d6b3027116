import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Scope } from "effect"
import { Layer } from "effect"
import * as Parsers from "../../../src/layers/Parsers.ts"
import { ParserPool, layerWith } from "../../../src/layers/parsers/Pool.ts"
import type { PoolOptions } from "../../../src/layers/parsers/Pool.ts"
import { Parser } from "../../../src/services/Parser.ts"

const entry = new URL("../../fixtures/workers/hostile.ts", import.meta.url)
const bytes = new TextEncoder().encode("bytes")

const read = (uri: string) => ParserPool.pipe(Effect.flatMap((pool) => pool.parse("pdf", uri, bytes)))
const size = ParserPool.pipe(Effect.flatMap((pool) => pool.size))
const pooled = <A, E>(effect: Effect.Effect<A, E, ParserPool>, options: PoolOptions = {}) =>
  effect.pipe(Effect.provide(layerWith({ threads: 2, entry, ...options })))

/** Until a condition of the real world holds; the test's own timeout is the bound. */
const until = <R>(condition: Effect.Effect<boolean, never, R>): Effect.Effect<void, never, R> =>
  condition.pipe(
    Effect.flatMap((holds) =>
      holds
        ? Effect.void
        : Effect.promise(() => new Promise((resolve) => setImmediate(resolve))).pipe(
            Effect.andThen(Effect.suspend(() => until(condition)))
          )
    )
  )

describe("ParserPool", () => {
  it.effect("starts no thread before there is work, no more than it may, and keeps them for the next", () =>
    pooled(
      Effect.gen(function* () {
        assert.strictEqual(yield* size, 0)
        yield* read("fine")
        assert.strictEqual(yield* size, 1)
        const names = Array.from({ length: 12 }, (_, index) => `fine${index}`)
        yield* Effect.forEach(names, read, { concurrency: "unbounded" })
        assert.strictEqual(yield* size, 2)
        for (const name of names) yield* read(name)
        assert.strictEqual(yield* size, 2)
      })
    )
  )

  it.effect("ends threads that are idle", () =>
    pooled(
      Effect.gen(function* () {
        yield* read("fine")
        yield* until(size.pipe(Effect.map((count) => count === 0)))
        assert.strictEqual((yield* read("fine")).text, "fine")
      }),
      { idle: "1 millis" }
    )
  )

  it.effect("kills what takes too long, whether it works or waits, and says how long it had", () =>
    pooled(
      Effect.gen(function* () {
        for (const name of ["spin", "hang"]) {
          const error = yield* Effect.flip(read(name))
          assert.strictEqual(error.reason, "timeout")
          assert.strictEqual(error.uri, name)
          assert.include(error.message, `${name} was not read within 0.05 s`)
        }
        assert.strictEqual(yield* size, 0)
        assert.strictEqual((yield* read("fine")).text, "fine")
      }),
      { timeout: "50 millis" }
    )
  )

  it.effect("kills what takes too much memory, in the heap or outside of it, and says how much it had", () =>
    pooled(
      Effect.gen(function* () {
        for (const name of ["heap", "buffers"]) {
          const error = yield* Effect.flip(read(name))
          assert.strictEqual(error.reason, "too-large", error.message)
          assert.include(error.message, `${name} needs more than 64 MB`)
        }
        assert.strictEqual((yield* read("fine")).text, "fine")
      }),
      { memory: 64 }
    )
  )

  it.effect("takes whatever breaks the thread for a malformed document, and is whole again", () =>
    pooled(
      Effect.gen(function* () {
        const cases = {
          exit: "exited with status 7",
          reject: "nobody listens",
          uncaught: "out of the blue",
          throw: "no such",
          overflow: "call stack"
        }
        for (const [name, words] of Object.entries(cases)) {
          const error = yield* Effect.flip(read(name))
          assert.strictEqual(error.reason, "malformed")
          assert.include(error.message, words)
          assert.strictEqual((yield* read("fine")).text, "fine", name)
        }
      })
    )
  )

  it.effect("spares the other tasks, in flight and waiting, when one breaks its thread", () =>
    pooled(
      Effect.gen(function* () {
        const names = ["wait1", "exit1", "fine1", "spin", "exit2", "wait2", "fine2", "uncaught", "fine3", "wait3"]
        const results = yield* Effect.forEach(names, (name) => Effect.result(read(name)), { concurrency: "unbounded" })
        assert.deepStrictEqual(
          results.map((result) => (result._tag === "Success" ? result.success.text : result.failure.reason)),
          ["fine", "malformed", "fine", "timeout", "malformed", "fine", "fine", "malformed", "fine", "fine"]
        )
      }),
      { timeout: "1 second" }
    )
  )

  it.effect("does not blame a document for what an earlier one left behind in the thread", () =>
    pooled(
      Effect.gen(function* () {
        yield* read("trap")
        assert.strictEqual((yield* read("wait")).text, "fine")
      }),
      { threads: 1 }
    )
  )

  it.effect("interrupting a call ends its thread", () =>
    pooled(
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(read("spin"))
        yield* until(size.pipe(Effect.map((count) => count === 1)))
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(yield* size, 0)
        assert.strictEqual((yield* read("fine")).text, "fine")
      }),
      { threads: 1 }
    )
  )

  it.effect("closing the scope ends all threads, with what they are at", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(layerWith({ threads: 2, entry }), scope)
      yield* read("fine").pipe(Effect.provide(context))
      const fiber = yield* Effect.forkChild(read("spin").pipe(Effect.provide(context)))
      yield* until(
        size.pipe(
          Effect.provide(context),
          Effect.map((count) => count > 0)
        )
      )
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* size.pipe(Effect.provide(context)), 0)
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause))
    })
  )

  it.effect("keeps its environment from the threads, and their output from ours", () =>
    pooled(
      Effect.gen(function* () {
        assert.strictEqual((yield* read("environment")).text, "")
        yield* read("noise")
      })
    )
  )

  it.effect("does not keep the process alive with threads that are idle", () =>
    pooled(
      Effect.gen(function* () {
        const ports = () => process.getActiveResourcesInfo().filter((kind) => kind === "MessagePort").length
        const before = ports()
        const fiber = yield* Effect.forkChild(read("hang"))
        yield* until(Effect.sync(() => ports() > before))
        yield* Fiber.interrupt(fiber)
        yield* read("noise")
        assert.strictEqual(yield* size, 1)
        yield* until(Effect.sync(() => ports() === before))
        assert.strictEqual(yield* size, 1)
      }),
      { idle: "1 hour" }
    )
  )

  it.effect("a thread that does not start is a defect, and no document's fault", () =>
    Effect.gen(function* () {
      const missing = new URL("./missing.ts", import.meta.url)
      const exit = yield* Effect.exit(pooled(read("fine"), { entry: missing }))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
    })
  )

  it.effect("leaves the caller its bytes", () =>
    pooled(
      Effect.gen(function* () {
        const whole = new TextEncoder().encode("0123456789")
        const pool = yield* ParserPool
        yield* pool.parse("pdf", "fine", whole.subarray(2, 4))
        assert.strictEqual(new TextDecoder().decode(whole), "0123456789")
      })
    )
  )
})

describe("Parsers over the pool", () => {
  const parse = (uri: string, content: string) =>
    Parser.pipe(Effect.flatMap((parser) => parser.parse(uri, new TextEncoder().encode(content))))

  it.effect("reads small plain files without a thread, and large ones in one, with the same result", () =>
    Effect.gen(function* () {
      yield* parse("a.md", "# Title\n\nText")
      assert.strictEqual(yield* size, 0)
      const page = "# Title\n\nText of some length, which is Markdown.\n\n".repeat(2000)
      const there = yield* parse("a.md", page)
      assert.strictEqual(yield* size, 1)
      const here = yield* parse("a.md", page).pipe(Effect.provide(Parsers.layerCalling))
      assert.deepStrictEqual(there, here)
    }).pipe(Effect.provide(Parsers.layer))
  )

  it.effect("an error crosses as it is", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(parse("a.vtt", `WEBVTT\n\nNOTE ${"nothing ".repeat(20_000)}`))
      assert.strictEqual(error._tag, "ParseError")
      assert.strictEqual(error.reason, "empty")
      assert.strictEqual(error.message, "a.vtt is a transcript in which nobody says anything")
      assert.strictEqual(yield* size, 1)
    }).pipe(Effect.provide(Parsers.layer))
  )
})
