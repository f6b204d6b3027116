import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Effect, Exit, Layer, Option } from "effect"
import { CliConfig, CliOutput, Command, GlobalFlag } from "effect/cli"
import { Arguments } from "./cli/Budget.ts"
import * as Doctor from "./cli/Doctor.ts"
import { endingOf } from "./cli/ExitStatus.ts"
import * as Export from "./cli/Export.ts"
import * as Failures from "./cli/Failures.ts"
import * as Flags from "./cli/Flags.ts"
import * as Forget from "./cli/Forget.ts"
import * as Hash from "./cli/Hash.ts"
import * as Ingest from "./cli/Ingest.ts"
import * as Journal from "./cli/Journal.ts"
import * as Logging from "./cli/Logging.ts"
import { journalFile, placeOf } from "./cli/Places.ts"
import { complain, Invocation, invocationOf, presenter } from "./cli/Print.ts"
import * as Progress from "./cli/Progress.ts"
import * as Report from "./cli/Report.ts"
import * as Retry from "./cli/Retry.ts"
import * as Runs from "./cli/Runs.ts"
import { provideFile } from "./cli/Setting.ts"
import { version } from "./cli/Version.ts"
import * as Watch from "./cli/Watch.ts"
import { existingJournal, forgetting, ingestion, reading, watching } from "./cli/Wiring.ts"
import type { Documents } from "./cli/Wiring.ts"
import * as Stores from "./layers/Stores.ts"
import * as Telemetry from "./layers/Telemetry.ts"
import { Pruning } from "./services/Pruning.ts"

/** Logs and traces around a command. */
const observed =
  ({ logFile: file, logLevel: level }: Flags.CommonSettings, hasBar = false) =>
  <A, E, R>(command: Effect.Effect<A, E, R>) =>
    command.pipe(
      Effect.tapCause((cause) => (Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logDebug("Failed", cause))),
      Effect.provide(Telemetry.layer(version).pipe(Layer.provideMerge(Logging.layer({ level, file, hasBar }))))
    )

const ingest = Command.withHandler(
  Ingest.command,
  Effect.fnUntraced(function* ({ config, paths, settings: given }) {
    const settings = yield* Effect.all(given).pipe(provideFile(config))
    const progress = yield* Progress.kindOf(settings.progress)
    const everything: Documents = { _tag: "paths", paths, ...settings }
    const over = (documents: Documents) => ingestion(documents, settings, progress)
    const whole = Effect.gen(function* () {
      if (!settings.watch) return yield* Ingest.run(settings).pipe(Effect.provide(over(everything)))
      const round = (reading: Watch.Reading) =>
        Ingest.once.pipe(
          Effect.provide(over(reading === "everything" ? everything : { _tag: "wanted", wanted: reading }))
        )
      return yield* Watch.run(watching(paths, settings), round, settings)
    })
    yield* whole.pipe(Effect.provideService(Pruning, settings.prune), observed(settings, progress === "bar"))
  })
)

const retry = Command.withHandler(
  Retry.command,
  Effect.fnUntraced(function* ({ config, settings: given }) {
    const settings = yield* Effect.all(given).pipe(provideFile(config))
    const progress = yield* Progress.kindOf(settings.progress)
    yield* Effect.gen(function* () {
      const wanted = yield* Retry.wanted(settings).pipe(Effect.provide(reading(settings)))
      const layer = ingestion({ _tag: "wanted", wanted }, settings, progress)
      yield* Retry.run(wanted, settings).pipe(Effect.provide(layer))
    }).pipe(observed(settings, progress === "bar"))
  })
)

const exporting = Command.withHandler(
  Export.command,
  Effect.fnUntraced(function* ({ config, settings: given }) {
    const settings = yield* Effect.all(given).pipe(provideFile(config))
    yield* Export.run(settings).pipe(Effect.provide(reading(settings)), observed(settings))
  })
)

type CommonInput = Command.Command.Config.Infer<{ config: typeof Flags.config; settings: typeof Flags.common }>

