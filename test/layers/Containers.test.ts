import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result, Stream } from "effect"
import { gzipSync } from "node:zlib"
import { layerPooled } from "../../src/layers/Containers.ts"
import * as Pool from "../../src/layers/parsers/Pool.ts"
import { messageBytes } from "../../src/layers/containers/Mailbox.ts"
import { layerNone, Unpacker } from "../../src/services/Unpacker.ts"
import type { ContainerFile } from "../../src/services/Unpacker.ts"
import { SourceItemError } from "../../src/services/DocumentSource.ts"
import { ParseError } from "../../src/domain/ParseError.ts"
import { mutate } from "../support/mutate.ts"
import { makeRandom } from "../support/random.ts"
import { attachedFile, makeMsg, property } from "../support/msg.ts"
import { makeZip, zipOf } from "../support/zip.ts"
import { contentsOf, fileOf, suite } from "../suites/Unpacker.ts"

const maxBytes = 100_000
const layer = Layer.provide(layerPooled({ maxBytes }), Pool.layer)
const encoder = new TextEncoder()
const decoder = new TextDecoder()

const shown = Effect.fnUntraced(function* (uri: string, content: string | Uint8Array | ContainerFile) {
  const file = typeof content === "string" || content instanceof Uint8Array ? fileOf(uri, content) : content
  const { items, ...rest } = yield* contentsOf(file)
  return {
    ...rest,
    items: items.map(([name, read]) => [name, typeof read === "string" ? read : decoder.decode(read)] as const)
  }
}, Effect.provide(layer))
const items = (uri: string, content: string | Uint8Array | ContainerFile) =>
  Effect.map(shown(uri, content), (contents) => contents.items)

const from = "From zoe@brightwater.example Tue Mar  4 09:12:00 2025\n"
const message = (id: string, body: string, more = "") =>
  `From: Zoë <zoe@brightwater.example>\nTo: ada@northwind.example\nSubject: ${body.slice(0, 5)}\n${
    id === "" ? "" : `Message-ID: <${id}>\n`
  }${more}\n${body}`
const mailbox = (...messages: ReadonlyArray<string>): string => messages.map((one) => `${from}${one}\n\n`).join("")

const attachedText = [
  "From: a@b.example",
  "To: c@d.example",
  "Subject: x",
  "Content-Type: multipart/mixed; boundary=b",
  "",
  "--b",
  "",
  "text",
  "--b",
  "Content-Type: text/plain",
  "Content-Disposition: attachment; filename=notes.txt",
  "",
  "Some notes.",
  "--b",
  "Content-Type: text/plain",
  "Content-Disposition: attachment; filename=notes.txt",
  "",
  "Other notes.",
  "--b",
  "Content-Type: application/octet-stream; name=secret.asc",
  "",
  "-----BEGIN PGP MESSAGE-----",
  "--b--",
  ""
].join("\r\n")

suite("every file a document", layerNone, [fileOf("a.mbox", mailbox(message("a@b", "hello")))])
suite("mailboxes, mails, archives", layer, [
  fileOf("a.mbox", mailbox(message("a@b", "hello"), message("a@b", "again"), message("", "none"), message("", "none"))),
  fileOf("a.eml", attachedText),
  fileOf("a.zip", zipOf({ "a.txt": "a", "b/a.txt": "b" })),
  fileOf("a.txt.gz", gzipSync("hello"))
])

