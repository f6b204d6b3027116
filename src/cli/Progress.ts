import { Effect, Layer, Stdio } from "effect"
import { TerminalCapabilities } from "effect/cli"
import * as JsonProgress from "./JsonProgress.ts"
import * as TerminalProgress from "./TerminalProgress.ts"
import type { IngestSettings } from "./Flags.ts"
import * as Progress from "../services/Progress.ts"

export type ProgressKind = "bar" | "lines" | "json" | "none"

/** Standard output may go to a file while the bar is on the screen, so standard error decides. */
const canAnimate = Effect.gen(function* () {
  const stdio = yield* Stdio.Stdio
  const stderr = Layer.succeed(Stdio.Stdio, { ...stdio, stdoutIsTerminal: stdio.stderrIsTerminal })
  const capabilities = TerminalCapabilities.layer.pipe(Layer.provide(stderr))
  const detected = yield* Effect.provide(TerminalCapabilities.TerminalCapabilities, capabilities)
  return detected.canAnimate
})

/** What `--progress` comes to on this standard error. */
export const kindOf = (asked: IngestSettings["progress"]): Effect.Effect<ProgressKind, never, Stdio.Stdio> =>
  asked === "json" || asked === "none"
    ? Effect.succeed(asked)
    : Effect.map(canAnimate, (can) => (can ? "bar" : "lines"))

export const layers = {
  bar: TerminalProgress.layer,
  lines: TerminalProgress.layerLines,
  json: JsonProgress.layer,
  none: Progress.layerNone
} as const
