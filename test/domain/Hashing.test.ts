import { assert, describe, it } from "@effect/vitest"
import { hash32, hash53, hashedVector, uniform, unitVector } from "../../src/domain/Hashing.ts"

describe("Hashing", () => {
  it("is the same on every platform", () => {
    assert.deepStrictEqual([hash32(""), hash32("a"), hash32("Łukasz 😀")], [2872998923, 444641715, 3891867913])
    assert.strictEqual(hash53("a"), 195384612853363)
    assert.deepStrictEqual(
      Array.from(hashedVector("Ada", 8), (x) => Math.round(x * 1e6)),
      [0, 0, 0, 0, 0, -707107, 707107, 0]
    )
  })

  it("spreads: 100,000 texts, no two alike, and evenly", () => {
    const hashes = new Set<number>()
    const buckets = Array.from({ length: 16 }, () => 0)
    for (let i = 0; i < 100_000; i++) {
      hashes.add(hash53(`text ${i}`))
      const bucket = Math.floor(uniform(7, "draw", i) * 16)
      buckets[bucket] = (buckets[bucket] ?? 0) + 1
    }
    assert.strictEqual(hashes.size, 100_000)
    for (const count of buckets) assert.closeTo(count, 6_250, 400)
  })

  it("has a direction even for nothing", () => {
    assert.deepStrictEqual(Array.from(hashedVector("", 4)), [1, 0, 0, 0])
    assert.strictEqual(unitVector([0, 0]), undefined)
    assert.strictEqual(unitVector([1, Number.NaN]), undefined)
    assert.strictEqual(unitVector([1, Infinity]), undefined)
  })

  it("takes composed and decomposed letters, and cases, as one", () => {
    assert.deepStrictEqual(hashedVector("ZOË", 64), hashedVector("zoe\u0308", 64))
  })
})
