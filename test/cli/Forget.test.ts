import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer, Schema } from "effect"
import * as SimulatedServer from "../../src/layers/SimulatedServer.ts"
import { run } from "../support/cli.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"
import { zipOf } from "../support/zip.ts"

const text = {
  ada: "Ada Lovelace worked with Charles Babbage in London.",
  zuse: "Konrad Zuse built a calculator with Helmut Schreyer in Berlin.",
  grace: "Grace Hopper wrote a compiler with Ada Lovelace."
}
const mail = (id: string, body: string) =>
  `From a@b Mon Jan  1 00:00:00 2024\nMessage-ID: <${id}>\nFrom: Ada <a@b>\nSubject: ${id}\n\n${body}\n\n`
const corpus = {
  "docs/ada.md": text.ada,
  "docs/copy.md": text.ada,
  "docs/old/zuse.md": text.zuse,
  "docs/old.md": text.grace,
  "docs/box.mbox": mail("one", "Priya Nair met Tom Okafor in Oslo.") + mail("two", "Jonas Weber left Kestrel Bank."),
  "docs/pack.zip": zipOf({
    "in/a.md": "Marta Kowalska founded Helios Labs.",
    "in/b.md": "Li Wei advises Blue Fjord AS."
  })
}

const Forgotten = Schema.Struct({
  group: Schema.String,
  documents: Schema.Int,
  sources: Schema.Int,
  chunks: Schema.Int,
  entities: Schema.Int,
  relations: Schema.Int,
  answers: Schema.Int
})
const decodeForgotten = Schema.decodeUnknownSync(Schema.fromJsonString(Forgotten))
const Row = Schema.Struct({
  kind: Schema.String,
  id: Schema.optionalKey(Schema.String),
  source: Schema.optionalKey(Schema.String)
})
const decodeRow = Schema.decodeUnknownSync(Schema.fromJsonString(Row))

/** The id of the document with such a source. */
const idOf = (exported: string, source: string): string =>
  exported
    .trimEnd()
    .split("\n")
    .map((line) => decodeRow(line))
    .find((row) => row.kind === "document" && row.source?.endsWith(source) === true)?.id ??
  assert.fail(`No document has the source ${source}`)

const storeAt = (path: string) => ["--store", `sqlite:${path}/sluice.db`]
/** One thread for parsers: each of them loads its modules for itself. */
const ingest = (paths: ReadonlyArray<string>, ...flags: ReadonlyArray<string>) => [
  "ingest",
  ...paths,
  "--parse-threads",
  "1",
  ...flags
]

/** A corpus, and a graph of it, by rules. */
class Corpus extends Context.Service<Corpus, { readonly docs: string; readonly graph: string }>()("test/Corpus") {}
const corpusLayer = Layer.effect(
  Corpus,
  Effect.gen(function* () {
    const path = yield* temporaryDirectory(corpus)
    const [docs, graph] = [join(path, "docs"), join(path, "graph")]
    const { status, stderr } = yield* run(ingest([docs], ...storeAt(graph)))
    assert.strictEqual(status, 0, stderr)
    return { docs, graph }
  })
)

/** A copy of the graph, and how to run commands on it. */
const place = Effect.gen(function* () {
  const { docs, graph } = yield* Corpus
  const path = yield* temporaryDirectory()
  cpSync(graph, join(path, "here"), { recursive: true })
  const at = (name: string) => storeAt(join(path, name))
  const sluice = (...args: ReadonlyArray<string>) => run([...args, ...at("here")])
  const hashIn = (name: string, ...flags: ReadonlyArray<string>) =>
    Effect.map(run(["hash", ...at(name), ...flags]), ({ stdout }) => stdout.trim())
  return {
    docs,
    file: join(path, "here", "sluice.db"),
    sluice,
    hashOf: (...flags: ReadonlyArray<string>) => hashIn("here", ...flags),
    /** The hash of what a graph of its own makes of some of the files. */
    freshHash: (...names: ReadonlyArray<string>) =>
      Effect.andThen(
        run(
          ingest(
            names.map((name) => join(docs, name)),
            ...at("fresh")
          )
        ),
        hashIn("fresh")
      )
  }
})

