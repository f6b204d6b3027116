import { Effect, Layer, Logger, Option } from "effect"
import { Group, itemKey, recipe, RunId } from "../../src/domain/Ids.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import * as Gate from "../../src/services/Gate.ts"
import type { Ticket } from "../../src/services/Gate.ts"
import * as ModelCalls from "../../src/services/ModelCalls.ts"
import * as Retry from "../../src/services/Retry.ts"

const usage = { input: 2_500, output: 600, cached: 0 }

/** Limits that nothing runs into, so that all of the bookkeeping is done and nobody ever waits for them. */
const headers = {
  "x-ratelimit-limit-requests": "900000000",
  "x-ratelimit-remaining-requests": "899999999",
  "x-ratelimit-reset-requests": "1ms",
  "x-ratelimit-limit-tokens": "900000000000",
  "x-ratelimit-remaining-tokens": "899999995900",
  "x-ratelimit-reset-tokens": "1ms"
}

const ticketOf = (index: number): Ticket => {
  const expectedOutput = 300 + ((index * 7_919) % 900)
  const demand = Option.some({ inputTokens: 2_500, outputCap: 1_500, expectedOutput })
  return {
    pool: "bench",
    priority: "normal",
    again: false,
    group: `group ${index % 10}`,
    expectedOutput,
    demand: () => demand
  }
}

/** So many calls that all wait at the same time, 200 at once; a call is over at once. */
const throughGate = (calls: number) =>
  Effect.gen(function* () {
    const gate = yield* Gate.Gate
    yield* Effect.forEach(
      Array.from({ length: calls }, (_, index) => ticketOf(index)),
      (ticket) =>
        gate.admit(ticket, ({ sending, settle }) =>
          sending.pipe(Effect.andThen(Effect.yieldNow), Effect.andThen(settle({ _tag: "answered", headers, usage })))
        ),
      { concurrency: "unbounded", discard: true }
    )
  }).pipe(Effect.provide(Gate.layer({ ceiling: 200 })), Effect.orDie)

/** The same through all of what a call passes: gate, reservation and settlement in a journal in memory, retry. */
const throughCalls = (calls: number) =>
  Effect.gen(function* () {
    const { call } = yield* ModelCalls.ModelCalls
    const run = RunId.make("bench")
    const group = Group.make("bench")
    const version = recipe("bench")
    yield* Effect.forEach(
      Array.from({ length: calls }, (_, index) => index),
      (index) => {
        const key = itemKey(group, "extraction", version, String(index))
        const request = Option.some({ payload: index, group, items: [key], inputTokens: 2_500, outputTokens: 1_500 })
        return call({
          run,
          kind: "extraction",
          endpoint: "bench",
          model: "bench",
          priority: "normal",
          take: () => request,
          send: () =>
            Effect.as(Effect.yieldNow, {
              value: index,
              usage,
              model: "bench",
              raw: "{}",
              headers,
              answers: [{ key, group, kind: "extraction" as const, value: "{}" }]
            })
        })
      },
      { concurrency: "unbounded", discard: true }
    )
  }).pipe(
    Effect.provide(
      ModelCalls.layer.pipe(
        Layer.provide(Layer.mergeAll(Gate.layer({ ceiling: 200 }), Retry.layer(), SqliteJournal.layerMemory))
      )
    ),
    Effect.orDie
  )

export interface Cost {
  readonly what: string
  readonly waiting: number
  readonly perSecond: number
  readonly cpuMillis: number
}

/** What a call costs by how many wait; each figure is the best of three, after a warm-up. */
export const admissions = async (): Promise<ReadonlyArray<Cost>> => {
  const measure = async (
    what: string,
    waiting: number,
    work: (calls: number) => Effect.Effect<void>
  ): Promise<Cost> => {
    let best: Cost | undefined
    for (let round = 0; round < 4; round++) {
      const before = process.cpuUsage()
      const started = performance.now()
      const times = Math.max(1, Math.round(10_000 / waiting))
      await Effect.runPromise(Effect.repeat(work(waiting), { times: times - 1 }).pipe(Effect.provide(Logger.layer([]))))
      const calls = times * waiting
      const seconds = (performance.now() - started) / 1_000
      const { system, user } = process.cpuUsage(before)
      const cost = { what, waiting, perSecond: calls / seconds, cpuMillis: (system + user) / 1_000 / calls }
      if (round > 0 && (best === undefined || cost.cpuMillis < best.cpuMillis)) best = cost
    }
    if (best === undefined) throw new Error("nothing was measured")
    return best
  }
  const costs: Array<Cost> = []
  for (const waiting of [100, 1_000, 10_000, 50_000]) costs.push(await measure("gate alone", waiting, throughGate))
  for (const waiting of [100, 1_000, 10_000]) costs.push(await measure("gate, journal, retry", waiting, throughCalls))
  return costs
}
