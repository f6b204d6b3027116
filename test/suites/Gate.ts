import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect, Exit, Fiber, References } from "effect"
import type { Layer } from "effect"
import { TestClock } from "effect/testing"
import { Gate } from "../../src/services/Gate.ts"
import type { Ticket } from "../../src/services/Gate.ts"
import { makeRandom } from "../support/random.ts"

const ticket = (pool = "a", priority: Ticket["priority"] = "normal", again = false): Ticket => ({
  pool,
  priority,
  again
})

/** Calls that tell the gate nothing. */
const plain = Effect.map(Gate, (gate) => ({
  ...gate,
  admit: <A, E, R>(one: Ticket, call: Effect.Effect<A, E, R>) => gate.admit(one, () => call)
}))

/** How many calls of a pool get in at once, found out by trying. */
const capacity = (pool: string, tries: number) =>
  Effect.gen(function* () {
    const gate = yield* plain
    let inside = 0
    const fibers = yield* Effect.forEach(Array.from({ length: tries }), () =>
      Effect.forkChild(
        gate.admit(
          ticket(pool),
          Effect.andThen(
            Effect.sync(() => inside++),
            Effect.never
          )
        )
      )
    )
    yield* TestClock.adjust("1 hour")
    const found = inside
    yield* Fiber.interruptAll(fibers)
    return found
  })

/** Occupies the one slot of a pool, lets others queue, then notes the order in which they are admitted. */
const orderOf = (tickets: ReadonlyArray<readonly [string, Ticket]>) =>
  Effect.gen(function* () {
    const gate = yield* plain
    const order: Array<string> = []
    const done = yield* Deferred.make<void>()
    yield* Effect.forkChild(gate.admit(ticket(), Deferred.await(done)))
    yield* TestClock.adjust(0)
    for (const [name, one] of tickets) {
      yield* Effect.forkChild(
        gate.admit(
          one,
          Effect.andThen(
            Effect.sync(() => order.push(name)),
            Effect.sleep(1_000)
          )
        )
      )
      yield* TestClock.adjust(0)
    }
    assert.deepStrictEqual(order, [], "nobody gets in while the pool is full")
    yield* Deferred.succeed(done, undefined)
    yield* TestClock.adjust("1 hour")
    return order
  })

