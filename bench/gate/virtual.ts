import { Clock, Effect, Fiber, Layer, Logger, Random } from "effect"
import { TestClock } from "effect/testing"
import * as SimulatedProvider from "../../src/layers/SimulatedProvider.ts"
import { SimulatedLedger } from "../../src/layers/simulated/Ledger.ts"
import type { LedgerSnapshot } from "../../src/layers/simulated/Ledger.ts"
import type { Client } from "./clients.ts"
import type { Job, Scenario } from "./scenarios.ts"

/** What the provider saw, and what it took to get there. */
export interface Outcome {
  readonly ledger: LedgerSnapshot["chat"]
  /** False: it was still at it after three hours of virtual time. */
  readonly finished: boolean
  readonly cpuSeconds: number
}

const patience = 3 * 3_600_000

/** A client's work in virtual time: each step of it is run to its end before the clock moves on. */
export const runVirtually = async (client: Client, scenario: Scenario, jobs: ReadonlyArray<Job>): Promise<Outcome> => {
  const before = process.cpuUsage()
  const { finished, ledger } = await Effect.runPromise(
    Effect.gen(function* () {
      const work = yield* Effect.forkChild(client(scenario, jobs).pipe(Random.withSeed("bench")))
      let now = 0
      while (work.pollUnsafe() === undefined && now < patience) {
        yield* TestClock.adjust("1 second")
        now = yield* Clock.currentTimeMillis
      }
      const finished = work.pollUnsafe() !== undefined
      yield* finished ? Fiber.join(work) : Fiber.interrupt(work)
      return { finished, ledger: (yield* (yield* SimulatedLedger).snapshot).chat }
    }).pipe(
      Effect.provide(Layer.mergeAll(SimulatedProvider.layer(scenario.provider), TestClock.layer(), Logger.layer([])))
    )
  )
  const { system, user } = process.cpuUsage(before)
  return { finished, ledger, cpuSeconds: (system + user) / 1e6 }
}
