import { Context, Metric } from "effect"
import type { Stage } from "../domain/DeadLetter.ts"

/** Received = sent + failed + discarded + in flight. */
export const phaseCounters = (phase: Stage) => {
  const counter = (name: string, description: string) =>
    Metric.counter(`sluice_phase_${name}_total`, { description, incremental: true }).pipe(
      Metric.withAttributes({ phase })
    )
  return {
    received: counter("received", "Items that entered a phase"),
    sent: counter("sent", "Items that a phase passed on"),
    failed: counter("failed", "Items that a phase turned into dead letters"),
    discarded: counter("discarded", "Items that needed no further work")
  }
}

/**
 * What this run has done so far. Plain fields, because the run's report and its progress read them and every phase of
 * the one process adds to them between two awaits.
 */
export class RunCounters extends Context.Service<
  RunCounters,
  {
    documents: {
      seen: number
      unchanged: number
      ingested: number
      partial: number
      failed: number
      removed: number
      gone?: number
    }
    chunks: { total: number; extracted: number; reused: number; dead: number }
    /** Documents that have been cut into chunks. */
    chunked: number
    /** Whether all sources have been listed. */
    listed: boolean
  }
>()("sluice/pipeline/RunCounters") {
  static readonly make = () =>
    RunCounters.of({
      documents: { seen: 0, unchanged: 0, ingested: 0, partial: 0, failed: 0, removed: 0 },
      chunks: { total: 0, extracted: 0, reused: 0, dead: 0 },
      chunked: 0,
      listed: false
    })
}
