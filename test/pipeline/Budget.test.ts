import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { Group } from "../../src/domain/Ids.ts"
import * as SimulatedProvider from "../../src/layers/SimulatedProvider.ts"
import type { SimulatedOptions } from "../../src/layers/simulated/Options.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { Ledger } from "../../src/services/Ledger.ts"
import { ModelCatalog, withPrices } from "../../src/services/ModelCatalog.ts"
import { corpus } from "../fixtures/corpus.ts"
import { drive, ingest } from "../support/pipeline.ts"
import { makeRandom } from "../support/random.ts"

const price = { input: 2, cached: 1, written: 2.5, output: 10 }
const catalog = Layer.succeed(ModelCatalog, withPrices(new Map([["simulated", price]])))

const world = (options: SimulatedOptions) => {
  const provider = SimulatedProvider.make(options)
  return Layer.mergeAll(
    SqliteStore.layerMemory,
    SqliteJournal.layerMemory,
    provider.layer,
    provider.layerEmbedder,
    catalog
  )
}

/** By the provider's own books. */
const charged = Effect.gen(function* () {
  const { chat, embeddings } = yield* (yield* SimulatedProvider.SimulatedLedger).snapshot
  const input = chat.tokens.input + embeddings.tokens.input
  return {
    usd: (input * price.input + chat.tokens.output * price.output) / 1e6,
    tokens: input + chat.tokens.output,
    calls: chat.requests + embeddings.requests
  }
})

describe("a budget", () => {
  it.effect.each([1, 2, 3, 4, 5, 6])(
    "holds whatever answers cost and whatever fails, over a run and those that go on with it, and the run ends: seed %s",
    (seed) => {
      const random = makeRandom(seed)
      const documents = corpus(seed, random.between(2, 8))
      const limit = (["cost", "tokens", "calls"] as const)[seed % 3] ?? "cost"
      const most = {
        cost: random.pick([0.02, 0.1, 0.2]),
        tokens: random.between(20_000, 60_000),
        calls: random.between(1, 12)
      }[limit]
      const options = {
        documents,
        extractor: "llm",
        ceiling: random.pick([1, 4, 32]),
        pack: random.pick<number | "auto">(["auto", 1, 3])
      } as const
      const isFaulty = random.next() < 0.7
      return Effect.gen(function* () {
        let last = 0
        for (const budget of [{ [limit]: most }, { [limit]: most }, { [limit]: 3 * most }, {}]) {
          const { report, status, stopped } = yield* drive(ingest({ ...options, budget }))
          const now = yield* charged
          const spent = { cost: now.usd, tokens: now.tokens, calls: now.calls }[limit]
          const ceiling = budget[limit] ?? Infinity
          assert.isAtMost(spent, ceiling + 1e-9)
          assert.strictEqual(status === "stopped", Option.isSome(stopped))
          if (Option.isSome(stopped)) assert.strictEqual(stopped.value.reason, "budget")
          assert.isAtLeast(spent, last)
          last = spent
          const runs = yield* (yield* Ledger).runs(Group.make("default"), 10)
          const cost = runs.reduce((sum, run) => sum + (run.report?.cost.usd ?? 0), 0)
          assert.closeTo(cost, now.usd, 1e-9)
          if (status === "complete") {
            assert.strictEqual(report.chunks.dead, 0)
            return
          }
        }
        assert.fail("Without a ceiling it must be complete")
      }).pipe(
        Effect.provide(
          world({
            seed,
            latency: { median: 400, sigma: 0.7 },
            outputTokens: { median: 300, sigma: 1 },
            ...(isFaulty
              ? { faults: { serverError: 0.1, unavailable: 0.05, reset: 0.03, truncated: 0.03, missing: 0.03 } }
              : {})
          })
        )
      )
    }
  )
})
