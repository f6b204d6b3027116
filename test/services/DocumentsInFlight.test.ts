import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as DocumentsInFlight from "../../src/services/DocumentsInFlight.ts"
import type { Place } from "../../src/services/DocumentsInFlight.ts"
import { makeRandom } from "../support/random.ts"

const kilobytes = (count: number): number => count * 1024

/** Notes who is admitted, in order, with the place. */
const visitors = (room: DocumentsInFlight.Room) => {
  const places = new Map<string, Place>()
  return {
    enter: (name: string, size: number, depth = 0) => room.enter(size, depth, (place) => places.set(name, place)),
    leave: (name: string) => {
      places.get(name)?.leave()
      places.delete(name)
    },
    resize: (name: string, size: number) => places.get(name)?.resize(size),
    get names() {
      return [...places.keys()]
    }
  }
}

const withRoom = (capacity: number) => {
  const room = new DocumentsInFlight.Room(capacity)
  return { room, at: visitors(room) }
}

describe("documents in flight", () => {
  it("are as many as their sizes allow, and the next comes when one has left", () => {
    const { at } = withRoom(kilobytes(100))
    for (const name of ["a", "b", "c"]) at.enter(name, kilobytes(40))
    assert.deepStrictEqual(at.names, ["a", "b"])
    at.leave("a")
    assert.deepStrictEqual(at.names, ["b", "c"])
  })

  it("one that is larger than the room waits until it is alone, is not overtaken, and goes", () => {
    const { at } = withRoom(kilobytes(100))
    at.enter("small", kilobytes(10))
    at.enter("huge", kilobytes(1000))
    at.enter("later", kilobytes(1))
    assert.deepStrictEqual(at.names, ["small"])
    at.leave("small")
    assert.deepStrictEqual(at.names, ["huge"])
    at.leave("huge")
    assert.deepStrictEqual(at.names, ["later"])
  })

  it("one that waits still comes when the room shrinks below its size", () => {
    const { at, room } = withRoom(kilobytes(100))
    at.enter("first", kilobytes(60))
    at.enter("second", kilobytes(60))
    room.resize(1)
    assert.deepStrictEqual(at.names, ["first"])
    at.leave("first")
    assert.deepStrictEqual(at.names, ["second"])
  })

  it("a room that grows takes in those who fit", () => {
    const { at, room } = withRoom(1)
    for (const name of ["a", "b", "c"]) at.enter(name, kilobytes(40))
    assert.deepStrictEqual(at.names, ["a"])
    room.resize(kilobytes(100))
    assert.deepStrictEqual(at.names, ["a", "b"])
  })

  it("many that are all but empty are limited as well", () => {
    const { at } = withRoom(kilobytes(100))
    for (let index = 0; index < 1000; index++) at.enter(`${index}`, 1)
    assert.isBelow(at.names.length, 30)
  })

  it("one that turns out smaller makes room for others, and one that is larger for none, until it leaves", () => {
    const { at } = withRoom(kilobytes(100))
    at.enter("pictures", kilobytes(90))
    at.enter("next", kilobytes(40))
    at.resize("pictures", kilobytes(10))
    assert.deepStrictEqual(at.names, ["pictures", "next"])
    at.resize("next", kilobytes(400))
    at.enter("third", 1)
    assert.deepStrictEqual(at.names, ["pictures", "next"])
    at.leave("pictures")
    at.leave("next")
    assert.deepStrictEqual(at.names, ["third"])
  })

  it("a place is given back once, however often", () => {
    const { at, room } = withRoom(kilobytes(100))
    let place: Place | undefined
    room.enter(kilobytes(50), 0, (given) => (place = given))
    at.enter("other", kilobytes(30))
    const before = room.used
    place?.leave()
    place?.leave()
    place?.resize(kilobytes(80))
    assert.isTrue(room.used > 0 && room.used < before)
    assert.strictEqual(room.documents, 1)
  })

  it("what lies in a container passes while documents beside the container hold all the room", () => {
    const { at } = withRoom(kilobytes(100))
    at.enter("beside", kilobytes(96))
    at.enter("another", kilobytes(96))
    at.enter("inside", kilobytes(50), 1)
    at.enter("inside too", kilobytes(50), 1)
    at.enter("deeper", kilobytes(50), 2)
    assert.deepStrictEqual(at.names, ["beside", "inside", "deeper"])
    at.leave("deeper")
    at.leave("inside")
    assert.deepStrictEqual(at.names, ["beside", "inside too"])
  })

  it("whoever gives up waiting holds up nobody", () => {
    const { at } = withRoom(kilobytes(100))
    at.enter("first", kilobytes(50))
    const cancel = at.enter("large", kilobytes(90))
    at.enter("small", kilobytes(20))
    assert.deepStrictEqual(at.names, ["first"])
    cancel()
    assert.deepStrictEqual(at.names, ["first", "small"])
  })

  it("admits twenty thousand, one after the other from within each other", () => {
    const { room } = withRoom(1)
    let count = 0
    for (let index = 0; index < 20_000; index++) {
      room.enter(1, 0, (place) => {
        count++
        place.leave()
      })
    }
    let first: Place | undefined
    room.enter(1, 0, (place) => (first = place))
    for (let index = 0; index < 20_000; index++) {
      room.enter(1, 0, (place) => {
        count++
        place.leave()
      })
    }
    first?.leave()
    assert.strictEqual(count, 40_000)
    assert.strictEqual(room.used, 0)
  })

  it("the room is never exceeded by more than one document per depth, and in the end all have passed", () => {
    const seed = 5
    const random = makeRandom(seed).next
    const { room } = withRoom(kilobytes(200))
    const inside: Array<{ readonly place: Place; readonly depth: number; readonly size: number }> = []
    let passed = 0
    for (let index = 0; index < 2000; index++) {
      const size = kilobytes(random() < 0.1 ? 500 * random() : 30 * random())
      const depth = Math.floor(3 * random())
      room.enter(size, depth, (place) => inside.push({ place, depth, size }))
      while (random() < 0.5) {
        const [gone] = inside.splice(Math.floor(inside.length * random()), 1)
        gone?.place.leave()
        passed += gone === undefined ? 0 : 1
      }
      if (index % 100 === 0) room.resize(kilobytes(50 + 200 * random()))
      const largest = [0, 1, 2].map((level) =>
        Math.max(0, ...inside.filter(({ depth: one }) => one === level).map((one) => one.size + 4096))
      )
      const excess = room.used - kilobytes(250)
      assert.isAtMost(
        excess,
        largest.reduce((sum, one) => sum + one, 0),
        `seed ${seed}, step ${index}`
      )
    }
    for (let one = inside.shift(); one !== undefined; one = inside.shift()) {
      one.place.leave()
      passed++
    }
    assert.strictEqual(passed, 2000)
    assert.strictEqual(room.used, 0)
  })

  const setUp = Effect.gen(function* () {
    const room = new DocumentsInFlight.Room(kilobytes(100))
    const scope = yield* Scope.make()
    const take = yield* DocumentsInFlight.make.pipe(
      Effect.provideService(DocumentsInFlight.DocumentsInFlight, room),
      Scope.provide(scope)
    )
    return { room, scope, take }
  })

  it.effect("a place is kept where its use succeeds, and given back where it fails, dies or is interrupted", () =>
    Effect.gen(function* () {
      const { room, take } = yield* setUp
      const kept = yield* take(1, 0, Effect.succeed)
      assert.strictEqual(room.documents, 1)
      kept.leave()
      for (const use of [Effect.fail("unreadable"), Effect.die("bug"), Effect.interrupt]) {
        assert.isTrue(Exit.isFailure(yield* Effect.exit(take(1, 0, () => use))))
        assert.strictEqual(room.documents, 0)
      }
      const working = yield* Effect.forkChild(take(1, 0, () => Effect.never))
      yield* TestClock.adjust(1)
      assert.strictEqual(room.documents, 1)
      yield* Fiber.interrupt(working)
      assert.strictEqual(room.documents, 0)
    })
  )

  it.effect("who is interrupted while waiting holds nothing, even if admitted in the same moment", () =>
    Effect.gen(function* () {
      const { room, take } = yield* setUp
      const first = yield* take(kilobytes(90), 0, Effect.succeed)
      const waiting = yield* Effect.forkChild(take(kilobytes(90), 0, Effect.succeed))
      const admitted = yield* Effect.forkChild(take(kilobytes(91), 0, () => Effect.never))
      yield* TestClock.adjust(1)
      yield* Fiber.interrupt(waiting)
      first.leave()
      yield* Fiber.interrupt(admitted)
      assert.strictEqual(room.used, 0)
      yield* take(kilobytes(90), 0, Effect.succeed)
    })
  )

  it.effect("closing the scope of a run gives back all that its documents hold, and nothing of others'", () =>
    Effect.gen(function* () {
      const { room, scope, take } = yield* setUp
      let other: Place | undefined
      room.enter(kilobytes(10), 0, (place) => (other = place))
      yield* take(kilobytes(20), 0, Effect.succeed)
      const gone = yield* take(kilobytes(20), 0, Effect.succeed)
      gone.leave()
      assert.strictEqual(room.documents, 2)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(room.documents, 1)
      other?.leave()
      assert.strictEqual(room.used, 0)
    })
  )

  it.effect("fibers pass one after the other, in the order in which they came", () =>
    Effect.gen(function* () {
      const { take } = yield* setUp
      const order: Array<number> = []
      const done = yield* Deferred.make<void>()
      yield* Effect.forkChild(
        Effect.forEach(
          Array.from({ length: 2000 }, (_, index) => index),
          (index) =>
            take(kilobytes(60 + (index % 7)), 0, (place) =>
              Effect.sync(() => {
                order.push(index)
                place.leave()
              })
            ),
          { concurrency: "unbounded", discard: true }
        ).pipe(Effect.andThen(Deferred.succeed(done, undefined)))
      )
      yield* Deferred.await(done)
      assert.deepStrictEqual(
        order,
        order.toSorted((one, other) => one - other)
      )
      assert.strictEqual(order.length, 2000)
    })
  )
})
