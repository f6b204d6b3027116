import { Effect } from "effect"
import type { Scope } from "effect"
import { createServer } from "node:http"
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http"

/** A server on 127.0.0.1 until the scope closes; the base URL for a client. */
export const serve = (listener: RequestListener): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer(listener)
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  ).pipe(
    Effect.map((server) => {
      const address = server.address()
      return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/v1`
    })
  )

export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage["headers"]
  readonly body: unknown
}

/** Like `serve`, with the request's body read; `seen` grows by every request. */
export const serveJson = (answer: (seen: Seen, response: ServerResponse, nth: number) => void) => {
  const seen: Array<Seen> = []
  return Effect.map(
    serve((incoming, response) => {
      const parts: Array<Buffer> = []
      incoming.on("data", (part: Buffer) => void parts.push(part))
      incoming.on("end", () => {
        const text = Buffer.concat(parts).toString()
        const body: unknown = text === "" ? undefined : JSON.parse(text)
        const one = { method: incoming.method ?? "", url: incoming.url ?? "", headers: incoming.headers, body }
        seen.push(one)
        answer(one, response, seen.length - 1)
      })
    }),
    (url) => ({ url, seen })
  )
}

export const reply = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {}
): void => {
  response
    .writeHead(status, { "content-type": "application/json", ...headers })
    .end(typeof body === "string" ? body : JSON.stringify(body))
}
