import { Effect, Layer, Option } from "effect"
import * as Budget from "../services/Budget.ts"
import { ChatModel } from "../services/ChatModel.ts"
import * as Concurrency from "../services/Concurrency.ts"
import type { Embedder } from "../services/Embedder.ts"
import * as Embeddings from "../services/Embeddings.ts"
import type { Extractor } from "../services/Extractor.ts"
import { FallbackModel } from "../services/Fallback.ts"
import * as Gate from "../services/Gate.ts"
import type { Journal } from "../services/Journal.ts"
import * as ModelCalls from "../services/ModelCalls.ts"
import * as Replay from "../services/Replay.ts"
import * as Retry from "../services/Retry.ts"
import * as WarmStart from "../services/WarmStart.ts"
import type { Run } from "../services/Run.ts"
import * as LlmExtractor from "./LlmExtractor.ts"
import * as RulesExtractor from "./RulesExtractor.ts"

export interface IngestLayerOptions {
  /** The most calls in flight, per pool. */
  readonly ceiling: number
  readonly retry?: Retry.RetryOptions
  /** Answer from the journal alone, and send nothing. */
  readonly replay?: boolean
  /** What the run, with those that it goes on with, may use at the most. */
  readonly budget?: Budget.Ceilings
  /** Of the local phases; they stay as they are by default. */
  readonly limits?: Layer.Layer<Concurrency.Limits>
}

/** Embeddings, and with them all that the pipeline needs between the ports that touch the outside and the extractor. */
export const layerEmbeddings = (options: IngestLayerOptions) =>
  Embeddings.layer.pipe(
    Layer.provideMerge(options.replay === true ? Replay.layer : ModelCalls.layer),
    Layer.provideMerge(Layer.merge(WarmStart.layer, Budget.layer(options.budget ?? {}))),
    Layer.provideMerge(Layer.mergeAll(Gate.layer({ ceiling: options.ceiling }), Retry.layer(options.retry)))
  )

type Policies = Layer.Success<ReturnType<typeof layerEmbeddings>>

export interface LlmLayerOptions extends IngestLayerOptions, LlmExtractor.LlmExtractorOptions {
  /** What is sent to the model that extracts, and again to the one that stands in for it, in any minute at most. */
  readonly allowance?: Gate.Allowance
}

const allowed = ({ allowance, model }: LlmLayerOptions) =>
  allowance === undefined
    ? Layer.empty
    : Layer.effectDiscard(
        Effect.gen(function* () {
          const gate = yield* Gate.Gate
          const first = { endpoint: (yield* ChatModel).endpoint, model }
          const second = Option.map(yield* FallbackModel, ({ chat, model: name }) => ({ ...chat, model: name }))
          for (const target of [first, ...Option.toArray(second)]) {
            yield* gate.allow(ModelCalls.poolOf(target), allowance)
          }
        })
      )

/** The whole pipeline's services with extraction by a model. */
export const layerLlm = (
  options: LlmLayerOptions
): Layer.Layer<Extractor | Policies | Concurrency.Limits, never, ChatModel | Embedder | Journal | Run> =>
  Layer.merge(LlmExtractor.layer(options), allowed(options)).pipe(
    Layer.provideMerge(layerEmbeddings(options)),
    Layer.merge(options.limits ?? Concurrency.layer())
  )

/** The whole pipeline's services with extraction by offline rules. */
export const layerRules = (
  options: IngestLayerOptions
): Layer.Layer<Extractor | Policies | Concurrency.Limits, never, Embedder | Journal | Run> =>
  Layer.mergeAll(RulesExtractor.layer, layerEmbeddings(options), options.limits ?? Concurrency.layer())
