import { Context } from "effect"
import type { Effect, Tracer } from "effect"
import type { Chunk } from "../domain/Chunk.ts"
import type { DeadLetter } from "../domain/DeadLetter.ts"
import type { Extraction } from "../domain/Extraction.ts"
import type { Group, Recipe } from "../domain/Ids.ts"
import type { RecipeParts } from "../domain/RecipeChange.ts"
import type { RunStopped } from "./RunStopped.ts"
import type { StorageError } from "./StorageError.ts"

/** A chunk, and what the extractor needs to know of where it comes from. */
export interface ExtractionTask {
  readonly group: Group
  readonly source: string
  readonly chunk: Chunk
  /** The document's span. */
  readonly span?: Tracer.AnySpan
}

export interface ExtractionResult {
  readonly extraction: Extraction
  /** Whether it was paid for before, or by another chunk with the same text and header. */
  readonly reused: boolean
}

/**
 * A chunk to mentions and facts. Called for many chunks at once; how they share calls is the extractor's own affair.
 */
export class Extractor extends Context.Service<
  Extractor,
  {
    readonly extract: (task: ExtractionTask) => Effect.Effect<ExtractionResult, DeadLetter | RunStopped | StorageError>
    /** Everything that decides an extraction besides the chunk itself. */
    readonly recipe: Recipe
    /** The same for people, part by part: `extractor`, and what it is made of. */
    readonly parts: RecipeParts
    /** How many chunks to keep in the extractor at once: a look-ahead, not a limit. */
    readonly window: number
  }
>()("sluice/services/Extractor") {}
