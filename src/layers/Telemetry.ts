import { Config, Duration, Effect, Layer, Option, References } from "effect"

/** How long the end of the process may wait for the last spans. */
const shutdownTimeout = Duration.seconds(2)

/** `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is the whole address, `OTEL_EXPORTER_OTLP_ENDPOINT` the collector's. */
export const endpoint: Effect.Effect<Option.Option<string>> = Effect.gen(function* () {
  const traces = yield* Config.option(Config.NonEmptyString("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
  if (Option.isSome(traces)) return traces
  const base = yield* Config.option(Config.NonEmptyString("OTEL_EXPORTER_OTLP_ENDPOINT"))
  return Option.map(base, (url) => `${url.replace(/\/+$/, "")}/v1/traces`)
}).pipe(Effect.orElseSucceed(() => Option.none<string>()))

/** Loaded only where traces are wanted: the SDK takes a tenth of a second. */
const sdk = Effect.promise(async () => {
  const [otel, resource, base, node, otlp] = await Promise.all([
    import("@effect/opentelemetry/OtelTracer"),
    import("@effect/opentelemetry/Resource"),
    import("@opentelemetry/sdk-trace-base"),
    import("@opentelemetry/sdk-trace-node"),
    import("@opentelemetry/exporter-trace-otlp-http")
  ])
  return { otel, resource, base, node, otlp }
})

const layerOtlp = (url: string, version: string) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { base, node, otel, otlp, resource } = yield* sdk
      const name = yield* Config.String("OTEL_SERVICE_NAME").pipe(Effect.orElseSucceed(() => "sluice"))

      const provider = Layer.effect(
        otel.OtelTracerProvider,
        Effect.gen(function* () {
          const attributes = yield* resource.Resource
          let lost = 0
          const exporter = new otlp.OTLPTraceExporter({ url, timeoutMillis: Duration.toMillis(shutdownTimeout) })
          const send = exporter.export.bind(exporter)
          exporter.export = (spans, done) =>
            send(spans, (result) => {
              if (result.code !== 0) lost += spans.length
              done(result)
            })
          const tracing = new node.NodeTracerProvider({
            resource: attributes,
            spanProcessors: [new base.BatchSpanProcessor(exporter)]
          })
          yield* Effect.addFinalizer(() =>
            Effect.tryPromise(() => tracing.shutdown()).pipe(
              Effect.timeout(shutdownTimeout),
              Effect.isSuccess,
              Effect.flatMap((sent) =>
                sent && lost === 0
                  ? Effect.void
                  : Effect.logWarning(`Traces could not all be sent to ${url}: is a collector listening there?`)
              )
            )
          )
          return tracing
        })
      )
      return otel.layer.pipe(
        Layer.provide(provider),
        Layer.provide(resource.layerFromEnv({ "service.name": name, "service.version": version }))
      )
    })
  )

/**
 * Spans to an OpenTelemetry collector, when the environment names one. A collector that is away costs the run nothing
 * but a warning, and the end of the process at most two seconds.
 */
export const layer = (version: string): Layer.Layer<never> =>
  Layer.unwrap(
    Effect.map(
      endpoint,
      Option.match({
        // Without anybody to send them to, spans are not made: a document has a dozen of them.
        onNone: (): Layer.Layer<never> => Layer.succeed(References.TracerEnabled, false),
        onSome: (url): Layer.Layer<never> => layerOtlp(url, version)
      })
    )
  )
