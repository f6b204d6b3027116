import { Clock, Effect, Option, Schema } from "effect"
import type { Scope } from "effect"
import { createServer } from "node:http"
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import { SimulatedCore } from "./simulated/Core.ts"
import type { Exchange } from "./simulated/Core.ts"
import type { LedgerSnapshot } from "./simulated/Ledger.ts"
import type { SimulatedOptions } from "./simulated/Options.ts"

export class ServerNotStarted extends Schema.TaggedError<ServerNotStarted>()("ServerNotStarted", {
  message: Schema.String
}) {}

const parse = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

const bodyOf = (incoming: IncomingMessage): Effect.Effect<string> =>
  Effect.callback((resume) => {
    const parts: Array<Buffer> = []
    incoming.on("data", (part: Buffer) => void parts.push(part))
    incoming.on("end", () => resume(Effect.succeed(Buffer.concat(parts).toString())))
  })

const send = (response: ServerResponse, status: number, value: unknown): void => {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value))
}

/** Writes a reply as far as its transport lets it get. What it leaves open, the client closes. */
const write = (response: ServerResponse, { reply }: Exchange): void => {
  const bytes = Buffer.from(reply.body)
  switch (reply.transport) {
    case "hang":
      return
    case "reset":
      response.socket?.resetAndDestroy()
      return
    case "resetMidBody":
      response.writeHead(reply.status, { ...reply.headers, "content-length": bytes.byteLength })
      response.write(bytes.subarray(0, bytes.byteLength / 2), () => response.socket?.destroy())
      return
    case "complete":
      response.writeHead(reply.status, { ...reply.headers, "content-length": bytes.byteLength }).end(bytes)
  }
}

const listening = (port: number): Effect.Effect<Server, ServerNotStarted, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Server, ServerNotStarted>((resume) => {
      const server = createServer({ keepAliveTimeout: 60_000 })
      server.once("error", (error) => resume(Effect.fail(new ServerNotStarted({ message: error.message }))))
      server.listen({ port, host: "127.0.0.1", backlog: 4_096 }, () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )

/**
 * The simulated provider over HTTP, on 127.0.0.1, until the scope closes: `POST /v1/chat/completions`,
 * `POST /v1/embeddings`, `GET /v1/models`, and `GET /ledger` with what it saw. `url` is the base URL for a client,
 * `…/v1`; the ledger stands beside it. A request counts as answered once its reply has been written to the socket.
 *
 * @param port 0: any free one
 */
export const start = Effect.fn("SimulatedServer.start")(function* (
  options: SimulatedOptions = {},
  port = 0
): Effect.fn.Return<
  { readonly url: string; readonly ledger: Effect.Effect<LedgerSnapshot> },
  ServerNotStarted,
  Scope.Scope
> {
  const core = new SimulatedCore(options)
  const server = yield* listening(port)
  const clock = yield* Clock.Clock
  const run = Effect.runForkWith(yield* Effect.context())

  const answer = Effect.fnUntraced(function* (
    incoming: IncomingMessage,
    response: ServerResponse,
    face: "chat" | "embeddings"
  ) {
    const body = Option.getOrUndefined(parse(yield* bodyOf(incoming)))
    const key = incoming.headers.authorization?.replace(/^Bearer /i, "")
    const exchange = core[face](body, key, clock.currentTimeMillisUnsafe())
    const { transport } = exchange.reply
    let sent = false
    response.once("finish", () => exchange.ended(clock.currentTimeMillisUnsafe(), true))
    response.once("close", () => {
      // A reply that is meant to be lost has got as far as it should; a hang ends when the client gives up.
      const delivered = transport === "hang" || (transport !== "complete" && sent)
      exchange.ended(clock.currentTimeMillisUnsafe(), delivered)
    })
    for (let left = exchange.wait(clock.currentTimeMillisUnsafe()); left > 0;) {
      yield* Effect.sleep(left)
      left = exchange.wait(clock.currentTimeMillisUnsafe())
    }
    sent = true
    if (!response.destroyed) write(response, exchange)
  })

  server.on("request", (incoming: IncomingMessage, response: ServerResponse) => {
    const route = `${incoming.method} ${incoming.url?.split("?")[0]?.replace(/\/+$/, "")}`
    if (route === "POST /v1/chat/completions") return void run(answer(incoming, response, "chat"))
    if (route === "POST /v1/embeddings") return void run(answer(incoming, response, "embeddings"))
    incoming.resume()
    if (route === "GET /ledger") return send(response, 200, core.snapshot())
    if (route === "GET /v1/models") {
      const data = (options.models ?? ["simulated"]).map((id) => ({ id, object: "model", owned_by: "simulated" }))
      return send(response, 200, { object: "list", data })
    }
    const message = `Unknown request URL: ${route}`
    return send(response, 404, { error: { message, type: "invalid_request_error", param: null, code: "unknown_url" } })
  })

  const address = server.address()
  const at = typeof address === "object" && address !== null ? address.port : port
  return { url: `http://127.0.0.1:${at}/v1`, ledger: Effect.sync(() => core.snapshot()) }
})
