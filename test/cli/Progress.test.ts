import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { CliOutput } from "effect/cli"
import { TestClock } from "effect/testing"
import * as JsonProgress from "../../src/cli/JsonProgress.ts"
import * as TerminalProgress from "../../src/cli/TerminalProgress.ts"
import { layerNone, Progress } from "../../src/services/Progress.ts"
import { snapshot, suite, terminal } from "../suites/Progress.ts"
import { stdio } from "../support/cli.ts"

suite("bar", TerminalProgress.layer)
suite("lines", TerminalProgress.layerLines)
suite("json", JsonProgress.layer)
suite("none", layerNone)

describe("TerminalProgress", () => {
  it("fits every width, whatever it has to say", () => {
    const at = snapshot({ note: "RateLimited: 请求过多，请稍后再试 👩‍👩‍👧 ".repeat(5) })
    for (const columns of [1, 2, 10, 29, 30, 59, 60, 80, 200]) {
      assert.isBelow(CliOutput.displayWidth(TerminalProgress.bar(at, columns)), Math.max(columns, 1), `${columns}`)
    }
  })

  it("shows counts, calls in flight and the time that is left", () => {
    const line = TerminalProgress.bar(snapshot(), 120)
    for (const part of ["10/40 documents", "35/120 chunks", "3 calls in flight", "1 failed", "1 min 0 s left"]) {
      assert.include(line, part)
    }
  })

  it("leaves out what matters least where a line is short, so that it says what holds the run back", () => {
    const line = TerminalProgress.bar(snapshot({ note: "limit: 200,000 tokens/min" }), 80)
    for (const part of ["10/40 documents", "1 min 0 s left", "limit: 200,000 tokens/min"]) {
      assert.include(line, part)
    }
    assert.notInclude(line, "in flight")
  })

  it("promises no end before all sources are listed", () => {
    const line = TerminalProgress.bar(snapshot({ listed: false }), 120)
    assert.include(line, "10/40+ documents")
    assert.notInclude(line, "left")
    assert.notInclude(line, "━")
  })

  it.effect("redraws at most ten times a second", () => {
    const written = { stdout: "", stderr: "" }
    return Effect.gen(function* () {
      const progress = yield* Progress
      for (let done = 0; done < 1000; done++) {
        yield* progress.show(snapshot({ done }))
        yield* TestClock.adjust(2)
      }
      const redraws = written.stderr.split("\r\u001b[K").length - 1
      assert.isAtMost(redraws, 20)
      assert.isAtLeast(redraws, 19)
    }).pipe(Effect.provide(TerminalProgress.layer.pipe(Layer.provide(Layer.merge(stdio(written), terminal(80))))))
  })

  it.effect("prints a plain line about every ten seconds without a terminal", () => {
    const written = { stdout: "", stderr: "" }
    return Effect.gen(function* () {
      const progress = yield* Progress
      for (let elapsed = 0; elapsed <= 60_000; elapsed += 1_000) yield* progress.show(snapshot({ elapsed }))
      const lines = written.stderr.trimEnd().split("\n")
      assert.isAtLeast(lines.length, 5)
      assert.isAtMost(lines.length, 7)
      assert.notInclude(written.stderr, "\u001b")
    }).pipe(Effect.provide(TerminalProgress.layerLines.pipe(Layer.provide(stdio(written)))))
  })
})

describe("JsonProgress", () => {
  const decode = Schema.decodeUnknownSync(
    Schema.fromJsonString(Schema.Struct({ type: Schema.String, seen: Schema.Int, done: Schema.Int }))
  )

  it.effect("writes one object a line, the last one as finished", () => {
    const written = { stdout: "", stderr: "" }
    return Effect.gen(function* () {
      const progress = yield* Progress
      yield* progress.show(snapshot({ note: "a\nb" }))
      yield* progress.finish(snapshot({ done: 40 }))
      const lines = written.stderr
        .trimEnd()
        .split("\n")
        .map((line) => decode(line))
      assert.deepStrictEqual(lines, [
        { type: "progress", seen: 40, done: 10 },
        { type: "finished", seen: 40, done: 40 }
      ])
    }).pipe(Effect.provide(JsonProgress.layer.pipe(Layer.provide(stdio(written)))))
  })
})
