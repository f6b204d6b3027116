import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Result } from "effect"
import { forecast, quoted, stoppedMessage, withFlag, Arguments } from "../../src/cli/Budget.ts"
import { plain } from "../../src/cli/Print.ts"
import { maxFailures, price } from "../../src/cli/Values.ts"
import { Ids, RunStopped } from "../../src/index.ts"
import type { RunReport } from "../../src/index.ts"
import { start } from "../../src/layers/SimulatedServer.ts"
import { run } from "../support/cli.ts"
import { makeRandom } from "../support/random.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"

const report: RunReport = {
  run: Ids.RunId.make("r"),
  documents: { seen: 0, unchanged: 0, ingested: 0, partial: 0, failed: 0, removed: 0 },
  chunks: { total: 100, extracted: 9, reused: 10, dead: 1 },
  graph: { entities: 0, relations: 0, mentions: 0, hash: "" },
  calls: { model: 10, embedding: 0, failed: 0, journal: 0 },
  tokens: { input: 1000, output: 1000, cached: 0 },
  cost: { usd: 1 },
  seconds: 1
}
const nothing = { cost: 0, calls: 0, tokens: 0, seconds: 0 }

/** What bash makes of words. */
const asBash = (words: ReadonlyArray<string>): ReadonlyArray<string> =>
  execFileSync("bash", ["-c", `printf '%s\\0' ${words.join(" ")}`], { encoding: "utf8" })
    .split("\0")
    .slice(0, -1)

describe("the command that goes on", () => {
  it("is read back by a shell as it was typed, and loses nothing when it is printed", () => {
    const random = makeRandom(7)
    const pieces = [
      "a",
      "'",
      '"',
      " ",
      "  ",
      "\\",
      "$HOME",
      "`id`",
      "*",
      "\n",
      "\u001b[31m",
      "é",
      "\u202e",
      "😀",
      "-",
      "~",
      "!",
      "=",
      ";"
    ] as const
    const words = [
      "",
      "-",
      "=a",
      "~",
      "docs",
      " lead and trail ",
      "it's",
      ...Array.from({ length: 200 }, () => random.concat(pieces, 6))
    ]
    assert.deepStrictEqual(asBash(words.map(quoted)), words)
    for (const word of words) assert.strictEqual(plain(`x ${quoted(word)} y`), `x ${quoted(word)} y`)
  })

  it("has the ceiling once, whichever way it was given, and before what are no flags", () => {
    const raised = (...args: ReadonlyArray<string>) => withFlag(args, "--max-cost", "2").join(" ")
    assert.strictEqual(raised("ingest", "a", "--max-cost", "1", "--json"), "ingest a --json --max-cost 2")
    assert.strictEqual(raised("ingest", "--max-cost=1", "a"), "ingest a --max-cost 2")
    assert.strictEqual(raised("ingest", "--", "--max-cost"), "ingest --max-cost 2 -- --max-cost")
  })

  it.effect("has room for the chunks that are left, at what the others took", () =>
    Effect.gen(function* () {
      const stopped = new RunStopped({
        reason: "budget",
        retryable: false,
        message: "Used up.",
        raise: { limit: "cost", to: 2 }
      })
      const message = yield* stoppedMessage(stopped, { report, before: { ...nothing, cost: 1 } }).pipe(
        Effect.provideService(Arguments, ["ingest", "my docs"])
      )
      assert.strictEqual(
        message,
        "Used up. What was done is kept; this goes on with it:\nsluice ingest 'my docs' --max-cost 13"
      )
    })
  )
})

