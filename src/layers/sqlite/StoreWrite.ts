import type { DeadLetter } from "../../domain/DeadLetter.ts"
import type { ResolvedDocument } from "../../domain/Graph.ts"
import type { ChunkId } from "../../domain/Ids.ts"
import type { StoreGraph } from "./StoreGraph.ts"

/** A `Write` as it crosses to the worker thread: no class instances, and nothing twice. */
export type StoreWrite =
  | {
      readonly _tag: "document"
      readonly sources: ReadonlyArray<string>
      readonly document: Omit<ResolvedDocument["document"], "blocks">
      readonly recipe: ResolvedDocument["recipe"]
      readonly chunks: ReadonlyArray<StoreChunk>
      readonly graph: StoreGraph
      readonly deadLetters: ReadonlyArray<StoreLetter>
      readonly embeddings: ReadonlyArray<{ readonly chunk: ChunkId; readonly vector: Float32Array }>
      readonly run?: string
    }
  | { readonly _tag: "source"; readonly source: string; readonly document: string }
  | { readonly _tag: "settled"; readonly source: string }
  | { readonly _tag: "removed"; readonly source: string }
  | { readonly _tag: "forgotten"; readonly document: string }
  | { readonly _tag: "dead-letter"; readonly letter: StoreLetter }

/** Its text is the document's in `[start,end)`. */
export interface StoreChunk {
  readonly id: ChunkId
  readonly ordinal: number
  readonly start: number
  readonly end: number
  readonly tokens: number
  readonly header: string
  /** JSON; absent: dead. */
  readonly extraction?: string
}

export interface StoreLetter {
  readonly source: string
  readonly ordinal?: number
  readonly document?: string
  readonly cause: DeadLetter["cause"]
  /** The dead letter as JSON. */
  readonly json: string
}
