import { Clock, Duration, Effect, Layer, Option, Schema } from "effect"
import { ChatModel, ConnectionFault } from "../services/ChatModel.ts"
import type { ModelError } from "../services/ChatModel.ts"
import { Embedder } from "../services/Embedder.ts"
import { chatBody, responseOf } from "./openai/Completion.ts"
import { failureOf, modelError, redactor } from "./http/Failures.ts"
import { SimulatedCore } from "./simulated/Core.ts"
import type { Exchange } from "./simulated/Core.ts"
import { itemHash } from "./simulated/Items.ts"
import { SimulatedLedger } from "./simulated/Ledger.ts"
import type { SimulatedOptions } from "./simulated/Options.ts"

export { SimulatedLedger }

const redact = redactor([])
const parse = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))
const decodeEmbeddings = Schema.decodeUnknownEffect(
  Schema.Struct({
    data: Schema.Array(Schema.Struct({ embedding: Schema.Array(Schema.Finite) })),
    usage: Schema.Struct({ prompt_tokens: Schema.Int })
  })
)

const lost = (message: string): ModelError => modelError(new ConnectionFault(), message)

/** The exchange in the fiber's own time; what a client would make of the reply is made of it here. */
const carried = (
  arrive: (now: number) => Exchange,
  timeout: Duration.Duration
): Effect.Effect<{ readonly body: unknown; readonly headers: Readonly<Record<string, string>> }, ModelError> =>
  Effect.acquireUseRelease(
    Effect.map(Clock.currentTimeMillis, arrive),
    Effect.fnUntraced(function* ({ ended, reply, wait }) {
      for (let left = wait(yield* Clock.currentTimeMillis); left > 0; left = wait(yield* Clock.currentTimeMillis)) {
        yield* Effect.sleep(left)
      }
      if (reply.transport === "hang") return yield* Effect.never
      const now = yield* Clock.currentTimeMillis
      ended(now, true)
      if (reply.transport !== "complete") return yield* lost("The connection was reset")
      const body = Option.getOrUndefined(parse(reply.body))
      if (body === undefined) return yield* lost("The answer's body ended too early")
      return reply.status === 200
        ? { body, headers: reply.headers }
        : yield* failureOf({ status: reply.status, headers: reply.headers, body }, now, redact)
    }),
    ({ ended, reply }) => Effect.map(Clock.currentTimeMillis, (now) => ended(now, reply.transport === "hang"))
  ).pipe(
    Effect.timeoutOrElse({
      duration: timeout,
      orElse: () => Effect.fail(lost(`No answer from the provider within ${Duration.toSeconds(timeout)} s`))
    })
  )

const chatOf = (core: SimulatedCore, timeout: Duration.Duration) =>
  ChatModel.of({
    complete: Effect.fn("SimulatedProvider.complete")(function* (request) {
      const body = chatBody(request, {}, "max_completion_tokens")
      const answered = yield* carried((now) => core.chat(body, core.key, now), timeout)
      return yield* Effect.fromResult(responseOf(answered, request, yield* Clock.currentTimeMillis, redact))
    }),
    endpoint: "simulated",
    timeout
  })

const embedderOf = (core: SimulatedCore, timeout: Duration.Duration) =>
  Embedder.of({
    embed: Effect.fn("SimulatedProvider.embed")(function* (texts) {
      if (texts.length === 0) return { vectors: [], tokens: 0 }
      const body = { model: "simulated", input: texts.map((text) => (text === "" ? " " : text)) }
      const answered = yield* carried((now) => core.embeddings(body, core.key, now), timeout)
      const { data, usage } = yield* Effect.orDie(decodeEmbeddings(answered.body))
      return { vectors: data.map(({ embedding }) => Float32Array.from(embedding)), tokens: usage.prompt_tokens }
    }),
    model: "simulated",
    maxBatch: 256,
    remote: true,
    endpoint: "simulated"
  })

const ledgerOf = (core: SimulatedCore) =>
  SimulatedLedger.of({
    snapshot: Effect.sync(() => core.snapshot()),
    item: (face, whole) => Effect.sync(() => core.ledger[face].item(itemHash(whole)))
  })

const timeoutOf = (options: SimulatedOptions) => Duration.millis(options.timeout ?? 60_000)

/**
 * A provider without a network, in the time of the fiber's Clock, that fails as its options say. Both layers of one
 * `make` share a ledger: `layer` answers chat, `layerEmbedder` embeddings.
 */
export const make = (
  options: SimulatedOptions = {}
): {
  readonly layer: Layer.Layer<ChatModel | SimulatedLedger>
  readonly layerEmbedder: Layer.Layer<Embedder>
} => {
  const core = new SimulatedCore(options)
  return {
    layer: Layer.mergeAll(
      Layer.succeed(ChatModel, chatOf(core, timeoutOf(options))),
      Layer.succeed(SimulatedLedger, ledgerOf(core))
    ),
    layerEmbedder: Layer.succeed(Embedder, embedderOf(core, timeoutOf(options)))
  }
}

/** Chat, with books of its own for every build of the layer. */
export const layer = (options: SimulatedOptions = {}): Layer.Layer<ChatModel | SimulatedLedger> =>
  Layer.unwrap(Effect.sync(() => make(options).layer))

/** Embeddings alone. */
export const layerEmbedder = (options: SimulatedOptions = {}): Layer.Layer<Embedder | SimulatedLedger> =>
  Layer.unwrap(
    Effect.sync(() => {
      const core = new SimulatedCore(options)
      return Layer.mergeAll(
        Layer.succeed(Embedder, embedderOf(core, timeoutOf(options))),
        Layer.succeed(SimulatedLedger, ledgerOf(core))
      )
    })
  )
