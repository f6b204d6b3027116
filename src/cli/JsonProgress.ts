import { Effect, Layer, Stdio, Stream } from "effect"
import { jsonLine } from "./Print.ts"
import { Progress } from "../services/Progress.ts"
import type { Snapshot } from "../services/Progress.ts"

/**
 * One JSON object a line on standard error: snapshots with `type` `progress`, a last one with `finished`, and what is said
 * between with `notice` and its `message`.
 */
export const layer: Layer.Layer<Progress, never, Stdio.Stdio> = Layer.effect(
  Progress,
  Effect.map(Stdio.Stdio, (stdio) => {
    const write = (type: "progress" | "finished" | "notice", event: Snapshot | { readonly message: string }) =>
      Stream.make(`${jsonLine({ type, ...event })}\n`).pipe(
        Stream.run(stdio.stderr({ endOnDone: false })),
        Effect.ignore
      )
    return {
      interval: 1_000,
      show: (snapshot) => write("progress", snapshot),
      finish: (snapshot) => write("finished", snapshot),
      say: (message) => write("notice", { message })
    }
  })
)
