import { assert, describe, it } from "@effect/vitest"
import { Order } from "../../../src/services/gate/Order.ts"
import type { Place } from "../../../src/services/gate/Order.ts"
import { makeRandom } from "../../support/random.ts"

const place = (options: Partial<Place> = {}): Place => ({
  priority: "normal",
  again: false,
  group: "",
  expectedOutput: 0,
  ...options
})

const drain = <A>(order: Order<A>, now: number): ReadonlyArray<A> => {
  const out: Array<A> = []
  for (let next = order.next(now); next !== undefined; next = order.next(now)) {
    out.push(next)
    order.remove(next, "admitted")
  }
  return out
}

describe("Order", () => {
  it("the longest first, ties by age; groups in turn; those sent before first; priorities above all", () => {
    const order = new Order<string>()
    order.add("short", place({ expectedOutput: 1 }), 0)
    order.add("long", place({ expectedOutput: 9 }), 0)
    order.add("long too", place({ expectedOutput: 9 }), 0)
    order.add("other group", place({ group: "b", expectedOutput: 5 }), 0)
    order.add("again", place({ again: true }), 0)
    order.add("bulk", place({ priority: "bulk", expectedOutput: 99 }), 0)
    order.add("interactive", place({ priority: "interactive" }), 0)
    assert.deepStrictEqual(drain(order, 0), [
      "interactive",
      "again",
      "long",
      "other group",
      "long too",
      "short",
      "bulk"
    ])
    assert.strictEqual(order.size, 0)
  })

  it("nothing starves: with others always more urgent, whoever waits is admitted within eight times those before", () => {
    const order = new Order<number>()
    for (let i = 0; i < 10; i++) order.add(i, place({ priority: "bulk" }), 0)
    let admitted = 0
    let last = 0
    for (let turn = 1; turn <= 100 && last < 10; turn++) {
      const now = 5_000 + turn
      order.add(1_000 + turn, place({ priority: "interactive", expectedOutput: 1_000 }), now)
      const next = order.next(now)
      if (next === undefined) return assert.fail("somebody waits")
      order.remove(next, "admitted")
      admitted++
      if (next < 1_000) assert.strictEqual(next, last++)
    }
    assert.strictEqual(last, 10)
    assert.isAtMost(admitted, 80)
  })

  it("gives everybody out once, and nobody who left, whatever comes and goes", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = makeRandom(seed)
      const order = new Order<number>()
      const waiting = new Set<number>()
      for (let step = 0; step < 600; step++) {
        const what = random.int(10)
        if (what < 5) {
          waiting.add(step)
          order.add(
            step,
            place({
              priority: random.pick(["interactive", "normal", "bulk"]),
              again: random.int(5) === 0,
              group: random.pick(["a", "b", "c"]),
              expectedOutput: random.int(20)
            }),
            step * 100
          )
        } else if (what < 7) {
          const one = [...waiting][random.int(waiting.size)]
          if (one !== undefined) assert.isTrue(order.remove(one, "left"), `seed ${seed}`)
          if (one !== undefined) waiting.delete(one)
        } else {
          const next = order.next(step * 100)
          assert.strictEqual(next === undefined, waiting.size === 0, `seed ${seed}`)
          if (next === undefined) continue
          assert.isTrue(waiting.delete(next), `seed ${seed}`)
          order.remove(next, "admitted")
          assert.isFalse(order.remove(next, "left"))
        }
        assert.strictEqual(order.size, waiting.size)
      }
      assert.deepStrictEqual(
        drain(order, 0).toSorted((a, b) => a - b),
        [...waiting].toSorted((a, b) => a - b)
      )
    }
  })
})
