import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as SimulatedServer from "../../src/layers/SimulatedServer.ts"
import { run } from "../support/cli.ts"
import { hasNeo4j, neo4j } from "../support/neo4j.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"
import { freshGroup } from "../suites/GraphStore.ts"

const mail = (id: string, body: string) =>
  `From a@b Mon Jan  1 00:00:00 2024\nMessage-ID: <${id}>\nFrom: Ada <a@b>\nSubject: ${id}\n\n${body}\n\n`

const corpus = {
  "docs/ada.md": "# Engines\n\nAda Lovelace worked with Charles Babbage in London.\n",
  "docs/copy.md": "# Engines\n\nAda Lovelace worked with Charles Babbage in London.\n",
  "docs/old/zuse.md": "Konrad Zuse built a calculator with Helmut Schreyer in Berlin. Konrad Zuse knew Ada Moreno.",
  "docs/old/grace.md": "Grace Hopper wrote a compiler with Ada Lovelace.",
  "docs/box.mbox": mail("one", "Priya Nair met Tom Okafor in Oslo.") + mail("two", "Jonas Weber met POISON in Graz."),
  "docs/refused.md": "Priya Nair wrote REFUSED.\n",
  "docs/empty.md": " \n"
}

/** What is of one run, one store or one moment. */
const settled = (text: string, own: ReadonlyArray<string>): string =>
  own
    .reduce((rest, one) => rest.replaceAll(one, "STORE"), text)
    .replace(/\b\d{14}-[0-9a-f]{8}\b/g, "RUN")
    .replace(/"(seconds|startedAt|finishedAt)":[^,}]+/g, '"$1":0')
    .replace(/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?Z?)?/g, "TIME")
    .replace(/\b\d+(\.\d)? (s|ms|seconds?)\b/g, "SOME s")

/** One command after the other on both stores, each with a provider of its own, over one directory. */
const twoStores = Effect.gen(function* () {
  const path = yield* temporaryDirectory(corpus)
  const docs = join(path, "docs")
  const group = freshGroup()
  const [other, env] = [
    `${group}-other`,
    {
      NEO4J_USERNAME: neo4j.username,
      NEO4J_PASSWORD: neo4j.password === undefined ? "" : Redacted.value(neo4j.password)
    }
  ]
  const stores = yield* Effect.forEach([`sqlite:${join(path, "graph.db")}`, neo4j.uri], (store, index) =>
    Effect.gen(function* () {
      const journal = join(path, `journal-${index}.db`)
      const [poor, good] = [
        yield* SimulatedServer.start({ seed: 4, poison: "POISON", refuses: "REFUSED" }),
        yield* SimulatedServer.start({ seed: 4 })
      ]
      return { store, journal, poor, good, own: [store.replace("sqlite:", ""), store, journal, poor.url, good.url] }
    })
  )
  const answers = Effect.fnUntraced(function* (command: string, ...args: ReadonlyArray<string>) {
    const [first, second] = yield* Effect.forEach(stores, ({ good, journal, own, poor, store }) =>
      Effect.gen(function* () {
        const common = ["--store", store, ...(args.includes("--group") ? [] : ["--group", group])]
        const usual = ["--journal", journal, "--pack", "1", "--parse-threads", "1", "--progress", "none"]
        const flags: Readonly<Record<string, ReadonlyArray<string>>> = {
          ingest: ["--base-url", poor.url, ...usual],
          retry: ["--base-url", good.url, ...usual],
          forget: ["--journal", journal]
        }
        const { status, stderr, stdout } = yield* run([command, ...args, ...common, ...(flags[command] ?? [])], env)
        // A server's graph is not copied for a dry run: of that its report has what would be added alone.
        const told =
          command === "ingest" && args.includes("--dry-run") ? stdout.replace(/"graph":{[^}]*},/, "") : stdout
        return { status, stdout: settled(told, own), stderr: settled(stderr, own) }
      })
    )
    return [first, second] as const
  })
  /** The same on both; what it is. */
  const same = Effect.fnUntraced(function* (expected: number, command: string, ...args: ReadonlyArray<string>) {
    const what = [command, ...args].join(" ")
    const [file, server] = yield* answers(command, ...args)
    assert.strictEqual(file?.status, expected, `${what}: ${file?.stderr}`)
    assert.deepStrictEqual([server?.status, server?.stdout], [file?.status, file?.stdout], `${what}: ${server?.stderr}`)
    return file?.stdout ?? ""
  })
  return { docs, group, other, same, answers }
})

describe.skipIf(!hasNeo4j)("needs a Neo4j server: scripts/servers neo4j up", () => {
  it.live(
    "every command answers of a graph in Neo4j what it answers of the same one in SQLite",
    () =>
      Effect.gen(function* () {
        const { docs, other, same } = yield* twoStores
        const ingest = (expected: number, ...args: ReadonlyArray<string>) =>
          same(expected, "ingest", docs, "--json", ...args)
        const shown = Effect.gen(function* () {
          for (const command of ["failures", "report", "runs", "export", "hash"]) yield* same(0, command)
        })
        yield* ingest(2, "--dry-run")
        yield* ingest(2)
        yield* shown
        yield* ingest(2)
        writeFileSync(join(docs, "ada.md"), "Ada Lovelace wrote to Mary Somerville.\n")
        rmSync(join(docs, "old/grace.md"))
        yield* ingest(2, "--prune", "--dry-run")
        yield* ingest(2, "--prune")
        yield* same(2, "retry", "--json")
        yield* shown
        yield* same(0, "ingest", join(docs, "old"), "--json", "--group", other)

        const goes = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
          const dry = yield* same(0, "forget", ...args, "--json", "--dry-run")
          const before = yield* same(0, "hash")
          const real = yield* same(0, "forget", ...args, "--json")
          assert.deepStrictEqual(JSON.parse(dry), { ...JSON.parse(real), dryRun: true }, args.join(" "))
          assert.notStrictEqual(yield* same(0, "hash"), before)
        })
        yield* same(1, "forget", join(docs, "ada.md"), join(docs, "nothing.md"))
        yield* goes(join(docs, "copy.md"), `${docs}/box.mbox#two`)
        yield* goes(join(docs, "old"))
        const [id = ""] = /(?<="kind":"document","id":")[0-9a-f]{32}/.exec(yield* same(0, "export")) ?? []
        yield* goes(id)

        yield* same(0, "hash", "--group", other)
        yield* same(1, "forget", "--group", other)
        const dry = yield* same(0, "forget", "--group", other, "--yes", "--json", "--dry-run")
        const real = yield* same(0, "forget", "--group", other, "--yes", "--json")
        assert.deepStrictEqual(JSON.parse(dry), { ...JSON.parse(real), dryRun: true })
        yield* same(1, "forget", "--group", other, "--yes")
        yield* shown
      }).pipe(Effect.scoped),
    180_000
  )
})
