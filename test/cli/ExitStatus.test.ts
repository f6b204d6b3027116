import { assert, describe, it } from "@effect/vitest"
import { Cause } from "effect"
import { CliError } from "effect/cli"
import { Ended, endingOf, UsageError } from "../../src/cli/ExitStatus.ts"
import { OutputClosed, OutputFailed } from "../../src/cli/Print.ts"
import { SourceError } from "../../src/services/DocumentSource.ts"
import { RunStopped } from "../../src/services/RunStopped.ts"
import { StorageError } from "../../src/services/StorageError.ts"

const storage = (kind: "store" | "journal", reason: StorageError["reason"] = "locked") =>
  new StorageError({ storage: kind, reason, retryable: reason === "locked", message: `${kind} is ${reason}` })

const help = (errors: ReadonlyArray<CliError.NonShowHelpErrors>) =>
  new CliError.ShowHelp({ commandPath: ["sluice"], errors: [...errors] })

describe("endingOf", () => {
  it.each([
    [new UsageError({ message: "m" }), 1, ["m"]],
    [new SourceError({ message: "m" }), 1, ["m"]],
    [help([new CliError.MissingArgument({ argument: "path" })]), 1, []],
    [help([]), 0, []],
    [new Ended({ status: 2, message: "m" }), 2, ["m"]],
    [new Ended({ status: 3, message: "" }), 3, []],
    [new RunStopped({ reason: "quota", retryable: false, message: "m" }), 3, ["m"]],
    [storage("store"), 4, ["store is locked"]],
    [storage("journal"), 4, ["journal is locked"]],
    [storage("store", "absent"), 1, ["store is absent"]],
    [new OutputClosed(), 0, []],
    [new OutputFailed({ message: "m" }), 1, ["m"]]
  ])("of %s is %i", (error, status, lines) => assert.deepStrictEqual(endingOf(Cause.fail(error)), { status, lines }))

  it("of an interruption is 130", () => assert.strictEqual(endingOf(Cause.interrupt(1)).status, 130))

  it("of a failure while being interrupted is the failure's", () =>
    assert.strictEqual(endingOf(Cause.combine(Cause.fail(storage("store")), Cause.interrupt(1))).status, 4))

  it("of a fault of the program's own says so, and how to learn more", () => {
    const { lines, status } = endingOf(Cause.die(new TypeError("x is not a function")))
    assert.strictEqual(status, 3)
    assert.include(lines[0], "x is not a function")
    assert.include(lines[1], "--log-level debug")
  })
})
