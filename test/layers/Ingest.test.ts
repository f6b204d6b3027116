import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Option } from "effect"
import { Group } from "../../src/domain/Ids.ts"
import * as HashEmbedder from "../../src/layers/HashEmbedder.ts"
import * as Ingest from "../../src/layers/Ingest.ts"
import * as SimulatedProvider from "../../src/layers/SimulatedProvider.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import { FallbackModel } from "../../src/services/Fallback.ts"
import { Gate } from "../../src/services/Gate.ts"
import * as Run from "../../src/services/Run.ts"

describe("the layers of an ingestion", () => {
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
