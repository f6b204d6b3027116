import { connect, createServer } from "node:net"
import type { Socket } from "node:net"
import { Effect } from "effect"

/** A server's address that can be taken away and given back. */
export interface Proxy {
  readonly port: number
  /** Breaks what is connected, and refuses what comes. */
  readonly cut: Effect.Effect<void>
  readonly mend: Effect.Effect<void>
}

/** On a port of its own, to `port` of this machine. */
export const proxy = (port: number) =>
  Effect.acquireRelease(
    Effect.callback<Proxy & { readonly close: () => void }>((resume) => {
      const sockets = new Set<Socket>()
      let isCut = false
      const server = createServer((client) => {
        if (isCut) return client.destroy()
        const upstream = connect(port, "127.0.0.1")
        for (const socket of [client, upstream]) {
          sockets.add(socket)
          socket.on("error", () => undefined)
          socket.on("close", () => {
            sockets.delete(socket)
            client.destroy()
            upstream.destroy()
          })
        }
        client.pipe(upstream)
        upstream.pipe(client)
      })
      const breakAll = () => {
        for (const socket of sockets) socket.destroy()
      }
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(
          Effect.succeed({
            port: typeof address === "object" && address !== null ? address.port : 0,
            cut: Effect.sync(() => {
              isCut = true
              breakAll()
            }),
            mend: Effect.sync(() => {
              isCut = false
            }),
            close: () => {
              breakAll()
              server.close()
            }
          })
        )
      })
    }),
    ({ close }) => Effect.sync(close)
  )
