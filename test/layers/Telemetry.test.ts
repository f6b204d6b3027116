import { createServer } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Logger, Redacted } from "effect"
import * as Telemetry from "../../src/layers/Telemetry.ts"
import { receiver } from "../support/otlp.ts"

const withEnv = (env: Record<string, string>) =>
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))

const work = Effect.fn("inner")(function* (key: Redacted.Redacted) {
  yield* Effect.annotateCurrentSpan({ key, items: 3 })
})

const nested = Effect.withSpan(work(Redacted.make("sk-very-secret")), "outer")

/** Somebody who takes connections and never says anything. */
const silent = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly close: () => void }>((resume) => {
    const sockets = new Set<{ destroy: () => void }>()
    const server = createServer((socket) => sockets.add(socket))
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resume(
        Effect.succeed({
          url: `http://127.0.0.1:${port}`,
          close: () => {
            server.close()
            for (const socket of sockets) socket.destroy()
          }
        })
      )
    })
  }),
  ({ close }) => Effect.sync(close)
)

/** Messages that were logged, and how long it took. */
const observed = Effect.fnUntraced(function* (env: Record<string, string>) {
  const messages: Array<string> = []
  const logger = Logger.make(({ message }) => messages.push(String(message)))
  const began = performance.now()
  yield* nested.pipe(
    Effect.provide(Telemetry.layer("1.2.3").pipe(Layer.provideMerge(Logger.layer([logger])))),
    withEnv(env)
  )
  return { messages, millis: performance.now() - began }
})

describe("Telemetry", () => {
  it.live("sends spans with their parents and the service's name", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const collector = yield* receiver
        const { messages } = yield* observed({ OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/` })
        const spans = collector.spans()
        assert.deepStrictEqual(messages, [])
        assert.deepStrictEqual(spans.map(({ name }) => name).toSorted(), ["inner", "outer"])
        const outer = spans.find(({ name }) => name === "outer")
        const inner = spans.find(({ name }) => name === "inner")
        assert.strictEqual(inner?.parentSpanId, outer?.spanId)
        assert.strictEqual(inner?.traceId, outer?.traceId)
        const resource = new Map(outer?.resource.map(({ key, value }) => [key, value]))
        assert.deepStrictEqual(resource.get("service.name"), { stringValue: "sluice" })
        assert.deepStrictEqual(resource.get("service.version"), { stringValue: "1.2.3" })
      })
    )
  )

  it.live("lets the environment name the service and the whole address of the traces", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const collector = yield* receiver
        yield* observed({
          OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces`,
          OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
          OTEL_SERVICE_NAME: "nightly"
        })
        const names = collector.spans().flatMap(({ resource }) => resource.filter(({ key }) => key === "service.name"))
        assert.deepStrictEqual(names[0]?.value, { stringValue: "nightly" })
      })
    )
  )

  it.live("sends no secret", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const collector = yield* receiver
        yield* observed({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
        assert.include(collector.raw(), `"items"`)
        assert.notInclude(collector.raw(), "sk-very-secret")
      })
    )
  )

  it.live("warns once, and holds the end up by about two seconds at most, when the collector never answers", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { url } = yield* silent
        const { messages, millis } = yield* observed({ OTEL_EXPORTER_OTLP_ENDPOINT: url })
        assert.lengthOf(messages, 1)
        assert.include(messages[0], url)
        assert.isBelow(millis, 8_000)
      })
    )
  )

  it.live("warns once when there is no collector", () =>
    Effect.gen(function* () {
      const { messages } = yield* observed({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" })
      assert.lengthOf(messages, 1)
    })
  )

  it.live("is off, and loads nothing, without an endpoint", () =>
    Effect.gen(function* () {
      const { messages } = yield* observed({})
      assert.deepStrictEqual(messages, [])
      const span = yield* Effect.currentSpan.pipe(
        Effect.withSpan("plain"),
        Effect.provide(Telemetry.layer("1")),
        withEnv({})
      )
      assert.notProperty(span, "span")
    })
  )
})
