import { Effect, Schema } from "effect"
import { Command } from "effect/cli"
import { DeadLetter } from "../domain/DeadLetter.ts"
import type { DeadLetterCause } from "../domain/DeadLetter.ts"
import { Ledger } from "../services/Ledger.ts"
import * as Flags from "./Flags.ts"
import { counted, fit, jsonLine, plain, print, wrap } from "./Print.ts"
import { ofCauses } from "./Retry.ts"

export const command = Command.make("failures", {
  config: Flags.config,
  settings: { ...Flags.common, ...Flags.letters }
}).pipe(
  Command.withDescription("The dead letters: what could not be processed, grouped by cause, with what to do."),
  Command.withExamples([{ command: "sluice failures --cause refused", description: "What the model refused" }])
)

/** What the causes mean to somebody who has not read the source. */
const meanings: Readonly<Record<DeadLetterCause, string>> = {
  unreadable: "could not be read",
  unsupported: "no parser for this kind of document",
  malformed: "the parser could not make sense of it",
  empty: "no text in it",
  protected: "behind a password or a licence",
  "too-large": "over a limit in bytes or memory",
  timeout: "took too long",
  "invalid-answer": "the model's answers could not be used",
  truncated: "the model's answers were cut off",
  refused: "the model refused",
  rejected: "the provider rejected the request",
  unrecorded: "no recorded answer for --replay to use"
}

/** The message of an error is none of its own fields, so a letter is not what `JSON.stringify` makes of it. */
const encode = Schema.encodeSync(DeadLetter)

/** How many letters of a cause a person is shown; `--json` has them all. */
const shown = 20

const group = (letters: ReadonlyArray<DeadLetter>): ReadonlyMap<DeadLetterCause, ReadonlyArray<DeadLetter>> =>
  new Map([...Map.groupBy(letters, ({ cause }) => cause)].toSorted(([, a], [, b]) => b.length - a.length))

/** `chunk 3, 2 attempts`; one attempt goes without saying. */
const details = ({ attempts, ordinal }: DeadLetter): string =>
  [ordinal === undefined ? "" : `, chunk ${ordinal + 1}`, attempts > 1 ? `, ${attempts} attempts` : ""].join("")

const letterLines = (letter: DeadLetter): ReadonlyArray<string> => [
  `  ${fit(letter.source, 52)}${details(letter)} (${letter.stage})`,
  ...wrap(letter.message, 76, 4).map((line) => `    ${line}`),
  ...(letter.response === undefined || plain(letter.response) === ""
    ? []
    : wrap(`It was answered: ${letter.response}`, 74, 2).map((line) => `      ${line}`))
]

const lines = (letters: ReadonlyArray<DeadLetter>): ReadonlyArray<string> => [
  counted(letters.length, "dead letter"),
  ...[...group(letters)].flatMap(([cause, ofCause]) => [
    "",
    `${cause}: ${meanings[cause]} (${ofCause.length})`,
    ...ofCause.slice(0, shown).flatMap(letterLines),
    ...(ofCause.length > shown ? [`  and ${ofCause.length - shown} more: --json has them all`] : [])
  ]),
  "",
  "`sluice retry`, with the model flags of the ingest, tries these alone again."
]

const none = (causes: Flags.LetterSettings["causes"]): string =>
  causes.length === 0 ? "No dead letters: everything is in the graph." : `No dead letters of ${causes.join(", ")}.`

export const run = Effect.fnUntraced(function* (settings: Flags.CommonSettings & Flags.LetterSettings) {
  const ledger = yield* Ledger
  const letters = ofCauses(yield* ledger.deadLetters(settings.group), settings.causes)
  if (settings.json) {
    const causes = [...group(letters)].map(([cause, ofCause]) => ({
      cause,
      count: ofCause.length,
      letters: ofCause.map((letter) => encode(letter))
    }))
    return yield* print([jsonLine({ total: letters.length, causes })])
  }
  yield* print(letters.length === 0 ? [none(settings.causes)] : lines(letters))
})
