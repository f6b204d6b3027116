import { spawn } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { createServer } from "node:http"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schema } from "effect"
import * as SimulatedServer from "../../src/layers/SimulatedServer.ts"
import { RunReport } from "../../src/domain/RunReport.ts"
import { child, run } from "../support/cli.ts"
import type { Child } from "../support/cli.ts"
import { reply, serveJson } from "../support/http.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"
import { receiver } from "../support/otlp.ts"

const secret = "sk-very-secret-0123456789"
const decodeReport = Schema.decodeUnknownSync(Schema.fromJsonString(RunReport))

/** A provider that takes every request and answers as `status` says, or never. */
const provider = (status: number | "never") =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly asked: Promise<void>; readonly close: () => void }>((resume) => {
      let onRequest: () => void = () => {}
      const asked = new Promise<void>((resolve) => (onRequest = resolve))
      const server = createServer((request, response) => {
        request.resume()
        onRequest()
        if (status === "never") return
        response.writeHead(status, { "content-type": "application/json" })
        response.end(
          JSON.stringify({ error: { message: `Incorrect API key provided: ${secret}`, code: "invalid_api_key" } })
        )
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        const close = () => {
          server.close()
          server.closeAllConnections()
        }
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}/v1`, asked, close }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

const text = "# Ada\n\nAda Lovelace worked with Charles Babbage in London.\n"

describe("the process", () => {
  it.live("starts for a user who has no home", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const cwd = yield* temporaryDirectory({})
        const homeless =
          "import os from 'node:os';import{syncBuiltinESMExports}from'node:module';" +
          "os.homedir=()=>{throw new Error('ENOENT')};syncBuiltinESMExports()"
        const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(homeless)}` }
        const { status, stderr, stdout } = yield* Effect.promise(() => child(["--version"], { cwd, env }).ended)
        assert.deepStrictEqual({ status, stderr }, { status: 0, stderr: "" })
        assert.match(stdout, /\d+\.\d+/)
      })
    )
  )

  /** Takes a request and answers it when it is told to. */
  const held = Effect.gen(function* () {
    let isAsked: () => void = () => {}
    const asked = new Promise<void>((resolve) => (isAsked = resolve))
    let answer = () => {}
    const { url } = yield* serveJson((_, response) => {
      answer = () =>
        reply(response, 200, {
          model: "gpt-6-luna",
          choices: [
            { message: { content: '{"chunks":[{"id":"c1","entities":[],"facts":[]}]}' }, finish_reason: "stop" }
          ],
          usage: { prompt_tokens: 1000, completion_tokens: 20, total_tokens: 1020 }
        })
      isAsked()
    })
    return { url, asked, answer: () => answer() }
  })

  /** When the process has said so on standard error. */
  const said = ({ ended, process }: Child, text: string) => {
    let stderr = ""
    const heard = new Promise<void>((resolve) =>
      process.stderr?.on("data", (part: string) => {
        stderr += part
        if (stderr.includes(text)) resolve()
      })
    )
    return Effect.promise(() => Promise.race([heard, ended]))
  }

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it.live(`on ${signal} waits for what is paid for, ends with 130, and leaves it to the next run`, () =>
      Effect.scoped(
        Effect.gen(function* () {
          const cwd = yield* temporaryDirectory({ "ada.md": text })
          const { answer, asked, url } = yield* held
          const args = ["ingest", "ada.md", "--base-url", url]
          const started = child(args, { cwd, env: { OPENAI_API_KEY: secret } })
          yield* Effect.promise(() => Promise.race([asked, started.ended]))
          const told = yield* Effect.forkChild(said(started, "1 call is under way"), { startImmediately: true })
          started.process.kill(signal)
          yield* Fiber.join(told)
          answer()
          const { status, stderr, stdout } = yield* Effect.promise(() => started.ended)
          assert.strictEqual(status, 130, stderr)
          assert.include(stderr, "run the same command again")
          assert.strictEqual(stdout, "")
          const report = yield* run(["report", "--json", "--store", `sqlite:${join(cwd, "sluice.db")}`])
          assert.include(report.stdout, `"status":"interrupted"`)
          assert.include(report.stdout, `"tokens":{"input":1000,"output":20,`)
          if (signal === "SIGTERM") return
          const next = yield* Effect.promise(() => child(args, { cwd, env: { OPENAI_API_KEY: secret } }).ended)
          assert.strictEqual(next.status, 0, next.stderr)
          assert.match(next.stdout, /Goes on +with run \S+ · 1 answer/)
        })
      )
    )
  }

  it.live("on a second signal stops at once", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const cwd = yield* temporaryDirectory({ "ada.md": text })
        const { asked, url } = yield* provider("never")
        const started = child(["ingest", "ada.md", "--base-url", url], { cwd, env: { OPENAI_API_KEY: secret } })
        yield* Effect.promise(() => Promise.race([asked, started.ended]))
        const told = yield* Effect.forkChild(said(started, "Interrupt again to stop at once"), {
          startImmediately: true
        })
        started.process.kill("SIGTERM")
        yield* Fiber.join(told)
        started.process.kill("SIGINT")
        const { status, stderr } = yield* Effect.promise(() => started.ended)
        assert.strictEqual(status, 130)
        assert.notInclude(stderr, "Interrupted. What was done")
      })
    )
  )

  it.live("sends traces named sluice, each span with its parent, and the key in none of them", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const cwd = yield* temporaryDirectory({ "ada.md": text })
        const collector = yield* receiver
        const args = ["ingest", "ada.md", "--extractor", "rules", "--log-level", "debug"]
        const env = { OPENAI_API_KEY: secret, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }
        const { status, stderr, stdout } = yield* Effect.promise(() => child(args, { cwd, env }).ended)
        assert.strictEqual(status, 0, stderr)
        const spans = collector.spans()
        const names = new Set(spans.map(({ name }) => name))
        for (const name of ["ingest", "document"]) assert.isTrue(names.has(name), [...names].join())
        for (const { name, parentSpanId } of spans) {
          if (parentSpanId === undefined || parentSpanId === "") continue
          assert.isTrue(
            spans.some(({ spanId }) => spanId === parentSpanId),
            name
          )
        }
        const service = spans[0]?.resource.find(({ key }) => key === "service.name")
        assert.deepStrictEqual(service?.value, { stringValue: "sluice" })
        for (const written of [collector.raw(), stdout, stderr]) assert.notInclude(written, secret)
      })
    )
  )

  it.live("ends with 1, and keeps the key to itself, when the provider turns the key away", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* temporaryDirectory({ "docs/ada.md": text })
        const { url } = yield* provider(401)
        const log = join(path, "log.jsonl")
        const store = `sqlite:${join(path, "g.db")}`
        const { status, stderr, stdout } = yield* run(
          ["ingest", join(path, "docs"), "--store", store, "--json", "--log-level", "debug", "--log-file", log],
          { OPENAI_API_KEY: secret, OPENAI_BASE_URL: url }
        )
        assert.strictEqual(status, 1, stderr)
        assert.include(stderr, "OPENAI_API_KEY")
        assert.strictEqual(decodeReport(stdout.trimEnd().split("\n").at(-1)).documents.ingested, 0)
        for (const written of [stdout, stderr, readFileSync(log, "utf8")]) assert.notInclude(written, secret)
      })
    )
  )

  it.live("ends by itself, with 0, when its reader goes away or the collector is dead", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const cwd = yield* temporaryDirectory({
          "big.md": Array.from({ length: 1200 }, (_, i) => `Line ${i} of Ada Lovelace.\n\n`).join("")
        })
        const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" }
        const ingested = yield* Effect.promise(
          () => child(["ingest", "big.md", "--extractor", "rules"], { cwd, env }).ended
        )
        assert.strictEqual(ingested.status, 0, ingested.stderr)
        assert.strictEqual(ingested.stderr.match(/warn:/g)?.length, 1, ingested.stderr)
        const exporting = child(["export"], { cwd })
        exporting.process.stdout?.once("data", () => exporting.process.stdout?.destroy())
        const { status, stderr } = yield* Effect.promise(() => exporting.ended)
        assert.deepStrictEqual({ status, stderr }, { status: 0, stderr: "" })
      })
    )
  )

  it.live("on an old Node says so in two lines", () =>
    Effect.gen(function* () {
      const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url))
      const old = `data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.20.2"}})`
      const ended = yield* Effect.callback<{ readonly code: number | null; readonly stderr: string }>((resume) => {
        const spawned = spawn(process.execPath, ["--import", old, main, "--help"], {
          stdio: ["ignore", "ignore", "pipe"]
        })
        let stderr = ""
        spawned.stderr.setEncoding("utf8").on("data", (part: string) => (stderr += part))
        spawned.once("close", (code) => resume(Effect.succeed({ code, stderr })))
      })
      assert.strictEqual(ended.code, 1)
      assert.match(ended.stderr, /^Sluice needs Node 24 or newer; this is Node 20\.20\.2\.\n.*npx.*\n$/)
    })
  )
})

