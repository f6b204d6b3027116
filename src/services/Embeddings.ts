import { Array, Context, Deferred, Effect, Layer, Option, Schema, Scope } from "effect"
import { chunkKey, itemKey, recipe } from "../domain/Ids.ts"
import type { ChunkKey, Group, ItemKey } from "../domain/Ids.ts"
import { mostTokens } from "../domain/TokenBound.ts"
import { Embedder } from "./Embedder.ts"
import { unreadable } from "./Journal.ts"
import { demandOf, ModelCalls } from "./ModelCalls.ts"
import type { Request } from "./ModelCalls.ts"
import { Run } from "./Run.ts"
import { RunStopped } from "./RunStopped.ts"
import type { StorageError } from "./StorageError.ts"

/**
 * Embeddings as the pipeline wants them: identical texts are paid for once, and batches are filled across documents,
 * with whatever waits when the gate admits the call.
 */
export class Embeddings extends Context.Service<
  Embeddings,
  {
    /**
     * In the order of the passages; a passage's header is embedded with it. Undefined: answers come from the journal alone,
     * and it has none of this.
     */
    readonly embed: (
      group: Group,
      passages: ReadonlyArray<Passage>,
      source?: string
    ) => Effect.Effect<ReadonlyArray<Float32Array | undefined>, RunStopped | StorageError>
    /** Part of a document's recipe. */
    readonly recipe: string
    readonly model: string
  }
>()("sluice/services/Embeddings") {}

export interface Passage {
  readonly header: string
  readonly text: string
}

const textOf = ({ header, text }: Passage): string => (header === "" ? text : `${header}\n${text}`)

interface Item {
  readonly key: ItemKey
  readonly chunk: ChunkKey
  readonly source: string | undefined
  readonly group: Group
  readonly text: string
  /** With the marks at its ends that some models count. */
  readonly mostTokens: number
  readonly answered: Deferred.Deferred<Float32Array | undefined, RunStopped | StorageError>
}

const Stored = Schema.fromJsonString(Schema.Struct({ float32: Schema.Uint8ArrayFromBase64 }))
const decodeStored = Schema.decodeUnknownOption(Stored)
const encodeStored = Schema.encodeSync(Stored)

const toText = (vector: Float32Array): string =>
  encodeStored({ float32: new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength) })

const fromText = (text: string): Option.Option<Float32Array> =>
  decodeStored(text).pipe(
    Option.filter(({ float32 }) => float32.length > 0 && float32.length % Float32Array.BYTES_PER_ELEMENT === 0),
    Option.map(({ float32 }) => new Float32Array(Uint8Array.from(float32).buffer))
  )

