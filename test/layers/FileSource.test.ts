import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { execFileSync } from "node:child_process"
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll } from "vitest"
import { layer } from "../../src/layers/FileSource.ts"
import { DocumentSource } from "../../src/services/DocumentSource.ts"
import type { SourceItem } from "../../src/services/DocumentSource.ts"
import { suite } from "../suites/DocumentSource.ts"

const base = mkdtempSync(join(tmpdir(), "sluice-files-"))
afterAll(() => rmSync(base, { recursive: true, force: true }))

let trees = 0
/** A directory of its own with these files in it. */
const tree = (files: Readonly<Record<string, string>>): string => {
  const root = join(base, String(trees++))
  mkdirSync(root)
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  return root
}

const maxBytes = 1000
const use = <A, E>(
  paths: ReadonlyArray<string>,
  cwd: string,
  body: (source: DocumentSource["Service"]) => Effect.Effect<A, E>
) => Effect.flatMap(DocumentSource, body).pipe(Effect.provide(layer(paths, { maxBytes, cwd })))
const items = (paths: ReadonlyArray<string>, cwd: string) => use(paths, cwd, ({ items }) => Stream.runCollect(items))
const uris = (paths: ReadonlyArray<string>, cwd: string) =>
  Effect.map(items(paths, cwd), (found) => found.map(({ uri }) => uri))

const contract = tree({
  "docs/b.txt": "b",
  "docs/Z.txt": "Z",
  "docs/a/2.txt": "2",
  "docs/a.txt": "a",
  "docs/é.txt": "e",
  "docs/.hidden.txt": "no",
  "docs/.git/x.txt": "no",
  "docs/node_modules/x.txt": "no",
  "single.md": "s"
})
async function* input() {
  yield new TextEncoder().encode("from ")
  yield "a pipe"
}
suite("files", layer(["docs", "single.md", "-", "./docs/../single.md"], { maxBytes, cwd: contract, stdin: input() }), [
  { uri: "docs/Z.txt", content: "Z" },
  { uri: "docs/a/2.txt", content: "2" },
  { uri: "docs/a.txt", content: "a" },
  { uri: "docs/b.txt", content: "b" },
  { uri: "docs/é.txt", content: "e" },
  { uri: "single.md", content: "s" },
  { uri: "-", content: "from a pipe" }
])

