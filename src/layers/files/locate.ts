import { Order } from "effect"
import { readdir, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { isAddress, parseAddress } from "../urls/address.ts"
import type { Address } from "../urls/address.ts"
import { ignoreFile } from "./rules.ts"
import { makeChannels } from "./slack.ts"
import type { ChannelEntry } from "./slack.ts"
import { isMissing, why } from "./uris.ts"
import type { Uris } from "./uris.ts"
import type { Entry } from "./walk.ts"

/** A name leads on from this file or address, which may hold what is named. */
export type Located = ChannelEntry | { readonly address: Address }

/** A path whose parts may stand in the file system in another form of Unicode than NFC, in which names are kept. */
const spelled = async (path: string): Promise<string> => {
  const parent = dirname(path)
  if (parent === path) return path
  const directory = await spelled(parent)
  const name = basename(path)
  const names: ReadonlyArray<string> = await readdir(directory).catch(() => [])
  return join(directory, names.includes(name) ? name : (names.find((one) => one.normalize("NFC") === name) ?? name))
}

const look = async (name: string, path: string): Promise<Entry | undefined> => {
  try {
    const found = await stat(path)
    if (found.isFile() && basename(path) !== ignoreFile) return { uri: name, path, size: found.size }
    return { uri: name, path, problem: `${name} is no document itself: run \`sluice ingest\` on it again` }
  } catch (error) {
    return isMissing(error) ? undefined : { uri: name, path, problem: `${name} cannot be opened: ${why(error)}` }
  }
}

const lookAt = async (name: string, uris: Uris): Promise<Entry | undefined> => {
  const path = uris.resolve(name)
  const found = await look(name, path)
  return found !== undefined || /^[\x20-\x7e]*$/.test(name) ? found : look(name, await spelled(path))
}

/** The file itself, or the innermost one that the name says it lies in: names of files may have `#` in them. */
const fileOf = async (name: string, uris: Uris, seen: Map<string, Promise<Entry | undefined>>): Promise<Entry> => {
  for (let end = name.length; end > 0; end = name.lastIndexOf("#", end - 1)) {
    const outer = name.slice(0, end)
    const looking = seen.get(outer) ?? lookAt(outer, uris)
    seen.set(outer, looking)
    // oxlint-disable-next-line no-await-in-loop
    const found = await looking
    if (found !== undefined) return found
  }
  const problem =
    `${name} is not there any more (looked in ${uris.resolve(".")}):` +
    " put it back, or take it out of the graph with `sluice forget`"
  return { uri: name, path: name, problem }
}

/** Where sources can be read again, by their names, each file and address once. */
export async function* locate(names: ReadonlyArray<string>, uris: Uris): AsyncGenerator<Located> {
  const seen = new Map<string, Promise<Entry | undefined>>()
  const found = new Map<string, Entry>()
  const addresses = new Map<string, Address>()
  for (const name of names.toSorted(Order.String)) {
    if (isAddress(name)) {
      const address = parseAddress(name)
      if (typeof address !== "string") addresses.set(address.uri, address)
    } else if (name === "-" || name.startsWith("-#")) {
      const problem = `${name} was standard input, which is gone once it is read: pipe it into \`sluice ingest -\` again`
      found.set(name, { uri: name, path: name, problem })
    } else {
      // oxlint-disable-next-line no-await-in-loop
      const entry = await fileOf(name, uris, seen)
      found.set(entry.uri, entry)
    }
  }
  const files = async function* () {
    yield* found.values()
  }
  yield* makeChannels()(files(), true)
  for (const address of addresses.values()) yield { address }
}
