import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import type { Scope } from "effect"
import { RunId } from "../../src/domain/Ids.ts"
import * as Neo4jCsv from "../../src/layers/Neo4jCsv.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import { documentWrite } from "../fixtures/graphs.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"
import { freshGroup } from "../suites/GraphStore.ts"

const run = RunId.make("run")

const outline = {
  bytes: "one",
  title: 'A "title",\nin two lines',
  chunks: [{ names: ["Ada Byron", 'Zoë; "Z"'], said: [{ source: "Ada Byron", type: "KNOWS", target: 'Zoë; "Z"' }] }]
}

const withStore = <A, E>(body: Effect.Effect<A, E, Scope.Scope | Layer.Success<typeof layer>>) =>
  body.pipe(Effect.provide(layer), Effect.scoped)

const layer = Layer.merge(SqliteStore.layerMemory, NodeServices.layer)

describe("Neo4jCsv", () => {
  it.live("quotes every text, leaves what is absent empty, and names its files in the arguments", () =>
    withStore(
      Effect.gen(function* () {
        const directory = join(yield* temporaryDirectory(), "new", "import")
        const group = freshGroup()
        const store = yield* GraphStore
        yield* store.commit(group, run, [documentWrite(group, ["a.md"], outline)])
        const { nodes, relationships } = yield* Neo4jCsv.write(directory, [group])
        const read = (name: string) => readFileSync(join(directory, name), "utf8")
        const [document] = yield* Stream.runCollect(store.stored(group))
        const { document: parsed, recipe } = document?.resolved ?? assert.fail()
        assert.strictEqual(
          read("documents.0001.csv"),
          `"${parsed.id}","${group}","${recipe}","complete","text/plain","A ""title"",\nin two lines",,"Ada Byron, Zoë; ""Z"".\n\n","run"\n`
        )
        assert.include(read("documents.header.csv"), "id:ID(Document),group,recipe,")
        assert.include(read("chunks-3.header.csv"), "float[]")
        const named = [...read("import.args").matchAll(/^--(?:nodes|relationships)=(?:\w+=)?(.+)$/gm)].flatMap(
          ([, files = ""]) => files.split(",")
        )
        const tables = readdirSync(directory).filter((name) => name.endsWith(".csv"))
        assert.sameMembers(named, tables)
        // Schema, group, source, document, chunk, two entities, fact; IS, PART_OF, names, mentions, support, relation.
        assert.deepStrictEqual([nodes, relationships], [8, 8])
      })
    )
  )

  it.live("takes the place of an earlier export, one that broke off too, and of nothing else", () =>
    withStore(
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory()
        const group = freshGroup()
        const store = yield* GraphStore
        yield* store.commit(group, run, [documentWrite(group, ["a.md"], outline)])
        const write = Neo4jCsv.write(directory, [group])
        const first = yield* write
        assert.deepStrictEqual(yield* write, first)
        // As a killed one leaves it.
        rmSync(join(directory, "import.args"))
        writeFileSync(join(directory, "facts.0002.csv"), "left over")
        yield* write
        assert.isFalse(existsSync(join(directory, "facts.0002.csv")))
        // Of the import tool.
        writeFileSync(join(directory, "import.report"), "")
        yield* write
        assert.isTrue(existsSync(join(directory, "import.report")))
        writeFileSync(join(directory, "notes.csv"), "mine")
        const { message } = yield* Effect.flip(write)
        assert.include(message, "notes.csv")
        assert.strictEqual(readFileSync(join(directory, "notes.csv"), "utf8"), "mine")
        assert.isTrue(existsSync(join(directory, "import.args")))
        const other = yield* temporaryDirectory({ "facts.0001.csv": "somebody's own" })
        const refused = yield* Effect.flip(Neo4jCsv.write(other, [group]))
        assert.include(refused.message, "is not empty")
        assert.strictEqual(readFileSync(join(other, "facts.0001.csv"), "utf8"), "somebody's own")
        mkdirSync(join(other, "sub"))
        writeFileSync(join(other, "file"), "")
        const unwritable = yield* Effect.flip(Neo4jCsv.write(join(other, "file", "below"), [group]))
        assert.include(unwritable.message, "cannot be written")
      })
    )
  )

  it.live("files that do not fit together, since somebody wrote meanwhile, are said to be no export", () =>
    withStore(
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory()
        const group = freshGroup()
        const store = yield* GraphStore
        yield* store.commit(group, run, [documentWrite(group, ["a.md"], outline)])
        const late = documentWrite(group, ["b.md"], { bytes: "two", chunks: [{ names: ["Mary"] }] })
        const changing: GraphStore["Service"] = {
          ...store,
          stored: (of) => Stream.onEnd(store.stored(of), store.commit(group, run, [late]))
        }
        const error = yield* Effect.flip(
          Neo4jCsv.write(directory, [group]).pipe(Effect.provideService(GraphStore, changing))
        )
        assert.strictEqual(error._tag, "StorageError")
        assert.include(error.message, "changed while it was exported")
        assert.isFalse(existsSync(join(directory, "import.args")))
      })
    )
  )
})
