import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as SimulatedServer from "../../src/layers/SimulatedServer.ts"
import { run } from "../support/cli.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"

/** Whatever of the group's is in the two databases, row by row. */
const rowsOf = (path: string, group: string) => {
  const read = (file: string, queries: ReadonlyArray<string>) => {
    const db = new DatabaseSync(join(path, file), { readOnly: true })
    const rows = queries.map((sql) =>
      db
        .prepare(sql)
        .all(group)
        .map((row) => JSON.stringify(row))
    )
    db.close()
    return rows
  }
  const pk = "grp = (SELECT pk FROM grp WHERE name = ?)"
  const chunks = `SELECT pk FROM chunk WHERE document IN (SELECT pk FROM document WHERE ${pk})`
  return [
    ...read("sluice.db", [
      ...["document", "source", "entity", "relation", "fact", "decision", "dead_letter", "run"].map(
        (table) => `SELECT * FROM ${table} WHERE ${pk}`
      ),
      ...["name", "mention", "support"].map((table) => `SELECT * FROM ${table} WHERE chunk IN (${chunks})`)
    ]),
    ...read("sluice.journal.db", [
      // Those that are forgotten leave their room behind, overwritten.
      "SELECT key, kind, value, chunk FROM answer WHERE grp = ? AND key NOT LIKE 'forgotten%'"
    ])
  ]
}

describe("groups", () => {
  it.live(
    "are walls: with the same files in one store and journal, no command of one reads, changes or spares the other",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const path = yield* temporaryDirectory({
            "docs/ada.md": "Ada Moreno founded Helios Labs in Graz.",
            "docs/tom.md": "Tom Okafor left Kestrel Bank for Helios Labs.",
            "docs/bad.md": "Priya Nair met POISON in Oslo.",
            "docs/empty.md": ""
          })
          const docs = join(path, "docs")
          const provider = yield* SimulatedServer.start({ apiKey: "sk-test", poison: "POISON" })
          const env = { OPENAI_API_KEY: "sk-test", OPENAI_BASE_URL: provider.url }
          const flags = ["--store", `sqlite:${join(path, "sluice.db")}`]
          const inGroup = (group: string, ...args: ReadonlyArray<string>) =>
            run([...args, ...flags, "--group", group], env)
          const ingest = ["ingest", docs, "--parse-threads", "1"]
          const asked = Effect.map(provider.ledger, ({ chat }) => chat.items.asked)

          const first = yield* inGroup("acme", ...ingest)
          assert.strictEqual(first.status, 2, first.stderr)
          const forAcme = yield* asked
          const second = yield* inGroup("bolt", ...ingest, "--json")
          // The same texts, and none of acme's answers.
          assert.match(second.stdout, /"extracted":2,"reused":0,.*"journal":0/)
          assert.isAtLeast((yield* asked) - forAcme, 3)

          const bolt = rowsOf(path, "bolt")
          const isUntouched = (what: string) => assert.deepStrictEqual(rowsOf(path, "bolt"), bolt, what)
          for (const rows of bolt.filter((_, index) => index !== 5)) assert.isAbove(rows.length, 0)

          // No id of one is an id of the other, in exports and in the journal.
          const ids = (text: string) => new Set(text.match(/\b[0-9a-f]{32}\b/g) ?? [])
          const [ours, theirs] = [yield* inGroup("acme", "export"), yield* inGroup("bolt", "export")]
          assert.isAbove(ids(ours.stdout).size, 10)
          const keys = (group: string) => ids(rowsOf(path, group).at(-1)?.join() ?? "")
          for (const [some, others] of [
            [ids(ours.stdout), ids(theirs.stdout)],
            [keys("acme"), keys("bolt")]
          ] as const) {
            assert.deepStrictEqual(
              [...some].filter((id) => others.has(id)),
              []
            )
          }

          // What bolt is called and what it has is nowhere in what is shown of acme.
          const own = ids(theirs.stdout)
          assert.notInclude(ours.stdout, "bolt")
          for (const command of [
            ["report", "--json"],
            ["failures", "--json"]
          ]) {
            const { stdout } = yield* inGroup("acme", ...command)
            assert.notInclude(stdout, "bolt", command[0])
            for (const id of ids(stdout)) assert.isFalse(own.has(id), `${command[0]} ${id}`)
          }
          assert.include((yield* inGroup("other", "report", "--json")).stdout, '"documents":0')
          assert.strictEqual((yield* inGroup("other", "export")).stdout, "")

          // By no name and no id does a command of acme get at what is bolt's.
          const [foreign = ""] = /(?<="kind":"document","id":")[0-9a-f]{32}/.exec(theirs.stdout) ?? []
          assert.strictEqual((yield* inGroup("acme", "forget", foreign)).status, 1)
          isUntouched("a document's id")
          writeFileSync(join(docs, "ada.md"), "Ada Moreno sold Helios Labs to Kestrel Bank.")
          rmSync(join(docs, "tom.md"))
          yield* inGroup("acme", ...ingest, "--prune")
          isUntouched("edit and prune")
          yield* inGroup("acme", "retry", "--parse-threads", "1")
          isUntouched("retry")
          yield* inGroup("acme", "forget", `${docs}/ada.md`)
          isUntouched("forget")
          yield* inGroup("acme", "forget", "--yes")
          isUntouched("forget all")
          assert.deepStrictEqual(rowsOf(path, "acme").flat(), [])
          assert.isFalse(readFileSync(join(path, "sluice.db"), "latin1").includes("acme"))
        })
      ),
    120_000
  )
})
