import { Effect, Layer, Option } from "effect"
import { Group, itemKey, recipe, RunId } from "../../src/domain/Ids.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import { ChatModel } from "../../src/services/ChatModel.ts"
import * as Gate from "../../src/services/Gate.ts"
import * as ModelCalls from "../../src/services/ModelCalls.ts"
import * as Retry from "../../src/services/Retry.ts"
import type { Client } from "./clients.ts"

const run = RunId.make("bench")
const group = Group.make("bench")
const version = recipe("bench")

/** Gate, retry, journal (in memory) and calls as in production. It is told no limit; all calls are there at the start. */
export const ours: Client = ({ concurrency }, jobs) =>
  Effect.gen(function* () {
    const calls = yield* ModelCalls.ModelCalls
    const model = yield* ChatModel
    yield* Effect.forEach(
      jobs,
      ({ expectedOutput, index, inputTokens, request }) => {
        const key = itemKey(group, "extraction", version, String(index))
        const wanted = Option.some({
          payload: request,
          group,
          items: [key],
          inputTokens,
          outputTokens: request.maxOutputTokens,
          expected: { inputTokens, outputTokens: expectedOutput }
        })
        return calls.call({
          run,
          kind: "extraction",
          endpoint: model.endpoint,
          model: request.model,
          priority: "normal",
          expectedOutput,
          take: () => wanted,
          send: (payload) =>
            Effect.map(model.complete(payload), (response) => ({
              value: response.content,
              usage: response.usage,
              model: response.model,
              raw: response.content,
              headers: response.headers,
              answers: [{ key, group, kind: "extraction" as const, value: response.content }]
            }))
        })
      },
      { concurrency: "unbounded", discard: true }
    )
  }).pipe(
    Effect.provide(
      ModelCalls.layer.pipe(
        Layer.provide(Layer.mergeAll(Gate.layer({ ceiling: concurrency }), Retry.layer(), SqliteJournal.layerMemory))
      )
    ),
    Effect.orDie
  )
