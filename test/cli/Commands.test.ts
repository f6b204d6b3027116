import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { CliOutput } from "effect/cli"
import { RunReport } from "../../src/domain/RunReport.ts"
import * as SimulatedServer from "../../src/layers/SimulatedServer.ts"
import { startAnthropic } from "../support/anthropic.ts"
import { run } from "../support/cli.ts"
import { reply, serveJson } from "../support/http.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"

const corpus = {
  "docs/ada.md": "# Ada\n\nAda Lovelace worked with Charles Babbage in London. She was born in London.\n",
  "docs/engine.md": "# Engine\n\nCharles Babbage designed the Analytical Engine. Ada Lovelace wrote about it.\n"
}

const decodeReport = Schema.decodeUnknownSync(Schema.fromJsonString(RunReport))
const Row = Schema.Struct({ kind: Schema.String, id: Schema.optionalKey(Schema.String) })
const decodeRow = Schema.decodeUnknownSync(Schema.fromJsonString(Row))
const Letters = Schema.Struct({
  total: Schema.Int,
  causes: Schema.Array(
    Schema.Struct({
      cause: Schema.String,
      count: Schema.Int,
      letters: Schema.Array(Schema.Struct({ source: Schema.String, message: Schema.NonEmptyString }))
    })
  )
})
const decodeLetters = Schema.decodeSync(Schema.fromJsonString(Letters))
const LastRun = Schema.Struct({
  run: Schema.Struct({ report: RunReport, status: Schema.Literal("complete") }),
  graph: Schema.Struct({ entities: Schema.Int })
})
const decodeLastRun = Schema.decodeSync(Schema.fromJsonString(LastRun))
const decodeEntry = Schema.decodeSync(Schema.fromJsonString(Schema.Struct({ level: Schema.String })))
const lastLine = (text: string): string => text.trimEnd().split("\n").at(-1) ?? ""

/** A directory, and the flags that keep a command in it. */
const place = Effect.fnUntraced(function* (files: Readonly<Record<string, string | Uint8Array>> = corpus) {
  const path = yield* temporaryDirectory(files)
  const store = ["--store", `sqlite:${join(path, "sluice.db")}`]
  return { path, store, docs: join(path, "docs"), ingest: ["ingest", join(path, "docs"), ...store] }
})

