import { connect, createServer } from "node:net"
import type { Socket } from "node:net"
import { Effect } from "effect"

/** A server's address that can be taken away and given back. */
export interface Proxy {
  readonly port: number
  /** Breaks what is connected, and refuses what comes. */
  readonly cut: Effect.Effect<void>
  /** What is connected, and what comes, never hears anything again, and is not told so. */
  readonly stall: Effect.Effect<void>
  readonly mend: Effect.Effect<void>
  /** When so many bytes have come from clients since now. */
  readonly sent: (bytes: number) => Effect.Effect<void>
}

/** On a port of its own, to `port` of this machine. */
export const proxy = (port: number) =>
  Effect.acquireRelease(
    Effect.callback<Proxy & { readonly close: () => void }>((resume) => {
      const sockets = new Set<Socket>()
      let state: "open" | "cut" | "stalled" = "open"
      const muted = new WeakSet<Socket>()
      let total = 0
      let awaited: { readonly total: number; readonly done: () => void } | undefined
      const server = createServer((client) => {
        if (state === "cut") return client.destroy()
        sockets.add(client)
        client.on("error", () => undefined)
        client.on("close", () => sockets.delete(client))
        if (state === "stalled") return
        const isMuted = () => muted.has(client)
        const upstream = connect(port, "127.0.0.1")
        sockets.add(upstream)
        upstream.on("error", () => undefined)
        client.on("close", () => upstream.destroy())
        upstream.on("close", () => {
          sockets.delete(upstream)
          // Of a stalled connection nobody hears that it has ended.
          if (!isMuted()) client.destroy()
        })
        client.on("data", (data) => {
          total += data.length
          if (awaited !== undefined && total >= awaited.total) awaited.done()
          if (!isMuted()) upstream.write(data)
        })
        upstream.on("data", (data) => {
          if (!isMuted()) client.write(data)
        })
      })
      const breakAll = () => {
        for (const socket of sockets) socket.destroy()
      }
      const become = (next: typeof state) =>
        Effect.sync(() => {
          state = next
          // For good: half of what was said is lost.
          if (next === "stalled") for (const socket of sockets) muted.add(socket)
        })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(
          Effect.succeed({
            port: typeof address === "object" && address !== null ? address.port : 0,
            cut: Effect.tap(become("cut"), () => Effect.sync(breakAll)),
            stall: become("stalled"),
            mend: become("open"),
            sent: (bytes) =>
              Effect.callback<void>((done) => {
                awaited = { total: total + bytes, done: () => done(Effect.void) }
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
