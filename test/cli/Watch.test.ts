import { appendFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option, Queue, Schema } from "effect"
import { TestClock, TestConsole } from "effect/testing"
import { follow, roundLine } from "../../src/cli/Watch.ts"
import type { Reading } from "../../src/cli/Watch.ts"
import { RunId } from "../../src/domain/Ids.ts"
import { RunReport } from "../../src/domain/RunReport.ts"
import { Tracker } from "../../src/layers/files/Tracker.ts"
import type { Watched } from "../../src/layers/files/watch.ts"
import type { IngestResult } from "../../src/pipeline/Pipeline.ts"
import { SourceError } from "../../src/services/DocumentSource.ts"
import { RunStopped } from "../../src/services/RunStopped.ts"
import { child, run } from "../support/cli.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"

const report: RunReport = {
  run: RunId.make("run"),
  documents: { seen: 3, unchanged: 1, ingested: 1, partial: 0, failed: 1, removed: 0 },
  chunks: { total: 2, extracted: 1, reused: 1, dead: 0 },
  graph: { entities: 1, relations: 0, mentions: 1, hash: "0".repeat(64) },
  calls: { model: 1, embedding: 0, failed: 0, journal: 1 },
  tokens: { input: 1, output: 1, cached: 0 },
  cost: { usd: 0.002 },
  seconds: 1.25
}
const complete: IngestResult = {
  report,
  status: "complete",
  stopped: Option.none(),
  before: { cost: 0, calls: 0, tokens: 0, seconds: 0 }
}

/** Files that are stamps, hints when a test gives them, and rounds that the test answers. */
const world = Effect.gen(function* () {
  const tracker = new Tracker()
  const files = new Map([["a", "1"]])
  const hints = yield* Queue.sliding<void>(1)
  const rounds = yield* Queue.unbounded<Reading>()
  const answers: Array<Effect.Effect<IngestResult, RunStopped | SourceError>> = []
  let looks = 0
  const watched: Watched = {
    look: Effect.sync(() => {
      looks++
      tracker.begin()
      for (const [name, stamp] of files) tracker.see(name, stamp)
      return tracker.end()
    }),
    take: (names) => tracker.take(names),
    hint: Queue.take(hints)
  }
  const following = yield* Effect.forkScoped(
    follow(
      watched,
      (reading) => Effect.andThen(Queue.offer(rounds, reading), answers.shift() ?? Effect.succeed(complete)),
      () => Effect.void
    )
  )
  const since = Effect.fnUntraced(function* (time: "1 seconds" | "10 seconds" | "1 minutes") {
    yield* TestClock.adjust(time)
    return yield* Queue.clear(rounds)
  })
  assert.deepStrictEqual(yield* since("1 seconds"), ["everything"])
  return { files, answers, since, following, hint: Queue.offer(hints, undefined), looks: () => looks }
})

const wanted = (...sources: ReadonlyArray<string>) => sources.map((source) => ({ source, withContents: true }))
const down = new RunStopped({ reason: "provider", retryable: true, message: "The provider does not answer." })