describe("mailboxes", () => {
  it.effect("hold their messages, named by their ids, each as it was sent", () =>
    Effect.gen(function* () {
      const first = message("1@x", "Hello\n\n>From here on it is colder.\n>>From there too.")
      const { isDocument, items: found } = yield* shown("in.mbox", mailbox(first, message("2@x", "Bye")))
      assert.isFalse(isDocument)
      assert.deepStrictEqual(found, [
        ["in.mbox#1@x", first.replace(">From", "From").replace(">>From", ">From")],
        ["in.mbox#2@x", message("2@x", "Bye")]
      ])
    })
  )

  it.effect("that have grown give the same messages by the same names, and the same bytes", () =>
    Effect.gen(function* () {
      const old = [message("1@x", "Hello\n\n"), message("", "No id"), message("1@x", "Hello again")]
      for (const lineEnd of ["\n", "\r\n"]) {
        const of = (all: ReadonlyArray<string>) => mailbox(...all).replaceAll("\n", lineEnd)
        const before = yield* items("a.mbox", of(old))
        const after = yield* items("a.mbox", of([...old, message("1@x", "Third"), message("2@x", "New")]))
        assert.deepStrictEqual(after.slice(0, 3), before)
        const trimmed = yield* items("a.mbox", of(old).trimEnd())
        assert.deepStrictEqual(trimmed, before)
        assert.deepStrictEqual(
          after.map(([uri]) => uri).filter((uri) => !uri.includes("sha-")),
          ["a.mbox#1@x", "a.mbox#1@x~2", "a.mbox#1@x~3", "a.mbox#2@x"]
        )
        assert.match(after[1]?.[0] ?? "", /^a\.mbox#sha-[0-9a-f]{12}$/)
      }
    })
  )

  it.effect("are not parted where people merely write From, nor within a message whose length is known", () =>
    Effect.gen(function* () {
      const prose = message("1@x", "Hello\n\nFrom Monday 3 March 2025 10:00 on we meet.\nFrom: nobody\n\nFrom now on.")
      assert.strictEqual((yield* items("a.mbox", mailbox(prose))).length, 1)
      const inner = `\n\n${from}Subject: inner\n\nquoted`
      const text = `Hello${inner}`
      const sized = message("1@x", text, `Content-Length: ${text.length + 1}\n`)
      const found = yield* items("a.mbox", mailbox(sized, message("2@x", "Bye")))
      assert.deepStrictEqual(
        found.map(([uri]) => uri),
        ["a.mbox#1@x", "a.mbox#2@x"]
      )
      assert.include(found[0]?.[1], "quoted")
      const wrong = message("1@x", text, "Content-Length: 3\n")
      assert.strictEqual((yield* items("a.mbox", mailbox(wrong, message("2@x", "Bye")))).length, 3)
    })
  )

  it.effect("larger than the window are the same, wherever a window ends, and never read whole", () =>
    Effect.gen(function* () {
      const random = makeRandom(7)
      const all = Array.from({ length: 600 }, (_, at) =>
        message(`${at}@x`, `${"words of a mail\n".repeat(random.int(600))}end of ${at}`)
      )
      const bytes = encoder.encode(mailbox(...all))
      assert.isAbove(bytes.length, 2_500_000)
      let largest = 0
      const file: ContainerFile = {
        uri: "a.mbox",
        size: bytes.length,
        range: (start, end) => {
          largest = Math.max(largest, end - start)
          return Effect.sync(() => bytes.slice(start, end))
        }
      }
      const found = yield* items("a.mbox", file)
      assert.deepStrictEqual(
        found.map(([, text]) => text),
        all
      )
      assert.isAtMost(largest, 1024 * 1024)
    })
  )

  it.effect("hold a message that is too large as one that fails", () =>
    Effect.gen(function* () {
      const found = yield* items(
        "a.mbox",
        mailbox(message("1@x", "x".repeat(maxBytes)), message("", "y".repeat(maxBytes)), message("3@x", "Bye"))
      )
      assert.match(found[0]?.[1] ?? "", /^too-large: a\.mbox#1@x has \d+ bytes/)
      assert.match(found[1]?.[1] ?? "", /^too-large: a\.mbox#sha-/)
      assert.strictEqual(found[2]?.[1], message("3@x", "Bye"))
    })
  )

  it.effect("that become shorter while they are read say so", () =>
    Effect.gen(function* () {
      const file = fileOf("a.mbox", mailbox(message("1@x", "x"), message("2@x", "y")))
      const cut = yield* shown("a.mbox", { ...file, size: file.size + 10 })
      assert.strictEqual(cut.failure?.reason, "unreadable")
      assert.include(cut.failure?.message, "became shorter")
    })
  )

  it("unescape what was escaped at the start of a line only", () => {
    const of = (text: string) => decoder.decode(messageBytes(encoder.encode(text)))
    assert.strictEqual(of(">From a\nb >From c\n>>>From d\n> From e\n\n\r\n"), "From a\nb >From c\n>>From d\n> From e")
    assert.strictEqual(of("\n\n"), "")
  })
})

describe("mails", () => {
  it.effect("are documents, and hold what is attached to them, each by its own name", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* shown("a.eml", attachedText), {
        isDocument: true,
        failure: undefined,
        items: [
          ["a.eml#notes.txt", "Some notes.\n"],
          ["a.eml#notes~2.txt", "Other notes.\n"],
          ["a.eml#secret.asc", "unreadable: a.eml#secret.asc is encrypted with PGP: decrypt it and save it first"]
        ]
      })
      const msg = makeMsg({
        ...property("0037001F", "x"),
        ...attachedFile(0, "notes.txt", "text/plain", encoder.encode("Some notes."))
      })
      assert.deepStrictEqual(yield* items("mail", msg), [["mail#notes.txt", "Some notes."]])
    })
  )

  it.effect("without attachments hold nothing", () =>
    Effect.gen(function* () {
      const unpacker = yield* Unpacker
      const plain = message("1@x", "Hello", "Date: Tue, 4 Mar 2025 09:12:00 +0100\n")
      const both = plain.replace(
        "\n\n",
        '\nContent-Type: multipart/alternative; boundary="b"\n\n--b\nContent-Type: text/html\n\n'
      )
      for (const mail of [plain, both, makeMsg(property("0037001F", "x"))]) {
        assert.deepStrictEqual(yield* unpacker.open(fileOf("a", mail)), { isDocument: true })
      }
    }).pipe(Effect.provide(layer))
  )

  it.effect("that are broken tell so where they were to hold something", () =>
    Effect.gen(function* () {
      const deep = Array.from(
        { length: 300 },
        (_, at) => `Content-Type: multipart/mixed; boundary=b${at}\n\n--b${at}\n`
      )
      const nested = `From: a@b.c\nTo: d@e.f\nSubject: x\n${deep.join("")}Content-Disposition: attachment\n\nx`
      const { failure, isDocument } = yield* shown("a.eml", nested)
      assert.isTrue(isDocument)
      assert.strictEqual(failure?.reason, "malformed")
    })
  )
})

