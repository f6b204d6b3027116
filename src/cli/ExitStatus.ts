import { Cause, Schema } from "effect"
import { CliError } from "effect/cli"
import { SourceError } from "../services/DocumentSource.ts"
import { RunStopped } from "../services/RunStopped.ts"
import { StorageError } from "../services/StorageError.ts"
import { OutputClosed, OutputFailed } from "./Print.ts"

/** What scripts lean on; part of the program's interface. */
export const status = {
  complete: 0,
  usage: 1,
  deadLetters: 2,
  stopped: 3,
  storage: 4,
  interrupted: 130
} as const

/** The command line, the environment or a file of settings is wrong, and nothing was done. */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", {
  /** For a person: what is wrong, where, and what to do. */
  message: Schema.String
}) {}

/** Why a file cannot be read or written, in words. */
export const problem = (
  { reason }: { readonly reason: { readonly _tag: string } },
  use: "read" | "written"
): string => {
  switch (reason._tag) {
    case "NotFound":
      return use === "read" ? "it does not exist" : "its directory does not exist"
    case "PermissionDenied":
      return "permission is denied"
    default:
      return reason._tag
  }
}

/** A command has done what it could and said so; the process ends with this status. */
export class Ended extends Schema.TaggedError<Ended>()("Ended", {
  status: Schema.Int,
  /** Lines for standard error; empty: all is said. */
  message: Schema.String
}) {}

export interface Ending {
  readonly status: number
  /** For standard error. */
  readonly lines: ReadonlyArray<string>
}

const ending = (error: unknown): Ending => {
  if (error instanceof UsageError || error instanceof SourceError) {
    return { status: status.usage, lines: [error.message] }
  }
  if (error instanceof StorageError) {
    const isAbsent = error.reason === "absent"
    return { status: isAbsent ? status.usage : status.storage, lines: error.message.split("\n") }
  }
  if (error instanceof RunStopped) return { status: status.stopped, lines: [error.message] }
  if (error instanceof Ended)
    return { status: error.status, lines: error.message === "" ? [] : error.message.split("\n") }
  // `sluice export | head` has got what it wanted.
  if (error instanceof OutputClosed) return { status: status.complete, lines: [] }
  if (error instanceof OutputFailed) return { status: status.usage, lines: [error.message] }
  // The presenter has said what is wrong with the command line.
  if (CliError.isCliError(error)) {
    const isHelp = error._tag === "ShowHelp" && error.errors.length === 0
    return { status: isHelp ? status.complete : status.usage, lines: [] }
  }
  // A defect: whatever was committed is whole, so the command can be run again.
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return {
    status: status.stopped,
    lines: [
      `Sluice met an error that it does not know, which is a fault of its own: ${message}`,
      "Run the same command with --log-level debug for the details; what was done so far is kept."
    ]
  }
}

/** How the process ends, whatever happened. */
export const endingOf = (cause: Cause.Cause<unknown>): Ending =>
  Cause.hasInterruptsOnly(cause)
    ? {
        status: status.interrupted,
        lines: ["Interrupted. What was done is kept: run the same command again to go on."]
      }
    : ending(Cause.squash(cause))
