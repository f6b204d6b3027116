import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as NodeMachine from "../../src/layers/NodeMachine.ts"
import { Machine } from "../../src/services/Machine.ts"

/** Lets nobody else onto the thread for so many milliseconds. */
const work = (milliseconds: number): void => {
  const until = performance.now() + milliseconds
  while (performance.now() < until);
}

describe("the machine that runs the tests", () => {
  it.live("says what share of it is used, and how long others had to wait", () =>
    Effect.gen(function* () {
      const machine = yield* Machine
      yield* machine.read
      // The histogram's timer has to come round on either side of the work.
      yield* Effect.sleep("50 millis")
      work(300)
      yield* Effect.sleep("50 millis")
      const busy = yield* machine.read
      assert.isAbove(busy.cpu, 0.001)
      assert.isBelow(busy.cpu, 1.2)
      assert.isAbove(busy.delay, 200)
      assert.isAbove(busy.memory, 0.001)
      assert.isBelow(busy.memory, 1)
      yield* Effect.sleep("50 millis")
      assert.isBelow((yield* machine.read).delay, busy.delay)
      assert.isAbove(machine.memory, 64 * 1024 ** 2)
    }).pipe(Effect.provide(NodeMachine.layer))
  )
})
