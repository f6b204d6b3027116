/** `node test/support/crashChild.ts JSON`: ingests, and kills itself where the options say. */
import { NodeRuntime } from "@effect/platform-node"
import { Effect, Schema } from "effect"
import { CrashOptions, ingestUntil } from "./crash.ts"

Schema.decodeUnknownEffect(Schema.fromJsonString(CrashOptions))(process.argv[2]).pipe(
  Effect.flatMap(ingestUntil),
  NodeRuntime.runMain
)
