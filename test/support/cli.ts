import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { resolve as resolvePath } from "node:path"
import { fileURLToPath } from "node:url"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ConfigProvider, Effect, Exit, Layer, Sink, Stdio, Stream } from "effect"
import { TestConsole } from "effect/testing"
import { program } from "../../src/app.ts"
import { endingOf } from "../../src/cli/ExitStatus.ts"

export interface Outcome {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Standard input and output in memory. */
export const stdio = (written: { stdout: string; stderr: string }, isTerminal = false, typed?: string) => {
  const decoder = new TextDecoder()
  const collect = (name: "stdout" | "stderr") =>
    Sink.forEach((part: string | Uint8Array) =>
      Effect.sync(() => {
        written[name] += typeof part === "string" ? part : decoder.decode(part)
      })
    )
  return Stdio.layerTest({
    stdinIsTerminal: Effect.succeed(typed !== undefined),
    ...(typed === undefined ? {} : { stdin: Stream.make(new TextEncoder().encode(`${typed}\n`)) }),
    stdoutIsTerminal: Effect.succeed(isTerminal),
    stderrIsTerminal: Effect.succeed(isTerminal),
    stdout: () => collect("stdout"),
    stderr: () => collect("stderr")
  })
}

/**
 * The program as a process would end, in this process. Only `env` is its environment; `typed` is what a person types at a
 * terminal. For `it.effect`.
 */
export const run = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {},
  typed?: string
) {
  const written = { stdout: "", stderr: "" }
  const outcome: Effect.Effect<Outcome> = Effect.gen(function* () {
    const exit = yield* Effect.exit(program(args))
    const ending = Exit.isSuccess(exit) ? { status: 0, lines: [] } : endingOf(exit.cause)
    const lines = [...(yield* TestConsole.errorLines).map(String), ...ending.lines]
    return {
      status: ending.status,
      stdout: [written.stdout, ...(yield* TestConsole.logLines).map(String)].filter((text) => text !== "").join("\n"),
      stderr: [written.stderr, ...lines].filter((text) => text !== "").join("\n")
    }
  }).pipe(
    Effect.provide(Layer.mergeAll(NodeServices.layer, stdio(written, false, typed), TestConsole.layer)),
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))
  )
  return yield* outcome
})

export interface Child {
  readonly process: ChildProcess
  /** When the process has ended and its output is closed; fails after a deadline. */
  readonly ended: Promise<Outcome>
}

/** Real programs take about half a second of processor time to start; the machine may be slow. */
const usualDeadline = 60_000

/** What Node makes of the sources once is enough for all processes: a third of what starting the program takes. */
export const compileCache = (): Readonly<Record<string, string>> => {
  const directory = process.env["NODE_COMPILE_CACHE"]
  return directory === undefined ? {} : { NODE_COMPILE_CACHE: resolvePath(directory) }
}

/** The program as a process of its own, with nothing of this one's environment but what Node needs. */
export const child = (
  args: ReadonlyArray<string>,
  options: {
    readonly cwd: string
    readonly env?: Readonly<Record<string, string>>
    /** Milliseconds; for one that waits for somebody. */
    readonly deadline?: number
  }
): Child => {
  const { deadline = usualDeadline } = options
  const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url))
  const spawned = spawn(process.execPath, [main, ...args], {
    cwd: options.cwd,
    env: { PATH: process.env["PATH"] ?? "", ...compileCache(), ...options.env },
    stdio: ["ignore", "pipe", "pipe"]
  })
  const written = { stdout: "", stderr: "" }
  spawned.stdout.setEncoding("utf8").on("data", (text: string) => (written.stdout += text))
  spawned.stderr.setEncoding("utf8").on("data", (text: string) => (written.stderr += text))
  const ended = new Promise<Outcome>((resolve, reject) => {
    const timer = setTimeout(() => {
      spawned.kill("SIGKILL")
      reject(new Error(`The program has not ended after ${deadline} ms: ${JSON.stringify(written)}`))
    }, deadline)
    spawned.once("error", reject)
    spawned.once("close", (code) => {
      clearTimeout(timer)
      resolve({ status: code ?? -1, ...written })
    })
  })
  return { process: spawned, ended }
}
