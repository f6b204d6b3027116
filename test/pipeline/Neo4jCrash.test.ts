import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Fiber, Schema } from "effect"
import { RunReport } from "../../src/domain/RunReport.ts"
import * as SimulatedServer from "../../src/layers/SimulatedServer.ts"
import { corpus } from "../fixtures/corpus.ts"
import { child, run } from "../support/cli.ts"
import type { Child } from "../support/cli.ts"
import { hasNeo4j } from "../support/neo4j.ts"
import * as Neo4jServer from "../support/neo4jServer.ts"
import { proxy } from "../support/proxy.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"

const decodeReport = Schema.decodeUnknownSync(Schema.fromJsonString(RunReport))
const reportOf = (stdout: string) => decodeReport(stdout.trim().split("\n").at(-1) ?? "")

const documents = Object.fromEntries(corpus(23, 10).map(({ content, uri }) => [`docs/${uri}`, content]))
const provider = SimulatedServer.start({ seed: 4, latency: { median: 15, sigma: 0.5 } })

/** Milliseconds: a server takes a few seconds to start, and minutes on a machine that has much to do. */
const patience = 240_000

/** Items of calls that were reserved and never settled: sent, or about to be sent, when the process died. */
const itemsInFlight = (path: string): number => {
  const journal = new DatabaseSync(join(path, "journal.db"), { readOnly: true })
  try {
    const rows = journal.prepare("SELECT items FROM call WHERE settled_at IS NULL").all()
    return rows.reduce((sum, { items }) => sum + JSON.parse(String(items)).length, 0)
  } finally {
    journal.close()
  }
}

/** When a line on standard error has these words, or the program has ended. */
const says = (program: Child, words: string) =>
  Effect.callback<void>((resume) => {
    let said = ""
    program.process.stderr?.on("data", (text: string) => {
      said += text
      if (said.includes(words)) resume(Effect.void)
    })
    program.process.once("close", () => resume(Effect.void))
  })

/** A corpus, what SQLite makes of it, and the program with a provider of its own over a server that can be cut off. */
const place = Effect.fnUntraced(function* (group: string) {
  const server = yield* Neo4jServer.Neo4jServer
  const path = yield* temporaryDirectory(documents)
  const between = yield* proxy(server.port)
  const fixed = "--model simulated --pack 2 --concurrency 6 --parse-threads 1 --json --progress none".split(" ")
  const ingest = (url: string, store: string, journal: string) => {
    const places = ["--base-url", url, "--store", store, "--journal", join(path, journal)]
    return ["ingest", join(path, "docs"), "--group", group, ...fixed, ...places]
  }
  const file = ingest((yield* provider).url, `sqlite:${join(path, "graph.db")}`, "other.journal.db")
  const { status, stderr, stdout } = yield* run(file)
  assert.strictEqual(status, 0, stderr)
  const { ledger, url } = yield* provider
  const command = ingest(url, `bolt://127.0.0.1:${between.port}`, "journal.db")
  return {
    path,
    between,
    expected: reportOf(stdout).graph,
    asked: Effect.map(ledger, ({ chat }) => chat.items),
    begin: (env: Readonly<Record<string, string>> = {}) =>
      child(command, { cwd: path, env: { ...server.env, ...env }, deadline: patience }),
    /** In this process: nothing is to happen to it. */
    again: Effect.map(run(command, server.env), (outcome) => {
      assert.strictEqual(outcome.status, 0, outcome.stderr)
      return reportOf(outcome.stdout)
    })
  }
})

const ends = (program: Child) => Effect.promise(() => program.ended)

const changesNothing = Effect.fnUntraced(function* ({
  again,
  asked,
  expected
}: Effect.Success<ReturnType<typeof place>>) {
  const before = yield* asked
  const { documents, graph } = yield* again
  assert.deepStrictEqual(graph, expected)
  assert.deepInclude(documents, { unchanged: documents.seen, ingested: 0, partial: 0, failed: 0 })
  assert.strictEqual((yield* asked).asked, before.asked)
})

