import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Cause, Config, Effect, Exit, FileSystem, Layer, Option, Schema } from "effect"
import type { Redacted } from "effect"
import { CliConfig, CliOutput, Command, GlobalFlag } from "effect/cli"
import * as Doctor from "./cli/Doctor.ts"
import { endingOf, UsageError } from "./cli/ExitStatus.ts"
import * as Export from "./cli/Export.ts"
import * as Failures from "./cli/Failures.ts"
import * as Flags from "./cli/Flags.ts"
import * as Hash from "./cli/Hash.ts"
import * as Ingest from "./cli/Ingest.ts"
import * as Logging from "./cli/Logging.ts"
import { complain, presenter } from "./cli/Print.ts"
import * as Progress from "./cli/Progress.ts"
import * as Report from "./cli/Report.ts"
import * as Models from "./layers/Models.ts"
import * as Stores from "./layers/Stores.ts"
import * as Telemetry from "./layers/Telemetry.ts"

const { version } = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Struct({ version: Schema.String })))(
  readFileSync(new URL("../package.json", import.meta.url), "utf8")
)

/** Logs and traces around a command. */
const observed =
  (settings: Flags.CommonSettings, hasBar = false) =>
  <A, E, R>(command: Effect.Effect<A, E, R>) =>
    command.pipe(
      Effect.tapCause((cause) => (Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logDebug("Failed", cause))),
      Effect.provide(
        Telemetry.layer(version).pipe(
          Layer.provideMerge(Logging.layer({ level: settings.logLevel, file: settings.logFile, hasBar }))
        )
      )
    )

const journalOf = (settings: { readonly journal: Option.Option<string>; readonly store: string }): string =>
  Option.getOrElse(settings.journal, () => join(dirname(settings.store), "sluice.journal.db"))

/** For commands that read: there must be a graph. */
const reading = (settings: Flags.CommonSettings) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      if (yield* Effect.orElseSucceed(fileSystem.exists(settings.store), () => false)) {
        return Stores.layerReadOnly(settings.store)
      }
      return yield* new UsageError({
        message: `There is no graph at ${settings.store} yet: make one with \`sluice ingest PATH\`, or give --store.`
      })
    })
  )

const apiKey = Config.option(Config.Redacted("OPENAI_API_KEY")).pipe(
  Effect.orElseSucceed(() => Option.none<Redacted.Redacted>())
)