layer(corpusLayer)("forget", (it) => {
  it.effect("leaves what an ingest of the rest makes: a file, a copy, a directory, a mailbox, a member", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { docs, freshHash, hashOf, sluice } = yield* place
        const gone = Effect.fnUntraced(function* (given: ReadonlyArray<string>, documents: number, sources: number) {
          const { status, stderr, stdout } = yield* sluice("forget", ...given, "--json")
          assert.strictEqual(status, 0, stderr)
          assert.deepInclude(decodeForgotten(stdout), { documents, sources }, given.join())
        })
        yield* gone([`${docs}/ada.md`, `${docs}/box.mbox`], 2, 3)
        // A directory is none of the files that begin with its name.
        yield* gone([`${docs}/old/`, `${docs}/pack.zip#in/a.md`, `${docs}/pack.zip#in`], 3, 3)
        assert.strictEqual(yield* hashOf(), yield* freshHash("copy.md", "old.md"))
        yield* gone([docs], 2, 2)
        assert.strictEqual(yield* hashOf(), "0".repeat(64))
      })
    )
  )

  it.effect("takes a document by its id, with all of its sources", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { docs, hashOf, sluice } = yield* place
        const before = yield* hashOf()
        const id = idOf((yield* sluice("export")).stdout, "/ada.md")
        const { stdout } = yield* sluice("forget", id, "--json")
        assert.deepInclude(decodeForgotten(stdout), { documents: 1, sources: 2, chunks: 1 })
        assert.include((yield* sluice("forget", `${docs}/ada.md`)).stderr, "nothing was forgotten")
        assert.notStrictEqual(yield* hashOf(), before)
      })
    )
  )

  it.effect("does nothing at all if one of the names is unknown, and says which are near it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { docs, hashOf, sluice } = yield* place
        const before = yield* hashOf()
        const [missing, other, nothing] = [
          yield* sluice("forget", `${docs}/ada.md`, `${docs}/old/zues.md`),
          yield* sluice("forget", `${docs}/ada.md`, "--group", "other"),
          yield* sluice("forget")
        ]
        assert.deepStrictEqual(
          [missing, other, nothing].map(({ status, stdout }) => [status, stdout]),
          [
            [1, ""],
            [1, ""],
            [1, ""]
          ]
        )
        assert.include(missing.stderr, "zues.md")
        assert.include(missing.stderr, "zuse.md")
        assert.strictEqual(yield* hashOf(), before)
      })
    )
  )

  it.effect("as a dry run says what would go, and takes nothing out", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { docs, file, sluice } = yield* place
        const bytes = readFileSync(file)
        const dry = yield* sluice("forget", docs, "--dry-run", "--json")
        assert.deepInclude(decodeForgotten(dry.stdout), { documents: 7, sources: 8 })
        assert.isTrue(readFileSync(file).equals(bytes))
        const real = yield* sluice("forget", docs, "--json")
        assert.deepStrictEqual(decodeForgotten(real.stdout), decodeForgotten(dry.stdout))
      })
    )
  )

  it.effect("takes a whole group if that is said, or its name is typed, and no other group", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { docs, file, hashOf, sluice } = yield* place
        yield* sluice(...ingest([`${docs}/old`], "--group", "acme"))
        const before = yield* hashOf()
        const asked = yield* sluice("forget", "--group", "acme")
        assert.strictEqual(asked.status, 1)
        assert.include(asked.stderr, "--yes")
        const typing = (typed: string) => run(["forget", "--group", "acme", ...storeAt(dirname(file))], {}, typed)
        assert.strictEqual((yield* typing("acne")).status, 1)
        const typed = yield* typing("acme")
        assert.strictEqual(typed.status, 0, typed.stderr)
        assert.include(typed.stderr, "1 document,")
        assert.include(typed.stdout, "1 source")
        assert.strictEqual(yield* hashOf(), before)
        assert.strictEqual((yield* sluice("forget", "--group", "acme", "--yes")).status, 1)
        assert.strictEqual((yield* sluice("forget", "--group", "default", "--yes")).status, 0)
        assert.strictEqual(yield* hashOf(), "0".repeat(64))
        assert.deepStrictEqual(readdirSync(dirname(file)), ["sluice.db", "sluice.journal.db"])
      })
    )
  )
})

