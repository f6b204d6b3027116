import { execFile } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Context, Effect, Layer } from "effect"
import { temporaryDirectory } from "./temporaryDirectory.ts"

const script = fileURLToPath(new URL("../../scripts/servers", import.meta.url))

/** On a busy machine a start takes a minute. */
const deadline = 200_000

const start = (directory: string) =>
  Effect.callback<void>((resume) => {
    const env = { ...process.env, SERVERS_DIR: directory }
    execFile(script, ["neo4j", "up"], { env, timeout: deadline }, (error, _, stderr) =>
      resume(error === null ? Effect.void : Effect.die(new Error(stderr, { cause: error })))
    )
  })

/** A Neo4j server that belongs to one test file alone, since it is killed. */
export class Neo4jServer extends Context.Service<
  Neo4jServer,
  {
    readonly port: number
    /** What a program needs to reach it, but for its address. */
    readonly env: Readonly<Record<string, string>>
    /** Returns when it answers. */
    readonly up: Effect.Effect<void>
    /** `kill -9`. */
    readonly kill: Effect.Effect<void>
  }
>()("test/Neo4jServer") {}

/** Started with its jars from the checkout, and ended on every path. */
export const layer = Layer.effect(
  Neo4jServer,
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory()
    const read = (name: string) => readFileSync(join(directory, "neo4j", name), "utf8").trim()
    const kill = () => {
      if (!existsSync(join(directory, "neo4j", "pid"))) return
      try {
        process.kill(Number(read("pid")), "SIGKILL")
      } catch {
        // It has ended already.
      }
    }
    // Should this process end before its tests do.
    process.once("exit", kill)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        process.off("exit", kill)
        kill()
      })
    )
    const up = start(directory)
    yield* up
    return {
      port: Number(read("port")),
      env: { NEO4J_USERNAME: "neo4j", NEO4J_PASSWORD: read("password") },
      up,
      kill: Effect.sync(kill)
    }
  })
)
