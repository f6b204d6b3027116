import { Effect } from "effect"
import { Command } from "effect/cli"
import type { DeadLetter } from "../domain/DeadLetter.ts"
import type { Wanted } from "../services/DocumentSource.ts"
import { Ledger } from "../services/Ledger.ts"
import * as Flags from "./Flags.ts"
import * as Ingest from "./Ingest.ts"
import { print } from "./Print.ts"

export const command = Command.make("retry", {
  config: Flags.config,
  settings: { ...Flags.common, ...Flags.models, ...Flags.letters, ...Flags.extraction, ...Flags.budget }
}).pipe(
  Command.withDescription("Try dead letters again, from their sources. Give it the same model flags as the ingest."),
  Command.withExamples([
    { command: "sluice retry", description: "All of them" },
    { command: "sluice retry --cause refused --model other", description: "What one model refused, with another one" }
  ])
)

/** Letters of these causes; none given: all. */
export const ofCauses = (
  letters: ReadonlyArray<DeadLetter>,
  causes: Flags.LetterSettings["causes"]
): ReadonlyArray<DeadLetter> =>
  causes.length === 0 ? letters : letters.filter(({ cause }) => causes.some((one) => one === cause))

/** The sources of dead letters. A chunk's letter is about its document alone, one about a source about all that is in it. */
export const wanted = Effect.fnUntraced(function* (settings: Flags.CommonSettings & Flags.LetterSettings) {
  const ledger = yield* Ledger
  const letters = ofCauses(yield* ledger.deadLetters(settings.group), settings.causes)
  const sources = new Map<string, boolean>()
  for (const { ordinal, source } of letters) {
    sources.set(source, sources.get(source) === true || ordinal === undefined)
  }
  return [...sources].map(([source, withContents]): Wanted => ({ source, withContents }))
})

/** An ingest of what is wanted, with an ingest's report. */
export const run = Effect.fnUntraced(function* (
  wanted: ReadonlyArray<Wanted>,
  settings: Flags.RetrySettings & Flags.LetterSettings
) {
  if (wanted.length > 0 || settings.json) return yield* Ingest.run(settings)
  const which = settings.causes.length === 0 ? "" : ` of ${settings.causes.join(", ")}`
  return yield* print([`No dead letters${which}: there is nothing to try again.`])
})