describe("ingest", () => {
  it.effect("prints the run report as the last line of standard output, and nothing else there", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { ingest } = yield* place()
        const { status, stderr, stdout } = yield* run([...ingest, "--json"])
        assert.deepStrictEqual({ status, stderr }, { status: 0, stderr: "" })
        assert.lengthOf(stdout.trimEnd().split("\n"), 1)
        const { documents, graph } = decodeReport(stdout)
        assert.deepStrictEqual(documents, { seen: 2, unchanged: 0, ingested: 2, partial: 0, failed: 0, removed: 0 })
        assert.isAbove(graph.entities, 1)
      })
    )
  )

  it.effect("ends with 2 and says where to look when a document cannot be read", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const bad = { ...corpus, "docs/photo.png": new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13]) }
        const { ingest, store } = yield* place(bad)
        const { status, stderr, stdout } = yield* run([...ingest, "--json"])
        assert.strictEqual(status, 2)
        assert.include(stderr, "sluice failures")
        assert.strictEqual(decodeReport(lastLine(stdout)).documents.failed, 1)

        const told = yield* run(["failures", ...store])
        assert.strictEqual(told.status, 0)
        assert.match(told.stdout, /unsupported: .* \(1\)\n.*photo\.png \(load\)\n/)
        const json = yield* run(["failures", ...store, "--json"])
        const letters = decodeLetters(json.stdout)
        assert.strictEqual(letters.total, 1)
        assert.include(letters.causes[0]?.letters[0]?.source, "photo.png")
      })
    )
  )

  it.effect("shows people the graph, in 80 columns, without anything that a terminal obeys", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const name = "Evil\u001b[2J\u202e Corporation"
        const text = `# Title \u001b]0;owned\u0007\n\nAda Lovelace worked for ${name} in London with Charles Babbage. ${"Ada Lovelace met Charles Babbage in a very long sentence ".repeat(8)}.\n`
        const { ingest } = yield* place({ "docs/evil.md": text })
        const { status, stdout } = yield* run(ingest)
        assert.strictEqual(status, 0)
        for (const line of stdout.split("\n")) {
          assert.notMatch(line, /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/u)
          if (!line.startsWith("The graph is in") && !line.includes("sluice ")) {
            assert.isAtMost(CliOutput.displayWidth(line), 80, line)
          }
        }
        for (const part of ["Documents", "Best connected", "Ada Lovelace", "Next:", "again\n  sluice report"]) {
          assert.include(stdout, part)
        }
      })
    )
  )

  it.effect("finds nothing to do the second time, and gives the same hash", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { ingest, store } = yield* place()
        const first = decodeReport(lastLine((yield* run([...ingest, "--json"])).stdout))
        const second = decodeReport(lastLine((yield* run([...ingest, "--json"])).stdout))
        assert.deepInclude(second.documents, { seen: 2, unchanged: 2, ingested: 0 })
        const { status, stdout } = yield* run(["hash", ...store])
        assert.strictEqual(status, 0)
        assert.strictEqual(lastLine(stdout), first.graph.hash)
        assert.strictEqual(second.graph.hash, first.graph.hash)
      })
    )
  )

  it.effect("does not take its own files for documents", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { docs } = yield* place()
        const args = [
          "ingest",
          docs,
          "--store",
          `sqlite:${join(docs, "g.db")}`,
          "--log-file",
          join(docs, "log.jsonl"),
          "--json"
        ]
        assert.strictEqual(decodeReport(lastLine((yield* run(args)).stdout)).documents.seen, 2)
        assert.strictEqual(decodeReport(lastLine((yield* run(args)).stdout)).documents.seen, 2)
      })
    )
  )

  it.effect("as a dry run writes nothing and needs no key", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { ingest, path } = yield* place()
        const dry = yield* run([...ingest, "--dry-run", "--extractor", "llm", "--json"])
        const report = decodeReport(lastLine(dry.stdout))
        assert.strictEqual(dry.status, 0)
        assert.strictEqual(report.documents.ingested, 2)
        assert.isAbove(report.calls.model, 0)
        assert.deepStrictEqual(readdirSync(path), ["docs"])
      })
    )
  )

  it.live("extracts with a model, pays once, and forecasts from what was paid for", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { docs, ingest, path } = yield* place()
        const provider = yield* SimulatedServer.start({ apiKey: "sk-test" })
        const env = { OPENAI_API_KEY: "sk-test", OPENAI_BASE_URL: provider.url }
        const embedding = ["--embedding-model", "text-embedding-3-small"]
        const paid = decodeReport(lastLine((yield* run([...ingest, ...embedding, "--json"], env)).stdout))
        assert.deepInclude(paid.documents, { seen: 2, ingested: 2 })
        assert.isAbove(paid.calls.model, 0)
        assert.isAbove(paid.calls.embedding, 0)

        const fresh = ["--store", `sqlite:${join(path, "fresh.db")}`, "--journal", join(path, "sluice.journal.db")]
        const dry = yield* run(["ingest", docs, ...fresh, ...embedding, "--dry-run", "--json"], env)
        const forecast = decodeReport(lastLine(dry.stdout))
        assert.deepInclude(forecast.calls, { model: 0, embedding: 0 })
        assert.isAbove(forecast.calls.journal, 0)
        assert.strictEqual(forecast.cost.usd, 0)
        assert.strictEqual(forecast.graph.hash, paid.graph.hash)
        assert.isFalse(existsSync(join(path, "fresh.db")))
      })
    )
  )

  it.live("extracts with Anthropic's API, and embeds elsewhere, with another key", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { ingest } = yield* place()
        const anthropic = yield* startAnthropic({ apiKey: "sk-ant" })
        const other = yield* SimulatedServer.start({ apiKey: "sk-embed" })
        const chat = ["--provider", "anthropic", "--model", "claude-x", "--base-url", anthropic.url]
        const embedding = ["--embedding-model", "e", "--embedding-base-url", other.url]
        const { status, stderr, stdout } = yield* run([...ingest, ...chat, ...embedding, "--json"], {
          ANTHROPIC_API_KEY: "sk-ant",
          OPENAI_API_KEY: "sk-no",
          SLUICE_EMBEDDING_API_KEY: "sk-embed"
        })
        assert.strictEqual(status, 0, stderr)
        const report = decodeReport(lastLine(stdout))
        assert.deepInclude(report.documents, { seen: 2, ingested: 2 })
        assert.strictEqual((yield* anthropic.ledger).chat.requests, report.calls.model)
        assert.strictEqual((yield* other.ledger).embeddings.requests, report.calls.embedding)
        assert.isAbove(report.calls.embedding, 0)
      })
    )
  )

  it.live("goes on with the fallback once the quota is spent, and pays for nothing twice when it is back", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { ingest } = yield* place()
        const spent = yield* serveJson((_, response) =>
          reply(response, 429, { error: { message: "You exceeded your quota.", code: "insufficient_quota" } })
        )
        const other = yield* SimulatedServer.start({ apiKey: "sk-other" })
        const flags = ["--base-url", spent.url, "--fallback-model", "other", "--fallback-base-url", other.url, "--json"]
        const env = { OPENAI_API_KEY: "sk-first", SLUICE_FALLBACK_API_KEY: "sk-other" }
        const { status, stderr, stdout } = yield* run([...ingest, ...flags], env)
        assert.strictEqual(status, 0, stderr)
        assert.include(stderr, "calls go to other")
        const report = decodeReport(lastLine(stdout))
        assert.deepInclude(report.documents, { seen: 2, ingested: 2 })
        assert.isTrue(spent.seen.every(({ headers }) => headers.authorization === "Bearer sk-first"))
        const again = decodeReport(lastLine((yield* run([...ingest, ...flags], env)).stdout))
        assert.deepInclude(again.documents, { seen: 2, unchanged: 2 })
        assert.strictEqual(again.graph.hash, report.graph.hash)
      })
    )
  )

  it.effect("keeps the groups of one store apart", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { ingest, store } = yield* place()
        yield* run([...ingest, "--group", "a"])
        const other = yield* run(["report", ...store, "--group", "b", "--json"])
        assert.include(other.stdout, `"run":null`)
        assert.include(other.stdout, `"entities":0`)
      })
    )
  )
})

