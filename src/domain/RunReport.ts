import { Schema } from "effect"
import { RunId } from "./Ids.ts"

const Count = Schema.Int

/** What a run did: the last line that `ingest --json` prints. `seen` = unchanged + ingested + partial + failed. */
export const RunReport = Schema.Struct({
  run: RunId,
  /** The run that it goes on with: see `Run.isUnfinished`. */
  resumes: Schema.optionalKey(RunId),
  documents: Schema.Struct({
    seen: Count,
    unchanged: Count,
    ingested: Count,
    partial: Count,
    failed: Count,
    removed: Count,
    /** Sources that are in the graph, and whose files are gone; absent: none are known. */
    gone: Schema.optionalKey(Count)
  }),
  chunks: Schema.Struct({ total: Count, extracted: Count, reused: Count, dead: Count }),
  /** `hash` is empty where a run was broken off. */
  graph: Schema.Struct({ entities: Count, relations: Count, mentions: Count, hash: Schema.String }),
  calls: Schema.Struct({ model: Count, embedding: Count, failed: Count, journal: Count }),
  tokens: Schema.Struct({ input: Count, output: Count, cached: Count }),
  cost: Schema.Struct({ usd: Schema.Finite }),
  seconds: Schema.Finite
})
export type RunReport = typeof RunReport.Type
