import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Sink, Stdio, Terminal } from "effect"
import { PlatformError, SystemError } from "effect/PlatformError"
import { Progress } from "../../src/services/Progress.ts"
import type { Snapshot } from "../../src/services/Progress.ts"
import { stdio } from "../support/cli.ts"

export const snapshot = (changes: Partial<Snapshot> = {}): Snapshot => ({
  seen: 40,
  listed: true,
  done: 10,
  failed: 1,
  chunks: { total: 120, done: 35, dead: 2 },
  calls: { sent: 12, inFlight: 3, retried: 1 },
  elapsed: 20_000,
  left: 60_000,
  ...changes
})

/** A terminal that is only a width. */
export const terminal = (columns: number) =>
  Layer.succeed(
    Terminal.Terminal,
    Terminal.make({
      columns: Effect.succeed(columns),
      rows: Effect.succeed(24),
      size: Effect.die("unused"),
      readInput: Effect.die("unused"),
      readLine: Effect.die("unused"),
      display: () => Effect.die("progress belongs on standard error")
    })
  )

const broken = Stdio.layerTest({
  stderr: () =>
    Sink.fail(
      new PlatformError(new SystemError({ _tag: "Unknown", module: "Stdio", method: "stderr", description: "EPIPE" }))
    )
})

/** What every way of showing progress has to hold. */
export const suite = (name: string, layer: Layer.Layer<Progress, never, Stdio.Stdio | Terminal.Terminal>) =>
  describe(`Progress: ${name}`, () => {
    const shown = Effect.fnUntraced(function* (snapshots: ReadonlyArray<Snapshot>) {
      const written = { stdout: "", stderr: "" }
      yield* Effect.gen(function* () {
        const progress = yield* Progress
        for (const one of snapshots) yield* progress.show(one)
        yield* progress.finish(snapshots.at(-1) ?? snapshot())
      }).pipe(Effect.provide(layer.pipe(Layer.provide(Layer.merge(stdio(written), terminal(80))))))
      return written
    })

    it.effect("writes nothing to standard output", () =>
      Effect.gen(function* () {
        const { stdout } = yield* shown([snapshot({ done: 0 }), snapshot(), snapshot({ done: 40 })])
        assert.strictEqual(stdout, "")
      })
    )

    it.effect("leaves the cursor at the beginning of an empty line", () =>
      Effect.gen(function* () {
        const { stderr } = yield* shown([snapshot()])
        assert.isTrue(stderr === "" || stderr.endsWith("\n") || stderr.endsWith("\r\u001b[K"), JSON.stringify(stderr))
      })
    )

    it.effect("lets no control character of a provider's message through", () =>
      Effect.gen(function* () {
        const { stderr } = yield* shown([snapshot({ note: "wait\u001b[2J\u0007\u202e\r\nsluice: all is well" })])
        const rest = stderr.replaceAll("\r\u001b[K", "").replaceAll("\n", "")
        assert.notMatch(rest, /[\u0000-\u001f\u007f-\u009f]/)
        assert.notInclude(rest, "sluice: all is well\n")
      })
    )

    it.effect("says what is to be said on a line of its own, without what a terminal obeys", () =>
      Effect.gen(function* () {
        const written = { stdout: "", stderr: "" }
        yield* Effect.flatMap(Progress, ({ say }) => say("The model was a\u001b[2J\u202e\nb and is c.")).pipe(
          Effect.provide(layer.pipe(Layer.provide(Layer.merge(stdio(written), terminal(80)))))
        )
        const rest = written.stderr.replaceAll("\r\u001b[K", "")
        assert.strictEqual(written.stdout, "")
        assert.isTrue(rest === "" || /^[^\u0000-\u001f\u007f-\u009f\u202e]*\n$/.test(rest), JSON.stringify(rest))
        if (name !== "none") assert.include(rest, "and is c.")
      })
    )

    it.effect("does not fail when nobody reads standard error", () =>
      Effect.gen(function* () {
        const progress = yield* Progress
        yield* progress.show(snapshot())
        yield* progress.finish(snapshot())
        assert.isAbove(progress.interval, 0)
      }).pipe(Effect.provide(layer.pipe(Layer.provide(Layer.merge(broken, terminal(80))))))
    )
  })
