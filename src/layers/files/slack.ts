import { Cache, Effect } from "effect"
import { opendir, readdir, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { SourceItemError } from "../../services/DocumentSource.ts"
import { readFile } from "./read.ts"
import type { Entry } from "./walk.ts"

/** A day of a channel in a Slack export, whose speakers another file names. */
export interface ChannelEntry extends Entry {
  readonly channel?: string
}

/** What an export holds besides messages: https://slack.com/help/articles/220556107 */
const lists = new Set([
  "canvases.json",
  "channels.json",
  "dms.json",
  "file_conversations.json",
  "groups.json",
  "integration_logs.json",
  "mpims.json",
  "users.json"
])
const day = /^\d{4}-\d{2}-\d{2}\.json$/

const exportOf = (path: string): string => dirname(dirname(path))

const module = () => import("../parsers/chats/Slack.ts")

/** The first day of a channel that a directory holds. */
const dayIn = async (directory: string): Promise<string | undefined> => {
  try {
    for await (const { name } of await opendir(directory)) if (day.test(name)) return name
  } catch {
    // A file, or closed: the walk says so if it matters.
  }
  return undefined
}

/** Other programs have files of these names as well, so one channel is looked into, or more if it has no days. */
const looksLikeExport = async (directory: string): Promise<boolean> => {
  const users = await stat(join(directory, "users.json")).catch(() => undefined)
  if (users?.isFile() !== true) return false
  const names = await readdir(directory).catch(() => [])
  for (const name of names) {
    // oxlint-disable-next-line no-await-in-loop
    const found = name.endsWith(".json") ? undefined : await dayIn(join(directory, name))
    // oxlint-disable-next-line no-await-in-loop
    if (found !== undefined) return (await module()).isSlackExport([...names, `${name}/${found}`])
  }
  return false
}

/** As many exports are remembered as are likely to be read at once. */
const remembered = 64

/**
 * Marks days of channels, and leaves out the lists of an export, which are read for their names. A list that somebody
 * names is a document.
 */
export const makeChannels = () => {
  const known = new Map<string, Promise<boolean>>()
  const isExport = (directory: string): Promise<boolean> => {
    const found = known.get(directory) ?? looksLikeExport(directory)
    if (known.size >= remembered) known.clear()
    known.set(directory, found)
    return found
  }
  return async function* (entries: AsyncIterable<Entry>, isNamed: boolean): AsyncGenerator<ChannelEntry> {
    for await (const entry of entries) {
      const name = entry.problem === undefined && entry.path.endsWith(".json") ? basename(entry.path) : ""
      if (day.test(name) && (await isExport(exportOf(entry.path)))) {
        yield { ...entry, channel: basename(dirname(entry.path)) }
      } else if (isNamed || !lists.has(name) || !(await isExport(dirname(entry.path)))) yield entry
    }
  }
}

/** A function that reads a day of a channel together with the names of those who speak. */
export const makeReadDay = Effect.fnUntraced(function* (maxBytes: number) {
  const people = yield* Cache.make({
    capacity: remembered,
    lookup: Effect.fnUntraced(function* (directory: string) {
      const { slackPeople } = yield* Effect.promise(module)
      const path = join(directory, "users.json")
      return yield* readFile(path, path, maxBytes).pipe(
        Effect.map(slackPeople),
        Effect.catch(({ message }) =>
          Effect.as(
            Effect.logWarning(`The people of a Slack export go by their ids: ${message}`),
            new Map<string, string>()
          )
        )
      )
    })
  })
  return Effect.fnUntraced(function* (uri: string, path: string, channel: string) {
    const bytes = yield* readFile(uri, path, maxBytes)
    const known = yield* Cache.get(people, exportOf(path))
    const { wrapSlackDay } = yield* Effect.promise(module)
    return yield* Effect.try({
      try: () => wrapSlackDay(channel, known, bytes),
      catch: () =>
        new SourceItemError({
          uri,
          reason: "malformed",
          message: `${uri} lies in a Slack export, but is no day of a channel: export it again, or leave it out`
        })
    })
  })
})
