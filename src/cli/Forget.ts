import { Effect, Option, Stdio, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import type { Group } from "../domain/Ids.ts"
import { makeUris } from "../layers/files/uris.ts"
import { isAddress, parseAddress } from "../layers/urls/address.ts"
import * as Forget from "../services/Forget.ts"
import { GraphStore } from "../services/GraphStore.ts"
import { Ledger } from "../services/Ledger.ts"
import { UsageError } from "./ExitStatus.ts"
import * as Flags from "./Flags.ts"
import { complain, count, counted, fit, jsonLine, plain, print } from "./Print.ts"

export const command = Command.make("forget", {
  documents: Argument.String("doc").pipe(
    Argument.withDescription("Ids of documents, names of sources, directories, or files with what lies in them"),
    Argument.variadic()
  ),
  yes: Flag.Boolean("yes").pipe(
    Flag.withDescription("Do not ask before a whole group is forgotten"),
    Flag.withDefault(false)
  ),
  config: Flags.config,
  settings: { ...Flags.common, ...Flags.forgetting }
}).pipe(
  Command.withDescription("Take documents, or a whole group, out of graph, ledger and journal, for good."),
  Command.withExamples([
    { command: "sluice forget docs/offer.pdf", description: "A file, and what is attached to it" },
    { command: "sluice forget docs/2019 --dry-run", description: "What would go with everything in a directory" },
    { command: "sluice forget --group acme", description: "Everything of a group" }
  ])
)

/** The group that is meant; one that nobody has named is not forgotten whole. */
export const groupOf = (documents: ReadonlyArray<string>, group: Option.Option<Group>) =>
  Option.isNone(group) && documents.length === 0
    ? new UsageError({ message: "Say what is to be forgotten: documents, or with --group NAME a whole group." })
    : Effect.succeed(Option.getOrElse(group, () => Flags.defaults.group))

/** What a person may mean by a name, in the order in which it is tried: as it is in the ledger, or as a path. */
const namesOf = (given: string): ReadonlyArray<string> => {
  if (isAddress(given)) {
    const address = parseAddress(given)
    return [given, ...(typeof address === "string" ? [] : [address.uri])]
  }
  const uris = makeUris(process.cwd())
  const asPath = (path: string): string => uris.of(uris.resolve(path))
  // Names of files may hold a #, so each could be where the file's own name ends.
  const inFiles = [...given.matchAll(/(?<=.)#/g)].map(
    ({ index }) => `${asPath(given.slice(0, index))}${given.slice(index)}`
  )
  return [...new Set(given === "-" ? [given] : [given, asPath(given), ...inFiles])].filter((name) => name !== "")
}

const unknown = Effect.fnUntraced(function* (given: string, group: string) {
  const near = yield* Forget.nearest(given)
  const hint = near.length === 0 ? "" : ` Near it are: ${near.map((name) => fit(name, 60)).join(", ")}.`
  return new UsageError({
    message: `Nothing of ${fit(given, 120)} is in the group ${group}, so nothing was forgotten.${hint}`
  })
})

const firstLine = Stdio.Stdio.use(({ stdin }) =>
  stdin.pipe(Stream.decodeText(), Stream.splitLines, Stream.runHead, Effect.map(Option.getOrElse(() => "")))
).pipe(Effect.orElseSucceed(() => ""))

/** A person at a terminal types the group's name; a program says `--yes`. */
const confirm = Effect.fnUntraced(function* (group: Group, isAsking: boolean) {
  if (!isAsking) {
    return yield* new UsageError({
      message: `All of the group ${group} would be forgotten, with every answer that was paid for: say --yes if that is meant, or name the documents.`
    })
  }
  const { documents } = yield* (yield* GraphStore).counts(group)
  yield* complain([
    `All of the group ${group} will be forgotten: ${counted(documents, "document")}, and every answer that was paid for. Type its name to go on:`
  ])
  if ((yield* firstLine).trim() === group) return
  return yield* new UsageError({ message: "That is not its name: nothing was forgotten." })
})

const row = (label: string, parts: ReadonlyArray<string>): string => `  ${label.padEnd(11)}${parts.join(" · ")}`

const lines = (forgotten: Forget.Forgotten, dryRun: boolean): ReadonlyArray<string> => [
  dryRun ? "A dry run: nothing was forgotten. It would be:" : "Forgotten:",
  row("Documents", [
    count(forgotten.documents),
    counted(forgotten.sources, "source"),
    counted(forgotten.chunks, "chunk")
  ]),
  row("Graph", [counted(forgotten.entities, "entity", "entities"), counted(forgotten.relations, "relation")]),
  row("Journal", [counted(forgotten.answers, "answer")])
]

export const run = Effect.fnUntraced(function* (
  documents: ReadonlyArray<string>,
  yes: boolean,
  settings: Flags.ForgetSettings
) {
  const { group } = settings
  const store = yield* GraphStore
  // Should an earlier one have broken off before its end, nobody may be able to name what it left any more.
  if (!settings.dryRun) yield* store.purge
  const found: Array<Forget.Found> = []
  for (const given of documents) {
    const one = yield* Forget.find(given, namesOf(given))
    if (Option.isNone(one)) return yield* yield* unknown(given, group)
    found.push(one.value)
  }
  if (documents.length === 0) {
    const [lastRun] = yield* (yield* Ledger).runs(group, 1)
    if (lastRun === undefined) {
      return yield* new UsageError({ message: `There is no group ${group} in ${plain(store.location)}.` })
    }
    const isAsking = !settings.json && (yield* Stdio.Stdio.use(({ stdinIsTerminal }) => stdinIsTerminal))
    if (!yes && !settings.dryRun) yield* confirm(group, isAsking)
  }
  const forgotten = yield* documents.length === 0 ? Forget.forgetGroup() : Forget.forget(found)
  if (!settings.dryRun) yield* store.purge
  yield* print(
    settings.json ? [jsonLine({ group, dryRun: settings.dryRun, ...forgotten })] : lines(forgotten, settings.dryRun)
  )
})