/** For commands that read the graph and have no flags of their own. */
const read = <E, R>(run: (settings: Flags.CommonSettings) => Effect.Effect<void, E, R>) =>
  Effect.fnUntraced(function* ({ config, settings: given }: CommonInput) {
    const settings = yield* Effect.all(given).pipe(provideFile(config))
    yield* run(settings).pipe(Effect.provide(reading(settings)), observed(settings))
  })

const hash = Command.withHandler(Hash.command, read(Hash.run))
const report = Command.withHandler(Report.command, read(Report.run))

const failures = Command.withHandler(
  Failures.command,
  Effect.fnUntraced(function* ({ config, settings: given }) {
    const settings = yield* Effect.all(given).pipe(provideFile(config))
    yield* Failures.run(settings).pipe(Effect.provide(reading(settings)), observed(settings))
  })
)

const forget = Command.withHandler(
  Forget.command,
  Effect.fnUntraced(function* ({ config, documents, settings: given, yes }) {
    const { group, ...others } = yield* Effect.all(given).pipe(provideFile(config))
    const settings = { ...others, group: yield* Forget.groupOf(documents, group) }
    yield* Forget.run(documents, yes, settings).pipe(Effect.provide(forgetting(settings)), observed(settings))
  })
)

const runs = Command.withHandler(
  Runs.command,
  Effect.fnUntraced(function* ({ config, settings: given }) {
    const settings = yield* Effect.all(given).pipe(provideFile(config))
    const layer = Layer.merge(reading(settings), existingJournal(journalFile(settings)))
    yield* Runs.run(settings).pipe(Effect.provide(layer), observed(settings))
  })
)

const doctor = Command.withHandler(
  Doctor.command,
  Effect.fnUntraced(function* ({ config, settings: given }) {
    const settings = yield* Effect.all(given).pipe(provideFile(config))
    const file = journalFile(settings)
    const place = yield* placeOf(settings)
    const files = {
      openStore: Stores.layerReadOnly(place),
      openJournal: Stores.layerJournalReadOnly(file),
      checkStore: Stores.checkStore(place),
      checkJournal: Stores.checkJournal(file)
    }
    const model = { named: settings.model, model: Option.getOrElse(settings.model, () => Flags.defaultModel) }
    yield* Doctor.run({ ...settings, ...model, place, journalFile: file, ...files }).pipe(observed(settings))
  })
)

const compact = Command.withHandler(
  Journal.compact,
  Effect.fnUntraced(function* ({ config, settings: given }) {
    const settings = yield* Effect.all(given).pipe(provideFile(config))
    yield* Journal.run({ ...settings, journalFile: journalFile(settings) }).pipe(observed(settings))
  })
)
const journal = Journal.command.pipe(Command.withSubcommands([compact]))

const sluice = Command.make("sluice").pipe(
  Command.withDescription(
    "Turns documents into a knowledge graph. OPENAI_API_KEY, OPENAI_BASE_URL, ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL are read."
  ),
  Command.withSubcommands([ingest, report, runs, failures, retry, hash, exporting, forget, doctor, journal])
)

/** The program: fails with what `endingOf` understands. */
export const program = (args: ReadonlyArray<string>) =>
  Command.runWith(sluice, { version })(args).pipe(
    Effect.provideService(Arguments, args),
    Effect.provide(
      Layer.merge(
        CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] }),
        CliOutput.layerPresenter(presenter)
      )
    )
  )

export const main = (process: NodeJS.Process): void => {
  // Whoever cannot wait for what is under way to be put in order asks twice.
  let isAsked = false
  const onSignal = () => {
    if (isAsked) process.exit(130)
    isAsked = true
  }
  process.on("SIGINT", onSignal)
  process.on("SIGTERM", onSignal)
  program(process.argv.slice(2)).pipe(
    Effect.onError((cause) => complain(endingOf(cause).lines)),
    Effect.provideService(Invocation, invocationOf(process.argv[1], process.execPath, process.cwd())),
    Effect.provide(NodeServices.layer),
    NodeRuntime.runMain({
      disableErrorReporting: true,
      teardown: (exit, end) => end(Exit.isSuccess(exit) ? 0 : endingOf(exit.cause).status)
    })
  )
}
