import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { start } from "../../src/layers/SimulatedServer.ts"
import { LedgerSnapshot } from "../../src/layers/simulated/Ledger.ts"
import { requestFor } from "../support/chat.ts"
import { chatBody } from "../../src/layers/openai/Completion.ts"

const post = (url: string, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  Effect.promise(() =>
    fetch(url, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body), headers })
  )
const json = (response: Response) => Effect.promise((): Promise<unknown> => response.json())
const ledgerAt = Effect.fnUntraced(function* (url: string) {
  const response = yield* Effect.promise(() => fetch(new URL("/ledger", url)))
  return yield* Schema.decodeUnknownEffect(LedgerSnapshot)(yield* json(response))
})
const body = chatBody(requestFor(["Ada met Bob."]), {}, "max_completion_tokens")

describe("SimulatedServer", () => {
  it.live("shows its ledger over HTTP", () =>
    Effect.gen(function* () {
      const { ledger, url } = yield* start()
      const answered = yield* post(`${url}/chat/completions`, body)
      assert.strictEqual(answered.status, 200)
      yield* json(answered)
      const snapshot = yield* ledgerAt(url)
      assert.deepInclude(snapshot.chat, { requests: 1, answered: 1, inFlight: 0, maxInFlight: 1 })
      assert.deepStrictEqual(snapshot, yield* ledger)
    })
  )

  it.live("turns away what is over a limit, says so in headers, and shows it in its ledger", () =>
    Effect.gen(function* () {
      const { url } = yield* start({ limits: { rpm: 1, tpm: 100_000, retryAfter: "milliseconds" } })
      const answered = yield* post(`${url}/chat/completions`, body)
      assert.deepInclude(Object.fromEntries(answered.headers), {
        "x-ratelimit-limit-requests": "1",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "1m0s",
        "x-ratelimit-limit-tokens": "100000"
      })
      yield* json(answered)
      const denied = yield* post(`${url}/chat/completions`, body)
      assert.strictEqual(denied.status, 429)
      assert.isAbove(Number(denied.headers.get("retry-after-ms")), 1_000)
      assert.include(yield* Effect.promise(() => denied.text()), "requests per min (RPM): Limit 1, Used 1, Requested 1")
      const { chat } = yield* ledgerAt(url)
      assert.deepInclude(chat, { requests: 2, answered: 1, failed: { rpm: 1 }, limited: { rpm: 1 } })
      assert.strictEqual(chat.usage["test-model"]?.["rpm"]?.taken, 1)
    })
  )

  it.live("rejects what is no request, an unknown key, model or address, in OpenAI's shape", () =>
    Effect.gen(function* () {
      const { url } = yield* start({ apiKey: "key-1", models: ["test-model"] })
      const key = { authorization: "Bearer key-1" }
      const status = Effect.fnUntraced(function* (path: string, sent: unknown, headers = key) {
        const response = yield* post(`${url}${path}`, sent, headers)
        assert.property(yield* json(response), "error")
        return response.status
      })
      assert.strictEqual(yield* status("/chat/completions", "no json"), 400)
      assert.strictEqual(yield* status("/chat/completions", { model: "test-model", messages: [] }), 400)
      assert.strictEqual(yield* status("/chat/completions", body, { authorization: "Bearer other" }), 401)
      assert.strictEqual(yield* status("/chat/completions", { ...body, model: "other" }), 404)
      assert.strictEqual(yield* status("/embeddings", { model: "test-model", input: [] }), 400)
      assert.strictEqual(yield* status("/responses", body), 404)
    })
  )

  it.live("runs in a process of its own, and stops on SIGTERM", () =>
    Effect.gen(function* () {
      const script = new URL("../support/provider.ts", import.meta.url).pathname
      const child = yield* Effect.acquireRelease(
        Effect.sync(() =>
          spawn(process.execPath, [script, JSON.stringify({ seed: 1, faults: { serverError: 1 } })], {
            stdio: ["ignore", "pipe", "inherit"]
          })
        ),
        (process) => Effect.sync(() => process.kill("SIGKILL"))
      )
      const lines = createInterface(child.stdout)
      const url = yield* Effect.callback<string>((resume) => {
        lines.once("line", (line) => resume(Effect.succeed(line)))
      })
      const failed = yield* post(`${url}/chat/completions`, body)
      assert.strictEqual(failed.status, 500)
      assert.deepStrictEqual((yield* ledgerAt(url)).chat.failed, { serverError: 1 })
      const ended = Effect.callback<NodeJS.Signals | number | null>((resume) => {
        child.once("exit", (code, signal) => resume(Effect.succeed(code ?? signal)))
      })
      child.kill("SIGTERM")
      assert.strictEqual(yield* ended, 130)
    })
  )
})
