import { Schema } from "effect"
import { ChunkId, DocumentId } from "./Ids.ts"

export const Stage = Schema.Literals(["load", "chunk", "extract", "resolve", "construct"])
export type Stage = typeof Stage.Type

/**
 * Why a dead letter died; what `failures` groups by.
 * - `unreadable`: the source could not be read (vanished, no permission, reset)
 * - `unsupported`: no parser for it; `malformed`: the parser could not make sense of it; `empty`: no text in it
 * - `protected`: behind a password or a licence
 * - `too-large`, `timeout`: over a limit of ours, in bytes, memory or time
 * - `invalid-answer`, `truncated`, `refused`, `rejected`: the model's answers could not be used, were cut off at their
 *   length limit, were refusals, or the provider rejected the request for what it holds
 * - `unrecorded`: answers come from the journal alone, and it has none of this
 */
export const DeadLetterCause = Schema.Literals([
  "unreadable",
  "unsupported",
  "malformed",
  "empty",
  "protected",
  "too-large",
  "timeout",
  "invalid-answer",
  "truncated",
  "refused",
  "rejected",
  "unrecorded"
])
export type DeadLetterCause = typeof DeadLetterCause.Type

/**
 * A document or chunk that cannot be processed: an error of one item, which is recorded, and never the failure of the
 * run. `message` is for a person: what happened and what to do.
 */
export class DeadLetter extends Schema.TaggedError<DeadLetter>()("DeadLetter", {
  stage: Stage,
  cause: DeadLetterCause,
  message: Schema.String,
  /** Normalised name of the source item. */
  source: Schema.String,
  document: Schema.optionalKey(DocumentId),
  chunk: Schema.optionalKey(ChunkId),
  ordinal: Schema.optionalKey(Schema.Int),
  attempts: Schema.Int,
  /** The answer that could not be used, at most 4,000 characters. */
  response: Schema.optionalKey(Schema.String)
}) {}
