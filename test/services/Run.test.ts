import { assert, describe, it } from "@effect/vitest"
import { Group, RunId } from "../../src/domain/Ids.ts"
import type { RunEntry } from "../../src/services/Ledger.ts"
import { lineageOf, spentBy } from "../../src/services/Run.ts"

const entry = (id: string, status: RunEntry["status"], more: Partial<RunEntry> = {}): RunEntry => ({
  id: RunId.make(id),
  group: Group.make("default"),
  startedAt: 1000,
  status,
  ...more
})
const ids = (runs: ReadonlyArray<RunEntry>) => lineageOf(runs).map(({ id }) => id)

describe("the runs that a run goes on with", () => {
  it("are those of the newest run's root, unless that came to its end", () => {
    const root = RunId.make("b")
    for (const status of ["running", "stopped", "failed", "interrupted"] as const) {
      const runs = [entry("c", status, { root }), entry("b", "stopped"), entry("a", "stopped")]
      assert.deepStrictEqual(ids(runs).map(String), ["c", "b"], status)
      assert.deepStrictEqual(ids([entry("c", status), ...runs.slice(1)]).map(String), ["c"], status)
    }
    for (const status of ["complete", "with-dead-letters"] as const) {
      assert.deepStrictEqual(ids([entry("c", status, { root }), entry("b", "stopped")]), [], status)
    }
    assert.deepStrictEqual(ids([]), [])
  })

  it("have used what the journal knows, and one that was killed lasted until its last call", () => {
    const runs = [entry("c", "running"), entry("b", "stopped", { finishedAt: 4000 }), entry("a", "running")]
    const reckoned = new Map([
      [RunId.make("c"), { calls: 2, tokens: 30, usd: 0.5, lastAt: 8500 }],
      [RunId.make("b"), { calls: 1, tokens: 3, usd: 0.25, lastAt: 3000 }]
    ])
    assert.deepStrictEqual(spentBy(runs, reckoned), { cost: 0.75, calls: 3, tokens: 33, seconds: 7.5 + 3 })
  })
})