describe("usage errors end with 1 before anything is done", () => {
  it.effect.each([
    ["no path", ["ingest"], "path"],
    ["a path that is not there", ["ingest", "/no/such/path"], "/no/such/path"],
    ["an unknown flag", ["ingest", "x", "--pak", "3"], "--pack"],
    ["a model without a key", ["ingest", "x", "--extractor", "llm"], "OPENAI_API_KEY"],
    ["embeddings without a key", ["ingest", "x", "--embedding-model", "text-embedding-3-small"], "OPENAI_API_KEY"],
    ["Anthropic without a key", ["ingest", "x", "--extractor", "llm", "--provider", "anthropic"], "ANTHROPIC_API_KEY"],
    [
      "a fallback without a key",
      [
        "ingest",
        "x",
        "--base-url",
        "http://127.0.0.1:1/v1",
        "--fallback-model",
        "claude-x",
        "--fallback-base-url",
        "https://api.anthropic.com"
      ],
      "SLUICE_FALLBACK_API_KEY"
    ],
    ["an ontology that is not there", ["ingest", "x", "--ontology", "/no/such.yaml"], "/no/such.yaml"],
    ["an unknown command", ["ingset"], "ingset"],
    ["an unknown format", ["export", "--format", "xml"], "jsonl"]
  ] as const)("%s", ([, args, expected]) =>
    Effect.scoped(
      Effect.gen(function* () {
        const { store } = yield* place()
        const { status, stderr, stdout } = yield* run(args[0] === "ingset" ? args : [...args, ...store])
        assert.strictEqual(status, 1, stderr)
        assert.strictEqual(stdout, "")
        assert.include(stderr, expected)
        assert.isAtMost(stderr.trimEnd().split("\n").length, 2, stderr)
        assert.notMatch(stderr, /\n\s+at |node_modules/)
      })
    )
  )

  it.effect("a path that is not there leaves the last run the last, and says nothing of what has changed", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { ingest, store } = yield* place()
        yield* run(ingest)
        const before = yield* run(["runs", "--json", ...store])
        const ended = yield* run(["ingest", "/no/such/path", "--base-url", "http://127.0.0.1:1/v1", ...store])
        assert.strictEqual(ended.status, 1)
        assert.match(ended.stderr.trimEnd(), /^\/no\/such\/path does not exist [^\n]*$/)
        assert.strictEqual((yield* run(["runs", "--json", ...store])).stdout, before.stdout)
      })
    )
  )

  it.effect("a file that cannot be read is told in words", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { ingest } = yield* place()
        const { status, stderr } = yield* run([...ingest, "--config", "/no/such.yaml"])
        assert.strictEqual(status, 1)
        assert.include(stderr, "/no/such.yaml cannot be read: it does not exist.")
      })
    )
  )

  it.effect.each(["hash", "export", "report", "failures"])("%s without a graph says how to make one", (command) =>
    Effect.scoped(
      Effect.gen(function* () {
        const { path, store } = yield* place()
        const { status, stderr } = yield* run([command, ...store])
        assert.strictEqual(status, 1)
        assert.include(stderr, "sluice ingest")
        assert.isFalse(existsSync(join(path, "sluice.db")))
      })
    )
  )
})

