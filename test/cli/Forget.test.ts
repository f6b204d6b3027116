import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as SimulatedServer from "../../src/layers/SimulatedServer.ts"
import { run } from "../support/cli.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"
import { makeZip } from "../support/zip.ts"

const text = {
  ada: "Ada Lovelace worked with Charles Babbage in London.",
  zuse: "Konrad Zuse built a calculator with Helmut Schreyer in Berlin.",
  grace: "Grace Hopper wrote a compiler with Ada Lovelace."
}
const encode = (content: string) => new TextEncoder().encode(content)
const mail = (id: string, body: string) =>
  `From a@b Mon Jan  1 00:00:00 2024\nMessage-ID: <${id}>\nFrom: Ada <a@b>\nSubject: ${id}\n\n${body}\n\n`
const corpus = {
  "docs/ada.md": text.ada,
  "docs/copy.md": text.ada,
  "docs/old/zuse.md": text.zuse,
  "docs/old.md": text.grace,
  "docs/box.mbox": mail("one", "Priya Nair met Tom Okafor in Oslo.") + mail("two", "Jonas Weber left Kestrel Bank."),
  "docs/pack.zip": makeZip([
    { name: "in/a.md", data: encode("Marta Kowalska founded Helios Labs.") },
    { name: "in/b.md", data: encode("Li Wei advises Blue Fjord AS.") }
  ])
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

/** A directory with a corpus that is in the graph, and how to run commands on that graph. */
const place = Effect.fnUntraced(function* (env: Readonly<Record<string, string>> = {}) {
  const path = yield* temporaryDirectory(corpus)
  const at = (name: string) => ["--store", `sqlite:${join(path, name)}/sluice.db`]
  const docs = join(path, "docs")
  const sluice = (...args: ReadonlyArray<string>) => run([...args, ...at("here")], env)
  const hashOf = (name = "here", ...flags: ReadonlyArray<string>) =>
    Effect.map(run(["hash", ...at(name), ...flags], env), ({ stdout }) => stdout.trim())
  const first = yield* sluice("ingest", docs)
  assert.strictEqual(first.status, 0, first.stderr)
  return {
    path,
    docs,
    sluice,
    hashOf,
    file: join(path, "here", "sluice.db"),
    /** The hash of what another graph makes of the files as they are. */
    fresh: Effect.gen(function* () {
      rmSync(join(path, "fresh"), { recursive: true, force: true })
      yield* run(["ingest", docs, ...at("fresh"), "--extractor", "rules"], env)
      return yield* hashOf("fresh")
    })
  }
})

describe("forget", () => {
  it.effect("leaves what an ingest of the rest makes: a file, a copy, a directory, a mailbox, a member", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { docs, fresh, hashOf, sluice } = yield* place()
        const gone = Effect.fnUntraced(function* (given: ReadonlyArray<string>, documents: number, sources: number) {
          const { status, stderr, stdout } = yield* sluice("forget", ...given, "--json")
          assert.strictEqual(status, 0, stderr)
          assert.deepInclude(decodeForgotten(stdout), { documents, sources }, given.join())
        })
        yield* gone([`${docs}/ada.md`, `${docs}/box.mbox`], 2, 3)
        // A directory is none of the files that begin with its name.
        yield* gone([`${docs}/old/`, `${docs}/pack.zip#in/a.md`, `${docs}/pack.zip#in`], 3, 3)
        for (const name of ["ada.md", "box.mbox", "old", "pack.zip"]) rmSync(join(docs, name), { recursive: true })
        assert.strictEqual(yield* hashOf(), yield* fresh)
        yield* gone([docs], 2, 2)
        assert.strictEqual(yield* hashOf(), "0".repeat(64))
      })
    )
  )

  it.effect("takes a document by its id, with all of its sources", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { docs, fresh, hashOf, sluice } = yield* place()
        const rows = (yield* sluice("export")).stdout
          .trimEnd()
          .split("\n")
          .map((line) => decodeRow(line))
        const id =
          rows.find(({ kind, source }) => kind === "document" && source?.endsWith("/ada.md") === true)?.id ?? ""
        const { stdout } = yield* sluice("forget", id, "--json")
        assert.deepInclude(decodeForgotten(stdout), { documents: 1, sources: 2, chunks: 1 })
        rmSync(join(docs, "ada.md"))
        rmSync(join(docs, "copy.md"))
        assert.strictEqual(yield* hashOf(), yield* fresh)
      })
    )
  )

  it.effect("does nothing at all if one of the names is unknown, and says which are near it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { docs, hashOf, sluice } = yield* place()
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
        const { docs, file, sluice } = yield* place()
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
        const { docs, file, hashOf, path, sluice } = yield* place()
        const store = ["--store", `sqlite:${file}`]
        yield* sluice("ingest", docs, "--group", "acme")
        const [before, acme] = [yield* hashOf(), yield* hashOf("here", "--group", "acme")]
        const asked = yield* sluice("forget", "--group", "acme")
        assert.strictEqual(asked.status, 1)
        assert.include(asked.stderr, "--yes")
        const wrong = yield* run(["forget", "--group", "acme", ...store], {}, "acne")
        assert.strictEqual(wrong.status, 1)
        assert.strictEqual(yield* hashOf("here", "--group", "acme"), acme)
        const typed = yield* run(["forget", "--group", "acme", ...store], {}, "acme")
        assert.strictEqual(typed.status, 0, typed.stderr)
        assert.include(typed.stderr, "7 documents")
        assert.strictEqual(yield* hashOf("here", "--group", "acme"), "0".repeat(64))
        assert.strictEqual(yield* hashOf(), before)
        assert.strictEqual((yield* sluice("forget", "--group", "acme", "--yes")).status, 1)
        yield* sluice("forget", "--group", "default", "--yes")
        assert.strictEqual(yield* hashOf(), "0".repeat(64))
        assert.deepStrictEqual(readdirSync(join(path, "here")), ["sluice.db", "sluice.journal.db"])
      })
    )
  )

  it.live("takes the answers along that no other document needs, so that only they would be paid for again", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const provider = yield* SimulatedServer.start({ apiKey: "sk-test" })
        const { docs, file, sluice } = yield* place({ OPENAI_API_KEY: "sk-test", OPENAI_BASE_URL: provider.url })
        const embedding = ["--embedding-model", "text-embedding-3-small"]
        yield* sluice("ingest", docs, ...embedding)
        const copy = decodeForgotten((yield* sluice("forget", `${docs}/ada.md`, "--json")).stdout)
        assert.deepInclude(copy, { documents: 0, answers: 0 })
        const { stdout } = yield* sluice("forget", `${docs}/old/zuse.md`, "--json")
        assert.deepInclude(decodeForgotten(stdout), { documents: 1, chunks: 1, answers: 2 })
        for (const suffix of ["", "-wal"]) {
          if (existsSync(file + suffix)) assert.notInclude(readFileSync(file + suffix, "latin1"), "Schreyer")
        }
        const before = (yield* provider.ledger).chat.items
        yield* sluice("ingest", docs, ...embedding)
        const after = (yield* provider.ledger).chat.items
        assert.strictEqual(after.asked - before.asked, 1)
      })
    )
  )
})
