import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Exit, Layer } from "effect"
import { CliConfig, CliOutput, Command, GlobalFlag } from "effect/cli"
import { Arguments } from "./cli/Budget.ts"
import { commands } from "./cli/Commands.ts"
import { endingOf } from "./cli/ExitStatus.ts"
import { complain, Invocation, invocationOf, presenter } from "./cli/Print.ts"
import { version } from "./cli/Version.ts"

const sluice = Command.make("sluice").pipe(
  Command.withDescription(
    "Turns documents into a knowledge graph. OPENAI_API_KEY, OPENAI_BASE_URL, ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL are read."
  ),
  Command.withSubcommands(commands)
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