describe("a store that is damaged", () => {
  it.effect("ends with 4", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { ingest, store } = yield* place({ ...corpus, "sluice.db": "this is no database, ".repeat(500) })
        for (const args of [ingest, ["hash", ...store]]) {
          const { status, stderr } = yield* run(args)
          assert.strictEqual(status, 4, stderr)
          assert.include(stderr, "sluice.db")
        }
      })
    )
  )
})

describe("export", () => {
  it.effect("gives one object a line, to standard output or a file alike", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { ingest, path, store } = yield* place()
        yield* run(ingest)
        const { status, stdout } = yield* run(["export", ...store])
        const kinds = new Set(
          stdout
            .trimEnd()
            .split("\n")
            .map((line) => decodeRow(line).kind)
        )
        assert.strictEqual(status, 0)
        assert.deepStrictEqual([...kinds].toSorted(), ["chunk", "document", "entity", "mention", "relation"])
        const file = join(path, "graph.jsonl")
        yield* run(["export", ...store, "--output", file])
        assert.strictEqual(readFileSync(file, "utf8"), stdout)
      })
    )
  )

  it.effect("says when the file cannot be written", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { ingest, store } = yield* place()
        yield* run(ingest)
        const { status, stderr } = yield* run(["export", ...store, "--output", "/no/such/dir/graph.jsonl"])
        assert.strictEqual(status, 1)
        assert.include(stderr, "/no/such/dir/graph.jsonl")
      })
    )
  )
})

describe("report", () => {
  it.effect("has the last run and the graph", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { ingest, store } = yield* place()
        const report = decodeReport(lastLine((yield* run([...ingest, "--json"])).stdout))
        const told = yield* run(["report", ...store])
        assert.include(told.stdout, report.run)
        assert.include(told.stdout, "is complete")
        const json = decodeLastRun((yield* run(["report", ...store, "--json"])).stdout)
        assert.deepStrictEqual(json.run.report, report)
        assert.strictEqual(json.graph.entities, report.graph.entities)
      })
    )
  )
})

describe("the log", () => {
  it.effect("goes to a file as JSON lines, and has the trace only for those who ask", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { path, store } = yield* place()
        const file = join(path, "log.jsonl")
        const quiet = yield* run(["ingest", join(path, "nowhere"), ...store, "--log-file", file])
        assert.strictEqual(quiet.status, 1)
        assert.notInclude(quiet.stderr, "debug")
        const loud = yield* run(["ingest", join(path, "nowhere"), ...store, "--log-file", file, "--log-level", "debug"])
        assert.include(loud.stderr, "debug: Failed")
        const lines = readFileSync(file, "utf8").trimEnd().split("\n")
        assert.isAtLeast(lines.length, 1)
        for (const line of lines) assert.strictEqual(decodeEntry(line).level, "DEBUG")
      })
    )
  )
})
