import { assert, describe, it } from "@effect/vitest"
import { Bucket } from "../../../src/services/gate/Bucket.ts"

describe("Bucket", () => {
  it("lets in what is larger than itself when it is full, even while it grows", () => {
    const bucket = new Bucket({ capacity: 100, rate: 0.1, level: 0, now: 0 })
    let now = 0
    let waits = 0
    // As with a rate that is being found out: the bucket is a little larger each time that somebody looks.
    for (let wait = bucket.wait(now, 500); wait > 0; wait = bucket.wait(now, 500)) {
      assert.isBelow(++waits, 10)
      now += Math.ceil(wait)
      bucket.resize(now, bucket.capacity * 1.000_01, bucket.rate)
    }
    assert.isAtLeast(now, 990)
  })
})
