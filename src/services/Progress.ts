import { Context, Effect, Layer } from "effect"

/** Where a run is. */
export interface Snapshot {
  /** Sources listed so far; `listed` says whether that is all of them. */
  readonly seen: number
  readonly listed: boolean
  readonly done: number
  readonly failed: number
  readonly chunks: { readonly total: number; readonly done: number; readonly dead: number }
  readonly calls: { readonly sent: number; readonly inFlight: number; readonly retried: number }
  /** Milliseconds. */
  readonly elapsed: number
  /** Milliseconds that the rest takes at the pace of late; absent as long as nobody can tell. */
  readonly left?: number
  /** What holds the run back or deserves attention now, for example that the provider asked to wait. */
  readonly note?: string
}

/** Tells somebody how far the run is, on standard error. */
export class Progress extends Context.Service<
  Progress,
  {
    readonly show: (snapshot: Snapshot) => Effect.Effect<void>
    /** Says something once, in a line or two that stay. */
    readonly say: (message: string) => Effect.Effect<void>
    /** The last snapshot of a run: clears what must not stay on the screen. */
    readonly finish: (snapshot: Snapshot) => Effect.Effect<void>
    /** Milliseconds between snapshots. */
    readonly interval: number
  }
>()("sluice/services/Progress") {}

export const layerNone: Layer.Layer<Progress> = Layer.succeed(Progress, {
  show: () => Effect.void,
  finish: () => Effect.void,
  say: () => Effect.void,
  interval: 60_000
})
