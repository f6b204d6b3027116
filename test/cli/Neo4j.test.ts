import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schema } from "effect"
import { RunReport } from "../../src/domain/RunReport.ts"
import { run } from "../support/cli.ts"
import { hasNeo4j, neo4j } from "../support/neo4j.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"
import { freshGroup } from "../suites/GraphStore.ts"

const decodeReport = Schema.decodeUnknownSync(Schema.fromJsonString(RunReport))

const env = {
  NEO4J_USERNAME: neo4j.username,
  NEO4J_PASSWORD: neo4j.password === undefined ? "" : Redacted.value(neo4j.password)
}

const corpus = {
  "docs/ada.md":
    "# Engines\n\nAda Lovelace worked with Charles Babbage in London. Mary Somerville knew Ada Lovelace.\n",
  "docs/zoe.md": "# Labs\n\nZoë Baker works for Helios Labs in Graz. Ada Lovelace wrote to Zoë Baker.\n",
  "docs/copy.md": "# Labs\n\nZoë Baker works for Helios Labs in Graz. Ada Lovelace wrote to Zoë Baker.\n"
}

describe.skipIf(!hasNeo4j)("sluice on Neo4j (needs a server: scripts/servers neo4j up)", () => {
  it.live(
    "gives the SQLite run's report, hash and export, and changes nothing the second time",
    () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory(corpus)
        const group = freshGroup()
        const journal = ["--journal", join(directory, "journal.db")]
        const on = (store: string) => {
          const common = ["--store", store, "--group", group]
          return {
            ingest: run(
              [
                "ingest",
                join(directory, "docs"),
                "--extractor",
                "rules",
                "--json",
                "--progress",
                "none",
                ...common,
                ...journal
              ],
              env
            ).pipe(
              Effect.tap(({ status, stderr }) => Effect.sync(() => assert.strictEqual(status, 0, stderr))),
              Effect.map(({ stdout }) => decodeReport(stdout.trim().split("\n").at(-1) ?? ""))
            ),
            print: (command: string) => Effect.map(run([command, ...common], env), ({ stdout }) => stdout)
          }
        }
        const [file, server] = [on(`sqlite:${join(directory, "graph.db")}`), on(neo4j.uri)]
        const expected = yield* file.ingest
        const first = yield* server.ingest
        assert.deepStrictEqual({ ...first, run: "", seconds: 0 }, { ...expected, run: "", seconds: 0 })
        assert.strictEqual(yield* server.print("export"), yield* file.print("export"))
        assert.strictEqual((yield* server.print("hash")).trim(), expected.graph.hash)
        const second = yield* server.ingest
        assert.deepInclude(second.documents, { seen: 3, unchanged: 3, ingested: 0 })
        assert.strictEqual(second.graph.hash, first.graph.hash)
        assert.include(yield* server.print("report"), "is complete")
        assert.include(yield* server.print("failures"), "No dead letters")
        assert.match(yield* server.print("doctor"), /store +Neo4j .* holds[\s]+2[\s]+documents/)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live("refuses a wrong password with status 4, one line, and no file made", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory(corpus)
      const journal = join(directory, "journal.db")
      const { status, stderr, stdout } = yield* run(
        [
          "ingest",
          join(directory, "docs"),
          "--extractor",
          "rules",
          "--progress",
          "none",
          "--store",
          neo4j.uri,
          "--journal",
          journal
        ],
        { ...env, NEO4J_PASSWORD: "not-the-password" }
      )
      assert.strictEqual(status, 4)
      assert.strictEqual(stdout, "")
      assert.strictEqual(stderr.trim().split("\n").length, 1, stderr)
      assert.include(stderr, "NEO4J_PASSWORD")
      assert.notInclude(stderr, "not-the-password")
    }).pipe(Effect.scoped)
  )

  it.live("a database that is not there is named", () =>
    Effect.gen(function* () {
      const { status, stderr } = yield* run(["hash", "--store", `${neo4j.uri}/nosuch`], env)
      assert.strictEqual(status, 4)
      assert.include(stderr, "nosuch")
    })
  )
})
