import { assert, describe, it } from "@effect/vitest"
import { outputLimitOf } from "../../../src/layers/llm/OutputLimit.ts"

const output = (tokens: number) => ({ _tag: "output" as const, tokens })
const context = (tokens: number) => ({ _tag: "context" as const, tokens })

describe("Output limits in rejections", () => {
  it("reads what a provider says that a model can answer, or hold", () => {
    const said = {
      "max_tokens is too large: 16384. This model supports at most 4096 completion tokens, whereas you provided 16384.":
        output(4_096),
      "max_tokens: 16384 > 8192, which is the maximum allowed number of output tokens for claude-3-5-sonnet-20241022":
        output(8_192),
      "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]": output(8_192),
      "`max_tokens` must be less than or equal to `8,192`, the maximum value for `max_tokens` is less than the `context_window` for this model":
        output(8_192),
      "This model's maximum context length is 8192 tokens. However, you requested 17000 tokens (616 in the messages, 16384 in the completion).":
        context(8_192),
      "'max_completion_tokens' is too large: 16384. This model's maximum context length is 32768 tokens and your request has 20000 input tokens":
        context(32_768)
    }
    for (const [message, limit] of Object.entries(said)) assert.deepStrictEqual(outputLimitOf(message, 16_384), limit)
  })

  it("takes nothing from other rejections, nor a limit that was kept to", () => {
    for (const message of [
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
      "Invalid schema for response_format 'extraction'",
      "The provider answered 429, rate_limit_exceeded: Request too large on tokens per min (TPM): Limit 4000, Requested 4150. The input or output tokens must be reduced in order to run successfully.",
      "max_tokens is too large: 4096. This model supports at most 16384 completion tokens",
      "",
      "max_tokens ".repeat(50_000)
    ]) {
      assert.isUndefined(outputLimitOf(message, 4_096), message.slice(0, 80))
    }
  })
})