describe("forget, where answers were paid for", () => {
  it.live("takes those along that no other document needs, so that only they would be paid for again", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { "docs/ada.md": ada, "docs/copy.md": copied, "docs/old/zuse.md": zuse } = corpus
        const path = yield* temporaryDirectory({ "docs/ada.md": ada, "docs/copy.md": copied, "docs/old/zuse.md": zuse })
        const docs = join(path, "docs")
        const provider = yield* SimulatedServer.start({ apiKey: "sk-test" })
        const env = { OPENAI_API_KEY: "sk-test", OPENAI_BASE_URL: provider.url }
        const embedding = ["--embedding-model", "text-embedding-3-small"]
        const sluice = (...args: ReadonlyArray<string>) => run([...args, ...storeAt(path)], env)
        yield* sluice(...ingest([docs], ...embedding))
        const before = (yield* provider.ledger).chat.items
        const copy = decodeForgotten((yield* sluice("forget", `${docs}/ada.md`, "--json")).stdout)
        assert.deepInclude(copy, { documents: 0, answers: 0 })
        const { stdout } = yield* sluice("forget", `${docs}/old/zuse.md`, "--json")
        assert.deepInclude(decodeForgotten(stdout), { documents: 1, chunks: 1, answers: 2 })
        for (const suffix of ["", "-wal"]) {
          const file = join(path, `sluice.db${suffix}`)
          if (existsSync(file)) assert.notInclude(readFileSync(file, "latin1"), "Schreyer")
        }
        yield* sluice(...ingest([docs], ...embedding))
        const after = (yield* provider.ledger).chat.items
        assert.deepStrictEqual([after.asked - before.asked, after.askedAgain - before.askedAgain], [1, 1])
      })
    )
  )

  it.live.each(["its name", "its id"])(
    "takes what was paid for of earlier versions along, by %s, but what another document has",
    (by) =>
      Effect.scoped(
        Effect.gen(function* () {
          const secret = "Konrad Zuse hid a calculator from Helmut Schreyer in Berlin."
          const path = yield* temporaryDirectory({ "docs/a.md": secret, "docs/b.md": text.grace })
          const docs = join(path, "docs")
          const { url } = yield* SimulatedServer.start({ apiKey: "sk-test" })
          const sluice = (...args: ReadonlyArray<string>) =>
            run([...args, ...storeAt(path)], { OPENAI_API_KEY: "sk-test", OPENAI_BASE_URL: url })
          yield* sluice(...ingest([docs]))
          // What b.md says was in a.md once as well.
          writeFileSync(join(docs, "a.md"), text.grace)
          yield* sluice(...ingest([docs]))
          writeFileSync(join(docs, "a.md"), text.ada)
          yield* sluice(...ingest([docs]))
          const journal = () =>
            ["", "-wal"]
              .map((suffix) => join(path, `sluice.journal.db${suffix}`))
              .map((file) => (existsSync(file) ? readFileSync(file, "latin1") : ""))
              .join("")
          assert.include(journal(), "Schreyer")
          const name = `${docs}/a.md`
          const given = by === "its name" ? name : idOf((yield* sluice("export")).stdout, "/a.md")
          const { stdout } = yield* sluice("forget", given, "--json")
          assert.deepInclude(decodeForgotten(stdout), { documents: 1, chunks: 1, answers: 2 })
          assert.notInclude(journal(), "Schreyer")
          assert.include(journal(), "Grace Hopper")
        })
      )
  )
})
