import { assert, describe, it } from "@effect/vitest"
import { Tracker } from "../../../src/layers/files/Tracker.ts"

/** A look that finds files with these stamps; `!` marks one that cannot be looked at. */
const look = (tracker: Tracker, files: Readonly<Record<string, string>>) => {
  tracker.begin()
  for (const [name, stamp] of Object.entries(files)) tracker.see(name, stamp, stamp.startsWith("!"))
  return tracker.end()
}

/** All of them taken in. */
const after = (files: Readonly<Record<string, string>>): Tracker => {
  const tracker = new Tracker()
  look(tracker, files)
  tracker.take()
  return tracker
}

const quiet = { files: [], needsWalk: false, isRestless: false }
const restless = { ...quiet, isRestless: true }

describe("Tracker", () => {
  it("finds nothing where nothing changes", () => {
    const tracker = after({ a: "1", b: "1" })
    assert.deepStrictEqual(look(tracker, { b: "1", a: "1" }), quiet)
  })

  it("waits with a new or changed file until it looks the same twice", () => {
    const tracker = after({ a: "1" })
    assert.deepStrictEqual(look(tracker, { a: "2", b: "1" }), restless)
    assert.deepStrictEqual(look(tracker, { a: "2", b: "2" }), { ...restless, files: ["a"] })
    assert.deepStrictEqual(look(tracker, { a: "2", b: "2" }), { ...quiet, files: ["a", "b"] })
    tracker.take(["a", "b"])
    assert.deepStrictEqual(look(tracker, { a: "2", b: "2" }), quiet)
  })

  it("finds a file again that changed while it was taken in", () => {
    const tracker = after({ a: "1" })
    look(tracker, { a: "2" })
    look(tracker, { a: "2" })
    tracker.take(["a"])
    assert.deepStrictEqual(look(tracker, { a: "3" }), restless)
    assert.deepStrictEqual(look(tracker, { a: "3" }), { ...quiet, files: ["a"] })
  })

  it("keeps what was not taken in for the next time", () => {
    const tracker = after({})
    look(tracker, { a: "1", b: "1" })
    look(tracker, { a: "1", b: "1" })
    tracker.take(["a"])
    assert.deepStrictEqual(look(tracker, { a: "1", b: "1" }), { ...quiet, files: ["b"] })
  })

  it("wants a walk for one that is gone in two looks, and none for one that is put back", () => {
    const tracker = after({ a: "1", b: "1" })
    assert.deepStrictEqual(look(tracker, { a: "1" }), restless)
    assert.deepStrictEqual(look(tracker, { a: "1", b: "1" }), quiet)
    look(tracker, { a: "1" })
    assert.deepStrictEqual(look(tracker, { a: "1" }), { ...quiet, needsWalk: true })
    tracker.take()
    assert.deepStrictEqual(look(tracker, { a: "1" }), quiet)
    look(tracker, { a: "1", b: "1" })
    assert.deepStrictEqual(look(tracker, { a: "1", b: "1" }), { ...quiet, files: ["b"] })
  })

  it("forgets one that came and went untaken", () => {
    const tracker = after({ a: "1" })
    assert.deepStrictEqual(look(tracker, { a: "1", swap: "1" }), restless)
    assert.deepStrictEqual(look(tracker, { a: "1" }), quiet)
  })

  it("wants a walk for one that cannot be looked at any more, once", () => {
    const tracker = after({ a: "1" })
    look(tracker, { a: "!closed" })
    assert.deepStrictEqual(look(tracker, { a: "!closed" }), { ...quiet, needsWalk: true })
    tracker.take()
    assert.deepStrictEqual(look(tracker, { a: "!closed" }), quiet)
  })

  it("does not take one that is being replaced during a walk for gone", () => {
    const tracker = after({ a: "1", b: "1", c: "1" })
    look(tracker, { a: "1", c: "1" })
    look(tracker, { a: "1" })
    tracker.take()
    assert.deepStrictEqual(look(tracker, { a: "1" }), { ...quiet, needsWalk: true })
  })
})
