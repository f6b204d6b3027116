import { assert, describe, it } from "@effect/vitest"
import { Pace } from "../../src/pipeline/Pace.ts"

/** What a run of 200 chunks says is left, once a second; `asked` and `reused`: chunks that are done by then. */
const told = (seconds: number, asked: (second: number) => number, reused = 0): ReadonlyArray<number | undefined> => {
  const pace = new Pace()
  return Array.from({ length: seconds + 1 }, (_, second) => {
    const done = asked(second) + (second === 0 ? 0 : reused)
    return pace.left({ elapsed: second * 1000, asked: asked(second), done, left: 200 - done })
  })
}

describe("Pace", () => {
  it("is that of late, not that of the burst a run began with", () => {
    const left = told(30, (second) => (second === 0 ? 0 : 80 + second)).at(-1)
    assert.isDefined(left)
    assert.approximately(left ?? 0, 90_000, 1_000)
  })

  it("does not count what cost nothing", () => {
    const left = told(10, (second) => second, 100).at(-1)
    assert.isDefined(left)
    assert.approximately(left ?? 0, 90_000, 1_000)
  })

  it("is told by what cost nothing where there is nothing else", () => {
    const pace = new Pace()
    pace.left({ elapsed: 0, asked: 0, done: 0, left: 200 })
    assert.strictEqual(pace.left({ elapsed: 2000, asked: 0, done: 100, left: 100 }), 2000)
  })

  it("says nothing before anything is done, nor when all is", () => {
    assert.isUndefined(told(20, () => 0).at(-1))
    assert.isUndefined(told(20, (second) => second * 10).at(-1))
  })
})
