import { Effect, Layer, Stdio, Stream } from "effect"
import { Progress } from "../services/Progress.ts"
import type { Snapshot } from "../services/Progress.ts"

/** One JSON object a line on standard error: snapshots with `type` `progress`, and a last one with `finished`. */
export const layer: Layer.Layer<Progress, never, Stdio.Stdio> = Layer.effect(
  Progress,
  Effect.map(Stdio.Stdio, (stdio) => {
    const write = (type: "progress" | "finished", snapshot: Snapshot) =>
      Stream.make(`${JSON.stringify({ type, ...snapshot })}\n`).pipe(
        Stream.run(stdio.stderr({ endOnDone: false })),
        Effect.ignore
      )
    return {
      interval: 1_000,
      show: (snapshot) => write("progress", snapshot),
      finish: (snapshot) => write("finished", snapshot)
    }
  })
)
