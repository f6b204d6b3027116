import { copyFileSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { RunReport } from "../../src/domain/RunReport.ts"
import * as SimulatedServer from "../../src/layers/SimulatedServer.ts"
import { corpus } from "../fixtures/corpus.ts"
import { run } from "../support/cli.ts"
import type { Outcome } from "../support/cli.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"

const decodeReport = Schema.decodeUnknownSync(Schema.fromJsonString(RunReport))
const reportOf = ({ stderr, stdout }: Outcome) => {
  const last = stdout.trimEnd().split("\n").at(-1)
  return last === "" ? assert.fail(stderr) : decodeReport(last)
}

const documents = Object.fromEntries(
  corpus(3, 8).map(({ content, uri }, n) => [`docs/${n}-${uri.replaceAll(/[^a-z0-9.]/gi, "-")}`, content])
)

describe("ingest --replay", () => {
  it.live("a recorded run is had again without provider, key or cost, and its journal is only read", () =>
    Effect.gen(function* () {
      const path = yield* temporaryDirectory({
        ...documents,
        "new/new.md": "# New\n\nGrace Hopper met Ada Lovelace.\n"
      })
      const at = (name: string) => join(path, name)
      const docs = at("docs")
      const model = ["--model", "m", "--embedding-model", "e"]
      const recorded = yield* Effect.scoped(
        Effect.gen(function* () {
          const { ledger, url } = yield* SimulatedServer.start({ seed: 4, latency: { median: 1, sigma: 0.1 } })
          const args = ["ingest", docs, "--store", `sqlite:${at("one.db")}`, "--journal", at("recorded.db"), "--json"]
          const report = reportOf(yield* run([...args, ...model, "--base-url", url]))
          assert.isAbove((yield* ledger).chat.answered, 0)
          assert.isAbove(report.calls.embedding, 0)
          return report
        })
      )
      // The provider is gone.
      copyFileSync(at("recorded.db"), at("fixture.db"))
      const fixture = readFileSync(at("fixture.db"))
      const replay = (store: string, ...more: ReadonlyArray<string>) =>
        run([
          "ingest",
          docs,
          "--store",
          `sqlite:${at(store)}`,
          "--journal",
          at("fixture.db"),
          "--json",
          "--replay",
          ...more
        ])

      const outcome = yield* replay("two.db", ...model)
      assert.strictEqual(outcome.status, 0, outcome.stderr)
      const replayed = reportOf(outcome)
      assert.strictEqual(replayed.graph.hash, recorded.graph.hash)
      assert.deepStrictEqual(replayed.graph, recorded.graph)
      assert.deepStrictEqual([replayed.calls.model, replayed.calls.embedding, replayed.cost.usd], [0, 0, 0])
      assert.strictEqual(replayed.chunks.reused, replayed.chunks.total)

      const more = yield* replay("three.db", at("new"), ...model)
      assert.strictEqual(more.status, 2, more.stderr)
      assert.deepInclude(reportOf(more).documents, { failed: 0, partial: 1 })
      const failures = yield* run(["failures", "--store", `sqlite:${at("three.db")}`])
      assert.match(failures.stdout, /^unrecorded: .*\(1\)/m)
      assert.include(failures.stdout, "without --replay")

      // Embeddings are answers as well; what is known without them is in the graph.
      const other = yield* replay("four.db", "--model", "m", "--embedding-model", "f")
      assert.strictEqual(other.status, 2, other.stderr)
      assert.strictEqual(reportOf(other).graph.entities, recorded.graph.entities)
      assert.strictEqual(reportOf(other).documents.partial, recorded.documents.ingested)

      assert.isTrue(fixture.equals(readFileSync(at("fixture.db"))))
    }).pipe(Effect.scoped)
  )

  it.effect("without a journal is a mistake in the command line, and makes no file", () =>
    Effect.gen(function* () {
      const path = yield* temporaryDirectory({ "a.md": "Ada" })
      const args = ["ingest", join(path, "a.md"), "--store", `sqlite:${join(path, "g.db")}`, "--replay"]
      const { status, stderr } = yield* run(args)
      assert.strictEqual(status, 1)
      assert.include(stderr, join(path, "sluice.journal.db"))
    })
  )
})
