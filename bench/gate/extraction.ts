import { Effect, Layer } from "effect"
import { chunkId, documentId, Group } from "../../src/domain/Ids.ts"
import { countTokens } from "../../src/domain/Tokens.ts"
import * as HashEmbedder from "../../src/layers/HashEmbedder.ts"
import * as Ingest from "../../src/layers/Ingest.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import { Extractor } from "../../src/services/Extractor.ts"
import * as Run from "../../src/services/Run.ts"
import { passage } from "../support/corpus.ts"
import type { SimulatedOptions } from "../../src/layers/simulated/Options.ts"
import type { Client } from "./clients.ts"
import { rejectAfter, tier1, tier2, timeout, uniform } from "./scenarios.ts"
import type { Scenario } from "./scenarios.ts"

const group = Group.make("bench")

/** What the chunks are like: about 400 tokens of prose with some twenty names; 20 to 80 of talk; a table of names; any of them. */
const line = (index: number): string => {
  const [first = ""] = passage(index).match(/In \d+ [^.]*\./) ?? []
  return `Ann: did you hear? ${first}${index % 3 === 0 ? " Bob: I was not there, tell me more when you are back." : ""}`
}
const row = (document: number, index: number): string =>
  `| Ada Moreno-${document}-${index} | Northwind ${index} Instruments | Graz ${document + index} | ${1950 + ((document + index) % 70)} |`
const dense = (document: number): string => Array.from({ length: 18 }, (_, index) => row(document, index)).join("\n")
const empty = (document: number): string =>
  `${document} ${"and so it went on without anyone being named at all, ".repeat(30)}`
const mixed = (document: number): string => {
  const kind = uniform(3, document)
  return kind < 0.3 ? line(document) : kind < 0.5 ? dense(document) : kind < 0.65 ? empty(document) : passage(document)
}

export interface Extraction extends Scenario {
  readonly text: (document: number) => string
}

const simulated = (
  title: string,
  calls: number,
  nominal: Scenario["nominal"],
  { text = passage, ...provider }: SimulatedOptions & { readonly text?: Extraction["text"] } = {}
): Extraction => ({
  name: "extraction",
  title,
  calls,
  concurrency: 500,
  nominal,
  text,
  provider: {
    seed: 1,
    timeout,
    latency: { median: 400, sigma: 0.4, perOutputToken: 5 },
    ...provider,
    limits: { ...nominal, rejectAfter, ...provider.limits }
  }
})

const slow = { median: 800, sigma: 0.4, perOutputToken: 20 }

/** The whole extractor, on a small account and on a usual one; `calls` counts chunks here. */
export const extractions: ReadonlyArray<Extraction> = [
  simulated("500 RPM, 200k TPM", 500, tier1),
  simulated("the same, another seed", 500, tier1, { seed: 7, limits: {} }),
  simulated("the same, charge max", 500, tier1, { limits: { charge: "max" } }),
  simulated("the same, charge estimate", 1_500, tier1, { limits: { charge: "estimate" } }),
  simulated("the same, charge real", 800, tier1, { limits: { charge: "real" } }),
  simulated("the same, a bucket of 10 s", 500, tier1, { limits: { window: 10 } }),
  simulated("the same, windows of the calendar", 500, tier1, { limits: { window: "fixed" } }),
  simulated("the same, no headers", 500, tier1, { limits: { headers: "none" } }),
  simulated("the same, Anthropic's headers", 500, tier1, { limits: { headers: "anthropic" } }),
  simulated("the same, slow answers", 500, tier1, { latency: slow }),
  simulated("the same, short talks", 3_000, tier1, { text: line }),
  simulated("the same, dense tables", 250, tier1, { text: dense }),
  simulated("the same, all kinds", 600, tier1, { text: mixed }),
  simulated("the same, answers told as 560 ± 35 %", 1_500, tier1, { outputTokens: { median: 560, sigma: 0.35 } }),
  simulated("the same, reasoning, 9,000 ± 30 %", 500, tier1, { outputTokens: { median: 9_000, sigma: 0.3 } }),
  simulated("the same, content faults", 500, tier1, {
    faults: { missing: 0.01, invalidJson: 0.02, length: 0.02, crossTalk: 0.01 }
  }),
  simulated("60 RPM, 20k TPM", 80, { rpm: 60, tpm: 20_000 }),
  simulated("20 RPM, 1M TPM", 500, { rpm: 20, tpm: 1_000_000 }),
  simulated("5,000 RPM, 2M TPM", 4_000, tier2),
  simulated("the same, slow answers, all kinds", 4_000, tier2, { latency: slow, text: mixed })
]

/** So many chunks through the extractor: packs, output caps, gate, journal in memory. Each chunk is a document. */
export const extraction =
  (chunks: number, write: Extraction["text"] = passage): Client =>
  ({ concurrency }) =>
    Effect.gen(function* () {
      const { extract, window } = yield* Extractor
      yield* Effect.forEach(
        Array.from({ length: chunks }, (_, index) => index),
        (index) => {
          const text = write(index)
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
