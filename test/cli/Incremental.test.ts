import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { RunReport } from "../../src/domain/RunReport.ts"
import * as SimulatedServer from "../../src/layers/SimulatedServer.ts"
import { run } from "../support/cli.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"

const decodeReport = Schema.decodeUnknownSync(Schema.fromJsonString(RunReport))
const decodeNotice = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Struct({ message: Schema.String })))

const paragraph = (topic: string): string =>
  Array.from({ length: 12 }, (_, n) => `Ada Moreno wrote report ${n} on ${topic} for Helios Labs in Graz.`).join(" ")

const topics = [
  "clouds",
  "waves",
  "sand",
  "mist",
  "dew",
  "smoke",
  "glaciers",
  "wind",
  "tides",
  "sun",
  "rain",
  "snow",
  "ice",
  "fog",
  "hail",
  "frost",
  "storms",
  "heat",
  "dust"
]
const report = `# Weather\n\n${topics.map(paragraph).join("\n\n")}\n`

/** A directory with a long document and a short one, and the program over them with one provider. */
const place = Effect.gen(function* () {
  const path = yield* temporaryDirectory({
    "docs/report.md": report,
    "docs/note.md": "Jonas Weber left Kestrel Bank.\n"
  })
  const server = yield* SimulatedServer.start()
  let seen = 0
  const ingest = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
    const store = ["--store", `sqlite:${join(path, "g.db")}`, "--base-url", server.url]
    const flags = [...store, "--json", "--progress", "json", ...args]
    const { stderr, stdout } = yield* run(["ingest", join(path, "docs"), ...flags])
    const notices = stderr
      .split("\n")
      .filter((line) => line.startsWith(`{"type":"notice"`))
      .map((line) => decodeNotice(line).message)
    const { asked } = (yield* server.ledger).chat.items
    const paid = asked - seen
    seen = asked
    return { notices, paid, report: decodeReport(stdout.trimEnd()) }
  })
  return { path, ingest, server }
})

describe("a changed document", () => {
  it.live(
    "costs its changed chunks alone: at most three where a paragraph is put at its front",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { ingest, path } = yield* place
          const first = yield* ingest()
          assert.isAbove(first.paid, 6)
          writeFileSync(join(path, "docs/report.md"), `${paragraph("thunder")}\n\n${report}`)
          const edited = yield* ingest()
          assert.deepInclude(edited.report.documents, { seen: 2, unchanged: 1, ingested: 1 })
          assert.isAtLeast(edited.paid, 1)
          assert.isAtMost(edited.paid, 3)
          writeFileSync(join(path, "docs/report.md"), report)
          const back = yield* ingest()
          assert.deepStrictEqual([back.paid, back.report.graph.hash], [0, first.report.graph.hash])
        })
      ),
    60_000
  )
})

describe("a changed recipe", () => {
  it.live(
    "is told with what it costs before it is paid, in a dry run too, and costs nothing on the way back",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { ingest } = yield* place
          const first = yield* ingest("--model", "gpt-5-mini")
          assert.deepStrictEqual(first.notices, [])
          const told =
            /^The model was gpt-5-mini and is gpt-6-luna\.\n2 documents with \d+ chunks will be extracted again as they are read: about \$0\.\d+ \(last time \$0\.\d+\)\.$/
          const dry = yield* ingest("--model", "gpt-6-luna", "--dry-run")
          assert.match(dry.notices.join("\n"), told)
          assert.strictEqual(dry.paid, 0)
          const other = yield* ingest("--model", "gpt-6-luna")
          assert.strictEqual(other.paid, first.paid)
          assert.deepStrictEqual(other.notices, dry.notices)
          const back = yield* ingest("--model", "gpt-5-mini")
          assert.match(back.notices.join("\n"), /comes from the journal and costs nothing/)
          assert.deepStrictEqual([back.paid, back.report.graph.hash], [0, first.report.graph.hash])
        })
      ),
    60_000
  )

  it.live(
    "does not pay for extraction again where only embeddings, or the form of the ontology's file, are others",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { ingest, path, server } = yield* place
          const ontology = { entities: { Person: "a human", Place: "a place" }, relations: { KNOWS: {} } }
          const yaml = join(path, "kg.yaml")
          writeFileSync(yaml, "# mine\nrelations:\n  KNOWS: {}\nentities: { Person: a human, Place: a place }\n")
          writeFileSync(join(path, "kg.json"), JSON.stringify(ontology))
          const first = yield* ingest("--ontology", yaml)
          const same = yield* ingest("--ontology", join(path, "kg.json"))
          assert.deepInclude(same.report.documents, { unchanged: 2 })
          assert.deepStrictEqual(same.notices, [])
          const embedded = yield* ingest(
            "--ontology",
            yaml,
            "--embedding-model",
            "embeds",
            "--embedding-base-url",
            server.url
          )
          assert.match(
            embedded.notices.join("\n"),
            /The embedding model was .* and is embeds\.\n.*but for their embeddings/
          )
          assert.deepInclude(embedded.report.documents, { ingested: 2 })
          assert.isAbove(embedded.report.calls.embedding, 0)
          assert.deepStrictEqual([embedded.paid, embedded.report.graph.hash], [0, first.report.graph.hash])
        })
      )
  )
})
