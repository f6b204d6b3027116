import { Effect, Option, Schedule } from "effect"
import { Command } from "effect/cli"
import type { Group } from "../domain/Ids.ts"
import type { Copied, Endpoint } from "../pipeline/Copy.ts"
import { Ended, status } from "./ExitStatus.ts"
import * as Flags from "./Flags.ts"
import { complain, count, counted, jsonLine, plain, print } from "./Print.ts"

export const command = Command.make("copy", { config: Flags.config, settings: Flags.copying }).pipe(
  Command.withDescription(
    "Copy a graph with its ledger to another store. Run it again to go on, or to bring it up to date."
  ),
  Command.withExamples([
    { command: "sluice copy --from sqlite:sluice.db --to neo4j://localhost:7687", description: "Into Neo4j" },
    {
      command: "sluice copy --from neo4j://localhost:7687 --to sqlite:copy.db --group acme",
      description: "One group, out of it"
    }
  ])
)

interface Named extends Endpoint {
  /** As its flag has it. */
  readonly named: string
}

const interval = "2 seconds"

/** Says every now and then how far it is. */
const watched = Effect.fnUntraced(function* (from: Named, to: Named, group: Group) {
  const { copyGroup } = yield* Effect.promise(() => import("../pipeline/Copy.ts"))
  const { documents } = yield* from.store.counts(group)
  const state = { seen: 0, copied: 0 }
  let last = ""
  const told = Effect.suspend(() => {
    const line = `Group ${group}: ${count(state.seen)} of ${counted(documents, "document")} read, ${count(state.copied)} written.`
    // Nothing more to write: the rest is to compare the two.
    if (line === last) return Effect.void
    last = line
    return complain([line])
  })
  return yield* Effect.scoped(
    Effect.gen(function* () {
      yield* Effect.forkScoped(Effect.delay(Effect.repeat(told, Schedule.spaced(interval)), interval))
      return yield* copyGroup(from, to, group, state)
    })
  )
})

const reasons: Readonly<Record<NonNullable<Copied["difference"]>, string>> = {
  "target has other documents":
    "the target has documents that the source has not, which stay. Copy into a store without that group for one that is the same.",
  "source has changed": "the source has changed meanwhile. Run the same command again when nobody writes to it.",
  "documents differ":
    "both hold the same documents, of which some differ: another answer, or another version. Copy into a store without that group for one that is the same."
}

const line = ({ deadLetters, difference, documents, group, hash, runs }: Copied): string =>
  `  ${group}: ${[
    counted(documents.seen, "document"),
    `${count(documents.copied)} copied`,
    ...(documents.unchanged === 0 ? [] : [`${count(documents.unchanged)} there already`]),
    counted(runs, "run"),
    ...(deadLetters === 0 ? [] : [counted(deadLetters, "dead letter")]),
    difference === undefined ? `hash ${hash.to.slice(0, 12)}… on both sides` : "the hashes differ"
  ].join(" · ")}`

export const run = Effect.fnUntraced(function* (
  {
    from,
    journal,
    to
  }: { readonly from: Named; readonly to: Named; /** Of the first store. */ readonly journal: string },
  settings: Flags.CopySettings
) {
  const there = yield* from.store.groups
  const asked = Option.match(settings.group, { onNone: () => there, onSome: (group) => [group] })
  const groups = yield* Effect.forEach(asked, (group) => watched(from, to, group))
  const different = groups.filter(({ difference }) => difference !== undefined)
  yield* print(
    settings.json
      ? [jsonLine({ from: from.named, to: to.named, same: different.length === 0, groups })]
      : [
          `${plain(from.named)} → ${plain(to.named)}`,
          ...(groups.length === 0 ? ["  Nothing is in it."] : groups.map(line)),
          `Paid answers are not copied: the journal of the new store is that of the old one, --store ${plain(to.named)} --journal ${plain(journal)}.`
        ]
  )
  if (different.length === 0) return
  return yield* new Ended({
    status: status.deadLetters,
    message: different
      .map(
        ({ difference = "documents differ", group }) =>
          `Group ${group} is not the same on both sides: ${reasons[difference]}`
      )
      .join("\n")
  })
})
