import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Config, Context, Effect, Layer, Option, Stream } from "effect"
import { Group } from "../../src/domain/Ids.ts"
import * as Containers from "../../src/layers/Containers.ts"
import * as HashEmbedder from "../../src/layers/HashEmbedder.ts"
import * as Parsers from "../../src/layers/Parsers.ts"
import * as SimulatedProvider from "../../src/layers/SimulatedProvider.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import { Ledger } from "../../src/services/Ledger.ts"
import { Parser } from "../../src/services/Parser.ts"
import { samples } from "../fixtures/formats.ts"
import { assertParsed } from "../suites/Parser.ts"
import { mutate } from "../support/mutate.ts"
import type { Files } from "../support/mutate.ts"
import { ingest } from "../support/pipeline.ts"
import type { Document } from "../support/pipeline.ts"
import { makeRandom } from "../support/random.ts"

const group = Group.make("default")
const batch = 250
const settings = Effect.all({
  count: Config.Int("FUZZ_FILES").pipe(Config.withDefault(750)),
  seed: Config.Int("FUZZ_SEED").pipe(Config.withDefault(1))
})

/** Real files beside the samples, if a folder of them is named. */
const files: Effect.Effect<Files> = Effect.gen(function* () {
  const given = yield* Effect.orDie(Config.option(Config.String("SLUICE_TEST_FILES")))
  const real = Option.match(given, {
    onNone: () => [],
    onSome: (folder) =>
      readdirSync(folder).map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))] as const)
  })
  return [...(yield* samples), ...real]
})

const store = Layer.mergeAll(
  SqliteStore.layerMemory,
  SqliteJournal.layerMemory,
  HashEmbedder.layer,
  SimulatedProvider.layer({ seed: 1 })
)

/** The production pipeline over files: its report, and the files that are neither in the graph nor among the dead letters. */
const account = Effect.fnUntraced(function* (documents: ReadonlyArray<Document>, parser: Layer.Layer<Parser>) {
  const { report, status } = yield* ingest({ extractor: "rules", documents, parser, unpacker: Containers.layer })
  const rows = yield* Stream.runCollect((yield* GraphStore).exportRows(group))
  const letters = yield* (yield* Ledger).deadLetters(group)
  const accounted = new Set<string>()
  const account = (source: string): void => {
    accounted.add(source)
    // What a file holds accounts for the file.
    for (let at = source.lastIndexOf("#"); at > 0; at = source.lastIndexOf("#", at - 1))
      accounted.add(source.slice(0, at))
  }
  for (const row of rows) if (row.kind === "document") for (const source of row.sources) account(source)
  for (const { source } of letters) account(source)
  const missing = documents.filter(({ uri }) => !accounted.has(uri)).map(({ uri }) => uri)
  return { report, status, letters, missing }
})

/** The formats' parsers, whose every document is looked at. */
const checked = Effect.gen(function* () {
  const parser = Context.get(yield* Layer.build(Parsers.layer), Parser)
  return Layer.succeed(Parser, {
    ...parser,
    parse: (uri, bytes) =>
      Effect.tap(parser.parse(uri, bytes), (parsed) => Effect.sync(() => assertParsed(parsed, uri)))
  })
})

describe("whatever the files are", () => {
  it.live(
    "every one of hundreds of broken ones ends in the graph or among the dead letters, and the run goes on",
    () =>
      Effect.gen(function* () {
        const { count, seed } = yield* settings
        const parser = yield* checked
        const from = yield* files
        let parsed = 0
        for (let first = 0; first < count; first += batch) {
          const documents = Array.from({ length: Math.min(batch, count - first) }, (_, index) =>
            mutate(makeRandom(seed * 1_000_003 + first + index), from, `${seed * 1_000_003 + first + index}`)
          )
          const { letters, missing, report } = yield* account(documents, parser).pipe(
            Effect.provide(store, { local: true }),
            Effect.scoped
          )
          assert.deepStrictEqual(missing, [], "files that are unaccounted for")
          assert.strictEqual(report.documents.removed, 0)
          for (const { message, source } of letters) {
            assert.match(message, /^.{15,600}$/su, `${source}: ${message}`)
            assert.notMatch(
              message,
              /\[object|undefined|\bat .*:\d+:\d+|TypeError|RangeError/u,
              `${source}: ${message}`
            )
          }
          parsed += report.documents.ingested
        }
        assert.isAbove(parsed, count / 4, "too few files were read to test anything")
      }).pipe(Effect.scoped),
    3_600_000
  )

  it.live("sound ones of every format are all in the graph, and a second run changes nothing", () =>
    Effect.gen(function* () {
      const documents = (yield* samples).map(([uri, content]) => ({ uri, content }))
      const parser = yield* checked
      yield* Effect.gen(function* () {
        const first = yield* account(documents, parser)
        assert.deepStrictEqual(
          first.letters.map(({ message }) => message),
          []
        )
        assert.deepStrictEqual(first.missing, [])
        const second = yield* account(documents, parser)
        assert.strictEqual(second.report.graph.hash, first.report.graph.hash)
        assert.strictEqual(second.report.documents.unchanged, second.report.documents.seen)
        assert.strictEqual(second.report.documents.seen, first.report.documents.seen)
      }).pipe(Effect.provide(store, { local: true }))
    }).pipe(Effect.scoped)
  )
})
