import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Option, Result } from "effect"
import { CliOutput, Command } from "effect/cli"
import { environment } from "../../src/cli/Config.ts"
import * as Flags from "../../src/cli/Flags.ts"
import { provideFile } from "../../src/cli/Setting.ts"
import { size, store } from "../../src/cli/Values.ts"
import { run, stdio } from "../support/cli.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"

/** What flags, environment and file come to. */
const settings = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
  file?: string
) {
  const path = join(yield* temporaryDirectory(), "settings.yaml")
  if (file !== undefined) writeFileSync(path, file)
  let resolved: Readonly<Record<string, unknown>> = {}
  const command = Command.make(
    "test",
    { config: Flags.config, settings: { ...Flags.common, ...Flags.models, ...Flags.selection, ...Flags.extraction } },
    Effect.fnUntraced(function* ({ config, settings: given }) {
      resolved = yield* Effect.all(given).pipe(provideFile(config))
    })
  )
  yield* Command.runWith(command, { version: "0" })([...args, ...(file === undefined ? [] : ["--config", path])]).pipe(
    Effect.provide(
      Layer.mergeAll(
        NodeServices.layer,
        stdio({ stdout: "", stderr: "" }),
        CliOutput.layerPresenter({ present: () => Effect.void })
      )
    ),
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))
  )
  return resolved
}, Effect.scoped)

const rejected = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>>, file?: string) =>
  Effect.map(Effect.flip(settings(args, env, file)), (error) => {
    assert.strictEqual(error._tag, "UsageError", String(error))
    return error.message
  })

describe("precedence: flag, environment, file, default", () => {
  const cases = [
    { flag: "group", key: "group", values: ["f", "e", "c"], decoded: ["f", "e", "c"], byDefault: "default" },
    { flag: "pack", key: "pack", values: ["3", "auto", "5"], decoded: [3, "auto", 5], byDefault: "auto" },
    {
      flag: "max-document",
      key: "maxDocument",
      values: ["1KB", "2KB", "3KB"],
      decoded: [1e3, 2e3, 3e3],
      byDefault: 64e6
    },
    {
      flag: "rpm",
      key: "rpm",
      values: ["30", "20", "10"],
      decoded: [Option.some(30), Option.some(20), Option.some(10)],
      byDefault: Option.none()
    },
    {
      flag: "tpm",
      key: "tpm",
      values: ["30000", "20000", "10000"],
      decoded: [Option.some(30_000), Option.some(20_000), Option.some(10_000)],
      byDefault: Option.none()
    },
    {
      flag: "priority",
      key: "priority",
      values: ["interactive", "bulk", "normal"],
      decoded: ["interactive", "bulk", "normal"],
      byDefault: "normal"
    },
    {
      flag: "store",
      key: "store",
      values: ["sqlite:f", "sqlite:e", "sqlite:c"],
      decoded: ["f", "e", "c"].map((file) => ({ _tag: "file", file })),
      byDefault: { _tag: "file", file: "sluice.db" }
    },
    { flag: "model", key: "model", values: ["f", "e", "c"], decoded: ["f", "e", "c"], byDefault: "gpt-6-luna" },
    { flag: "parse-timeout", key: "parseTimeout", values: ["1", "2", "3"], decoded: [1, 2, 3], byDefault: 60 },
    {
      flag: "progress",
      key: "progress",
      values: ["bar", "json", "none"],
      decoded: ["bar", "json", "none"],
      byDefault: "auto"
    }
  ] as const

  for (const { byDefault, decoded, flag, key, values } of cases) {
    const [fromFlag, fromEnv, fromFile] = values
    const env = { [`SLUICE_${flag.toUpperCase().replaceAll("-", "_")}`]: fromEnv }
    const file = `${flag}: "${fromFile}"\n`
    it.effect(`--${flag}`, () =>
      Effect.gen(function* () {
        const all = yield* settings([`--${flag}`, fromFlag], env, file)
        const withoutFlag = yield* settings([], env, file)
        const fileAlone = yield* settings([], {}, file)
        const none = yield* settings([], {})
        assert.deepStrictEqual(
          [all, withoutFlag, fileAlone].map((found) => found[key]),
          [...decoded]
        )
        assert.deepStrictEqual(none[key], byDefault)
      })
    )
  }

  it.effect("holds for switches, which a flag can also turn off", () =>
    Effect.gen(function* () {
      const env = { SLUICE_JSON: "yes" }
      assert.strictEqual((yield* settings([], env)).json, true)
      assert.strictEqual((yield* settings(["--no-json"], env)).json, false)
      assert.strictEqual((yield* settings([], { SLUICE_JSON: "0" }, "json: true")).json, false)
      assert.strictEqual((yield* settings([], {}, "json: true")).json, true)
    })
  )

  it.effect("holds for flags that are repeated, as a whole: places are not mixed", () =>
    Effect.gen(function* () {
      const env = { SLUICE_EXCLUDE: "*.log, /build/ ,", SLUICE_INCLUDE: "" }
      const file = "exclude: [a, b]\ninclude: '*.md'\n"
      const all = yield* settings(["--exclude", "x,y", "--exclude", "z"], env, file)
      assert.deepStrictEqual([all["exclude"], all["include"]], [["x,y", "z"], ["*.md"]])
      const withoutFlag = yield* settings([], env, file)
      assert.deepStrictEqual(withoutFlag["exclude"], ["*.log", "/build/"])
      assert.deepStrictEqual((yield* settings([], {}, file))["exclude"], ["a", "b"])
      assert.deepStrictEqual((yield* settings([], {}))["exclude"], [])
    })
  )

  it.effect("an empty variable counts as not set", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* settings([], { SLUICE_GROUP: "" }, "group: c")).group, "c")
    })
  )

  it.effect("SLUICE_CONFIG names the file", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory(), "c.json")
      writeFileSync(path, `{"group":"from-json","pack":7}`)
      const found = yield* settings([], { SLUICE_CONFIG: path })
      assert.deepStrictEqual([found["group"], found["pack"]], ["from-json", 7])
    })
  )
})

