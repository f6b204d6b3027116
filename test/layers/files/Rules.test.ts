import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { execFileSync } from "node:child_process"
import { mkdirSync, truncateSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { layer } from "../../../src/layers/FileSource.ts"
import type { Options } from "../../../src/layers/FileSource.ts"
import { DocumentSource } from "../../../src/services/DocumentSource.ts"
import { makeRandom } from "../../support/random.ts"
import { temporaryDirectory } from "../../support/temporaryDirectory.ts"

const items = (paths: ReadonlyArray<string>, cwd: string, options: Partial<Options> = {}) =>
  Effect.flatMap(DocumentSource, ({ items }) => Stream.runCollect(items)).pipe(
    Effect.provide(layer(paths, { maxBytes: 1000, cwd, ...options }))
  )
const uris = (paths: ReadonlyArray<string>, cwd: string, options: Partial<Options> = {}) =>
  Effect.map(items(paths, cwd, options), (found) => found.map(({ uri }) => uri))

const problems = Effect.fnUntraced(function* (cwd: string) {
  const found = yield* items(["d"], cwd)
  return yield* Effect.forEach(found, ({ read, uri }) =>
    Effect.match(read, { onFailure: ({ message }) => `${uri}: ${message}`, onSuccess: () => uri })
  )
})

const hasGit = (() => {
  try {
    execFileSync("git", ["--version"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
})()

/** What git takes of a directory when it reads these files. */
const gitTakes = (cwd: string): ReadonlyArray<string> => {
  const git = (...args: ReadonlyArray<string>) => execFileSync("git", [...args], { cwd, encoding: "utf8" })
  git("init", "-q")
  git("config", "core.ignoreCase", "false")
  return git("-c", "core.quotePath=false", "ls-files", "-z", "--others", "--exclude-per-directory=.sluiceignore")
    .split("\0")
    .filter((path) => path !== "" && !path.split("/").some((part) => part.startsWith(".")))
    .toSorted()
}

describe(".sluiceignore", () => {
  it.effect("leaves out what it says, relative to where it stands; deeper files override outer ones", () =>
    Effect.gen(function* () {
      const cwd = yield* temporaryDirectory({
        "d/.sluiceignore": "*.log\n/drafts/\nbuild\nsub/secret.txt\n# note.txt\n\ntrailing.txt   \n",
        "d/a.txt": "",
        "d/A.LOG": "",
        "d/a.log": "",
        "d/drafts/x.txt": "",
        "d/drafts/.sluiceignore": "!x.txt",
        "d/note.txt": "",
        "d/trailing.txt": "",
        "d/sub/.sluiceignore": "!keep.log\na.txt\n/only-here.txt",
        "d/sub/a.txt": "",
        "d/sub/build/b.txt": "",
        "d/sub/drafts/y.txt": "",
        "d/sub/deep/a.txt": "",
        "d/sub/deep/keep.log": "",
        "d/sub/deep/only-here.txt": "",
        "d/sub/keep.log": "",
        "d/sub/only-here.txt": "",
        "d/sub/other.log": "",
        "d/sub/secret.txt": ""
      })
      const expected = [
        "d/A.LOG",
        "d/a.txt",
        "d/note.txt",
        "d/sub/deep/keep.log",
        "d/sub/deep/only-here.txt",
        "d/sub/drafts/y.txt",
        "d/sub/keep.log"
      ]
      assert.deepStrictEqual(yield* uris(["d"], cwd), expected)
      assert.deepStrictEqual(yield* uris(["d/**/*.{txt,log,LOG}"], cwd), expected)
    })
  )

  it.effect("has no say over what is named, and none above the directory that is walked", () =>
    Effect.gen(function* () {
      const cwd = yield* temporaryDirectory({
        ".sluiceignore": "*.txt",
        "d/.sluiceignore": "a.txt\nsub/",
        "d/a.txt": "",
        "d/b.txt": "",
        "d/sub/c.txt": ""
      })
      assert.deepStrictEqual(yield* uris(["d"], cwd), ["d/b.txt"])
      assert.deepStrictEqual(yield* uris(["d", "d/sub", "d/a.txt"], cwd), ["d/b.txt", "d/sub/c.txt", "d/a.txt"])
    })
  )

  it.effect.skipIf(!hasGit)(
    "means what git takes it to mean, over random trees and lists",
    () =>
      Effect.gen(function* () {
        const seed = 20261122
        const random = makeRandom(seed)
        const { pick } = random
        const names = ["a", "b", "ab", "a b", "a.txt", "b.txt", "x[1]", "w*", "!n", "#h"] as const
        const parts = [...names, "*", "*.txt", "?", "a*", "**", "[ab]", "*b*", "\\!n", "\\#h", "x\\[1\\]"] as const
        const line = () => {
          const length = 1 + random.int(3)
          const body = Array.from({ length }, () => pick(parts)).join("/")
          return `${pick(["", "", "!"])}${pick(["", "", "/"])}${body}${pick(["", "", "/", " "])}`
        }
        for (let round = 0; round < 25; round++) {
          const files: Record<string, string> = {}
          for (let n = 0; n < 40; n++) {
            const directories = Array.from({ length: random.int(4) }, () => `${pick(names)}_`)
            files[["d", ...directories, pick(names)].join("/")] = ""
          }
          const directories = [...new Set(Object.keys(files).map((path) => dirname(path)))]
          for (const directory of directories) {
            if (directory !== "d" && random.int(3) > 0) continue
            const lines = Array.from({ length: 1 + random.int(4) }, line)
            // The names of directories end in `_`, so patterns must do so now and then.
            files[`${directory}/.sluiceignore`] = lines
              .map((one) => (random.int(2) === 0 ? one : one.replaceAll(/(?<=[ab\]1])\//g, "_/")))
              .join("\n")
          }
          const cwd = yield* temporaryDirectory(files)
          const expected = gitTakes(join(cwd, "d")).map((path) => `d/${path}`)
          const found = yield* uris(["d"], cwd)
          const shown = JSON.stringify(Object.entries(files).filter(([path]) => path.endsWith("ignore")))
          assert.deepStrictEqual(found.toSorted(), expected.toSorted(), `seed ${seed}, round ${round}: ${shown}`)
        }
      }),
    60_000
  )

  it.effect("that is no list of patterns is told, and the directory read", () =>
    Effect.gen(function* () {
      const cwd = yield* temporaryDirectory({ "d/.sluiceignore": "*\n\0\u0001\u0002", "d/a.txt": "" })
      truncateSync(join(cwd, "d/.sluiceignore"), 100_000_000)
      const [problem, ...rest] = yield* problems(cwd)
      assert.deepStrictEqual(rest, ["d/a.txt"])
      assert.strictEqual(
        problem,
        "d/.sluiceignore: d/.sluiceignore is binary, not a list of patterns, so it was passed over: mend it, or take it away"
      )
    })
  )

  it.effect("that is not known in full lets nothing of its directory through, and says so", () =>
    Effect.gen(function* () {
      const cwd = yield* temporaryDirectory({
        "d/a.txt": "",
        "d/long/.sluiceignore": "a long line\n".repeat(100_000),
        "d/long/x.txt": "",
        "d/stars/.sluiceignore": "ok\n\n/a/**/b/**/c/**/d",
        "d/stars/x.txt": ""
      })
      const [a, long, stars, ...rest] = yield* problems(cwd)
      assert.deepStrictEqual([a, ...rest], ["d/a.txt"])
      assert.include(long, "d/long/.sluiceignore is larger than 64 KB, so nothing of d/long was read")
      assert.include(stars, "has a line 3 that has more than two ** between slashes")
      const error = yield* Effect.flip(uris(["d/**/*.txt"], cwd))
      assert.strictEqual(error._tag, "SourceError")
      assert.include(error.message, "d/long/.sluiceignore is larger than 64 KB")
    })
  )

  it.effect("that is a directory or a pipe is none", () =>
    Effect.gen(function* () {
      const cwd = yield* temporaryDirectory({ "d/e/a.txt": "", "d/f/a.txt": "" })
      mkdirSync(join(cwd, "d/e/.sluiceignore"))
      execFileSync("mkfifo", [join(cwd, "d/f/.sluiceignore")])
      assert.deepStrictEqual(yield* uris(["d"], cwd), ["d/e/a.txt", "d/f/a.txt"])
    })
  )

  it.effect("of junk, and with patterns that are none, harms nothing", () =>
    Effect.gen(function* () {
      const cwd = yield* temporaryDirectory({ "d/a.txt": "", "d/b.txt": "" })
      const junk = [
        "[",
        "[z-a]",
        "[[:nope:]]",
        "\\",
        "!",
        "(a+)+$",
        "{a,b",
        "b.txt",
        "\u202e",
        "/",
        "//",
        "..",
        "./a.txt"
      ]
      writeFileSync(
        join(cwd, "d/.sluiceignore"),
        Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(junk.join("\r\n")), Buffer.from([10, 0xff, 0xfe])])
      )
      assert.deepStrictEqual(yield* uris(["d"], cwd), ["d/a.txt"])
    })
  )
})

describe("include and exclude", () => {
  const files = {
    "d/a.md": "",
    "d/a.txt": "",
    "d/docs/b.pdf": "",
    "d/docs/old/c.md": "",
    "d/src/docs/e.txt": "",
    "d/src/d.md": ""
  }

  it.effect("match the path below the directory that was named", () =>
    Effect.gen(function* () {
      const cwd = yield* temporaryDirectory(files)
      const selected = (options: Partial<Options>) => uris(["d"], cwd, options)
      assert.deepStrictEqual(yield* selected({ include: ["*.md"] }), ["d/a.md", "d/docs/old/c.md", "d/src/d.md"])
      assert.deepStrictEqual(yield* selected({ include: ["/*.md"] }), ["d/a.md"])
      assert.deepStrictEqual(yield* selected({ include: ["/docs/", "a.txt"] }), [
        "d/a.txt",
        "d/docs/b.pdf",
        "d/docs/old/c.md"
      ])
      assert.deepStrictEqual(yield* selected({ exclude: ["docs/"] }), ["d/a.md", "d/a.txt", "d/src/d.md"])
      assert.deepStrictEqual(yield* selected({ exclude: ["docs", "!/docs"] }), [
        "d/a.md",
        "d/a.txt",
        "d/docs/b.pdf",
        "d/docs/old/c.md",
        "d/src/d.md"
      ])
      assert.deepStrictEqual(yield* selected({ include: ["*.md"], exclude: ["old"] }), ["d/a.md", "d/src/d.md"])
      assert.deepStrictEqual(yield* selected({ include: ["d/a.md"] }), [])
    })
  )

  it.effect("are not asked about files that are named, but about those of a glob", () =>
    Effect.gen(function* () {
      const cwd = yield* temporaryDirectory(files)
      const options = { include: ["*.md"], exclude: ["/old/"] }
      assert.deepStrictEqual(yield* uris(["d/a.txt", "d/docs/old"], cwd, options), ["d/a.txt", "d/docs/old/c.md"])
      assert.deepStrictEqual(yield* uris(["d/docs/**/*.*", "d/*.*"], cwd, options), ["d/a.md"])
      assert.deepStrictEqual(yield* uris([join(cwd, "d/*.*")], join(cwd, "d/src"), options), [join(cwd, "d/a.md")])
      assert.deepStrictEqual(yield* uris(["d/*.txt"], cwd, options), [])
    })
  )

  it.effect("do not override what .sluiceignore leaves out", () =>
    Effect.gen(function* () {
      const cwd = yield* temporaryDirectory({ ...files, "d/.sluiceignore": "a.md" })
      assert.deepStrictEqual(yield* uris(["d"], cwd, { include: ["a.*"], exclude: ["!a.md"] }), ["d/a.txt"])
    })
  )
})
