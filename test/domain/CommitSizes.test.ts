import { assert, describe, it } from "@effect/vitest"
import { next, start } from "../../src/domain/CommitSizes.ts"
import type { Climb } from "../../src/domain/CommitSizes.ts"
import { makeRandom } from "../support/random.ts"

/** Milliseconds that a server takes for a commit, `atOnce` of which it works on. */
type Server = (rows: number, atOnce: number) => number

/** So many processors, a fixed cost in milliseconds, and microseconds for a row; by chance a fifth more or less. */
const server = (processors: number, fixed: number, micros: number): Server => {
  const random = makeRandom(3)
  return (rows, atOnce) =>
    (fixed + (rows * micros) / 1000) * Math.max(1, atOnce / processors) * (0.8 + 0.4 * random.next())
}

const after = (commits: number, takes: Server, most = 8, from: Climb = start) => {
  let climb = from
  const seen: Array<number> = []
  for (let commit = 0; commit < commits; commit++) {
    const { atOnce, rows } = climb.sizes
    climb = next(climb, { rows, millis: takes(rows, atOnce), beside: atOnce }, most)
    seen.push(atOnce)
  }
  const late = seen.slice(seen.length >> 1)
  return { climb, usual: late.reduce((sum, atOnce) => sum + atOnce, 0) / late.length }
}

describe("commit sizes", () => {
  it("begins with one writer, and has about as many as the server works on at once", () => {
    assert.strictEqual(start.sizes.atOnce, 1)
    for (const processors of [1, 2, 4]) {
      const { usual } = after(1000, server(processors, 30, 60))
      assert.isTrue(usual > processors - 0.7 && usual < processors + 1.5, `${processors}: ${usual}`)
    }
  })

  it("never has more than there may be, however wide the server, and has them soon", () => {
    assert.isAbove(after(300, server(64, 30, 60)).usual, 7)
    assert.strictEqual(after(200, server(64, 30, 60), 1).usual, 1)
    assert.isAtLeast(after(80, server(64, 30, 60)).climb.sizes.atOnce, 5)
  })

  it("has fewer when others use the server, and more when they have ended", () => {
    const alone = after(400, server(8, 30, 60))
    const beside = after(1000, server(1, 30, 60), 8, alone.climb)
    assert.isBelow(beside.usual, 3)
    assert.isAbove(after(1000, server(8, 30, 60), 8, beside.climb).usual, 6)
  })

  it("a slow server gets small commits and a quick one large ones, within bounds", () => {
    const rows = (takes: Server) => after(100, takes, 1).climb.sizes.rows
    assert.strictEqual(rows(server(2, 50, 2000)), 1000)
    assert.strictEqual(rows(server(16, 5, 10)), 8000)
    const between = rows(server(1, 20, 150))
    assert.isTrue(between > 1500 && between < 6000, String(between))
  })

  it("learns nothing from commits of a few rows, nor of how many at once from documents that come slowly", () => {
    assert.deepStrictEqual(next(start, { rows: 10, millis: 300, beside: 1 }, 8), start)
    let climb: Climb = { ...start, sizes: { atOnce: 4, rows: 4000 } }
    for (let commit = 0; commit < 500; commit++) climb = next(climb, { rows: 4000, millis: 400, beside: 1 }, 8)
    assert.strictEqual(climb.sizes.atOnce, 4)
  })
})
