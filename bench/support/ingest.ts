/**
 * Ingests a directory with a model, composed as the program does it: `node ingest.ts DIRECTORY BASE_URL STORE with|without`.
 * `without`: neither journal nor ledger; answers go from the provider straight into the graph.
 */
import { dirname, join } from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer, Option, Redacted, Stream } from "effect"
import { Group } from "../../src/domain/Ids.ts"
import * as Containers from "../../src/layers/Containers.ts"
import * as FileSource from "../../src/layers/FileSource.ts"
import * as HashEmbedder from "../../src/layers/HashEmbedder.ts"
import * as Ingest from "../../src/layers/Ingest.ts"
import * as Models from "../../src/layers/Models.ts"
import * as Parsers from "../../src/layers/Parsers.ts"
import * as ParserPool from "../../src/layers/parsers/Pool.ts"
import * as Stores from "../../src/layers/Stores.ts"
import { ingest } from "../../src/pipeline/Pipeline.ts"
import { Journal } from "../../src/services/Journal.ts"
import { Ledger } from "../../src/services/Ledger.ts"
import * as Progress from "../../src/services/Progress.ts"
import * as Run from "../../src/services/Run.ts"

const [directory = "", baseUrl = "", store = "", mode] = process.argv.slice(2)

const noJournal = Layer.succeed(Journal, {
  lookup: () => Effect.succeed(new Map()),
  reserve: () => Effect.void,
  settle: () => Effect.succeed(new Map()),
  totals: () =>
    Effect.succeed({
      calls: {},
      failed: 0,
      unsettled: 0,
      usage: { input: 0, output: 0, cached: 0 },
      usd: 0
    }),
  reckon: () => Effect.succeed(new Map()),
  askedFor: () => Effect.succeed([]),
  forget: () => Effect.succeed(0),
  forgetGroup: () => Effect.succeed(0),
  learned: Effect.succeed(new Map()),
  learn: () => Effect.void,
  location: "none"
})

const noLedger = Layer.succeed(Ledger, {
  startRun: () => Effect.void,
  finishRun: () => Effect.void,
  runs: () => Effect.succeed([]),
  documents: (_, asked) => Effect.succeed(asked.map(() => Option.none())),
  outdated: () => Effect.succeed({ documents: 0, chunks: 0 }),
  hasLetters: (_, sources) => Effect.succeed(sources.map(() => false)),
  hasMembers: (_, sources) => Effect.succeed(sources.map(() => false)),
  sources: () => Stream.empty,
  deadLetters: () => Effect.succeed([])
})

const databases = Stores.layer({ store: { _tag: "file", file: store }, journal: join(dirname(store), "journal.db") })

const layer = Ingest.layerLlm({ ceiling: 512, model: "simulated", pack: "auto" }).pipe(
  Layer.provide(Models.layerChat({ kind: "openai", baseUrl, apiKey: Option.some(Redacted.make("none")) })),
  Layer.provideMerge(
    Layer.mergeAll(
      HashEmbedder.layer,
      mode === "without" ? Layer.provideMerge(Layer.merge(noJournal, noLedger), databases) : databases,
      Run.layer(Group.make("default")),
      FileSource.layer([directory], { maxBytes: 64e6, include: [], exclude: [], userAgent: "sluice" }),
      Layer.merge(Parsers.layerPooled, Containers.layerPooled({ maxBytes: 64e6 })).pipe(
        Layer.provide(ParserPool.layerWith({}))
      ),
      Progress.layerNone
    )
  )
)

const { report } = await Effect.runPromise(ingest.pipe(Effect.provide(Layer.provideMerge(layer, NodeServices.layer))))
process.stdout.write(`${JSON.stringify(report)}\n`)
