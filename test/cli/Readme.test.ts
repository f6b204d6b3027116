import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestConsole } from "effect/testing"
import { NodeServices } from "@effect/platform-node"
import { readFileSync } from "node:fs"
import { program as sluice } from "../../src/app.ts"
import { program } from "../fixtures/swapLayers.ts"

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8")
const readme = read("../../README.md")

const block = (language: string): string => new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(readme)?.[1] ?? ""

describe("README", () => {
  it.effect("its code example is the one that compiles, and it runs", () =>
    Effect.gen(function* () {
      const compiled = read("../fixtures/swapLayers.ts").replace('"../../src/index.ts"', '"sluice"')
      assert.strictEqual(block("ts"), compiled)
      const graph = yield* program
      assert.isAtLeast(graph.entities, 2)
    })
  )

  it.effect("its table of commands is what --help says", () =>
    Effect.gen(function* () {
      yield* sluice(["--help"])
      const help = (yield* TestConsole.logLines).join("\n")
      const commands = [...(help.split("SUBCOMMANDS\n")[1] ?? "").matchAll(/^ {2}(\w+) {2,}(.+)$/gm)]
      assert.isAbove(commands.length, 5)
      const expected = commands.map(([, name, description]) => `| \`${name}\` | ${description} |`)
      const table = readme.split("\n").filter((line) => /^\| `\w+` \|/.test(line))
      assert.deepStrictEqual(table, expected)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it("every npm script that it names exists", () => {
    const { scripts } = JSON.parse(read("../../package.json"))
    const named = new Set([...readme.matchAll(/npm run ([a-z:]+)/g)].map(([, name]) => name))
    assert.isAbove(named.size, 0)
    for (const name of named) assert.property(scripts, name ?? "")
  })
})
