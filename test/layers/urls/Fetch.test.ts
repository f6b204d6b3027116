import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { createServer } from "node:net"
import { gzipSync } from "node:zlib"
import type { IncomingMessage, ServerResponse } from "node:http"
import { afterAll } from "vitest"
import { layer } from "../../../src/layers/FileSource.ts"
import { DocumentSource } from "../../../src/services/DocumentSource.ts"
import type { SourceItemError } from "../../../src/services/DocumentSource.ts"
import { serve } from "../../support/http.ts"
import { temporaryDirectory } from "../../support/temporaryDirectory.ts"
import { suite } from "../../suites/DocumentSource.ts"

const maxBytes = 1000
const items = (urls: ReadonlyArray<string>, cwd = "/") =>
  Effect.flatMap(DocumentSource, ({ items }) => Stream.runCollect(items)).pipe(
    Effect.provide(layer(urls, { maxBytes, cwd, userAgent: "sluice/9.8.7" }))
  )

/** What an address gives, while the layer is there. */
const fetched = (url: string) =>
  Effect.gen(function* () {
    const source = yield* DocumentSource
    const [item] = yield* Stream.runCollect(source.items)
    if (item === undefined) return assert.fail("no item")
    const bytes = yield* item.read
    return {
      uri: item.uri,
      text: new TextDecoder().decode(bytes),
      bytes,
      mediaType: yield* item.mediaType ?? Effect.succeed("")
    }
  }).pipe(Effect.provide(layer([url], { maxBytes, userAgent: "sluice/9.8.7" })))

/** Why an address gives nothing. */
const failed = (url: string) =>
  Effect.flip(fetched(url)).pipe(
    Effect.filterOrElse(
      (error): error is SourceItemError => error._tag === "SourceItemError",
      (error) => Effect.die(error)
    )
  )

type Answers = Readonly<Record<string, (response: ServerResponse, request: IncomingMessage, nth: number) => void>>

/** A server that answers by path; every request is in `seen`. */
const site = (answers: Answers) => {
  const seen: Array<IncomingMessage> = []
  return Effect.map(
    serve((request, response) => {
      seen.push(request)
      const path = request.url?.split("?")[0] ?? ""
      const answer = answers[path]
      if (answer === undefined) response.writeHead(404).end("nothing here")
      else answer(response, request, seen.filter(({ url }) => url === request.url).length)
    }),
    (url) => ({ origin: new URL(url).origin, host: new URL(url).host, seen })
  )
}

const send =
  (body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}, status = 200) =>
  (response: ServerResponse) =>
    void response.writeHead(status, headers).end(body)

/**
 * Runs an effect while virtual time passes. The server is in this thread, so an answer takes a few turns of the event
 * loop, and timeouts take hundreds.
 */
const drive = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    while (fiber.pollUnsafe() === undefined) {
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      yield* TestClock.adjust("100 millis")
    }
    return yield* Fiber.join(fiber)
  })

const scope = await Effect.runPromise(Scope.make())
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
const { origin: pages } = await Effect.runPromise(
  Scope.provide(site({ "/b": send("b"), "/a": send("a", { "content-type": "text/plain" }) }), scope)
)
suite("addresses", layer([`${pages}/b`, `${pages}/a#part`], { maxBytes }), [
  { uri: `${pages}/b`, content: "b" },
  { uri: `${pages}/a`, content: "a" }
])

