import { assert, describe, it } from "@effect/vitest"
import { explain } from "../../src/domain/RecipeChange.ts"
import type { Affected, RecipeParts } from "../../src/domain/RecipeChange.ts"

const llm: RecipeParts = {
  extractor: "llm",
  model: "gpt-5-mini",
  prompt: "1",
  ontology: "a1",
  parser: "3",
  chunker: "2",
  embedding: "hash",
  projection: "1"
}
const { model: _model, prompt: _prompt, ...others } = llm
const rules: RecipeParts = { ...others, extractor: "rules 2" }
const affected: Affected = {
  documents: 120,
  chunks: 900,
  isKnown: false,
  before: { usd: 1.1 },
  now: { usd: 1.2, input: 4_100_000, output: 300_000 }
}
const told = (after: RecipeParts, changes: Partial<Affected> = {}, before = llm) =>
  explain(before, after, { ...affected, ...changes })

describe("what is said of a change of recipe", () => {
  it("another model: what it was and is, how much is asked again, and what that costs and cost", () => {
    assert.deepStrictEqual(told({ ...llm, model: "gpt-6-luna" }), [
      "The model was gpt-5-mini and is gpt-6-luna.",
      "120 documents with 900 chunks will be extracted again as they are read: about $1.20 (last time $1.10)."
    ])
  })

  it("the cost in tokens where the price is not known, and that it is not known where nothing was measured", () => {
    const now = { input: 4_100_000, output: 300_000 }
    assert.match(
      told({ ...llm, prompt: "2" }, { now })[1] ?? "",
      /about 4\.1M tokens in and 300K out \(last time \$1\.10\)/
    )
    const { before: _, now: __, ...unmeasured } = affected
    assert.match(explain(rules, llm, unmeasured)[1] ?? "", /extracted again as they are read: `--dry-run`/)
  })

  it("nothing to pay for what was asked before, for other chunks than before, for rules", () => {
    assert.match(told({ ...llm, ontology: "b2" }, { isKnown: true })[1] ?? "", /journal and costs nothing/)
    assert.match(
      told({ ...llm, chunker: "3", parser: "4" })[1] ?? "",
      /whose text stays the same are not paid for again\.$/
    )
    assert.match(told({ ...llm, embedding: "e-3" })[1] ?? "", /not paid for again, but for their embeddings\.$/)
    assert.match(told(rules)[1] ?? "", /offline and free\.$/)
  })

  it("all that has changed, in one sentence", () => {
    assert.deepStrictEqual(
      told({ ...llm, ontology: "b2", embedding: "e-3" }, { documents: 1, chunks: 1 })[0],
      ["The ontology has changed, the embedding model was hash and is e-3."][0]
    )
  })

  it("nothing where nothing has changed, or no document is made otherwise", () => {
    assert.deepStrictEqual(told({ ...llm }), [])
    assert.deepStrictEqual(told({ ...llm, model: "x" }, { documents: 0, chunks: 0 }), [])
  })
})
