import { Schema } from "effect"

/**
 * Store or journal failed: the run stops with status 4 and can be resumed, since what was committed is whole. `absent`:
 * what was to be read has never been made, and nothing was done (status 1).
 */
export class StorageError extends Schema.TaggedError<StorageError>()("StorageError", {
  storage: Schema.Literals(["store", "journal"]),
  reason: Schema.Literals(["locked", "full", "readonly", "corrupt", "version", "unavailable", "absent", "failed"]),
  retryable: Schema.Boolean,
  /** For a person: which file or server, what happened, what to do. */
  message: Schema.String
}) {}
