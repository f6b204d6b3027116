import { renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { CliOutput } from "effect/cli"
import { DeadLetter } from "../../src/domain/DeadLetter.ts"
import { RunReport } from "../../src/domain/RunReport.ts"
import * as SimulatedServer from "../../src/layers/SimulatedServer.ts"
import { run } from "../support/cli.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"

const decodeReport = Schema.decodeUnknownSync(Schema.fromJsonString(RunReport))
const Causes = Schema.Array(Schema.Struct({ cause: Schema.String, letters: Schema.Array(DeadLetter) }))
const decodeFailures = Schema.decodeSync(Schema.fromJsonString(Schema.Struct({ total: Schema.Int, causes: Causes })))

const filler = (topic: string): string =>
  Array.from({ length: 40 }, (_, n) => `Ada Moreno wrote report ${n} on ${topic} for Helios Labs in Graz.`).join(" ")

const mail = (id: string, text: string): string =>
  `From ada@x.example Mon Jan  1 10:00:00 2024\nFrom: ada@x.example\nMessage-ID: <${id}@x>\nSubject: ${id}\n\n${text}\n\n`

const documents = {
  "docs/Zoe\u0308/C#.md": [filler("wind"), `${filler("tides")} POISON`, filler("sun")].join("\n\n# Part\n\n"),
  "docs/box.mbox": mail("good", "Tom Okafor left Kestrel Bank.") + mail("bad", "Li Wei met POISON in Oslo."),
  "docs/refused.md": "Priya Nair wrote REFUSED.\n",
  "docs/good.md": "Jonas Weber joined Helios Labs in 2019.\n",
  "docs/empty.md": " \n"
}

/** A directory after a first ingest with a provider that cannot read what says POISON, and refuses REFUSED. */
const place = Effect.fnUntraced(function* (files: Readonly<Record<string, string>> = documents) {
  const path = yield* temporaryDirectory(files)
  const store = ["--store", `sqlite:${join(path, "g.db")}`]
  const model = (url: string) => [...store, "--base-url", url, "--json"]
  const first = yield* SimulatedServer.start({ poison: "POISON", refuses: "REFUSED" })
  const ingest = ["ingest", join(path, "docs"), ...model(first.url)]
  const ingested = decodeReport((yield* run(ingest)).stdout.trimEnd())
  const failures = Effect.map(run(["failures", ...store, "--json"]), ({ stdout }) => decodeFailures(stdout))
  const retry = Effect.fnUntraced(function* (url: string, ...args: ReadonlyArray<string>) {
    const { status, stderr, stdout } = yield* run(["retry", ...model(url), ...args])
    return { status, stderr, report: decodeReport(stdout.trimEnd()) }
  })
  return { path, store, model, ingest, ingested, failures, retry }
})

const named = ({ causes }: typeof decodeFailures extends (text: string) => infer A ? A : never) =>
  causes.flatMap(({ cause, letters }) => letters.map(({ source }) => `${cause} ${source.split("/").at(-1)}`)).toSorted()

describe("retry", () => {
  it.live(
    "tries the documents of the dead letters alone, whatever their names, and pays for their dead chunks alone",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { failures, ingest, ingested, model, path, retry } = yield* place()
          assert.deepInclude(ingested.documents, { ingested: 2, partial: 3, failed: 1 })
          assert.deepStrictEqual(named(yield* failures), [
            "empty empty.md",
            "invalid-answer C#.md",
            "invalid-answer box.mbox#bad@x",
            "refused refused.md"
          ])
          const mended = yield* SimulatedServer.start()
          const { report, status } = yield* retry(mended.url)
          assert.strictEqual(status, 2)
          assert.deepInclude(report.documents, { seen: 4, ingested: 3, unchanged: 0, partial: 0, failed: 1 })
          assert.strictEqual(report.chunks.extracted, 3)
          assert.strictEqual((yield* mended.ledger).chat.items.asked, 3)
          assert.deepStrictEqual(named(yield* failures), ["empty empty.md"])

          const again = decodeReport((yield* run(ingest)).stdout.trimEnd())
          assert.deepInclude(again.documents, { unchanged: 5, failed: 1 })
          assert.strictEqual(again.calls.model, 0)
          const other = ["ingest", join(path, "docs"), ...model(mended.url), "--group", "fresh"]
          const fresh = decodeReport((yield* run(other)).stdout.trimEnd())
          assert.deepStrictEqual(
            { ...again.graph, hash: "" },
            { ...fresh.graph, hash: "" },
            "the graph is that of an ingest without failures"
          )
        })
      )
  )

  it.live(
    "chooses by cause, and leaves the others and what is beside them as they are",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { failures, path, retry, store } = yield* place()
          // Neither is for what is named.
          renameSync(join(path, "docs/good.md"), join(path, "docs/other.md"))
          writeFileSync(join(path, "docs/.sluiceignore"), "*.md\n")
          const mended = yield* SimulatedServer.start()
          const { report, status } = yield* retry(mended.url, "--cause", "refused")
          assert.strictEqual(status, 0)
          assert.deepInclude(report.documents, { seen: 1, ingested: 1 })
          assert.strictEqual((yield* failures).total, 3)
          const none = yield* run(["retry", ...store, "--cause", "refused", "--extractor", "rules"])
          assert.deepInclude(none, { status: 0, stderr: "" })
          assert.include(none.stdout, "No dead letters of refused")
          const wrong = yield* run(["retry", ...store, "--cause", "bad-luck"])
          assert.strictEqual(wrong.status, 1)
          assert.include(wrong.stderr, "invalid-answer")
        })
      ),
    60_000
  )

  it.live(
    "says which sources are gone, and takes in those that have changed meanwhile",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { failures, path, retry } = yield* place()
          rmSync(join(path, "docs/refused.md"))
          writeFileSync(join(path, "docs/box.mbox"), mail("good", "Tom Okafor left Kestrel Bank."))
          writeFileSync(join(path, "docs/empty.md"), "Marta Kowalska founded Blue Fjord AS.\n")
          const mended = yield* SimulatedServer.start()
          const { report, status } = yield* retry(mended.url)
          assert.strictEqual(status, 2)
          assert.deepInclude(report.documents, { seen: 4, ingested: 2, failed: 2 })
          const left = yield* failures
          const gone = left.causes.find(({ cause }) => cause === "unreadable")?.letters ?? []
          assert.deepStrictEqual(gone.map(({ source }) => source.split("/").at(-1)).toSorted(), [
            "box.mbox#bad@x",
            "refused.md"
          ])
          for (const { message } of gone) assert.match(message, /any more.*put it back.*sluice forget/)
        })
      ),
    60_000
  )
})

describe("failures", () => {
  it.live(
    "has stage, cause, attempts and the answer that could not be used, for people without what terminals obey",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { failures, store } = yield* place()
          const { causes } = yield* failures
          const [letter] = causes.find(({ cause }) => cause === "refused")?.letters ?? []
          assert.deepInclude({ ...letter }, { stage: "extract", attempts: 3, ordinal: 0 })
          assert.match(letter?.response ?? "", /\w/)
          const { stdout } = yield* run(["failures", ...store, "--cause", "invalid-answer", "--cause", "refused"])
          assert.include(stdout, "3 attempts (extract)")
          assert.include(stdout, "It was answered: ")
          assert.notInclude(stdout, "empty:")
          for (const line of stdout.split("\n")) {
            assert.isAtMost(CliOutput.displayWidth(line), 80, line)
            assert.notMatch(line, /[\u0000-\u001f\u007f-\u009f]/)
          }
        })
      )
  )
})