describe("addresses", () => {
  it.effect("are fetched by name and version of the program, under their normal form without fragment, once each", () =>
    Effect.gen(function* () {
      const { origin, host, seen } = yield* site({ "/a b": send("text"), "/a%20b": send("text") })
      const given = [`${origin}/a b?q=1#part`, `HTTP://${host}/x/../a%20b?q=1`, `${origin}/a%20b?q=2`]
      const found = yield* items(given)
      assert.deepStrictEqual(
        found.map(({ uri }) => uri),
        [`${origin}/a%20b?q=1`, `${origin}/a%20b?q=2`]
      )
      assert.strictEqual(seen.length, 0)
      const { text, uri } = yield* fetched(given[0] ?? "")
      assert.deepStrictEqual([text, uri], ["text", `${origin}/a%20b?q=1`])
      assert.strictEqual(seen[0]?.headers["user-agent"], "sluice/9.8.7")
      assert.strictEqual(seen[0]?.url, "/a%20b?q=1")
    })
  )

  it.effect("stand among files in the order given", () =>
    Effect.gen(function* () {
      const { origin } = yield* site({ "/x": send("x") })
      const cwd = yield* temporaryDirectory({ "a.txt": "", "b.txt": "" })
      const found = yield* items(["b.txt", `${origin}/x`, "a.txt", `${origin}/x#again`], cwd)
      assert.deepStrictEqual(
        found.map(({ uri }) => uri),
        ["b.txt", `${origin}/x`, "a.txt"]
      )
    })
  )

  it.effect.each<readonly [string, string]>([
    ["ftp://host/file", "neither an http nor an https address"],
    ["file:///etc/passwd", "name the file by its path"],
    ["data:text/plain,x", "neither an http nor an https address"],
    ["s3://bucket/key", "neither an http nor an https address"],
    ["http://", "no address that can be read"],
    ["https://me:hunter2@exa mple/x", "no address that can be read"],
    ["ftp://me:hun/ter2@host/x", "no address that can be read"]
  ])("that cannot be fetched are a SourceError before anything is done: %s", ([given, words]) =>
    Effect.gen(function* () {
      const { origin, seen } = yield* site({ "/": send("x") })
      const error = yield* Effect.flip(items([origin, given]))
      assert.strictEqual(error._tag, "SourceError")
      assert.include(error.message, words)
      assert.notMatch(error.message, /hunter2|hun|ter2|me:/)
      assert.strictEqual(seen.length, 0)
    })
  )

  it.effect("send the user and password that they hold as Authorization, and show them to nobody", () =>
    Effect.gen(function* () {
      const { host, origin, seen } = yield* site({ "/ok": send("x") })
      const address = (path: string) => `http://me%40home:p%C3%A4ss@${host}${path}`
      const found = yield* fetched(address("/ok"))
      assert.strictEqual(found.uri, `${origin}/ok`)
      const expected = `Basic ${Buffer.from("me@home:päss").toString("base64")}`
      assert.strictEqual(seen[0]?.headers.authorization, expected)
      const error = yield* failed(address("/missing"))
      assert.notMatch(JSON.stringify(error), /päss|p%C3%A4ss|me%40home|me@home|Basic/)
      assert.include(error.message, `${origin}/missing`)
    })
  )

  it.effect("redirect up to five times, and credentials go to no other origin", () =>
    Effect.gen(function* () {
      const other = yield* site({ "/end": send("there") })
      const hop = (location: string) => send("moved", { location }, 302)
      const { host, seen } = yield* site({
        "/away": hop(`http://them:secret@${other.host}/end`),
        "/1": hop("2"),
        "/2": hop("/3?x"),
        "/3": send("moved", { location: "/4" }, 307),
        "/4": send("moved", { location: "/5" }, 308),
        "/5": send("moved", { location: "/end" }, 301),
        "/0": hop("/1"),
        "/end": send("here"),
        "/loop": hop("/loop"),
        "/file": hop("file:///etc/passwd"),
        "/nowhere": send("", {}, 302)
      })
      const at = (path: string) => fetched(`http://me:pw@${host}${path}`)
      const found = yield* at("/1")
      assert.deepStrictEqual([found.text, found.uri], ["here", `http://${host}/1`])
      assert.isTrue(seen.every(({ headers }) => headers.authorization !== undefined))
      assert.strictEqual((yield* at("/away")).text, "there")
      assert.strictEqual(other.seen[0]?.headers.authorization, undefined)
      for (const path of ["/0", "/loop"]) {
        assert.include((yield* failed(`http://${host}${path}`)).message, "redirects more than 5 times")
      }
      for (const path of ["/file", "/nowhere"]) {
        assert.include(
          (yield* failed(`http://${host}${path}`)).message,
          "redirects to something that is no http or https address"
        )
      }
    })
  )

  it.effect("that answer no 2xx are unreadable, with the status in words", () =>
    Effect.gen(function* () {
      const { origin } = yield* site({ "/secret": send("no", {}, 403), "/tea": send("", {}, 418) })
      const { message, reason } = yield* failed(`${origin}/gone`)
      assert.strictEqual(reason, "unreadable")
      assert.include(message, "404 (Not Found)")
      assert.include((yield* failed(`${origin}/secret`)).message, "403 (Forbidden)")
      assert.include((yield* failed(`${origin}/tea`)).message, "418 (I'm a Teapot)")
    })
  )

  it.effect("are tried three times where the fault may pass", () =>
    Effect.gen(function* () {
      const failing = (status: number, times: number) => (response: ServerResponse, _: IncomingMessage, nth: number) =>
        void response.writeHead(nth <= times ? status : 200).end("at last")
      const { origin, seen } = yield* site({
        "/503": failing(503, 2),
        "/429": failing(429, 2),
        "/500": failing(500, 3),
        "/400": failing(400, 1),
        "/reset": (response, _, nth) => void (nth < 3 ? response.destroy() : response.end("at last")),
        "/cut": (response, _, nth) => {
          response.writeHead(200, { "content-length": "7" }).write("at ")
          if (nth < 3) setImmediate(() => response.destroy())
          else response.end("last")
        }
      })
      for (const path of ["/503", "/429", "/reset", "/cut"]) {
        assert.strictEqual((yield* drive(fetched(origin + path))).text, "at last", path)
      }
      const error = yield* drive(failed(`${origin}/500`))
      assert.include(error.message, "500 (Internal Server Error)")
      assert.strictEqual(seen.filter(({ url }) => url === "/500").length, 3)
      assert.include((yield* failed(`${origin}/400`)).message, "400 (Bad Request)")
      assert.strictEqual(seen.filter(({ url }) => url === "/400").length, 1)
    })
  )

  it.effect("wait for as long as a server asks, unless it asks for more than a minute", () =>
    Effect.gen(function* () {
      const busy = (after: string) => (response: ServerResponse, _: IncomingMessage, nth: number) =>
        void response.writeHead(nth === 1 ? 429 : 200, { "retry-after": after }).end("at last")
      const { origin, seen } = yield* site({ "/soon": busy("20"), "/later": busy("61") })
      const start = yield* Clock.currentTimeMillis
      assert.strictEqual((yield* drive(fetched(`${origin}/soon`))).text, "at last")
      assert.isAtLeast((yield* Clock.currentTimeMillis) - start, 20_000)
      assert.include((yield* failed(`${origin}/later`)).message, "429 (Too Many Requests)")
      assert.strictEqual(seen.filter(({ url }) => url === "/later").length, 1)
    })
  )

  it.effect("of hosts that take no connection or speak no HTTP are unreadable", () =>
    Effect.gen(function* () {
      const server = createServer((socket) => void socket.resume().end("220 mail.example ESMTP\r\n"))
      yield* Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void)))
      const address = server.address()
      const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/`
      const spoken = yield* drive(failed(url))
      assert.include(spoken.message, "does not speak HTTP")
      yield* Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
      const closed = yield* drive(failed(url))
      assert.deepStrictEqual([closed.reason, closed.message.includes("takes no connections")], ["unreadable", true])
    })
  )

  it.effect("that fall silent, before an answer or in the middle of it, are given up after 30 seconds", () =>
    Effect.gen(function* () {
      const { origin, seen } = yield* site({
        "/mute": () => undefined,
        "/stops": (response) => void response.writeHead(200).write("some")
      })
      for (const path of ["/mute", "/stops"]) {
        const start = yield* Clock.currentTimeMillis
        const error = yield* drive(failed(origin + path))
        const waited = (yield* Clock.currentTimeMillis) - start
        assert.include(error.message, "has not answered for 30 s")
        assert.isAtLeast(waited, 30_000)
        assert.isBelow(waited, 60_000)
      }
      assert.strictEqual(seen.length, 2)
    })
  )

  it.effect("that drip are given up after five minutes", () =>
    Effect.gen(function* () {
      const open: Array<ServerResponse> = []
      const { origin } = yield* site({ "/drip": (response) => void open.push(response.writeHead(200)) })
      const fiber = yield* Effect.forkChild(failed(`${origin}/drip`))
      for (let step = 0; fiber.pollUnsafe() === undefined && step < 300; step++) {
        open[0]?.write("x")
        for (let turn = 0; turn < 10; turn++) {
          yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        }
        if (open.length > 0) yield* TestClock.adjust("5 seconds")
      }
      assert.include((yield* Fiber.join(fiber)).message, "not there in full after 5 minutes")
    })
  )

  it.effect("larger than the limit are cut off, announced or not, packed or not", () =>
    Effect.gen(function* () {
      let sent = 0
      const { origin } = yield* site({
        "/announced": send("x".repeat(maxBytes + 1), { "content-length": String(maxBytes + 1) }),
        "/most": send("x".repeat(maxBytes)),
        "/endless": (response) => {
          response.writeHead(200)
          const more = () => {
            while (!response.destroyed && response.write("x".repeat(64))) sent += 64
          }
          response.on("drain", more)
          more()
        },
        "/bomb": send(gzipSync("x".repeat(100_000)), { "content-encoding": "gzip" })
      })
      assert.strictEqual((yield* fetched(`${origin}/most`)).bytes.length, maxBytes)
      const announced = yield* failed(`${origin}/announced`)
      assert.strictEqual(announced.reason, "too-large")
      assert.include(announced.message, "has 1001 bytes, more than the limit of 1000 bytes")
      for (const path of ["/endless", "/bomb"]) {
        const error = yield* failed(origin + path)
        assert.deepStrictEqual(
          [error.reason, error.message.includes("larger than the limit")],
          ["too-large", true],
          path
        )
      }
      assert.isBelow(sent, 20_000_000)
    })
  )

  it.effect("give UTF-8, by the charset that their server names, and say what they are", () =>
    Effect.gen(function* () {
      const html = '<meta charset="windows-1251"><p>Привет'
      const cyrillic = Uint8Array.from(html, (one) => {
        const code = one.charCodeAt(0)
        return code < 128 ? code : code - 0x410 + 0xc0
      })
      const latin = Uint8Array.from("naïve", (one) => one.charCodeAt(0))
      const typed = (body: string | Uint8Array, type: string) => send(body, { "content-type": type })
      const { origin } = yield* site({
        "/cyrillic": typed(cyrillic, 'Text/HTML; Charset="Windows-1251"; x=y'),
        "/latin": typed(latin, "text/plain; charset=ISO-8859-1"),
        "/lie": typed("naïve", "text/markdown;charset=iso-8859-1"),
        "/unknown": typed(latin, "text/plain; charset=klingon"),
        "/binary": typed(latin, "application/pdf; charset=utf-16le"),
        "/marked": typed("\ufeffnaïve", "text/csv; charset=utf-16le"),
        "/packed": send(gzipSync("naïve"), { "content-encoding": "gzip", "content-type": "text/csv" }),
        "/broken": send("no gzip", { "content-encoding": "gzip" }),
        "/odd": send("?", { "content-encoding": "compress" }),
        "/plain": send("naïve"),
        "/empty": send("")
      })
      const at = (path: string) => fetched(origin + path)
      const found = yield* at("/cyrillic")
      assert.deepStrictEqual([found.text, found.mediaType], [html, "text/html"])
      // A mark, so that what the page says of itself is not believed.
      assert.deepStrictEqual([...found.bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf])
      assert.strictEqual((yield* at("/latin")).text, "naïve")
      const lie = yield* at("/lie")
      assert.deepStrictEqual([lie.text, lie.mediaType], ["naïve", "text/markdown"])
      assert.deepStrictEqual((yield* at("/unknown")).bytes, latin)
      assert.deepStrictEqual((yield* at("/binary")).bytes, latin)
      assert.strictEqual((yield* at("/marked")).text, "naïve")
      const packed = yield* at("/packed")
      assert.deepStrictEqual([packed.text, packed.mediaType], ["naïve", "text/csv"])
      assert.strictEqual((yield* failed(`${origin}/broken`)).reason, "malformed")
      assert.strictEqual((yield* failed(`${origin}/odd`)).reason, "unreadable")
      const plain = yield* at("/plain")
      assert.deepStrictEqual([plain.text, plain.mediaType], ["naïve", ""])
      assert.strictEqual((yield* at("/empty")).bytes.length, 0)
    })
  )

  it.effect("end their request when nobody wants them any more", () =>
    Effect.gen(function* () {
      const arrived = Promise.withResolvers<void>()
      const closed = Promise.withResolvers<void>()
      const { origin } = yield* site({
        "/slow": (response) => {
          response.on("close", () => closed.resolve())
          response.writeHead(200).write("some")
          arrived.resolve()
        }
      })
      const fiber = yield* Effect.forkChild(fetched(`${origin}/slow`))
      yield* Effect.promise(() => arrived.promise)
      yield* Fiber.interrupt(fiber)
      yield* Effect.promise(() => closed.promise)
    })
  )
})
