import { Schema } from "effect"

/**
 * The run cannot go on, through no fault of a document: what was done is committed, and the same command resumes it.
 */
export class RunStopped extends Schema.TaggedError<RunStopped>()("RunStopped", {
  reason: Schema.Literals(["quota", "provider", "configuration"]),
  retryable: Schema.Boolean,
  /** For a person: what happened, and what to do. */
  message: Schema.String
}) {}