describe("following files", () => {
  it.effect("takes in a batch of changes in one round when they have settled, upon a hint", () =>
    Effect.gen(function* () {
      const { files, hint, since } = yield* world
      files.set("a", "2").set("b", "1").set("c", "1")
      yield* hint
      assert.deepStrictEqual(yield* since("10 seconds"), [wanted("a", "b", "c")])
      assert.deepStrictEqual(yield* since("1 minutes"), [])
    })
  )

  it.effect("finds out without a hint, and looks seldom while nothing happens", () =>
    Effect.gen(function* () {
      const { files, looks, since } = yield* world
      const before = looks()
      assert.deepStrictEqual(yield* since("1 minutes"), [])
      assert.isAtMost(looks() - before, 7)
      files.set("b", "1")
      assert.deepStrictEqual(yield* since("1 minutes"), [wanted("b")])
    })
  )

  it.effect("waits for a file that grows, but not for ever with the others", () =>
    Effect.gen(function* () {
      const { files, hint, since } = yield* world
      files.set("b", "1")
      yield* Effect.forkScoped(
        Effect.forEach(Array.from({ length: 300 }), (_, n) =>
          Effect.andThen(
            Effect.sync(() => files.set("log", `${n}`)),
            Effect.sleep("100 millis")
          )
        )
      )
      yield* hint
      assert.deepStrictEqual(yield* since("1 seconds"), [])
      assert.deepStrictEqual(yield* since("10 seconds"), [wanted("b")])
      assert.deepStrictEqual(yield* since("1 minutes"), [wanted("log")])
    })
  )

  it.effect("walks over everything when something is gone", () =>
    Effect.gen(function* () {
      const { files, hint, since } = yield* world
      files.delete("a")
      files.set("b", "1")
      yield* hint
      assert.deepStrictEqual(yield* since("10 seconds"), ["everything"])
      assert.deepStrictEqual(yield* since("1 minutes"), [])
    })
  )

  it.effect("tries a round again that a fault of others has stopped, less and less often, and says so", () =>
    Effect.gen(function* () {
      const { answers, files, hint, since } = yield* world
      const stopped = Effect.succeed<IngestResult>({ ...complete, status: "stopped", stopped: Option.some(down) })
      answers.push(stopped, Effect.fail(new SourceError({ message: "docs does not exist." })), stopped)
      files.set("b", "1")
      yield* hint
      const rounds = yield* since("1 minutes")
      assert.deepStrictEqual(rounds, [wanted("b"), wanted("b"), wanted("b"), wanted("b")])
      const told = (yield* TestConsole.errorLines).map(String)
      assert.match(told[1] ?? "", /does not answer\. It is tried again in 1\.0 s/)
      assert.match(told[3] ?? "", /tried again in 4\.0 s/)
      assert.deepStrictEqual(yield* since("1 minutes"), [])
    })
  )

  it.effect("ends when a round fails for good", () =>
    Effect.gen(function* () {
      const { answers, files, following, hint, since } = yield* world
      answers.push(Effect.fail(new RunStopped({ reason: "configuration", retryable: false, message: "No such key." })))
      files.set("b", "1")
      yield* hint
      yield* since("10 seconds")
      const error = yield* Effect.flip(Fiber.join(following))
      assert.strictEqual(error._tag, "RunStopped")
    })
  )

  it("a round is one line", () => {
    assert.strictEqual(
      roundLine(Date.UTC(2026, 0, 1, 14, 5, 2), report),
      "14:05:02  1 ingested · 1 failed · 1 unchanged · 1 chunk extracted · 1 reused · $0.0020 · 1.3 s"
    )
  })
})

const decodeReport = Schema.decodeUnknownSync(Schema.fromJsonString(RunReport))

describe("ingest --watch", () => {
  it.live(
    "takes in what is made, edited, renamed and ignored in a real directory, and ends with 130",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const cwd = yield* temporaryDirectory({ "docs/a.md": "Ada Moreno joined Helios Labs in Graz.\n" })
          const started = child(["ingest", ".", "--watch", "--extractor", "rules", "--json"], { cwd })
          const rounds = yield* Queue.unbounded<RunReport["documents"]>()
          const ended = yield* Deferred.make<never, string>()
          let rest = ""
          started.process.stdout?.on("data", (text: string) => {
            const lines = `${rest}${text}`.split("\n")
            rest = lines.pop() ?? ""
            for (const line of lines) Queue.offerUnsafe(rounds, decodeReport(line).documents)
          })
          void started.ended.then((outcome) =>
            Deferred.doneUnsafe(ended, Effect.fail(`It has ended: ${JSON.stringify(outcome)}`))
          )
          /** Rounds until one fits; the child's own deadline ends this if none does. */
          const until = (fits: (documents: RunReport["documents"]) => boolean) =>
            Effect.raceFirst(Queue.take(rounds), Deferred.await(ended)).pipe(Effect.repeat({ until: fits }))
          const docs = join(cwd, "docs")

          yield* until(({ ingested }) => ingested === 1)
          mkdirSync(join(docs, "new/deep"), { recursive: true })
          writeFileSync(join(docs, "new/deep/b.md"), "Jonas Weber left Kestrel Bank.\n")
          yield* until(({ ingested }) => ingested === 1)
          appendFileSync(join(docs, "new/deep/b.md"), "Li Wei met Tom Okafor in Oslo.\n")
          yield* until(({ ingested, seen }) => ingested === 1 && seen === 1)
          renameSync(join(docs, "a.md"), join(docs, "z.md"))
          yield* until(({ ingested, unchanged }) => ingested === 0 && unchanged === 2)
          writeFileSync(join(docs, ".sluiceignore"), "new\n")
          yield* until(({ ingested, unchanged }) => ingested === 0 && unchanged === 1)
          assert.isTrue(existsSync(join(cwd, "sluice.db")))

          started.process.kill("SIGINT")
          const { status, stderr } = yield* Effect.promise(() => started.ended)
          assert.strictEqual(status, 130, stderr)
        })
      ),
    60_000
  )

  it.live("is a usage error with standard input, or as a dry run", () =>
    Effect.gen(function* () {
      for (const args of [
        ["-", "--watch"],
        [".", "--watch", "--dry-run"]
      ]) {
        const { status, stderr } = yield* run(["ingest", ...args, "--extractor", "rules"])
        assert.strictEqual(status, 1)
        assert.include(stderr, "--watch")
      }
    })
  )
})
