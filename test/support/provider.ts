import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Schema } from "effect"
import { start } from "../../src/layers/SimulatedServer.ts"
import { SimulatedOptions } from "../../src/layers/simulated/Options.ts"

/**
 * A simulated provider in a process of its own, for tests that kill the client: `node provider.ts '{"seed":1}' [PORT]`.
 * The first line of standard output is its base URL; SIGTERM stops it.
 */
const program = Effect.gen(function* () {
  const [, , options = "{}", port = "0"] = process.argv
  const decoded = yield* Schema.decodeEffect(Schema.fromJsonString(SimulatedOptions))(options)
  const server = yield* start(decoded, Number(port))
  yield* Console.log(server.url)
  return yield* Effect.never
})

NodeRuntime.runMain(Effect.scoped(program))
