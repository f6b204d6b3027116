import { Effect, Layer } from "effect"
import { ParseError, Parser } from "../services/Parser.ts"
import { detect, formatOfName } from "./parsers/detect.ts"
import { formats } from "./parsers/formats.ts"

/** Changes with whatever would make another document of the same bytes. */
const version = "3"

/** Every format, on the calling thread. */
export const layer: Layer.Layer<Parser> = Layer.succeed(Parser, {
  version,
  formatOfName,
  parse: Effect.fn("Parser.parse")(function* (uri, bytes) {
    const attempt = <A>(run: () => A | Promise<A>) =>
      Effect.tryPromise({
        try: async () => run(),
        catch: (error) =>
          error instanceof ParseError
            ? error
            : new ParseError({ uri, reason: "malformed", message: `${uri} cannot be read: ${String(error)}` })
      })
    const format = yield* attempt(() => detect(uri, bytes))
    yield* Effect.annotateCurrentSpan({ "sluice.document.format": format, "sluice.document.bytes": bytes.length })
    const parse = yield* Effect.promise(formats[format])
    return yield* attempt(() => parse(uri, bytes))
  })
})