describe("doctor", () => {
  const Checks = Schema.Struct({
    ok: Schema.Boolean,
    checks: Schema.Array(Schema.Struct({ name: Schema.String, state: Schema.String, message: Schema.String }))
  })
  const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Checks))
  const states = (stdout: string) => Object.fromEntries(decode(stdout).checks.map(({ name, state }) => [name, state]))

  it.live("is content with a fresh directory, and says what a key would change", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* temporaryDirectory()
        const { status, stdout } = yield* run(["doctor", "--json", "--store", `sqlite:${join(path, "g.db")}`])
        assert.strictEqual(status, 0)
        assert.deepStrictEqual(states(stdout), {
          node: "ok",
          store: "ok",
          journal: "ok",
          provider: "warn",
          traces: "ok"
        })
        assert.include(stdout, "will be created")
      })
    )
  )

  it.live("asks each provider in its own way, with its own key", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* temporaryDirectory()
        const list = (key: string) =>
          serveJson(({ headers }, response) =>
            (headers["x-api-key"] ?? headers.authorization) === key
              ? reply(response, 200, { data: [] })
              : reply(response, 401, {})
          )
        const [chat, fallback, embedding] = yield* Effect.all([
          list("sk-ant-1"),
          list("Bearer sk-2"),
          list("Bearer sk-3")
        ])
        const first = ["--provider", "anthropic", "--model", "claude-x", "--base-url", chat.url]
        const second = ["--fallback-model", "x", "--fallback-base-url", fallback.url]
        const third = ["--embedding-model", "e", "--embedding-base-url", embedding.url]
        const { status, stdout } = yield* run(
          ["doctor", "--json", "--store", `sqlite:${join(path, "g.db")}`, ...first, ...second, ...third],
          { ANTHROPIC_API_KEY: "sk-ant-1", SLUICE_FALLBACK_API_KEY: "sk-2", SLUICE_EMBEDDING_API_KEY: "sk-3" }
        )
        assert.strictEqual(status, 0, stdout)
        assert.deepInclude(states(stdout), { provider: "ok", fallback: "ok", embedding: "ok" })
      })
    )
  )

  it.live(
    "shows the provider's limits where a model is named, and what it took to ask; and what runs have learned",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const path = yield* temporaryDirectory({ "a.txt": "Ada Moreno joined Helios Labs in Graz." })
          const { ledger, url } = yield* SimulatedServer.start({ limits: { rpm: 500, tpm: 200_000 } })
          const flags = ["--store", `sqlite:${join(path, "g.db")}`, "--base-url", url]
          const unnamed = yield* run(["doctor", "--json", ...flags])
          assert.strictEqual((yield* ledger).chat.requests, 0, "nothing is spent unasked")
          assert.include(unnamed.stdout, "Name a --model")
          yield* run([
            "ingest",
            join(path, "a.txt"),
            "--model",
            "m",
            "--progress",
            "none",
            "--parse-threads",
            "1",
            ...flags
          ])
          const { status, stdout } = yield* run(["doctor", "--json", "--model", "m", ...flags])
          assert.strictEqual(status, 0, stdout)
          const messages = Object.fromEntries(decode(stdout).checks.map(({ message, name }) => [name, message]))
          assert.match(messages["limits"] ?? "", /500 requests a minute and 200,000 tokens a minute/)
          assert.match(messages["limits"] ?? "", /binds .* the tokens.*tier.*One small call was made.* tokens\)/)
          assert.match(messages["learned"] ?? "", /ago found out: 500 requests a minute; 200,000 tokens a minute/)
          assert.strictEqual((yield* ledger).chat.requests, 2)
        })
      )
  )

  it.live("its call is in the journal like any other, and where there is none, none is made", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* temporaryDirectory({ "a.txt": "Ada Moreno joined Helios Labs in Graz." })
        const journal = join(path, "sluice.journal.db")
        const { ledger, url } = yield* SimulatedServer.start()
        const flags = ["--store", `sqlite:${join(path, "g.db")}`, "--base-url", url]
        const doctor = () => run(["doctor", "--json", "--model", "m", ...flags])
        assert.strictEqual((yield* doctor()).status, 0)
        assert.deepStrictEqual(readdirSync(path), ["a.txt"])
        yield* run(["ingest", join(path, "a.txt"), "--extractor", "rules", "--parse-threads", "1", ...flags])
        const report = (yield* run(["report", "--json", ...flags])).stdout
        assert.strictEqual((yield* doctor()).status, 0)
        assert.strictEqual((yield* run(["report", "--json", ...flags])).stdout, report, "no run's account has it")
        const db = new DatabaseSync(journal)
        const noted = db.prepare("SELECT kind, outcome, input + output AS tokens FROM call").all()
        assert.deepInclude(noted[0], { kind: "check", outcome: "answered" })
        assert.isAbove(Number(noted[0]?.["tokens"]), 10)
        assert.strictEqual((yield* ledger).chat.requests, 2)
        db.exec("CREATE TRIGGER full BEFORE INSERT ON call BEGIN SELECT RAISE(ABORT, 'no room'); END")
        db.close()
        const { stdout } = yield* doctor()
        assert.match(decode(stdout).checks.find(({ name }) => name === "limits")?.message ?? "", /not asked.*no room/)
        assert.strictEqual((yield* ledger).chat.requests, 2, "what cannot be noted is not sent")
      })
    )
  )

  it.live("takes a list of models that is there for everybody for no proof of the key, and a call for one", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* temporaryDirectory()
        const { url } = yield* SimulatedServer.start({ apiKey: "right" })
        const flags = ["--json", "--store", `sqlite:${join(path, "g.db")}`, "--base-url", url]
        const unnamed = yield* run(["doctor", ...flags], { OPENAI_API_KEY: "wrong" })
        assert.notInclude(unnamed.stdout, "takes the key")
        const named = yield* run(["doctor", "--model", "m", ...flags], { OPENAI_API_KEY: "wrong" })
        assert.strictEqual(named.status, 1, named.stdout)
        assert.deepInclude(states(named.stdout), { provider: "ok", limits: "fail" })
      })
    )
  )

  it.live(
    "fails on a key that is turned away, a damaged store and a dead collector, without the key in its words",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const path = yield* temporaryDirectory({ "g.db": "no database ".repeat(500) })
          const { url } = yield* provider(401)
          const { status, stderr, stdout } = yield* run(
            ["doctor", "--json", "--store", `sqlite:${join(path, "g.db")}`],
            {
              OPENAI_API_KEY: secret,
              OPENAI_BASE_URL: url,
              OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1"
            }
          )
          assert.strictEqual(status, 1)
          assert.include(stderr, "2 checks failed")
          assert.deepStrictEqual(states(stdout), {
            node: "ok",
            store: "fail",
            journal: "ok",
            provider: "fail",
            traces: "warn"
          })
          assert.notInclude(stdout + stderr, secret)
        })
      )
  )
})
