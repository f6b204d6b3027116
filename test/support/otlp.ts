import { createServer } from "node:http"
import { Effect, Schema } from "effect"

const Attribute = Schema.Struct({ key: Schema.String, value: Schema.Unknown })

const Request = Schema.Struct({
  resourceSpans: Schema.Array(
    Schema.Struct({
      resource: Schema.Struct({ attributes: Schema.Array(Attribute) }),
      scopeSpans: Schema.Array(
        Schema.Struct({
          spans: Schema.Array(
            Schema.Struct({
              traceId: Schema.String,
              spanId: Schema.String,
              parentSpanId: Schema.optionalKey(Schema.String),
              name: Schema.String,
              attributes: Schema.Array(Attribute)
            })
          )
        })
      )
    })
  )
})

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Request))

/** An OpenTelemetry collector in this process: OTLP over HTTP with JSON, on a port of its own. */
export const receiver = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly bodies: Array<string>; readonly close: () => void }>((resume) => {
    const bodies: Array<string> = []
    const server = createServer((request, response) => {
      let body = ""
      request.setEncoding("utf8").on("data", (text: string) => (body += text))
      request.on("end", () => {
        const isTraces = request.method === "POST" && request.url === "/v1/traces"
        if (isTraces) bodies.push(body)
        response.writeHead(isTraces ? 200 : 404, { "content-type": "application/json" }).end("{}")
      })
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resume(
        Effect.succeed({
          url: `http://127.0.0.1:${port}`,
          bodies,
          close: () => {
            server.close()
            server.closeAllConnections()
          }
        })
      )
    })
  }),
  ({ close }) => Effect.sync(close)
).pipe(
  Effect.map(({ bodies, url }) => ({
    url,
    /** Everything that was sent, as it came. */
    raw: () => bodies.join("\n"),
    spans: () =>
      bodies
        .flatMap((body) => decode(body).resourceSpans)
        .flatMap(({ resource, scopeSpans }) =>
          scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ ...span, resource: resource.attributes })))
        )
  }))
)
