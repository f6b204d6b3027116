import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Tracer } from "effect"
import * as HashEmbedder from "../../src/layers/HashEmbedder.ts"
import * as SimulatedProvider from "../../src/layers/SimulatedProvider.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { corpus } from "../fixtures/corpus.ts"
import { drive, ingest } from "../support/pipeline.ts"

const native = (options: ConstructorParameters<typeof Tracer.NativeSpan>[0]) => new Tracer.NativeSpan(options)

describe("traces", () => {
  it.effect("a run is one trace, with a span for every document, phase and call, each of them ended", () => {
    const spans: Array<Tracer.NativeSpan> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = native(options)
        spans.push(span)
        return span
      }
    })
    return Effect.gen(function* () {
      const documents = [...corpus(6, 5), { uri: "empty.md", content: "" }]
      const { report } = yield* drive(ingest({ documents, extractor: "llm", pack: 2 }))
      const named = (name: string) => spans.filter((span) => span.name === name)
      const roots = spans.filter(({ parent }) => Option.isNone(parent)).map(({ name }) => name)
      assert.deepStrictEqual(roots, ["ingest"])
      assert.strictEqual(named("ingest").length, 1)
      assert.strictEqual(named("document").length, report.documents.seen)
      assert.strictEqual(named("pipeline.load").length, report.documents.seen)
      assert.strictEqual(named("pipeline.extract").length, report.chunks.total)
      assert.strictEqual(named("pipeline.construct").length, report.documents.ingested)
      assert.strictEqual(named("model.extraction").length, report.calls.model)
      const open = spans.filter(({ status }) => status._tag !== "Ended").map(({ name }) => name)
      assert.deepStrictEqual(open, [])
      const ids = new Set(named("document").map(({ spanId }) => spanId))
      for (const span of named("pipeline.extract")) {
        assert.isTrue(ids.has(Option.getOrUndefined(span.parent)?.spanId ?? ""))
      }
    }).pipe(
      Effect.provide(
        Layer.mergeAll(
          SqliteStore.layerMemory,
          SqliteJournal.layerMemory,
          HashEmbedder.layer,
          SimulatedProvider.layer({ seed: 3, latency: { median: 500 } })
        )
      ),
      Effect.provideService(Tracer.Tracer, tracer)
    )
  })
})
