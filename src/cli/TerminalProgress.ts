import { Effect, Layer, Stdio, Stream, Terminal } from "effect"
import { duration, fit, plain } from "./Print.ts"
import * as Monotonic from "../services/Monotonic.ts"
import { Progress } from "../services/Progress.ts"
import type { Snapshot } from "../services/Progress.ts"

/** Back to the first column, and clear to the end of the line. */
const clear = "\r\u001b[K"

/** Milliseconds: at most ten redraws a second. */
const redraw = 100

/** Nobody knows before all sources are listed. */
const remaining = ({ done, left, listed, seen }: Snapshot): string =>
  left === undefined || !listed || done >= seen ? "" : `${duration(left)} left`

const total = (at: Snapshot): string => (at.listed ? `${at.seen}` : `${at.seen}+`)

/** @param leftOut the first so many of what matters least */
const details = (at: Snapshot, leftOut = 0): ReadonlyArray<string> =>
  [
    leftOut < 2 ? `${at.chunks.done}/${at.chunks.total} chunks` : "",
    at.calls.inFlight > 0 && leftOut < 1 ? `${at.calls.inFlight} calls in flight` : "",
    at.failed > 0 ? `${at.failed} failed` : "",
    remaining(at),
    at.note ?? ""
  ].filter((part) => part !== "")

/** One line that says where a run is, in at most `columns` columns: where that is too few, what matters least is left out. */
export const bar = (at: Snapshot, columns: number): string => {
  const line = (width: number, leftOut: number) => {
    const filled = at.seen === 0 || !at.listed ? 0 : Math.min(width, Math.floor((width * at.done) / at.seen))
    const drawn = width === 0 ? "" : `${"━".repeat(filled)}${"╌".repeat(width - filled)} `
    return `${drawn}${[`${at.done}/${total(at)} documents`, ...details(at, leftOut)].join(" · ")}`
  }
  // The last column stays free: some terminals wrap as soon as it is written.
  const room = columns - 1
  const forms = [line(20, 0), line(8, 0), line(8, 1), line(8, 2), line(0, 2)]
  return fit(forms.find((form) => form.length <= room) ?? line(columns >= 30 ? 8 : 0, 1), room)
}

const make = Effect.map(
  Stdio.Stdio,
  (stdio) => (text: string) => Stream.make(text).pipe(Stream.run(stdio.stderr({ endOnDone: false })), Effect.ignore)
)

/** A bar that is redrawn in place, and gone when the run has finished. For terminals. */
export const layer: Layer.Layer<Progress, never, Stdio.Stdio | Terminal.Terminal> = Layer.effect(
  Progress,
  Effect.gen(function* () {
    const terminal = yield* Terminal.Terminal
    const write = yield* make
    let drawnAt = -Infinity
    return {
      interval: redraw,
      show: Effect.fnUntraced(function* (snapshot) {
        const now = yield* Monotonic.millis
        if (now - drawnAt < redraw) return
        drawnAt = now
        const columns = yield* terminal.columns
        yield* write(clear + bar(snapshot, columns > 0 ? columns : 80))
      }),
      finish: () => write(clear),
      say: (message) => write(`${clear}${plain(message)}\n`)
    }
  })
)

/** A plain line every ten seconds. For logs of other programs. */
export const layerLines: Layer.Layer<Progress, never, Stdio.Stdio> = Layer.effect(
  Progress,
  Effect.gen(function* () {
    const write = yield* make
    let shownAt = 0
    return {
      interval: 10_000,
      show: (snapshot) => {
        // The first ten seconds need no news.
        if (snapshot.elapsed - shownAt < 9_000) return Effect.void
        shownAt = snapshot.elapsed
        const parts = [`${snapshot.done}/${total(snapshot)} documents`, ...details(snapshot)]
        return write(`${fit(`${duration(snapshot.elapsed)}: ${parts.join(" · ")}`, 200)}\n`)
      },
      finish: () => Effect.void,
      say: (message) => write(`${plain(message)}\n`)
    }
  })
)
