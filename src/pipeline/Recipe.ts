import { Effect } from "effect"
import { chunkerVersion } from "../domain/Chunker.ts"
import { recipe } from "../domain/Ids.ts"
import type { Recipe } from "../domain/Ids.ts"
import { projectionVersion } from "../domain/Projection.ts"
import { asksTheSame, explain, isSame } from "../domain/RecipeChange.ts"
import type { Affected, RecipeParts } from "../domain/RecipeChange.ts"
import { Embeddings } from "../services/Embeddings.ts"
import { Extractor } from "../services/Extractor.ts"
import { Ledger } from "../services/Ledger.ts"
import type { RunEntry } from "../services/Ledger.ts"
import { cost, ModelCatalog } from "../services/ModelCatalog.ts"
import { Parser } from "../services/Parser.ts"
import { Run } from "../services/Run.ts"
import { Vocabulary } from "../services/Vocabulary.ts"

/** Everything that decides what a document becomes, besides its bytes: as one id, and part by part. */
export const documentRecipe = Effect.gen(function* () {
  const parser = yield* Parser
  const extractor = yield* Extractor
  const embeddings = yield* Embeddings
  const ontology = JSON.stringify(yield* Vocabulary)
  const id = recipe(parser.version, chunkerVersion, extractor.recipe, embeddings.recipe, projectionVersion, ontology)
  const parts: RecipeParts = {
    ...extractor.parts,
    ontology: recipe("ontology", ontology).slice(0, 8),
    parser: parser.version,
    chunker: chunkerVersion,
    embedding: embeddings.model,
    projection: projectionVersion
  }
  return { id, parts }
})

/** So many runs are looked back upon. */
const memory = 1000

type Usage = Pick<Affected, "before" | "now">

/** What as many chunks took in runs that asked as `asked` does, and what they would take at the price of a model. */
const usage = Effect.fnUntraced(function* (
  runs: ReadonlyArray<RunEntry>,
  asked: RecipeParts,
  chunks: number,
  model: string | undefined
) {
  const catalog = yield* ModelCatalog
  const reports = runs.flatMap(({ recipe, report }) =>
    report !== undefined && recipe !== undefined && asksTheSame(recipe, asked) ? [report] : []
  )
  const extracted = reports.reduce((sum, report) => sum + report.chunks.extracted, 0)
  const input = reports.reduce((sum, { tokens }) => sum + tokens.input, 0)
  if (extracted === 0 || input === 0) return {}
  const scale = chunks / extracted
  const tokens = {
    input: scale * input,
    cached: scale * reports.reduce((sum, { tokens }) => sum + tokens.cached, 0),
    output: scale * reports.reduce((sum, { tokens }) => sum + tokens.output, 0)
  }
  const price = model === undefined ? undefined : catalog.price(model)
  const found: Usage = {
    before: { usd: scale * reports.reduce((sum, report) => sum + report.cost.usd, 0) },
    now: { ...tokens, ...(price === undefined ? {} : { usd: cost(price, tokens) }) }
  }
  return found
})

/**
 * What people should know before a run pays for what it has paid for in another way: what of the recipe has changed since
 * the group's last run, and what follows. Nothing if nothing has.
 */
export const explainChange = Effect.fn("Recipe.explainChange")(function* (now: {
  readonly id: Recipe
  readonly parts: RecipeParts
}) {
  const run = yield* Run
  const ledger = yield* Ledger
  const [last] = yield* ledger.runs(run.group, 1)
  const before = last?.recipe
  if (before === undefined || isSame(before, now.parts)) return []
  const runs = yield* ledger.runs(run.group, memory)
  const outdated = yield* ledger.outdated(run.group, now.id)
  return explain(before, now.parts, {
    ...outdated,
    ...(yield* usage(runs, before, outdated.chunks, now.parts["model"])),
    isKnown: runs.some(({ recipe }) => recipe !== undefined && asksTheSame(recipe, now.parts))
  })
})
