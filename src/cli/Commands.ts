import { Cause, Effect, Layer } from "effect"
import { Command } from "effect/cli"
import * as Telemetry from "../layers/Telemetry.ts"
import { Pruning } from "../services/Pruning.ts"
import * as Copy from "./Copy.ts"
import * as Doctor from "./Doctor.ts"
import * as Export from "./Export.ts"
import * as Failures from "./Failures.ts"
import * as Flags from "./Flags.ts"
import * as Forget from "./Forget.ts"
import * as Hash from "./Hash.ts"
import * as Ingest from "./Ingest.ts"
import * as Journal from "./Journal.ts"
import * as Logging from "./Logging.ts"
import { journalFile } from "./Places.ts"
import * as Progress from "./Progress.ts"
import * as Report from "./Report.ts"
import * as Retry from "./Retry.ts"
import * as Runs from "./Runs.ts"
import * as Search from "./Search.ts"
import { provideFile } from "./Setting.ts"
import { version } from "./Version.ts"
import * as Watch from "./Watch.ts"
import { copying, existingJournal, forgetting, ingestion, reading, searching, watching } from "./Wiring.ts"
import type { Documents } from "./Wiring.ts"

/** Logs and traces around a command. */
const observed =
  ({ logFile: file, logLevel: level }: Pick<Flags.CommonSettings, "logFile" | "logLevel">, hasBar = false) =>
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

const search = Command.withHandler(
  Search.command,
  Effect.fnUntraced(function* ({ config, settings: given, words }) {
    const settings = yield* Effect.all(given).pipe(provideFile(config))
    const text = yield* Search.textOf(words)
    const layer = searching(settings, Search.needsVector(text, settings))
    yield* Search.run(text, settings).pipe(Effect.provide(layer), observed(settings))
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

const copy = Command.withHandler(
  Copy.command,
  Effect.fnUntraced(function* ({ config, settings: given }) {
    const settings = yield* Effect.all(given).pipe(provideFile(config))
    yield* Effect.flatMap(copying(settings), (places) => Copy.run(places, settings)).pipe(
      Effect.scoped,
      observed(settings)
    )
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
    yield* Doctor.run(settings).pipe(observed(settings))
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

/** Every command with what it runs on: its settings are found, then its layers are made of them. */
export const commands = [
  ingest,
  search,
  report,
  runs,
  failures,
  retry,
  hash,
  exporting,
  copy,
  forget,
  doctor,
  journal
] as const