const remote = Effect.gen(function* () {
  const run = yield* Run
  const embedder = yield* Embedder
  const calls = yield* ModelCalls
  const scope = yield* Scope.Scope
  const version = recipe("embedding", embedder.model)
  const waiting: Array<Item> = []
  const inFlight = new Map<ItemKey, Item["answered"]>()

  const send = (batch: ReadonlyArray<Item>) =>
    Effect.map(embedder.embed(batch.map(({ text }) => text)), ({ headers = {}, tokens, vectors }) => ({
      value: undefined,
      usage: { input: tokens, output: 0, cached: 0 },
      model: embedder.model,
      raw: "",
      headers,
      answers: batch.flatMap(({ chunk, group, key, source }, index) => {
        const vector = vectors[index]
        return vector === undefined
          ? []
          : [
              {
                key,
                group,
                kind: "embedding",
                chunk,
                ...(source === undefined ? {} : { source }),
                value: toText(vector)
              }
            ]
      })
    }))

  const nextBatch = (): ReadonlyArray<Item> => {
    const [first] = waiting
    if (first === undefined) return []
    const end = waiting.findIndex(({ group }, index) => index === embedder.maxBatch || group !== first.group)
    return end === -1 ? waiting.slice() : waiting.slice(0, end)
  }

  const toRequest = (batch: ReadonlyArray<Item>): Option.Option<Request<ReadonlyArray<Item>>> => {
    const [first] = batch
    if (first === undefined) return Option.none()
    const length = batch.reduce((sum, { text }) => sum + text.length, 0)
    return Option.some({
      payload: batch,
      group: first.group,
      items: batch.map(({ key }) => key),
      inputTokens: batch.reduce((sum, { mostTokens }) => sum + mostTokens, 0),
      outputTokens: 0,
      expected: { inputTokens: Math.ceil(length / 4), outputTokens: 0 }
    })
  }

  /** One call, for the items given or for what waits. */
  const callOnce = (fixed?: ReadonlyArray<Item>): Effect.Effect<void> =>
    Effect.suspend(() => {
      let batch: ReadonlyArray<Item> = fixed ?? []
      return calls
        .call({
          run: run.id,
          kind: "embedding",
          endpoint: embedder.endpoint,
          model: embedder.model,
          priority: run.priority,
          take: () => {
            if (fixed === undefined) {
              batch = nextBatch()
              waiting.splice(0, batch.length)
            }
            return toRequest(batch)
          },
          peek: () => Option.map(toRequest(fixed ?? nextBatch()), demandOf),
          send
        })
        .pipe(
          Effect.flatMap((outcome) => {
            if (Option.isNone(outcome)) return Effect.void
            if (outcome.value._tag === "refused") {
              const { message, reason } = outcome.value.error
              if (reason._tag === "Unrecorded") {
                return Effect.forEach(batch, ({ answered }) => Deferred.succeed(answered, undefined), { discard: true })
              }
              if (reason._tag === "RequestTooLarge" && batch.length > 1) {
                const middle = Math.ceil(batch.length / 2)
                return Effect.forEach(
                  [batch.slice(0, middle), batch.slice(middle)],
                  (half) => Effect.forkIn(callOnce(half), scope),
                  { discard: true }
                )
              }
              return Effect.fail(
                new RunStopped({
                  reason: "configuration",
                  retryable: false,
                  message: `The provider will not embed a batch of ${batch.length} texts: ${message} Check --embedding-model.`
                })
              )
            }
            const { answers } = outcome.value.result
            return Effect.forEach(
              batch,
              ({ answered, key }) =>
                Option.match(Option.flatMap(Option.fromUndefinedOr(answers.get(key)), fromText), {
                  onNone: () => Deferred.fail(answered, unreadable(key)),
                  onSome: (vector) => Deferred.succeed(answered, vector)
                }),
              { discard: true }
            )
          }),
          Effect.catchCause((cause) =>
            Effect.forEach([...batch, ...waiting.splice(0)], ({ answered }) => Deferred.failCause(answered, cause), {
              discard: true
            })
          )
        )
    })

  /** Found or asked for by a fiber of its own: whoever wants the same text meanwhile does not depend on who came first. */
  const one = (group: Group, passage: Passage, source: string | undefined) =>
    Effect.uninterruptibleMask((restore) => {
      const text = textOf(passage)
      const key = itemKey(group, "embedding", version, text)
      const other = inFlight.get(key)
      if (other !== undefined) return restore(Deferred.await(other))
      const answered: Item["answered"] = Deferred.makeUnsafe()
      inFlight.set(key, answered)
      const asking = calls.lookup(key).pipe(
        Effect.flatMap((found) => {
          if (Option.isSome(found)) {
            return Effect.mapError(Effect.fromOption(fromText(found.value)), () => unreadable(key))
          }
          const chunk = chunkKey(group, passage.header, passage.text)
          waiting.push({ key, chunk, source, group, text, mostTokens: mostTokens(text) + 8, answered })
          return Effect.andThen(Effect.forkIn(callOnce(), scope), Deferred.await(answered))
        }),
        Effect.onExit((exit) => {
          inFlight.delete(key)
          return Deferred.done(answered, exit)
        })
      )
      return Effect.andThen(Effect.forkIn(asking, scope), restore(Deferred.await(answered)))
    })

  return Embeddings.of({
    recipe: version,
    model: embedder.model,
    embed: (group, passages, source) =>
      Effect.forEach(passages, (passage) => one(group, passage, source), { concurrency: "unbounded" })
  })
})

const local = Effect.gen(function* () {
  const embedder = yield* Embedder
  return Embeddings.of({
    recipe: recipe("embedding", embedder.model),
    model: embedder.model,
    embed: (_, passages) =>
      Effect.forEach(Array.chunksOf(passages.map(textOf), embedder.maxBatch), (batch) => embedder.embed(batch)).pipe(
        Effect.map((batches) => batches.flatMap(({ vectors }) => vectors)),
        Effect.mapError(({ message }) => new RunStopped({ reason: "configuration", retryable: false, message }))
      )
  })
})

/** For an embedder that costs nothing. */
export const layerLocal: Layer.Layer<Embeddings, never, Embedder> = Layer.effect(Embeddings, local)

/** A remote embedder goes through gate and journal; an offline one costs nothing and is asked directly. */
export const layer: Layer.Layer<Embeddings, never, Embedder | ModelCalls | Run> = Layer.effect(
  Embeddings,
  Effect.gen(function* () {
    const embedder = yield* Embedder
    return yield* embedder.remote ? remote : local
  })
)
