import { cpSync, existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { run } from "../support/cli.ts"
import { hasNeo4j, neo4j } from "../support/neo4j.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"
import { freshGroup } from "../suites/GraphStore.ts"

const env = {
  NEO4J_USERNAME: neo4j.username,
  NEO4J_PASSWORD: neo4j.password === undefined ? "" : Redacted.value(neo4j.password)
}

const examples = fileURLToPath(new URL("../../examples", import.meta.url))

const succeed = (args: ReadonlyArray<string>, status = 0) =>
  Effect.map(run(args, env), (outcome) => {
    assert.strictEqual(outcome.status, status, outcome.stderr)
    return outcome
  })

/** A corpus with a file that nobody can read, in a store with two groups. */
const corpus = Effect.gen(function* () {
  const directory = yield* temporaryDirectory({ "docs/broken.pdf": "%PDF-1.4 and no more" })
  cpSync(join(examples, "company"), join(directory, "docs"), { recursive: true })
  cpSync(join(examples, "mail"), join(directory, "docs"), { recursive: true })
  const group = freshGroup()
  const ingest = (store: string, into: string = group) =>
    Effect.map(
      succeed(
        ["ingest", join(directory, "docs"), "--extractor", "rules", "--progress", "none", "--json"].concat([
          "--store",
          store,
          "--group",
          into,
          "--journal",
          join(directory, "journal.db")
        ]),
        2
      ),
      ({ stdout }) => JSON.parse(stdout.trim().split("\n").at(-1) ?? "")
    )
  const store = `sqlite:${join(directory, "graph.db")}`
  return { directory, group, ingest, store, first: yield* ingest(store) }
})

const goesOn = Effect.fnUntraced(function* (place: (directory: string) => string) {
  const { directory, first, group, ingest, store } = yield* corpus
  const to = place(directory)
  const print = (command: string, at: string) =>
    Effect.map(run([command, "--store", at, "--group", group], env), ({ stdout }) => stdout)
  const copied = yield* succeed(["copy", "--from", store, "--to", to, "--group", group])
  assert.include(copied.stdout, "on both sides")
  assert.include(copied.stdout, join(directory, "sluice.journal.db"))
  for (const command of ["hash", "export", "failures"]) {
    assert.strictEqual(yield* print(command, to), yield* print(command, store))
  }
  assert.include(yield* print("runs", to), first.run)
  const again = yield* ingest(to)
  assert.strictEqual(again.documents.unchanged, first.documents.ingested)
  assert.strictEqual(again.documents.ingested, 0)
  assert.strictEqual(again.graph.hash, first.graph.hash)
}, Effect.scoped)

describe("sluice copy", () => {
  it.live("an ingest of the same corpus into the copy finds everything unchanged", () =>
    goesOn((directory) => `sqlite:${join(directory, "made", "copy.db")}`)
  )

  it.live.skipIf(!hasNeo4j)(
    "and into a copy on a server (needs one: scripts/servers neo4j up)",
    () => goesOn(() => neo4j.uri),
    60_000
  )

  it.live("takes every group, leaves the first store as it was, and the report is for programs too", () =>
    Effect.gen(function* () {
      const { directory, group, ingest, store } = yield* corpus
      const other = freshGroup()
      yield* ingest(store, other)
      const bytes = readFileSync(join(directory, "graph.db"))
      const to = `sqlite:${join(directory, "copy.db")}`
      const { stdout } = yield* succeed(["copy", "--from", store, "--to", to, "--json"])
      const { groups, same } = JSON.parse(stdout)
      assert.isTrue(same)
      assert.sameMembers(
        groups.map((one: { readonly group: string }) => one.group),
        [group, other]
      )
      assert.isTrue(readFileSync(join(directory, "graph.db")).equals(bytes))
    }).pipe(Effect.scoped)
  )

  it.live("where the target holds other documents they stay, and it ends with 2 and says so", () =>
    Effect.gen(function* () {
      const { directory, group, store } = yield* corpus
      const to = `sqlite:${join(directory, "other.db")}`
      const notes = yield* temporaryDirectory({ "note.md": "Ada Lovelace knew Mary Somerville.\n" })
      yield* succeed(["ingest", notes, "--extractor", "rules", "--progress", "none", "--store", to, "--group", group])
      const { stderr, stdout } = yield* succeed(["copy", "--from", store, "--to", to], 2)
      assert.include(stdout, "the hashes differ")
      assert.include(stderr, "documents that the source has not")
      const { stdout: exported } = yield* run(["export", "--store", to, "--group", group])
      assert.include(exported, "Mary Somerville")
    }).pipe(Effect.scoped)
  )

  it.live("what cannot be meant is said in a line, and nothing is made", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory({ "note.md": "Ada Lovelace knew Mary Somerville.\n" })
      const file = (name: string) => join(directory, name)
      const from = `sqlite:${file("a.db")}`
      yield* succeed(["ingest", file("note.md"), "--extractor", "rules", "--progress", "none", "--store", from])
      const refused: ReadonlyArray<readonly [args: ReadonlyArray<string>, words: string]> = [
        [["--from", from, "--to", `sqlite:${directory}/./a.db`], "are one store"],
        [["--from", "neo4j://localhost", "--to", "bolt://localhost:7687/neo4j"], "are one store"],
        [["--to", from], "--from"],
        [["--from", from], "--to"],
        [["--from", `sqlite:${file("b.db")}`, "--to", `sqlite:${file("c.db")}`], "no graph"],
        [["--from", from, "--to", `sqlite:${file("c.db")}`, "--group", "nosuch"], "nosuch"]
      ]
      for (const [args, words] of refused) {
        const { stderr } = yield* succeed(["copy", ...args], 1)
        assert.include(stderr, words)
        assert.strictEqual(stderr.trim().split("\n").length, 1, stderr)
      }
      for (const name of ["b.db", "c.db"]) assert.isFalse(existsSync(file(name)), name)
    }).pipe(Effect.scoped)
  )
})
