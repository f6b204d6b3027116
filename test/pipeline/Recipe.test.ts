import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Group } from "../../src/domain/Ids.ts"
import * as HashEmbedder from "../../src/layers/HashEmbedder.ts"
import * as Parsers from "../../src/layers/Parsers.ts"
import * as SimulatedProvider from "../../src/layers/SimulatedProvider.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { Ledger } from "../../src/services/Ledger.ts"
import { Parser } from "../../src/services/Parser.ts"
import { corpus } from "../fixtures/corpus.ts"
import { drive, ingest } from "../support/pipeline.ts"

const world = Layer.mergeAll(
  SqliteStore.layerMemory,
  SqliteJournal.layerMemory,
  HashEmbedder.layer,
  SimulatedProvider.layer({ seed: 3 })
)

/** The parsers, as another version of the program might have them. */
const laterParsers = Layer.effect(
  Parser,
  Effect.map(Parser, (parser) => ({ ...parser, version: `${parser.version}+` }))
).pipe(Layer.provide(Parsers.layer))

describe("a changed recipe", () => {
  it.effect("reads documents again where only the parser's version is another, and pays for nothing", () =>
    Effect.gen(function* () {
      const documents = corpus(5, 8)
      const first = yield* drive(ingest({ extractor: "llm", documents }))
      const later = yield* drive(ingest({ extractor: "llm", documents, parser: laterParsers }))
      assert.strictEqual(later.report.documents.ingested, first.report.documents.ingested)
      assert.deepInclude(later.report.chunks, { extracted: 0, reused: first.report.chunks.total })
      assert.strictEqual(later.report.calls.model, 0)
      assert.strictEqual(later.report.graph.hash, first.report.graph.hash)
    }).pipe(Effect.provide(world))
  )

  it.effect("is in the ledger from the start of each run, part by part", () =>
    Effect.gen(function* () {
      yield* drive(ingest({ extractor: "llm", documents: corpus(5, 1) }))
      yield* drive(ingest({ extractor: "rules", documents: corpus(5, 1) }))
      const [rules, llm] = yield* (yield* Ledger).runs(Group.make("default"), 2)
      assert.deepInclude({ ...llm?.recipe }, { extractor: "llm", model: "simulated", prompt: "1" })
      assert.match(rules?.recipe?.["extractor"] ?? "", /^rules /)
      for (const part of ["ontology", "parser", "chunker", "embedding", "projection"]) {
        assert.strictEqual(llm?.recipe?.[part], rules?.recipe?.[part], part)
        assert.match(llm?.recipe?.[part] ?? "", /\S/, part)
      }
    }).pipe(Effect.provide(world))
  )
})
