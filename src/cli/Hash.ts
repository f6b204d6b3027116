import { Effect } from "effect"
import { Command } from "effect/cli"
import { GraphStore } from "../services/GraphStore.ts"
import * as Flags from "./Flags.ts"
import { jsonLine, print } from "./Print.ts"

export const command = Command.make("hash", { config: Flags.config, settings: Flags.common }).pipe(
  Command.withDescription("Print the canonical hash of the graph: the same corpus has the same hash.")
)

export const run = Effect.fnUntraced(function* (settings: Flags.CommonSettings) {
  const store = yield* GraphStore
  const hash = yield* store.hash(settings.group)
  yield* print([settings.json ? jsonLine({ group: settings.group, hash }) : hash])
})
