import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { fileURLToPath } from "node:url"
import * as SimulatedServer from "../../src/layers/SimulatedServer.ts"
import { ingestUntil } from "../support/crash.ts"
import type { CrashOptions } from "../support/crash.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"

const child = fileURLToPath(new URL("../support/crashChild.ts", import.meta.url))
const seed = 23
const size = 14

/** How the child ends, which is awaited as an event; the deadline only ends a test that hangs. */
const endOfChild = (options: CrashOptions) =>
  Effect.callback<{ readonly signal: string | null; readonly stderr: string }>((resume) => {
    const started = execFile(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", child, JSON.stringify(options)],
      { timeout: 60_000, killSignal: "SIGABRT" },
      (error, _, stderr) => resume(Effect.succeed({ signal: error?.signal ?? null, stderr }))
    )
    return Effect.sync(() => started.kill("SIGKILL"))
  })

/** Items of calls that were reserved and never settled: sent, or about to be sent, when the process died. */
const itemsInFlight = (path: string): number => {
  const journal = new DatabaseSync(join(path, "sluice.journal.db"), { readOnly: true })
  try {
    const rows = journal.prepare("SELECT items FROM call WHERE settled_at IS NULL").all()
    return rows.reduce((sum, { items }) => sum + JSON.parse(String(items)).length, 0)
  } finally {
    journal.close()
  }
}

const provider = SimulatedServer.start({ seed: 4, latency: { median: 15, sigma: 0.5 } })

const undisturbed = Effect.gen(function* () {
  const path = yield* temporaryDirectory()
  const { url } = yield* provider
  return yield* ingestUntil({ directory: path, baseURL: url, seed, size })
}).pipe(Effect.scoped)

/** Whatever an earlier death leaves behind, a run begun and nothing sent, each of these leaves too. */
const points: ReadonlyArray<readonly [point: string, ordinal: number]> = [
  ["journal.reserve.after", 2],
  ["journal.settle.before", 2],
  ["journal.settle.after", 1],
  ["store.commit.before", 2],
  ["store.commit.after", 2],
  ["ledger.finishRun.before", 1]
]

describe("kill -9", () => {
  it.live(
    "at any commit of journal or graph: the same command ends in the same graph, and only items in flight are asked again",
    () =>
      Effect.gen(function* () {
        const expected = yield* undisturbed
        assert.strictEqual(expected.documents.failed + expected.documents.partial, 0)
        yield* Effect.forEach(
          points,
          ([point, ordinal]) =>
            Effect.gen(function* () {
              const path = yield* temporaryDirectory()
              const { ledger, url } = yield* provider
              const options = { directory: path, baseURL: url, seed, size }
              const killed = yield* endOfChild({ ...options, point, ordinal })
              assert.strictEqual(killed.signal, "SIGKILL", `${point} ${ordinal}: ${killed.stderr}`)
              const inFlight = itemsInFlight(path)
              const report = yield* ingestUntil(options)
              assert.strictEqual(report.graph.hash, expected.graph.hash, point)
              assert.strictEqual(report.chunks.dead, 0, point)
              const { chat } = yield* ledger
              assert.isAtMost(chat.items.askedAgain, inFlight, point)
            }).pipe(Effect.scoped),
          { concurrency: 2, discard: true }
        )
      }),
    120_000
  )
})
