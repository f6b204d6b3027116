import { Effect, Option } from "effect"
import { Command } from "effect/cli"
import * as Stores from "../layers/Stores.ts"
import { tooLarge } from "../services/Journal.ts"
import { UsageError } from "./ExitStatus.ts"
import * as Flags from "./Flags.ts"
import { exists } from "./Places.ts"
import { bytes, counted, jsonLine, plain, print } from "./Print.ts"

export const command = Command.make("journal").pipe(
  Command.withDescription("Look after the file of paid answers: `journal compact` makes it smaller.")
)

export const compact = Command.make("compact", {
  config: Flags.config,
  settings: { ...Flags.common, ...Flags.journaling }
}).pipe(
  Command.withDescription("Write the journal anew without gaps. No answer goes; with --journal-max, raw responses do.")
)

interface Options extends Flags.CommonSettings, Flags.JournalSettings {
  readonly journalFile: string
}

export const run = Effect.fnUntraced(function* ({ journalFile: journal, journalMax, json }: Options) {
  if (!(yield* exists(journal))) {
    return yield* new UsageError({ message: `There is no journal at ${plain(journal)}: give --store or --journal.` })
  }
  const max = Option.getOrUndefined(journalMax)
  const { after, before, excess, responses } = yield* Stores.compactJournal({
    journal,
    ...(max === undefined ? {} : { journalMax: max })
  })
  if (max !== undefined && excess > 0) yield* Effect.logWarning(tooLarge(journal, max))
  if (json) return yield* print([jsonLine({ journal, before, after, responses })])
  const dropped = responses === 0 ? "" : ` ${counted(responses, "raw response")} went; every answer is there.`
  yield* print([`${plain(journal)}: ${bytes(before)} before, ${bytes(after)} now.${dropped}`])
})