describe("FileSource", () => {
  it.effect("a file named beside its directory, and directories that overlap, come once", () =>
    Effect.gen(function* () {
      const cwd = tree({ "d/a.txt": "", "d/e/b.txt": "", "d/e/c.txt": "" })
      const found = yield* uris(["d", "d/e", join(cwd, "d/e/c.txt"), "d/"], cwd)
      assert.deepStrictEqual(found, ["d/a.txt", "d/e/b.txt", "d/e/c.txt"])
    })
  )

  it.effect("paths outside of the working directory are absolute, inside they are relative", () =>
    Effect.gen(function* () {
      const cwd = tree({ "in/a.txt": "", "out/b.txt": "" })
      const found = yield* uris(["a.txt", "../out", join(cwd, "in/a.txt")], join(cwd, "in"))
      assert.deepStrictEqual(found, ["a.txt", `${cwd}/out/b.txt`])
    })
  )

  it.effect("names are in form NFC, unless two files would have one name", () =>
    Effect.gen(function* () {
      const cwd = tree({ "one/e\u0301.txt": "", "two/\u00e9.txt": "", "two/e\u0301.txt": "" })
      const found = yield* uris(["one", "two"], cwd)
      assert.deepStrictEqual(found, ["one/\u00e9.txt", "two/e\u0301.txt", "two/\u00e9.txt"])
    })
  )

  it.effect("names with newlines and escapes are kept as they are, and a file called - is not standard input", () =>
    Effect.gen(function* () {
      const cwd = tree({ "d/new\nline\u001b[31m.txt": "", "-": "a file" })
      assert.deepStrictEqual(yield* uris(["d", "./-"], cwd), ["d/new\nline\u001b[31m.txt", "./-"])
    })
  )

  it.effect(
    "circles of links end, a linked directory outside comes once, linked files come under their own names",
    () =>
      Effect.gen(function* () {
        const cwd = tree({ "d/a.txt": "a", "d/sub/b.txt": "b", "ext/c.txt": "c", "ext/deep/x.txt": "x", "f.txt": "f" })
        symlinkSync("..", join(cwd, "d/sub/up"))
        symlinkSync("sub", join(cwd, "d/again"))
        symlinkSync("../ext", join(cwd, "d/ext1"))
        symlinkSync("../ext", join(cwd, "d/ext2"))
        symlinkSync("../../d", join(cwd, "ext/deep/back"))
        symlinkSync("../f.txt", join(cwd, "d/link.txt"))
        const found = yield* uris(["d"], cwd)
        assert.deepStrictEqual(found, ["d/a.txt", "d/ext1/c.txt", "d/ext1/deep/x.txt", "d/link.txt", "d/sub/b.txt"])
      })
  )

  it.effect("thirty levels of two links each do not make a billion paths", () =>
    Effect.gen(function* () {
      const cwd = tree({ "start/a.txt": "" })
      for (let level = 0; level <= 30; level++) mkdirSync(join(cwd, `level${level}`))
      for (let level = 0; level < 30; level++) {
        symlinkSync(`../level${level + 1}`, join(cwd, `level${level}/left`))
        symlinkSync(`../level${level + 1}`, join(cwd, `level${level}/right`))
      }
      writeFileSync(join(cwd, "level30/end.txt"), "")
      symlinkSync("../level0", join(cwd, "start/in"))
      assert.strictEqual((yield* uris(["start"], cwd)).length, 2)
    })
  )

  it.effect("pipes and sockets in a directory are passed over; a named one is a usage error", () =>
    Effect.gen(function* () {
      const cwd = tree({ "d/a.txt": "" })
      execFileSync("mkfifo", [join(cwd, "d/pipe")])
      assert.deepStrictEqual(yield* uris(["d"], cwd), ["d/a.txt"])
      const error = yield* Effect.flip(uris(["d/pipe"], cwd))
      assert.strictEqual(error._tag, "SourceError")
      assert.include(error.message, "d/pipe is neither a file nor a directory")
    })
  )

  it.effect("globs give their matches in order, without node_modules; a file of that very name comes first", () =>
    Effect.gen(function* () {
      const cwd = tree({
        "b.md": "",
        "a.md": "",
        "c.txt": "",
        "d/e.md": "",
        "node_modules/n.md": "",
        ".h/i.md": "",
        "[x].md": "",
        "x.md": ""
      })
      assert.deepStrictEqual(yield* uris(["**/*.md"], cwd), ["[x].md", "a.md", "b.md", "d/e.md", "x.md"])
      assert.deepStrictEqual(yield* uris(["[x].md"], cwd), ["[x].md"])
      assert.deepStrictEqual(yield* uris(["{a,b}.md", "a.md"], cwd), ["a.md", "b.md"])
      const error = yield* Effect.flip(uris(["*.pdf"], cwd))
      assert.include(error.message, "*.pdf matches no file")
    })
  )

  it.effect("a path that does not exist is a SourceError before the first item", () =>
    Effect.gen(function* () {
      const cwd = tree({ "a.txt": "" })
      const seen: Array<string> = []
      const error = yield* Effect.flip(
        use(["a.txt", "missing.txt"], cwd, ({ items }) =>
          Stream.runForEach(items, ({ uri }) => Effect.sync(() => seen.push(uri)))
        )
      )
      assert.strictEqual(error._tag, "SourceError")
      assert.include(error.message, "missing.txt does not exist")
      assert.deepStrictEqual(seen, [])
    })
  )

  it.effect("what is too large is not read, also when it grows after it was listed", () =>
    Effect.gen(function* () {
      const cwd = tree({
        "d/grows.txt": "x",
        "d/large.txt": "x".repeat(maxBytes + 1),
        "d/most.txt": "x".repeat(maxBytes)
      })
      const [grows, large, most] = yield* items(["d"], cwd)
      assert.isDefined(most)
      if (!grows || !large || !most) return
      assert.strictEqual((yield* most.read).length, maxBytes)
      assert.strictEqual(large.size, maxBytes + 1)
      assert.strictEqual((yield* Effect.flip(large.read)).reason, "too-large")
      appendFileSync(join(cwd, "d/grows.txt"), "y".repeat(10))
      assert.strictEqual((yield* grows.read).length, 11)
      truncateSync(join(cwd, "d/grows.txt"), maxBytes + 1)
      const error = yield* Effect.flip(grows.read)
      assert.strictEqual(error.reason, "too-large")
      assert.include(error.message, "d/grows.txt has 1001 bytes, more than the limit of 1000 bytes")
    })
  )

  it.effect("a part of a file is read from the file as it is now, whatever its size", () =>
    Effect.gen(function* () {
      const cwd = tree({
        "d/gone.txt": "x",
        "d/large.txt": "x".repeat(5000),
        "d/pipe.txt": "x",
        "d/shrinks.txt": "0123456789"
      })
      const [gone, large, pipe, shrinks] = yield* items(["d"], cwd)
      const part = (item: SourceItem | undefined, from: number, to: number) =>
        Effect.map(item?.range?.(from, to) ?? Effect.die("no range"), (bytes) => new TextDecoder().decode(bytes))
      assert.strictEqual(large?.size, 5000)
      assert.strictEqual(yield* part(large, 4990, 5010), "x".repeat(10))
      assert.strictEqual(yield* part(shrinks, 3, 6), "345")
      truncateSync(join(cwd, "d/shrinks.txt"), 5)
      assert.strictEqual(yield* part(shrinks, 3, 6), "34")
      assert.strictEqual(yield* part(shrinks, 6, 9), "")
      appendFileSync(join(cwd, "d/shrinks.txt"), "abcde")
      assert.strictEqual(yield* part(shrinks, 3, 6), "34a")
      rmSync(join(cwd, "d/gone.txt"))
      rmSync(join(cwd, "d/pipe.txt"))
      execFileSync("mkfifo", [join(cwd, "d/pipe.txt")])
      for (const item of [gone, pipe]) {
        assert.strictEqual((yield* Effect.flip(part(item, 0, 1))).reason, "unreadable")
      }
      mkdirSync(join(cwd, "d/gone.txt"))
      assert.include((yield* Effect.flip(part(gone, 0, 1))).message, "is not a file any more")
    })
  )

  it.effect("a file that shrinks after it was listed is read as it is", () =>
    Effect.gen(function* () {
      const cwd = tree({ "d/a.txt": "0123456789" })
      const [item] = yield* items(["d"], cwd)
      truncateSync(join(cwd, "d/a.txt"), 4)
      assert.strictEqual(new TextDecoder().decode(yield* item?.read ?? Effect.die("no item")), "0123")
    })
  )

  it.effect("names as long and as strange as can be are files like others", () =>
    Effect.gen(function* () {
      const names = [
        "\u001b]0;title\u0007.txt",
        " ",
        "%00",
        "a\\b.txt",
        "x".repeat(255),
        "\u202egpj.txt",
        "…",
        "💧".repeat(63)
      ]
      const cwd = tree(Object.fromEntries(names.map((name) => [`d/${name}`, name])))
      const found = yield* items(["d"], cwd)
      assert.deepStrictEqual(
        found.map(({ uri }) => uri),
        names.toSorted().map((name) => `d/${name}`)
      )
      for (const { read, uri } of found) assert.strictEqual(`d/${new TextDecoder().decode(yield* read)}`, uri)
    })
  )

  it.effect("directories may be nested a thousand deep; where paths become too long, that is an item's failure", () =>
    Effect.gen(function* () {
      const cwd = tree({ "deep/a.txt": "" })
      let path = join(cwd, "deep")
      for (let level = 0; level < 1000; level++) path = join(path, "d")
      mkdirSync(path, { recursive: true })
      writeFileSync(join(path, "end.txt"), "")
      const found = yield* uris(["deep"], cwd)
      assert.deepStrictEqual(found, ["deep/a.txt", `deep/${"d/".repeat(1000)}end.txt`])

      // No call takes a path this long, so it is put together out of two halves.
      const halves = ["one", "two"].map((name) => join(cwd, name, ...Array.from({ length: 12 }, () => "n".repeat(200))))
      for (const half of halves) mkdirSync(half, { recursive: true })
      renameSync(join(cwd, "two"), join(halves[0] ?? "", "two"))
      const [problem, ...rest] = yield* items(["one"], cwd)
      assert.deepStrictEqual(rest, [])
      const error = yield* Effect.flip(problem?.read ?? Effect.die("no item"))
      assert.strictEqual(error.reason, "unreadable")
      assert.include(error.message, "its path is too long")
      execFileSync("rm", ["-rf", join(cwd, "one")])
    })
  )

  it.effect("standard input may be any bytes, or none, and each time the same", () =>
    Effect.gen(function* () {
      const binary = Uint8Array.from({ length: 256 }, (_, at) => at)
      async function* binaryInput() {
        yield binary.subarray(0, 100)
        yield binary.subarray(100)
      }
      async function* noInput() {}
      const read = (stdin: AsyncIterable<Uint8Array>) =>
        Effect.gen(function* () {
          const source = yield* DocumentSource
          const [item] = yield* Stream.runCollect(source.items)
          const bytes = yield* item?.read ?? Effect.die("no item")
          assert.strictEqual(yield* item?.read ?? Effect.die("no item"), bytes)
          return bytes
        }).pipe(Effect.provide(layer(["-"], { maxBytes, stdin })))
      assert.deepStrictEqual(yield* read(binaryInput()), binary)
      assert.deepStrictEqual(yield* read(noInput()), new Uint8Array())
    })
  )

  it.effect("standard input that never ends is left alone at the limit", () =>
    Effect.gen(function* () {
      let given = 0
      let isClosed = false
      async function* endless() {
        try {
          while (true) {
            given += 100
            yield new Uint8Array(100)
          }
        } finally {
          isClosed = true
        }
      }
      const [item] = yield* Effect.flatMap(DocumentSource, ({ items }) => Stream.runCollect(items)).pipe(
        Effect.provide(layer(["-"], { maxBytes, stdin: endless() }))
      )
      assert.strictEqual((yield* Effect.flip(item?.read ?? Effect.die("no item"))).reason, "too-large")
      assert.deepStrictEqual([given, isClosed], [1100, true])
    })
  )

  it.effect("standard input over the limit is too large", () =>
    Effect.gen(function* () {
      const source = yield* DocumentSource
      const [item] = yield* Stream.runCollect(source.items)
      assert.strictEqual(item && (yield* Effect.flip(item.read)).reason, "too-large")
    }).pipe(Effect.provide(layer(["-"], { maxBytes: 5, stdin: input() })))
  )

  it.effect("a file that vanishes or becomes a pipe after it was listed is an item's failure", () =>
    Effect.gen(function* () {
      const cwd = tree({ "d/gone.txt": "x", "d/pipe.txt": "x" })
      const [gone, pipe] = yield* items(["d"], cwd)
      rmSync(join(cwd, "d/gone.txt"))
      rmSync(join(cwd, "d/pipe.txt"))
      execFileSync("mkfifo", [join(cwd, "d/pipe.txt")])
      for (const item of [gone, pipe]) {
        assert.isDefined(item)
        if (item) assert.strictEqual((yield* Effect.flip(item.read)).reason, "unreadable")
      }
    })
  )

  it.effect("a link to nothing is an item whose read fails", () =>
    Effect.gen(function* () {
      const cwd = tree({ "d/a.txt": "" })
      symlinkSync("nowhere", join(cwd, "d/dangling"))
      symlinkSync("circle", join(cwd, "d/circle"))
      const [, circle, dangling] = yield* items(["d"], cwd)
      assert.strictEqual(dangling?.uri, "d/dangling")
      if (circle) assert.include((yield* Effect.flip(circle.read)).message, "circle")
      if (dangling) assert.strictEqual((yield* Effect.flip(dangling.read)).reason, "unreadable")
    })
  )

  // The superuser may read everything.
  it.effect.skipIf(process.getuid?.() === 0)("what permission keeps closed is an item whose read fails", () =>
    Effect.gen(function* () {
      const cwd = tree({ "d/closed/a.txt": "", "d/secret.txt": "", "d/z.txt": "" })
      chmodSync(join(cwd, "d/closed"), 0)
      chmodSync(join(cwd, "d/secret.txt"), 0)
      const found = yield* items(["d"], cwd)
      chmodSync(join(cwd, "d/closed"), 0o700)
      assert.deepStrictEqual(
        found.map(({ uri }) => uri),
        ["d/closed", "d/secret.txt", "d/z.txt"]
      )
      for (const item of found.slice(0, 2)) {
        const error = yield* Effect.flip(item.read)
        assert.strictEqual(error.reason, "unreadable")
        assert.include(error.message, "permission")
      }
    })
  )

  it.effect("a name that is not UTF-8 is an item whose read fails and says so", () =>
    Effect.gen(function* () {
      const cwd = tree({ "d/a.txt": "" })
      writeFileSync(Buffer.concat([Buffer.from(`${cwd}/d/b`), Buffer.from([0xff, 0x2e, 0x74])]), "x")
      const [, odd] = yield* items(["d"], cwd)
      assert.isDefined(odd)
      if (odd) assert.include((yield* Effect.flip(odd.read)).message, "UTF-8")
    })
  )

  it.effect("directories are listed as they are pulled", () =>
    Effect.gen(function* () {
      const cwd = tree({ "d/a/1.txt": "", "d/b/old.txt": "" })
      const found: Array<string> = []
      yield* use(["d"], cwd, ({ items }) =>
        Stream.runForEach(items, ({ uri }) =>
          Effect.sync(() => {
            found.push(uri)
            if (found.length === 1) writeFileSync(join(cwd, "d/b/late.txt"), "")
          })
        )
      )
      assert.deepStrictEqual(found, ["d/a/1.txt", "d/b/late.txt", "d/b/old.txt"])
    })
  )
})
