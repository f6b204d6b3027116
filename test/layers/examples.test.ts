import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { join } from "node:path"
import { layer as fileLayer } from "../../src/layers/FileSource.ts"
import { layer as parserLayer } from "../../src/layers/Parsers.ts"
import { DocumentSource } from "../../src/services/DocumentSource.ts"
import { Parser } from "../../src/services/Parser.ts"
import { assertParsed } from "../suites/Parser.ts"

const layers = Layer.merge(
  fileLayer(["examples"], { maxBytes: 1024 * 1024, cwd: join(import.meta.dirname, "../..") }),
  parserLayer
)

const parsedExamples = Effect.gen(function* () {
  const source = yield* DocumentSource
  const parser = yield* Parser
  return yield* Stream.runCollect(
    Stream.mapEffect(source.items, (item) =>
      Effect.gen(function* () {
        return { uri: item.uri, parsed: yield* parser.parse(item.uri, yield* item.read) }
      })
    )
  )
}).pipe(Effect.provide(layers))

describe("the example corpus", () => {
  it.effect("parses as a whole, in every format, each document with a title of its own", () =>
    Effect.gen(function* () {
      const examples = yield* parsedExamples
      for (const { parsed, uri } of examples) {
        assertParsed(parsed, uri)
        assert.notInclude(parsed.text, "\ufffd", uri)
      }
      assert.isAtLeast(examples.length, 20)
      assert.deepStrictEqual(
        new Set(examples.map(({ parsed }) => parsed.mediaType)),
        new Set(["message/rfc822", "text/csv", "text/html", "text/markdown", "text/plain", "text/vtt"])
      )
      assert.strictEqual(new Set(examples.map(({ parsed }) => parsed.title)).size, examples.length)
    })
  )

  it.effect("holds every kind of block, speakers, dates, columns and splits", () =>
    Effect.gen(function* () {
      const examples = yield* parsedExamples
      const blocks = examples.flatMap(({ parsed }) => parsed.blocks)
      assert.deepStrictEqual(
        new Set(blocks.map(({ kind }) => kind)),
        new Set(["heading", "paragraph", "list", "table", "code", "turn"])
      )
      const byUri = new Map(examples.map(({ parsed, uri }) => [uri, parsed]))
      const mail = byUri.get("examples/mail/2025-03-04-connector-limits.txt")
      assert.strictEqual(mail?.title, "BW-12 connector: temperature limits")
      assert.strictEqual(mail?.date, "2025-03-04T09:12:00+00:00")
      const review = byUri.get("examples/meetings/2025-04-08-connector-review.vtt")
      assert.strictEqual(review?.title, "Review of the connector failure")
      assert.strictEqual(review?.date, "2025-04-08")
      assert.deepStrictEqual(
        review?.blocks.map(({ speaker }) => speaker),
        [
          "TOMAS LINDQVIST",
          "INGRID SOLHEIM",
          "ADA MORENO",
          "TOMAS LINDQVIST",
          "INGRID SOLHEIM",
          "PRIYA RAMAN",
          undefined,
          "PRIYA RAMAN"
        ]
      )
      const suppliers = byUri.get("examples/company/suppliers.md")
      assert.strictEqual(suppliers?.date, "2025-06-02")
      assert.include(
        suppliers?.blocks.map(({ columns }) => columns) ?? [],
        "Supplier | City | Contact | Supplies | Rating"
      )
      assert.strictEqual(byUri.get("examples/encyclopedia/penn-line.txt")?.title, "Penn Line")
    })
  )
})