describe("archives", () => {
  it.effect("hold their files by their paths, without hidden ones and directories", () =>
    Effect.gen(function* () {
      const zip = zipOf({
        "docs/": "",
        "docs/a.txt": "a",
        "docs/.git/x": "hidden",
        "__MACOSX/docs/._a.txt": "hidden",
        ".DS_Store": "hidden",
        "b.eml": "b"
      })
      assert.deepStrictEqual(yield* shown("a.zip", zip), {
        isDocument: false,
        failure: undefined,
        items: [
          ["a.zip#docs/a.txt", "a"],
          ["a.zip#b.eml", "b"]
        ]
      })
    })
  )

  it.effect("that are office files or books are documents", () =>
    Effect.gen(function* () {
      for (const part of ["[Content_Types].xml", "META-INF/container.xml", "mimetype"]) {
        assert.deepStrictEqual(yield* shown("a", zipOf({ [part]: "x", "a.txt": "a" })), {
          isDocument: true,
          failure: undefined,
          items: []
        })
      }
    })
  )

  it.effect("with nothing in them are empty, and broken ones malformed", () =>
    Effect.gen(function* () {
      const empty = yield* Effect.flip(shown("a.zip", zipOf({ "a/": "", ".b": "x" })))
      assert.instanceOf(empty, ParseError)
      assert.strictEqual(empty.reason, "empty")
      const none = yield* Effect.flip(shown("a.zip", zipOf({})))
      assert.strictEqual(none.reason, "empty")
      const whole = zipOf({ "a.txt": "a".repeat(1000), "b.txt": "b" })
      const cut = yield* Effect.flip(shown("a.zip", whole.slice(0, whole.length - 10)))
      assert.strictEqual(cut.reason, "malformed")
    })
  )

  it.effect("hold members that are encrypted, damaged or too large as ones that fail", () =>
    Effect.gen(function* () {
      const zip = makeZip([
        { name: "secret.txt", data: encoder.encode("secret"), flags: 1 },
        { name: "damaged.txt", data: encoder.encode("damaged"), checksum: 1 },
        { name: "large.txt", data: new Uint8Array(maxBytes + 1) },
        { name: "liar.txt", data: new Uint8Array(maxBytes + 1), declaredSize: 5 },
        { name: "good.txt", data: encoder.encode("good") }
      ])
      const found = new Map(yield* items("a.zip", zip))
      assert.match(found.get("a.zip#secret.txt") ?? "", /^unreadable: .*password/)
      assert.match(found.get("a.zip#damaged.txt") ?? "", /^malformed: .*damaged/)
      assert.match(found.get("a.zip#large.txt") ?? "", /^too-large: /)
      assert.match(found.get("a.zip#liar.txt") ?? "", /^(?:too-large|malformed): /)
      assert.strictEqual(found.get("a.zip#good.txt"), "good")
    })
  )

  it.effect(
    "hold as much as they may in the order of their directory, however many of their members are read at once",
    () =>
      Effect.gen(function* () {
        const size = 20 * 1024 * 1024
        const bomb = fileOf(
          "a.zip",
          zipOf(Object.fromEntries(["a", "b", "c", "d", "e"].map((name) => [name, new Uint8Array(size)])))
        )
        const unpacker = yield* Unpacker
        const read = (concurrency: number) =>
          Effect.gen(function* () {
            const { items: found = Stream.empty } = yield* unpacker.open(bomb)
            return yield* Effect.forEach(
              yield* Stream.runCollect(found),
              ({ read, uri }) =>
                Effect.match(read, {
                  onSuccess: (bytes) => `${uri} ${bytes.length}`,
                  onFailure: ({ reason }) => `${uri} ${reason}`
                }),
              { concurrency }
            )
          })
        const expected = [
          `a.zip#a ${size}`,
          `a.zip#b ${size}`,
          `a.zip#c ${size}`,
          "a.zip#d too-large",
          "a.zip#e too-large"
        ]
        assert.deepStrictEqual(yield* read(1), expected)
        assert.deepStrictEqual(yield* read(5), expected)
      }).pipe(Effect.provide(Layer.provide(layerPooled({ maxBytes: 64_000_000 }), Pool.layer)))
  )

  it.effect("in archives unpack to no more together than the outermost may alone", () =>
    Effect.gen(function* () {
      const nest = (depth: number): Uint8Array => {
        if (depth === 0) return new Uint8Array(8 * 1024 * 1024)
        const inner = nest(depth - 1)
        return zipOf(Object.fromEntries(Array.from({ length: 6 }, (_, index) => [`${index}`, inner])))
      }
      const unpacker = yield* Unpacker
      let unpacked = 0
      const unpack = (file: ContainerFile): Effect.Effect<void, SourceItemError | ParseError> =>
        Effect.gen(function* () {
          const { items: found = Stream.empty } = yield* unpacker.open(file)
          for (const item of yield* Stream.runCollect(found)) {
            const read = yield* Effect.result(item.read)
            if (Result.isFailure(read)) continue
            unpacked += read.success.length
            const { unpacksTo } = item
            yield* unpack({ ...fileOf(item.uri, read.success), ...(unpacksTo === undefined ? {} : { unpacksTo }) })
          }
        })
      yield* unpack(fileOf("a.zip", nest(3)))
      assert.isAbove(unpacked, 0)
      assert.isAtMost(unpacked, 3 * 64 * 1024 * 1024)
    }).pipe(Effect.provide(Layer.provide(layerPooled({ maxBytes: 64_000_000 }), Pool.layer)))
  )

  it.effect("that Slack exported hold the days of its channels, with the names of people", () =>
    Effect.gen(function* () {
      const zip = zipOf({
        "users.json": JSON.stringify([{ id: "U012AB3CD", name: "ada", profile: { real_name: "Ada Moreno" } }]),
        "channels.json": JSON.stringify([{ id: "C1", name: "buoys" }]),
        "buoys/2025-03-04.json": JSON.stringify([
          { type: "message", user: "U012AB3CD", text: "It floats.", ts: "1741079520.000100" }
        ])
      })
      const found = yield* items("slack.zip", zip)
      assert.deepStrictEqual(
        found.map(([uri]) => uri),
        ["slack.zip#buoys/2025-03-04.json"]
      )
      assert.include(found[0]?.[1], "Ada Moreno")
      assert.include(found[0]?.[1], "It floats.")
    })
  )
})

