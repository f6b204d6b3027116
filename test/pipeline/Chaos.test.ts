import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as SimulatedServer from "../../src/layers/SimulatedServer.ts"
import { Life, reportOf } from "../support/chaos/life.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"

/** How often the program is struck, in lives of a few strikes each. */
const strikes = Number(process.env["CHAOS_STRIKES"] ?? 4)
const seed = Number(process.env["CHAOS_SEED"] ?? 1)
const strikesPerLife = 4

/** One request in ten has a fault of its own or in one of its items. */
const faults = {
  serverError: 0.015,
  unavailable: 0.01,
  reset: 0.01,
  resetMidBody: 0.01,
  truncated: 0.01,
  invalidJson: 0.015,
  refusal: 0.005,
  empty: 0.005,
  missing: 0.01,
  wrongId: 0.005,
  duplicate: 0.005
}

const lives = Array.from({ length: Math.ceil(strikes / strikesPerLife) }, (_, index) => seed + index)

describe("the program, killed, interrupted and let down by its disks, clock and provider", () => {
  it.live.each(lives)(
    "seed %i: ends in the graph of an undisturbed run, and asks again only for what was in flight",
    (life) =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory()
        const faulty = yield* SimulatedServer.start({ seed: life, latency: { median: 10, sigma: 1 }, faults })
        const sound = yield* SimulatedServer.start({ seed: life })
        const struck = new Life(directory, faulty.url, life)
        for (let strike = 0; strike < strikesPerLife; strike++) yield* Effect.promise(() => struck.strike())
        const mended = yield* Effect.promise(() => struck.mend())
        const again = reportOf(yield* Effect.promise(() => struck.ingest("sqlite:sluice.db")))
        const undisturbed = yield* Effect.promise(() => struck.ingest("sqlite:other/sluice.db", undefined, sound.url))
        const expected = reportOf(undisturbed)
        assert.strictEqual(mended.graph.hash, expected.graph.hash, struck.history)
        assert.strictEqual(mended.chunks.dead + mended.documents.failed, 0, struck.history)
        assert.strictEqual(again.calls.model, 0, struck.history)
        // Different items: one whose second answer is faulty is asked a third time, with good reason.
        const { askedAgain } = (yield* faulty.ledger).chat
        assert.isAtMost(askedAgain.length, struck.inFlight, `${struck.history}\n${JSON.stringify(askedAgain)}`)
      }).pipe(Effect.scoped),
    120_000
  )
})
