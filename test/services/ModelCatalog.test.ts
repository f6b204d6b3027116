import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { cost, ModelCatalog } from "../../src/services/ModelCatalog.ts"

describe("ModelCatalog", () => {
  it.effect("a snapshot costs what its model costs; the longest name that fits decides", () =>
    Effect.gen(function* () {
      const { price } = yield* ModelCatalog
      assert.isDefined(price("gpt-4o-mini"))
      assert.deepStrictEqual(price("gpt-4o-mini-2026-07-18"), price("gpt-4o-mini"))
      assert.notDeepEqual(price("gpt-4o-mini"), price("gpt-4.1-mini"))
      for (const name of ["", "gpt", "gpt-4o-minimal", "llama", "constructor", "__proto__"]) {
        assert.isUndefined(price(name), name)
      }
    })
  )

  it("money is per million tokens, cached input at its own price, and nothing for what has no price", () => {
    const price = { input: 2, cached: 0.5, output: 8 }
    assert.closeTo(cost(price, { input: 1_000_000, output: 0, cached: 0 }), 2, 1e-12)
    assert.closeTo(cost(price, { input: 1_000_000, output: 500_000, cached: 400_000 }), 1.2 + 0.2 + 4, 1e-12)
    assert.strictEqual(cost(undefined, { input: 1_000_000, output: 1_000_000, cached: 0 }), 0)
  })
})