describe("other files that hold some", () => {
  it.effect("gzip files hold one, within the limit", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* items("logs/a.txt.gz", gzipSync("hello")), [["logs/a.txt.gz#a.txt", "hello"]])
      assert.deepStrictEqual((yield* items("a.tgz", gzipSync("x")))[0]?.[0], "a.tgz#a.tar")
      const [, large] = (yield* items("a.gz", gzipSync(new Uint8Array(maxBytes + 1))))[0] ?? []
      assert.match(large ?? "", /^too-large: /)
      const [, cut] = (yield* items("a.gz", gzipSync("hello, and more").subarray(0, 20)))[0] ?? []
      assert.match(cut ?? "", /^malformed: .*cut off/)
    })
  )

  it.effect("exports of all chats of Telegram hold each chat; that of one chat is a document", () =>
    Effect.gen(function* () {
      const chat = (id: number) => ({
        id,
        name: `Chat ${id}`,
        type: "personal_chat",
        messages: [
          { id: 1, type: "message", date: "2025-03-04T09:12:00", from: "Ada", from_id: "user1", text: "It floats." }
        ]
      })
      const whole = JSON.stringify({ about: "data", chats: { about: "chats", list: [chat(1), chat(2)] } })
      const { isDocument, items: found } = yield* shown("result.json", whole)
      assert.isFalse(isDocument)
      assert.strictEqual(found.length, 2)
      for (const [, text] of found) assert.include(text, "It floats.")
      assert.isTrue((yield* shown("result.json", JSON.stringify(chat(1)))).isDocument)
    })
  )
})

it.effect("damaged containers give what can be read and say what cannot", () =>
  Effect.gen(function* () {
    const files = [
      ["a.mbox", encoder.encode(mailbox(message("1@x", "Hello"), message("", "Bye")))],
      ["a.eml", encoder.encode(attachedText)],
      ["a.zip", zipOf({ "a.txt": "a".repeat(300), "b.txt": "b" })],
      ["a.gz", new Uint8Array(gzipSync("hello"))]
    ] as const
    const unpacker = yield* Unpacker
    for (let seed = 1; seed <= 400; seed++) {
      const { content, uri } = mutate(makeRandom(seed), files, String(seed))
      const opened = yield* Effect.result(unpacker.open(fileOf(uri, content)))
      if (opened._tag === "Failure") {
        assert.isTrue(opened.failure instanceof ParseError || opened.failure instanceof SourceItemError, `seed ${seed}`)
        continue
      }
      const end = yield* (opened.success.items ?? Stream.empty).pipe(
        Stream.runForEach(({ read }) => Effect.result(read)),
        Effect.result
      )
      if (end._tag === "Failure") assert.instanceOf(end.failure, SourceItemError, `seed ${seed}`)
    }
  }).pipe(Effect.provide(layer))
)
