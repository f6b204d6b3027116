import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schema } from "effect"
import * as SimulatedServer from "../../src/layers/SimulatedServer.ts"
import { run } from "../support/cli.ts"
import { hasNeo4j, neo4j } from "../support/neo4j.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"
import { freshGroup } from "../suites/GraphStore.ts"

const Answer = Schema.fromJsonString(
  Schema.Struct({
    query: Schema.String,
    group: Schema.String,
    entities: Schema.Array(Schema.Struct({ name: Schema.String, aliases: Schema.Array(Schema.String) })),
    facts: Schema.Array(Schema.Struct({ source: Schema.String, target: Schema.String, text: Schema.String })),
    passages: Schema.Array(Schema.Struct({ source: Schema.String, start: Schema.Int, text: Schema.String })),
    note: Schema.optional(Schema.String)
  })
)
const decode = Schema.decodeUnknownSync(Answer)
const answerOf = (stdout: string) => decode(stdout.trim().split("\n").at(-1) ?? "")

const files = {
  "docs/ada.md": "# Engines\n\nAda Lovelace worked with Charles Babbage in London.\n",
  "docs/zoe.md":
    "# Labs\n\nZoë Baker works for Helios Labs in Graz. \u001b[31mRed Herring\u001b[0m met Zoë Baker in Graz.\n"
}

const place = Effect.fnUntraced(function* (store?: string) {
  const path = yield* temporaryDirectory(files)
  const common = ["--store", store ?? `sqlite:${join(path, "sluice.db")}`, "--group", freshGroup()]
  const journal = ["--journal", join(path, "sluice.journal.db")]
  const env = {
    NEO4J_USERNAME: neo4j.username,
    NEO4J_PASSWORD: neo4j.password === undefined ? "" : Redacted.value(neo4j.password)
  }
  return {
    path,
    ingest: (more: ReadonlyArray<string> = [], vars = {}) =>
      run(
        [
          "ingest",
          join(path, "docs"),
          "--extractor",
          "rules",
          "--progress",
          "none",
          "--parse-threads",
          "1",
          ...common,
          ...journal,
          ...more
        ],
        { ...env, ...vars }
      ).pipe(Effect.tap(({ status, stderr }) => Effect.sync(() => assert.strictEqual(status, 0, stderr)))),
    search: (args: ReadonlyArray<string>, vars = {}) =>
      run(["search", ...args, ...common, ...journal], { ...env, ...vars })
  }
})

const finds = (store?: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { ingest, search } = yield* place(store)
      yield* ingest()
      const { status, stderr, stdout } = yield* search(["Ada", "Lovelase", "--json"])
      assert.strictEqual(status, 0, stderr)
      const found = answerOf(stdout)
      assert.strictEqual(found.query, "Ada Lovelase")
      assert.strictEqual(found.entities[0]?.name, "Ada Lovelace")
      assert.strictEqual(found.facts[0]?.text, "Ada Lovelace worked with Charles Babbage in London.")
      assert.match(found.passages[0]?.source ?? "", /ada\.md$/)
      assert.isUndefined(found.note)

      const { stdout: shown } = yield* search(["zoe", "baker"])
      assert.match(shown, /^Entities\n {2}Zoë Baker +/)
      assert.match(shown, /\nFacts\n/)
      assert.match(shown, /\nPassages\n/)
      // eslint-disable-next-line no-control-regex
      assert.notMatch(shown, /\u001b/)

      const facts = answerOf((yield* search(["helios", "--kind", "facts", "--limit", "1", "--json"])).stdout)
      assert.deepStrictEqual([facts.entities.length, facts.facts.length, facts.passages.length], [0, 1, 0])
      const none = yield* search(["zzzzqqqq", "--kind", "entities", "--kind", "facts"])
      assert.strictEqual(none.status, 0)
      assert.match(none.stdout, /^Nothing found for “zzzzqqqq” in group .*\n.*report/)
    })
  )

describe("sluice search", () => {
  it.live("finds entities, facts and passages, for people and for programs", () => finds())

  it.live.skipIf(!hasNeo4j)(
    "does the same on Neo4j (needs a server: scripts/servers neo4j up)",
    () => finds(neo4j.uri),
    60_000
  )

  it.live("writes nothing with the offline embedder", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { ingest, path, search } = yield* place()
        yield* ingest()
        const state = () =>
          ["sluice.db", "sluice.journal.db"].map((file) => [
            statSync(join(path, file)).mtimeMs,
            readFileSync(join(path, file)).toString("base64")
          ])
        const before = state()
        assert.strictEqual((yield* search(["ada"])).status, 0)
        assert.deepStrictEqual(state(), before)
      })
    )
  )

  it.live("asks the ingest's embedding model once for a query, and says which one that is where another is given", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { ingest, search } = yield* place()
        const provider = yield* SimulatedServer.start({ apiKey: "sk-test" })
        const env = { OPENAI_API_KEY: "sk-test", OPENAI_BASE_URL: provider.url }
        const model = ["--embedding-model", "text-embedding-3-small"]
        yield* ingest(model, env)
        const asked = Effect.map(provider.ledger, ({ embeddings }) => embeddings.requests)
        const before = yield* asked

        const offline = answerOf((yield* search(["lovelace", "--json"], env)).stdout)
        assert.strictEqual(offline.entities[0]?.name, "Ada Lovelace")
        assert.isAbove(offline.facts.length, 0)
        assert.deepStrictEqual(offline.passages, [])
        assert.include(offline.note, "--embedding-model text-embedding-3-small")
        assert.include((yield* search(["lovelace"], env)).stdout, "--embedding-model text-embedding-3-small")
        assert.strictEqual(yield* asked, before)

        const first = answerOf((yield* search(["lovelace", "--json", ...model], env)).stdout)
        assert.isAbove(first.passages.length, 0)
        assert.isUndefined(first.note)
        assert.strictEqual(yield* asked, before + 1)
        assert.deepStrictEqual(answerOf((yield* search(["lovelace", "--json", ...model], env)).stdout), first)
        assert.strictEqual(yield* asked, before + 1)

        const facts = yield* search(["lovelace", "--kind", "facts", "--json", "--embedding-model", "unknown"], env)
        assert.isAbove(answerOf(facts.stdout).facts.length, 0)
        assert.strictEqual(yield* asked, before + 1)

        const { status, stderr } = yield* search(["lovelace", ...model])
        assert.strictEqual(status, 1)
        assert.include(stderr, "SLUICE_EMBEDDING_API_KEY")
      })
    )
  )

  it.live("refuses nothing to look for, a limit that is none, and a graph that is not there", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { ingest, search } = yield* place()
        assert.include((yield* search(["ada"])).stderr, "There is no graph at")
        yield* ingest()
        for (const [args, told] of [
          [[""], "Say what to look for"],
          [[" ", "\t"], "Say what to look for"],
          [["ada", "--limit", "0"], "--limit"],
          [["ada", "--limit", "9999"], "at most 1000"],
          [["ada", "--kind", "people"], "entities, facts, passages"]
        ] as const) {
          const { status, stderr } = yield* search(args)
          assert.strictEqual(status, 1)
          assert.include(stderr, told)
        }
        const { status, stdout } = yield* search(["?!"])
        assert.strictEqual(status, 0)
        assert.include(stdout, "Nothing found")
      })
    )
  )
})
