import { assert, describe, it } from "@effect/vitest"
import { redactor, retryAfterMillis } from "../../../src/layers/http/Failures.ts"

describe("Failures", () => {
  it("prefers the exact wait, and takes no nonsense for one", () => {
    assert.strictEqual(retryAfterMillis({ "retry-after-ms": "15", "retry-after": "1" }, "", 0), 15)
    assert.strictEqual(retryAfterMillis({ "retry-after-ms": "x", "retry-after": "1" }, "", 0), 1_000)
    assert.strictEqual(retryAfterMillis({ "retry-after": "Thu, 01 Jan 1970 00:01:00 GMT" }, "", 45_000), 15_000)
    assert.strictEqual(retryAfterMillis({ "retry-after": "-5" }, "", 0), undefined)
    assert.strictEqual(retryAfterMillis({}, "Please try again in 20ms. Visit us", 0), 20)
    assert.strictEqual(retryAfterMillis({}, "Please try again in 1.5s.", 0), 1_500)
  })

  it("hides a secret wherever it stands, also across the cut and in a URL", () => {
    const redact = redactor(["p@ss word/secret"])
    for (const pad of [0, 480, 490, 495, 499, 600]) {
      const text = redact(`${"x".repeat(pad)} p@ss word/secret https://h/?a=p%40ss%20word%2Fsecret sk-abc123`)
      assert.notMatch(text, /word|abc123|p@ss|p%40/)
      assert.isAtMost(text.length, 500)
    }
  })

  it("keeps whole characters at the cut", () => {
    const text = redactor([])("😀".repeat(400))
    assert.isTrue(text.isWellFormed())
  })
})