describe.skipIf(!hasNeo4j)("needs a Neo4j server: scripts/servers neo4j up", () => {
  layer(Neo4jServer.layer, { timeout: "4 minutes", excludeTestServices: true })("kill -9, on Neo4j", (it) => {
    it.effect(
      "of the program, anywhere: the same command ends in SQLite's graph, and only items in flight are asked again",
      () =>
        Effect.gen(function* () {
          // Bytes sent to the server: the schema made, a few documents written, most of them.
          for (const [point, bytes] of [8_000, 40_000, 90_000].entries()) {
            yield* Effect.gen(function* () {
              const here = yield* place(`program-${point}`)
              const program = here.begin()
              yield* Effect.race(here.between.sent(bytes), ends(program))
              program.process.kill("SIGKILL")
              assert.strictEqual((yield* ends(program)).status, -1, `it had ended before ${bytes} bytes`)
              const inFlight = itemsInFlight(here.path)
              const report = yield* here.again
              assert.deepStrictEqual(report.graph, here.expected)
              assert.isAtMost((yield* here.asked).askedAgain, inFlight)
              if (point === 1) yield* changesNothing(here)
            }).pipe(Effect.scoped)
          }
        }),
      2 * patience
    )

    it.effect(
      "an interrupt in the middle of a write ends it with status 130, even of a server that says nothing any more",
      () =>
        Effect.gen(function* () {
          const here = yield* place("interrupted")
          const program = here.begin()
          yield* Effect.race(here.between.sent(40_000), ends(program))
          yield* here.between.stall
          program.process.kill("SIGINT")
          const { status, stderr } = yield* ends(program)
          assert.strictEqual(status, 130, stderr)
          yield* here.between.mend
          assert.deepStrictEqual((yield* here.again).graph, here.expected)
        }).pipe(Effect.scoped),
      2 * patience
    )

    it.effect(
      "of the server, in the middle of a write: the program waits, goes on when it is back, and ends in SQLite's graph",
      () =>
        Effect.gen(function* () {
          const server = yield* Neo4jServer.Neo4jServer
          const here = yield* place("server")
          const program = here.begin({ NEO4J_PATIENCE: String(patience / 1000) })
          const waits = yield* Effect.forkChild(says(program, "waiting for it"), { startImmediately: true })
          yield* Effect.race(here.between.sent(40_000), ends(program))
          yield* server.kill
          yield* Fiber.join(waits)
          yield* server.up
          const { status, stderr, stdout } = yield* ends(program)
          assert.strictEqual(status, 0, stderr)
          assert.include(stderr, "answers again")
          assert.deepStrictEqual(reportOf(stdout).graph, here.expected)
          assert.strictEqual((yield* here.asked).askedAgain, 0)
          yield* changesNothing(here)
        }).pipe(Effect.scoped),
      2 * patience
    )

    it.effect(
      "of the server, for longer than is waited: status 4 and what to do, and the same command goes on when it is back",
      () =>
        Effect.gen(function* () {
          const server = yield* Neo4jServer.Neo4jServer
          const here = yield* place("gone")
          const program = here.begin({ NEO4J_PATIENCE: "1" })
          yield* Effect.race(here.between.sent(40_000), ends(program))
          yield* server.kill
          const { status, stderr } = yield* ends(program)
          assert.strictEqual(status, 4, stderr)
          assert.match(stderr.trim().split("\n").at(-1) ?? "", /does not answer.*run the same command again/)
          assert.notInclude(stderr, "    at ")
          assert.notInclude(stderr, server.env["NEO4J_PASSWORD"] ?? "")
          const inFlight = itemsInFlight(here.path)
          yield* server.up
          assert.deepStrictEqual((yield* here.again).graph, here.expected)
          assert.isAtMost((yield* here.asked).askedAgain, inFlight)
          yield* changesNothing(here)
        }).pipe(Effect.scoped),
      2 * patience
    )
  })
})