describe("wrong values", () => {
  it.effect("are told with the place where they stand, on one line", () =>
    Effect.gen(function* () {
      const messages = [
        yield* rejected(["--pack", "zero"], {}),
        yield* rejected([], { SLUICE_PACK: "0" }),
        yield* rejected([], {}, "pack: -1"),
        yield* rejected([], { SLUICE_BASE_URL: "localhost" }),
        yield* rejected([], { SLUICE_JSON: "maybe" }),
        yield* rejected([], { SLUICE_GROUP: "a/b" }),
        yield* rejected([], { SLUICE_LOG_LEVEL: "loud" }),
        yield* rejected([], { SLUICE_EXTRACTOR: "magic" }),
        yield* rejected(["--include", "*.md", "--include", " "], {}),
        yield* rejected([], { SLUICE_EXCLUDE: "ok,/a/**/b/**/c/**/d" }),
        yield* rejected([], {}, "exclude: [ok, '']"),
        yield* rejected(["--parse-timeout", "never"], {}),
        yield* rejected(["--rpm", "0"], {}),
        yield* rejected([], { SLUICE_TPM: "1e6" })
      ]
      const places = [
        "--pack",
        "SLUICE_PACK",
        "pack in ",
        "SLUICE_BASE_URL",
        "SLUICE_JSON",
        "SLUICE_GROUP",
        "SLUICE_LOG_LEVEL",
        "SLUICE_EXTRACTOR",
        "--include",
        "SLUICE_EXCLUDE",
        "exclude in ",
        "--parse-timeout",
        "--rpm",
        "SLUICE_TPM"
      ]
      for (const [index, message] of messages.entries()) {
        assert.isTrue(message.startsWith(places[index] ?? "?"), message)
        assert.notMatch(message, /\n|SchemaError/)
      }
    })
  )

  it.effect("do not show the password of an address", () =>
    Effect.gen(function* () {
      const message = yield* rejected(["--base-url", "http://me:hunter2@host/v1"], {})
      assert.notInclude(message, "hunter2")
      assert.include(message, "OPENAI_API_KEY")
    })
  )

  it.effect("of a store are an address or a file, and a file that is called like an address is a file", () =>
    Effect.gen(function* () {
      const { status, stderr } = yield* run(["hash", "--store", "sqlite:bolt://localhost:1/g.db"])
      assert.strictEqual(status, 1)
      assert.include(stderr, "There is no graph at bolt://localhost:1/g.db")
      assert.deepStrictEqual(
        ["sqlite:a/b.db", "neo4j+s://Host:7687/", "bolt://[::1]:7687/m%C3%BCll"].map((raw) =>
          Result.getOrThrow(store(raw))
        ),
        [
          { _tag: "file", file: "a/b.db" },
          { _tag: "server", uri: "neo4j+s://Host:7687" },
          { _tag: "server", uri: "bolt://[::1]:7687", database: "müll" }
        ]
      )
    })
  )

  it.effect("of stores say what this version has", () =>
    Effect.gen(function* () {
      assert.include(yield* rejected(["--store", "neo4j://neo4j:secret@localhost:7687"], {}), "NEO4J_PASSWORD")
      assert.include(yield* rejected(["--store", "neo4j:localhost"], {}), "neo4j://localhost:7687")
      assert.include(yield* rejected(["--store", "bolt://localhost/a/b"], {}), "name of a database")
      assert.include(yield* rejected(["--store", "neo4j://localhost?x=1"], {}), "name of a database")
      assert.include(yield* rejected(["--store", "neo4j://localhost/%zz"], {}), "name of a database")
      assert.include(yield* rejected(["--store", "postgres://x"], {}), "sqlite:FILE")
      assert.include(yield* rejected(["--store", "sqlite:"], {}), "name of a file")
      assert.include(yield* rejected(["--store", "graph.db"], {}), "sqlite:FILE")
    })
  )
})