describe("flags of a budget", () => {
  it("a share, in per cent or below one, or a number of chunks", () => {
    const read = (raw: string) => Option.getOrUndefined(Result.getSuccess(maxFailures(raw)))
    assert.deepStrictEqual(read("10%"), { share: 0.1, after: 50 })
    assert.deepStrictEqual(read("0.25"), { share: 0.25, after: 50 })
    assert.deepStrictEqual(read("100%"), { share: 1, after: 50 })
    assert.deepStrictEqual(read("0"), { count: 0 })
    assert.deepStrictEqual(read("20"), { count: 20 })
    for (const wrong of ["", "-1", "101%", "1.5", "ten", "%", "1e3", "1..5"]) assert.isUndefined(read(wrong), wrong)
  })

  it("a model's price, whatever signs its name has", () => {
    const read = (raw: string) => Option.getOrUndefined(Result.getSuccess(price(raw)))
    assert.deepStrictEqual(read("llama3:8b=0/0"), ["llama3:8b", { input: 0, output: 0, cached: 0 }])
    assert.deepStrictEqual(read("a/b=c=0.25/2/0.025"), ["a/b=c", { input: 0.25, output: 2, cached: 0.025 }])
    for (const wrong of ["m", "m=", "=1/2", "m=1", "m=1/x", "m=1/2/3/4", "m=-1/2", "m=1/"]) {
      assert.isUndefined(read(wrong), wrong)
    }
  })

  it("a dry run is measured by what earlier runs took as well", () => {
    assert.isTrue(forecast({ cost: 3, calls: 10 }, nothing, report).fits)
    const { fits, lines } = forecast({ cost: 3, tokens: 5000 }, { ...nothing, tokens: 4000 }, report)
    assert.isFalse(fits)
    assert.deepStrictEqual(lines, [
      "Fits in --max-cost 3: about $1.00.",
      "Would not fit in --max-tokens 5000: about 6,000 tokens, 4,000 tokens of which earlier runs took."
    ])
  })
})

describe("a budget on the command line", () => {
  const text = (index: number) =>
    `# Report ${index}\n\n${`Ada Moreno joined Helios Labs in Graz in ${1990 + index}. `.repeat(30)}\n`
  const documents = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`docs/${index}.md`, text(index)]))

  it.live("stops with 3, and the command that it prints goes on to the end without paying twice", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* temporaryDirectory(documents)
        const { ledger, url } = yield* start({ seed: 1, latency: { median: 20 }, outputTokens: { median: 1500 } })
        const common = ["ingest", join(path, "docs"), "--base-url", url, "--store", `sqlite:${join(path, "g.db")}`]
        const args = [...common, "--json", "--progress", "none", "--max-cost", "0.006"]
        const stopped = yield* run(args)
        assert.strictEqual(stopped.status, 3, stopped.stderr)
        const first = JSON.parse(stopped.stdout.trim().split("\n").at(-1) ?? "")
        const { chat } = yield* ledger
        const cost = (chat.tokens.input * 0.1 + chat.tokens.output * 0.5) / 1e6
        assert.closeTo(first.cost.usd, cost, 1e-9)
        assert.isAtMost(cost, 0.006)
        const command = stopped.stderr.split("\n").at(-1) ?? ""
        assert.match(command, /^sluice ingest .* --max-cost [\d.]+$/)
        const next = yield* run(asBash(command.split(" ").slice(1)))
        assert.strictEqual(next.status, 0, next.stderr)
        const second = JSON.parse(next.stdout.trim().split("\n").at(-1) ?? "")
        assert.strictEqual(second.resumes, first.run)
        assert.strictEqual(second.documents.seen, 12)
        assert.strictEqual((yield* ledger).chat.items.askedAgain, 0)
        const { stdout } = yield* run(["runs", "--json", "--store", `sqlite:${join(path, "g.db")}`])
        const { runs } = JSON.parse(stdout)
        assert.deepStrictEqual(
          runs.map(({ root, run, status }: Record<string, unknown>) => [run, status, root]),
          [
            [second.run, "complete", first.run],
            [first.run, "stopped", undefined]
          ]
        )
      })
    )
  )

  it.live("asks for the price of a model that it does not know, before it does anything", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* temporaryDirectory(documents)
        const { ledger, url } = yield* start()
        const store = ["--store", `sqlite:${join(path, "g.db")}`]
        const args = ["ingest", join(path, "docs"), "--base-url", url, "--max-cost", "1"]
        for (const more of [
          ["--model", "mine"],
          ["--fallback-model", "mine"],
          ["--embedding-model", "mine"]
        ]) {
          const { status, stderr } = yield* run([...args, ...store, ...more])
          assert.strictEqual(status, 1)
          assert.include(stderr, "--price mine=INPUT/OUTPUT")
        }
        assert.strictEqual((yield* ledger).chat.requests, 0)
        const free = yield* run([...args, ...store, "--model", "mine", "--price", "mine=0/0", "--progress", "none"])
        assert.strictEqual(free.status, 0, free.stderr)
        const dry = yield* run([...args, "--max-calls", "1", "--dry-run", "--store", `sqlite:${join(path, "no.db")}`])
        assert.strictEqual(dry.status, 3)
        assert.include(dry.stderr, "Would not fit in --max-calls 1")
        assert.include(dry.stderr, "Fits in --max-cost 1")
      })
    )
  )
})
