import type { Context } from "effect"
import { Effect, Layer } from "effect"
import { Parser } from "../services/Parser.ts"
import { detect, formatOfName } from "./parsers/detect.ts"
import type { Format } from "./parsers/Format.ts"
import * as Pool from "./parsers/Pool.ts"
import { parse, parseErrorOf } from "./parsers/Task.ts"

/** Changes with whatever would make another document of the same bytes. */
const version = "3"

/**
 * Up to how many bytes a format is read on the calling thread: where that takes a few milliseconds, a hop to another
 * thread and back (0.1 to 0.4 ms, and some 50 to start one) gains nothing, and holds up nobody. Markdown takes over a
 * millisecond a kilobyte, the others a tenth of that.
 */
const light: Readonly<Partial<Record<Format, number>>> = {
  asciidoc: 64 * 1024,
  csv: 64 * 1024,
  json: 64 * 1024,
  log: 64 * 1024,
  mail: 64 * 1024,
  markdown: 16 * 1024,
  srt: 64 * 1024,
  text: 64 * 1024,
  vtt: 64 * 1024
}

/** Reads whatever is not light with `heavy`. */
const make = (heavy: Context.Service.Shape<typeof Pool.ParserPool>["parse"] | undefined) =>
  Parser.of({
    version,
    formatOfName,
    parse: Effect.fn("Parser.parse")(function* (uri, bytes, mediaType) {
      const attempt = <A>(run: () => A | Promise<A>) =>
        Effect.tryPromise({
          try: async () => run(),
          catch: (error) => parseErrorOf(uri, error)
        })
      const format = yield* attempt(() => detect(uri, bytes, mediaType))
      const inPool = bytes.length <= (light[format] ?? 0) ? undefined : heavy
      yield* Effect.annotateCurrentSpan({
        "sluice.document.format": format,
        "sluice.document.bytes": bytes.length,
        "sluice.parser.thread": inPool === undefined ? "calling" : "worker"
      })
      return yield* inPool === undefined ? attempt(() => parse(format, uri, bytes)) : inPool(format, uri, bytes)
    })
  })

/** Every format: small files of light formats on the calling thread, all else in a pool that others may share. */
export const layerPooled: Layer.Layer<Parser, never, Pool.ParserPool> = Layer.effect(
  Parser,
  Pool.ParserPool.pipe(Effect.map(({ parse }) => make(parse)))
)

/** Every format on the calling thread, without limits of time and memory: for documents that are trusted, and for tests. */
export const layerCalling: Layer.Layer<Parser> = Layer.succeed(Parser, make(undefined))

/** With a pool of its own, with the default limits of `PoolOptions`. */
export const layer: Layer.Layer<Parser | Pool.ParserPool> = Layer.provideMerge(layerPooled, Pool.layer)
