import { Schema } from "effect"

/** What a budget limits: US dollars, requests, tokens of input and output, seconds. */
export const Limited = Schema.Literals(["cost", "calls", "tokens", "seconds"])
export type Limited = typeof Limited.Type

/**
 * The run cannot go on, through no fault of a document: what was done is committed, and the same command resumes it.
 * `budget`: a ceiling of its own is reached; `failures`: too many chunks failed for it to be the chunks' fault.
 */
export class RunStopped extends Schema.TaggedError<RunStopped>()("RunStopped", {
  reason: Schema.Literals(["quota", "provider", "configuration", "budget", "failures"]),
  retryable: Schema.Boolean,
  /** For a person: what happened, and what to do. */
  message: Schema.String,
  /** The ceiling that was reached, and one with which the run would get as far again. */
  raise: Schema.optionalKey(Schema.Struct({ limit: Limited, to: Schema.Finite }))
}) {}
