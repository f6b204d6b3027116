import { assert, describe, it } from "@effect/vitest"
import { documentsFor, next } from "../../src/domain/LocalLimits.ts"
import type { Load, Sizes } from "../../src/domain/LocalLimits.ts"
import { makeRandom } from "../support/random.ts"

const most: Sizes = { parse: 16, write: 256, documents: 64_000_000 }
const idle: Load = { cpu: 0, memory: 0, delay: 0, commit: 0 }

/** The sizes after so many seconds of the same load. */
const after = (seconds: number, load: Partial<Load>, from: Sizes = most): Sizes => {
  let sizes = from
  for (let second = 0; second < seconds; second++) sizes = next(sizes, { ...idle, ...load }, most)
  return sizes
}

describe("local limits", () => {
  it("short of memory, all shrink at once, within seconds to one at a time", () => {
    const { documents, parse, write } = after(1, { memory: 0.81 })
    assert.isTrue(parse < most.parse && write < most.write && documents < most.documents)
    assert.deepStrictEqual(after(60, { memory: 0.81 }), { parse: 1, write: 1, documents: 1 })
    assert.isBelow(after(10, { memory: 2 }).documents, most.documents / 30)
  })

  it("a busy processor leaves enough at once to stay busy, and the store alone", () => {
    for (const load of [{ cpu: 0.91 }, { delay: 501 }]) {
      const sizes = after(600, load)
      assert.deepStrictEqual(sizes, { parse: 2, write: 256, documents: 16_000_000 })
    }
  })

  it("a slow store gets smaller commits, and parsers go on", () => {
    assert.deepStrictEqual(after(600, { commit: 1001 }), { parse: 16, write: 16, documents: 16_000_000 })
  })

  it("a busy processor never gives back what memory has taken", () => {
    const small = after(60, { memory: 0.9 })
    assert.deepStrictEqual(after(60, { cpu: 1 }, small), small)
  })

  it("with nothing near its mark all grow slowly, to the most in about a minute", () => {
    const small: Sizes = { parse: 1, write: 1, documents: 1 }
    const first = after(1, {}, small)
    assert.isTrue(first.parse > 1 && first.parse < 1.5 && first.documents < most.documents / 60)
    assert.notDeepEqual(after(60, {}, small), most)
    assert.deepStrictEqual(after(64, {}, small), most)
  })

  it("just below a mark all stay as they are", () => {
    const sizes: Sizes = { parse: 4, write: 50, documents: 1_000_000 }
    for (const load of [{ cpu: 0.85 }, { memory: 0.75 }, { delay: 480 }, { commit: 950 }]) {
      assert.deepStrictEqual(after(100, load, sizes), sizes)
    }
  })

  it("whatever the load, every size is at least 1 and at most the most", () => {
    const seed = 11
    const random = makeRandom(seed).next
    let sizes = most
    for (let second = 0; second < 5000; second++) {
      const load = { cpu: 1.2 * random(), memory: 1.2 * random(), delay: 1000 * random(), commit: 2000 * random() }
      sizes = next(sizes, second % 500 < 250 ? load : { ...idle, cpu: load.cpu }, most)
      for (const key of ["parse", "write", "documents"] as const) {
        assert.isTrue(sizes[key] >= 1 && sizes[key] <= most[key], `seed ${seed}, second ${second}, ${key}`)
      }
    }
  })

  it("text in flight follows the memory that there is", () => {
    assert.isBelow(documentsFor(512 * 1024 ** 2), 24 * 1024 ** 2)
    assert.strictEqual(documentsFor(1024 ** 4), documentsFor(Infinity))
    assert.isAtLeast(documentsFor(0), 1)
  })
})
