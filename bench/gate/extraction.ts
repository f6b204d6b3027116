import { Effect, Layer } from "effect"
import { chunkId, documentId, Group } from "../../src/domain/Ids.ts"
import { countTokens } from "../../src/domain/Tokens.ts"
import * as HashEmbedder from "../../src/layers/HashEmbedder.ts"
import * as Ingest from "../../src/layers/Ingest.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import { Extractor } from "../../src/services/Extractor.ts"
import * as Run from "../../src/services/Run.ts"
import { passage } from "../support/corpus.ts"
import type { Client } from "./clients.ts"

const group = Group.make("bench")

/** So many chunks through the extractor: packs, output caps, gate, journal in memory. Each chunk is a document. */
export const extraction =
  (chunks: number): Client =>
  ({ concurrency }) =>
    Effect.gen(function* () {
      const { extract, window } = yield* Extractor
      yield* Effect.forEach(
        Array.from({ length: chunks }, (_, index) => index),
        (index) => {
          const text = passage(index)
          const document = documentId(group, new TextEncoder().encode(text))
          const chunk = {
            id: chunkId(document, 0),
            document,
            ordinal: 0,
            start: 0,
            end: text.length,
            text,
            header: `Report ${index}`,
            tokens: countTokens(text)
          }
          return extract({ group, source: `${index}.txt`, chunk })
        },
        { concurrency: window, discard: true }
      )
    }).pipe(
      Effect.provide(
        Ingest.layerLlm({ model: "simulated", pack: "auto", ceiling: concurrency }).pipe(
          Layer.provide(HashEmbedder.layer),
          Layer.provide(Layer.mergeAll(SqliteJournal.layerMemory, Run.layer(group)))
        )
      ),
      Effect.orDie
    )