describe("the configuration file", () => {
  it.effect("must not have unknown settings, which are named", () =>
    Effect.gen(function* () {
      const message = yield* rejected([], {}, "gruop: x\nmaxDocument: 3MB\ngroup: y\n")
      assert.include(message, "gruop")
      assert.include(message, "maxDocument (max-document?)")
    })
  )

  it.effect.each([
    ["a list", "- group\n"],
    ["a scalar", "group"],
    ["nested", "group: { a: 1 }"],
    ["nested in a list", "exclude: [{ a: 1 }]"],
    ["no YAML", "group: [unclosed"],
    [
      "an alias bomb",
      `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]`
    ]
  ])("that is %s is turned down with its name", ([, text]) =>
    Effect.gen(function* () {
      assert.include(yield* rejected([], {}, text), "settings.yaml")
    })
  )

  it.effect("may be empty", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* settings([], {}, "# nothing yet\n")).group, "default")
    })
  )

  it.effect("must be there", () =>
    Effect.gen(function* () {
      assert.include(yield* rejected(["--config", "/no/such/file.yaml"], {}), "/no/such/file.yaml")
    })
  )
})

describe("sizes", () => {
  it.each([
    ["64MB", 64e6],
    ["10KB", 1e4],
    ["1GiB", 2 ** 30],
    ["1.5 kib", 1536],
    ["2000", 2000],
    ["5b", 5]
  ])("%s", (raw, bytes) => assert.deepStrictEqual(size(raw), Result.succeed(bytes)))

  it.each(["", "MB", "-1MB", "64 parsecs", "0", "1e9", "NaN", "9999999999999GB"])("%j is none", (raw) =>
    assert.deepStrictEqual(size(raw), Result.fail("a size such as 64MB, 500KB or 1GiB."))
  )
})

describe("environment", () => {
  it.effect("reads one variable", () =>
    Effect.gen(function* () {
      const found = yield* environment("X_Y")
      assert.deepStrictEqual(found, Option.some("z"))
    }).pipe(Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: { X_Y: "z" } })))
  )
})
