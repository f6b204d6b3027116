import type { Limits } from "../../src/layers/simulated/Limits.ts"
import type { Job, Scenario } from "./scenarios.ts"

/** What no client could do better, in milliseconds, and what it was made from. */
export interface Bound {
  readonly millis: number
  /** The part that decides. */
  readonly by: "limits" | "concurrency" | "longest call" | "places"
  readonly inputs: string
}

/**
 * The earliest moment by which so many units can have been admitted by a limit per minute: what the bucket holds at the
 * start, and then its rate, which may change. What a bucket loses when it becomes smaller is not taken off, so that this
 * stays a lower bound.
 */
const release = (limit: number | undefined, limits: Limits) => {
  if (limit === undefined) return () => 0
  const { changes = [], window = "continuous" } = limits
  // Virtual time begins with a minute of the calendar.
  if (window === "fixed") return (units: number): number => (Math.ceil(units / limit) - 1) * 60_000
  const burst = window === "continuous" ? limit : (limit * window) / 60
  const rate = limit / 60_000
  const steps = changes.toSorted((a, b) => a.at - b.at)
  return (units: number): number => {
    let missing = units - burst
    let at = 0
    let pace = rate
    for (const change of steps) {
      const until = (change.at - at) * pace
      if (missing <= until) break
      missing -= until
      at = change.at
      pace = rate * change.factor
    }
    return missing <= 0 ? 0 : at + missing / pace
  }
}

/**
 * The lower bound on the makespan. With limits alone: the longest calls first, each as early as the buckets let it (a
 * bucket is one machine, a call's latency its delivery time, and the largest delivery time first is optimal). With a
 * ceiling on what is in flight: all latencies, and the waits of the first calls, shared among its places. On a server
 * with places: all output at the pace of a full batch.
 */
export const boundOf = (scenario: Scenario, jobs: ReadonlyArray<Job>): Bound => {
  const { limits = {} } = scenario.provider
  const requests = release(limits.rpm, limits)
  const tokens = release(limits.tpm, limits)

  // What fails and is sent again is charged again: all of it has to be admitted before the last answer.
  const attempts = jobs.reduce((total, { truth }) => total + truth.attempts, 0)
  const charged = jobs.reduce((total, { truth }) => total + truth.attempts * truth.charged, 0)
  let sum = 0
  let byLimits = Math.max(requests(attempts), tokens(charged)) + Math.min(...jobs.map(({ truth }) => truth.last))
  for (const [index, { truth }] of jobs.toSorted((a, b) => b.truth.latency - a.truth.latency).entries()) {
    sum += truth.charged
    byLimits = Math.max(byLimits, Math.max(requests(index + 1), tokens(sum)) + truth.latency)
  }

  const places = Math.min(scenario.concurrency, jobs.length)
  let smallest = 0
  let waits = 0
  for (const [index, { truth }] of jobs
    .toSorted((a, b) => a.truth.charged - b.truth.charged)
    .slice(0, places)
    .entries()) {
    smallest += truth.charged
    waits += Math.max(requests(index + 1), tokens(smallest))
  }
  const latencies = jobs.reduce((total, { truth }) => total + truth.latency, 0)
  const output = jobs.reduce((total, { truth }) => total + truth.output, 0)
  const { slots } = limits
  const all = [
    { by: "limits", millis: byLimits },
    { by: "concurrency", millis: (latencies + waits) / places },
    { by: "longest call", millis: Math.max(...jobs.map(({ truth }) => truth.latency)) },
    {
      by: "places",
      millis: slots === undefined ? 0 : (output * (slots.step + slots.perRequest * slots.count)) / slots.count
    }
  ] as const
  const best = all.reduce((most, one) => (one.millis > most.millis ? one : most))
  const real = jobs.reduce((total, { truth }) => total + truth.real, 0)
  const count = (value: number) => Math.round(value).toLocaleString("en")
  return {
    ...best,
    inputs:
      `${count(jobs.length)} calls, ${attempts > jobs.length ? `${count(attempts)} attempts, ` : ""}${count(charged)} tokens charged (${count(real)} real), mean latency ` +
      `${(latencies / jobs.length / 1_000).toFixed(1)} s; bounds: ` +
      all
        .filter(({ millis }) => millis > 0)
        .map(({ by, millis }) => `${by} ${(millis / 1_000).toFixed(1)} s`)
        .join(", ")
  }
}
