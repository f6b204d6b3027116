import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Option } from "effect"
import { Group } from "../../src/domain/Ids.ts"
import * as HashEmbedder from "../../src/layers/HashEmbedder.ts"
import * as Ingest from "../../src/layers/Ingest.ts"
import * as SimulatedProvider from "../../src/layers/SimulatedProvider.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { ChatModel } from "../../src/services/ChatModel.ts"
import type { ChatRequest } from "../../src/services/ChatModel.ts"
import { FallbackModel } from "../../src/services/Fallback.ts"
import { Gate } from "../../src/services/Gate.ts"
import { Journal } from "../../src/services/Journal.ts"
import * as Run from "../../src/services/Run.ts"
import { drive, ingest } from "../support/pipeline.ts"

describe("the layers of an ingestion", () => {
  it.effect("how long answers are is known to the next run: its first calls ask for no more room than they need", () =>
    Effect.gen(function* () {
      const firstCaps: Array<number> = []
      const run = (name: string) => {
        let isFirst = true
        const recording = Layer.effect(
          ChatModel,
          Effect.map(ChatModel, (chat) => ({
            ...chat,
            complete: (request: ChatRequest) => {
              if (isFirst) firstCaps.push(request.maxOutputTokens)
              isFirst = false
              return chat.complete(request)
            }
          }))
        ).pipe(Layer.provide(SimulatedProvider.layer({ seed: 1, latency: { median: 200 } })))
        const documents = Array.from({ length: 40 }, (_, index) => ({
          uri: `${name}${index}.txt`,
          content: `In ${index} ${name} Ada Moreno joined Helios Labs in Graz, and Jonas Weber left Kestrel Bank.`
        }))
        return ingest({ documents, extractor: "llm", pack: 1 }).pipe(
          Effect.provide(Layer.mergeAll(recording, HashEmbedder.layer, SqliteStore.layerMemory)),
          drive
        )
      }
      yield* run("first")
      const names = [...(yield* (yield* Journal).learned).keys()].map((name) => name.split(" ").slice(0, 3).join(" "))
      assert.deepStrictEqual(names.toSorted(), ["answers simulated simulated", "limits simulated simulated"])
      yield* run("second")
      const [first = 0, second = Infinity] = firstCaps
      assert.isBelow(second, 0.7 * first)
    }).pipe(Effect.provide(SqliteJournal.layerMemory))
  )

  it.effect("a user's own limits are for the model that extracts, and for the one that stands in for it", () => {
    const second = Layer.succeed(
      FallbackModel,
      Option.some({
        model: "second",
        chat: { endpoint: "elsewhere", timeout: Duration.minutes(1), complete: () => Effect.die("nobody asked") }
      })
    )
    return Effect.gen(function* () {
      const state = yield* (yield* Gate).state
      const told = [...state].map(([pool, { limits }]) => [
        pool,
        ...limits.map(({ dimension, limit, origin }) => `${dimension} ${limit} ${origin}`)
      ])
      assert.deepStrictEqual(told, [
        ["simulated first", "requests 7 user", "tokens 9000 user"],
        ["elsewhere second", "requests 7 user", "tokens 9000 user"]
      ])
    }).pipe(
      Effect.provide(
        Ingest.layerLlm({
          model: "first",
          pack: "auto",
          ceiling: 4,
          allowance: { requests: 7, tokens: 9_000 }
        }).pipe(
          Layer.provide(
            Layer.mergeAll(
              second,
              SimulatedProvider.layer(),
              HashEmbedder.layer,
              SqliteJournal.layerMemory,
              Run.layer(Group.make("test"))
            )
          )
        )
      )
    )
  })
})