/** The contract of `Gate`, over a layer whose pools have the ceiling given, and no other limit. */
export const suite = <E>(name: string, layer: (ceiling: number) => Layer.Layer<Gate, E>): void => {
  describe(`Gate: ${name}`, () => {
    it.effect("however many callers wait with little to do, each of them gets in and ends", () =>
      Effect.gen(function* () {
        const gate = yield* plain
        const done = yield* Deferred.make<void>()
        const slots = 3
        for (let slot = 0; slot < slots; slot++) yield* Effect.forkChild(gate.admit(ticket(), Deferred.await(done)))
        yield* TestClock.adjust(0)
        let ended = 0
        const waiting = yield* Effect.forEach(Array.from({ length: 20_000 }), () =>
          Effect.forkChild(Effect.tap(gate.admit(ticket(), Effect.void), () => Effect.sync(() => ended++)))
        )
        yield* TestClock.adjust(0)
        assert.strictEqual(ended, 0)
        yield* Deferred.succeed(done, undefined)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(ended, waiting.length)
        assert.strictEqual(yield* gate.inFlight, 0)
      }).pipe(Effect.provide(layer(3)))
    )

    it.effect("a pool never has more in flight than its ceiling, and as much as that while calls wait", () =>
      Effect.gen(function* () {
        for (const seed of [1, 2, 3, 4, 5]) {
          const random = makeRandom(seed)
          const ceiling = 1 + random.int(6)
          yield* Effect.gen(function* () {
            const gate = yield* plain
            assert.strictEqual(gate.ceiling, ceiling)
            const inside = new Map<string, number>()
            const most = new Map<string, number>()
            let done = 0
            const calls = Array.from({ length: 150 }, () => {
              const pool = random.pick(["a", "b", "c"])
              const start = random.int(500)
              const length = 1 + random.int(300)
              const call = Effect.gen(function* () {
                const now = (inside.get(pool) ?? 0) + 1
                inside.set(pool, now)
                most.set(pool, Math.max(now, most.get(pool) ?? 0))
                yield* Effect.sleep(length)
                inside.set(pool, (inside.get(pool) ?? 0) - 1)
                done++
              })
              const priority = random.pick(["interactive", "normal", "bulk"] as const)
              return Effect.delay(gate.admit(ticket(pool, priority, random.int(2) === 0), call), start)
            })
            yield* Effect.forEach(calls, (call) => Effect.forkChild(call))
            yield* TestClock.adjust("1 day")
            assert.strictEqual(done, calls.length, `seed ${seed}: every call ran`)
            assert.deepStrictEqual([...most.values()], [ceiling, ceiling, ceiling], `seed ${seed}`)
            assert.strictEqual(yield* gate.inFlight, 0)
          }).pipe(Effect.provide(layer(ceiling)))
        }
      })
    )

    it.effect("a full pool does not hold up another", () =>
      Effect.gen(function* () {
        const gate = yield* plain
        yield* Effect.forkChild(gate.admit(ticket("a"), Effect.never))
        yield* Effect.forkChild(gate.admit(ticket("a"), Effect.never))
        yield* TestClock.adjust(0)
        assert.strictEqual(yield* gate.admit(ticket("b"), Effect.succeed("through")), "through")
        assert.strictEqual(yield* gate.inFlight, 1)
      }).pipe(Effect.provide(layer(1)))
    )

    it.effect("admits first come, first served within a priority", () =>
      Effect.gen(function* () {
        const names = Array.from({ length: 20 }, (_, index) => `call ${index}`)
        assert.deepStrictEqual(yield* orderOf(names.map((each) => [each, ticket()])), names)
      }).pipe(Effect.provide(layer(1)))
    )

    it.effect("admits the more urgent first, and within a priority those that were sent before", () =>
      Effect.gen(function* () {
        const order = yield* orderOf([
          ["bulk", ticket("a", "bulk")],
          ["bulk again", ticket("a", "bulk", true)],
          ["normal", ticket("a", "normal")],
          ["normal again 1", ticket("a", "normal", true)],
          ["normal again 2", ticket("a", "normal", true)],
          ["interactive", ticket("a", "interactive")],
          ["interactive again", ticket("a", "interactive", true)]
        ])
        assert.deepStrictEqual(order, [
          "interactive again",
          "interactive",
          "normal again 1",
          "normal again 2",
          "normal",
          "bulk again",
          "bulk"
        ])
      }).pipe(Effect.provide(layer(1)))
    )

    it.effect("gives back what the call gives: its value, its error, its defect; and its slot each time", () =>
      Effect.gen(function* () {
        const gate = yield* plain
        assert.strictEqual(yield* gate.admit(ticket(), Effect.succeed(7)), 7)
        assert.strictEqual(yield* Effect.flip(gate.admit(ticket(), Effect.fail("no"))), "no")
        const died = yield* Effect.exit(gate.admit(ticket(), Effect.die("broken")))
        assert.deepStrictEqual(died, Exit.die("broken"))
        const broken = new Error("thrown")
        const thrown = yield* Effect.exit(
          gate.admit(
            ticket(),
            Effect.sync(() => {
              throw broken
            })
          )
        )
        assert.deepStrictEqual(thrown, Exit.die(broken))
        assert.strictEqual(yield* gate.inFlight, 0)
        assert.strictEqual(yield* capacity("a", 4), 1)
      }).pipe(Effect.provide(layer(1)))
    )

    it.effect("a freeze holds back what waits for exactly as long as asked, and nothing that runs", () =>
      Effect.gen(function* () {
        const gate = yield* plain
        let admittedAt = -1
        const running = yield* Effect.forkChild(gate.admit(ticket(), Effect.as(Effect.sleep(100), "ran on")))
        yield* TestClock.adjust(0)
        yield* gate.freeze("a", 1_000)
        const start = yield* Clock.currentTimeMillis
        yield* Effect.forkChild(
          gate.admit(
            ticket(),
            Effect.map(Clock.currentTimeMillis, (now) => (admittedAt = now - start))
          )
        )
        assert.strictEqual(yield* gate.admit(ticket("b"), Effect.succeed("not frozen")), "not frozen")
        yield* TestClock.adjust(999)
        assert.strictEqual(yield* Fiber.join(running), "ran on")
        assert.strictEqual(admittedAt, -1)
        yield* TestClock.adjust(1)
        assert.strictEqual(admittedAt, 1_000)
      }).pipe(Effect.provide(layer(4)))
    )

    it.effect("of several freezes the one that ends last counts, in whatever order they come", () =>
      Effect.gen(function* () {
        for (const freezes of [
          [300, 1_000, 500],
          [1_000, 300, 500],
          [500, 300, 1_000]
        ]) {
          yield* Effect.gen(function* () {
            const gate = yield* plain
            yield* Effect.forEach(freezes, (millis) => gate.freeze("a", millis), { concurrency: "unbounded" })
            const call = yield* Effect.forkChild(gate.admit(ticket(), Clock.currentTimeMillis))
            const start = yield* Clock.currentTimeMillis
            yield* TestClock.adjust("1 minute")
            assert.strictEqual((yield* Fiber.join(call)) - start, 1_000)
          }).pipe(Effect.provide(layer(1)))
        }
      })
    )

    it.effect("a frozen pool opens again though the timer rings early", () =>
      Effect.gen(function* () {
        const clock = yield* Clock.Clock
        const early: Clock.Clock = {
          ...clock,
          currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
          currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
          sleep: (duration) => clock.sleep(Duration.millis(Math.max(0, Duration.toMillis(duration) * 0.99)))
        }
        yield* Effect.gen(function* () {
          const gate = yield* plain
          yield* gate.freeze("a", 1_000.4)
          const call = yield* Effect.forkChild(gate.admit(ticket(), clock.currentTimeMillis))
          const start = yield* clock.currentTimeMillis
          yield* TestClock.adjust("1 minute")
          assert.isDefined(call.pollUnsafe(), "admitted")
          assert.isAtLeast((yield* Fiber.join(call)) - start, 1_000)
        }).pipe(Effect.provide(layer(1)), Effect.provideService(Clock.Clock, early))
      })
    )

    it.effect("interruption of whoever waits or runs never costs a slot", () =>
      Effect.gen(function* () {
        for (let seed = 1; seed <= 60; seed++) {
          const random = makeRandom(seed)
          const ceiling = 1 + random.int(3)
          yield* Effect.gen(function* () {
            const gate = yield* plain
            const fibers = yield* Effect.forEach(Array.from({ length: 12 }), () =>
              Effect.forkChild(
                gate.admit(ticket(), Effect.sleep(random.int(4))).pipe(
                  // The fewer steps a fiber makes at once, the more places an interruption can meet it at.
                  Effect.provideService(References.MaxOpsBeforeYield, 3 + random.int(6))
                )
              )
            )
            for (const fiber of fibers) {
              for (let pause = random.int(12); pause > 0; pause--) yield* Effect.yieldNow
              if (random.int(3) > 0) yield* Effect.forkChild(Fiber.interrupt(fiber))
              if (random.int(4) === 0) yield* TestClock.adjust(random.int(3))
            }
            yield* TestClock.adjust("1 hour")
            yield* Fiber.interruptAll(fibers)
            assert.strictEqual(yield* gate.inFlight, 0, `seed ${seed}`)
            assert.strictEqual(yield* capacity("a", 6), ceiling, `seed ${seed}`)
          }).pipe(Effect.provide(layer(ceiling)))
        }
      })
    )

    it.effect("a defect where nobody is looking ends all that wait, and all that come later, with itself", () =>
      Effect.gen(function* () {
        const gate = yield* plain
        const broken = new Error("thrown by a ticket")
        const under = yield* Effect.forkChild(gate.admit(ticket(), Effect.as(Effect.sleep(5_000), "paid for")))
        yield* TestClock.adjust(0)
        yield* gate.freeze("a", 1_000)
        const waiting = yield* Effect.forEach([1, 2, 3], () =>
          Effect.forkChild(gate.admit(ticket("a", "normal"), Effect.succeed("admitted")))
        )
        const breaking: Ticket = {
          ...ticket("a", "interactive"),
          demand: () => {
            throw broken
          }
        }
        const culprit = yield* Effect.forkChild(gate.admit(breaking, Effect.void))
        yield* TestClock.adjust(1_000)
        for (const fiber of [...waiting, culprit]) assert.deepStrictEqual(fiber.pollUnsafe(), Exit.die(broken))
        assert.deepStrictEqual(yield* Effect.exit(gate.admit(ticket(), Effect.void)), Exit.die(broken))
        assert.strictEqual(yield* gate.admit(ticket("b"), Effect.succeed("another pool")), "another pool")
        yield* TestClock.adjust(5_000)
        assert.strictEqual(yield* Fiber.join(under), "paid for")
      }).pipe(Effect.provide(layer(4)))
    )

    it.effect("needs no timer while nobody waits for the end of a freeze", () =>
      Effect.gen(function* () {
        const clock = yield* Clock.Clock
        let sleeps = 0
        const counting: Clock.Clock = {
          ...clock,
          currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
          currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
          sleep: (duration) => {
            sleeps++
            return clock.sleep(duration)
          }
        }
        yield* Effect.gen(function* () {
          const gate = yield* plain
          const done = yield* Deferred.make<void>()
          const fibers = yield* Effect.forEach(Array.from({ length: 50 }), () =>
            Effect.forkChild(gate.admit(ticket(), Deferred.await(done)))
          )
          yield* TestClock.adjust("1 hour")
          assert.strictEqual(yield* gate.inFlight, 2)
          yield* Deferred.succeed(done, undefined)
          yield* Effect.forEach(fibers, Fiber.join)
          assert.strictEqual(sleeps, 0)
        }).pipe(Effect.provide(layer(2)), Effect.provideService(Clock.Clock, counting))
      })
    )
  })
}
