import { Effect, Schema } from "effect"
import { Command } from "effect/cli"
import { DeadLetter } from "../domain/DeadLetter.ts"
import type { DeadLetterCause } from "../domain/DeadLetter.ts"
import { Ledger } from "../services/Ledger.ts"
import * as Flags from "./Flags.ts"
import { counted, fit, jsonLine, print, wrap } from "./Print.ts"

export const command = Command.make("failures", { config: Flags.config, settings: Flags.common }).pipe(
  Command.withDescription("The dead letters: what could not be processed, grouped by cause, with what to do.")
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

const lines = (letters: ReadonlyArray<DeadLetter>): ReadonlyArray<string> => [
  counted(letters.length, "dead letter"),
  ...[...group(letters)].flatMap(([cause, ofCause]) => [
    "",
    `${cause}: ${meanings[cause]} (${ofCause.length})`,
    ...ofCause
      .slice(0, shown)
      .flatMap(({ message, ordinal, source }) => [
        `  ${fit(source, 64)}${ordinal === undefined ? "" : `, chunk ${ordinal + 1}`}`,
        ...wrap(message, 76, 4).map((line) => `    ${line}`)
      ]),
    ...(ofCause.length > shown ? [`  and ${ofCause.length - shown} more: --json has them all`] : [])
  ]),
  "",
  "Mend or remove them, then run the same `sluice ingest` again: only they are tried again."
]

export const run = Effect.fnUntraced(function* (settings: Flags.CommonSettings) {
  const ledger = yield* Ledger
  const letters = yield* ledger.deadLetters(settings.group)
  if (settings.json) {
    const causes = [...group(letters)].map(([cause, ofCause]) => ({
      cause,
      count: ofCause.length,
      letters: ofCause.map((letter) => encode(letter))
    }))
    return yield* print([jsonLine({ total: letters.length, causes })])
  }
  yield* print(letters.length === 0 ? ["No dead letters: everything is in the graph."] : lines(letters))
})
