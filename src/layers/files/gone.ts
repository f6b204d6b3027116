import { Effect } from "effect"
import { readdir } from "node:fs/promises"
import { isAbsolute, join, matchesGlob } from "node:path"
import type { Gone } from "../../services/DocumentSource.ts"
import { isAddress } from "../urls/address.ts"
import { baseOf, isGlob, isSkipped } from "./roots.ts"
import type { Root } from "./roots.ts"
import type { Rules } from "./rules.ts"
import { isMissing } from "./uris.ts"
import type { Uris } from "./uris.ts"

/** A directory as it is now: names as sources have them, to names as the file system has them. */
interface Directory {
  readonly path: string
  readonly names: ReadonlyMap<string, string>
}

/** Of a directory that cannot be looked into nobody knows what is in it. */
type Looked = Directory | "gone" | "unknown"

const listed = async (path: string): Promise<Looked> => {
  try {
    const names = new Map<string, string>()
    for (const name of await readdir(path)) {
      names.set(name.toWellFormed(), name)
      const composed = name.toWellFormed().normalize("NFC")
      if (!names.has(composed)) names.set(composed, name)
    }
    return { path, names }
  } catch (error) {
    return isMissing(error) ? "gone" : "unknown"
  }
}

/** Sources come sorted, so their directories do as well: those that the last one lies in are all that is worth knowing. */
const remembered = 64

/** Answers whether there is something at a path below a directory that is there. */
const makeIsThere = (root: string) => {
  const known = new Map<string, Promise<Looked>>([["", listed(root)]])
  const look = async (parts: ReadonlyArray<string>): Promise<Looked> => {
    const name = parts.at(-1)
    const above = name === undefined ? "gone" : await directoryAt(parts.slice(0, -1))
    if (typeof above === "string" || name === undefined) return above
    const actual = above.names.get(name)
    return actual === undefined ? "gone" : listed(join(above.path, actual))
  }
  const directoryAt = (parts: ReadonlyArray<string>): Promise<Looked> => {
    const key = parts.join("/")
    const found = known.get(key) ?? look(parts)
    known.delete(key)
    known.set(key, found)
    for (const oldest of known.keys()) if (known.size > remembered && oldest !== "") known.delete(oldest)
    return found
  }
  return async (path: string): Promise<boolean> => {
    const parts = path.split("/")
    const directory = await directoryAt(parts.slice(0, -1))
    if (directory === "unknown") return true
    return directory !== "gone" && directory.names.has(parts.at(-1) ?? "")
  }
}

/** A file's own name, and where it may end in a name of what lies in it: names of files may hold `#` themselves. */
const filesOf = (path: string): ReadonlyArray<string> => [
  ...[...path.matchAll(/(?<=.)#/g)].map(({ index }) => path.slice(0, index)),
  path
]

const isLeftOut = (rules: Rules, path: string): boolean => {
  const parts = path.split("/")
  let applying = rules
  for (const [index, name] of parts.entries()) {
    if (applying.isLeftOut(name, index === parts.length - 1 ? "file" : "directory")) return true
    applying = applying.into(name)
  }
  return false
}

interface Place {
  /** A directory's name as a source, with a slash; empty: the working directory. */
  readonly prefix: string
  readonly path: string
  readonly isMeant: (source: string) => boolean
}

const placeOf = (path: string, uris: Uris, isMeant: (source: string) => boolean): Place => {
  const uri = uris.of(path)
  return { prefix: uri === "." ? "" : uri.endsWith("/") ? uri : `${uri}/`, path, isMeant }
}

/** Whether a source, or a directory on the way to it, is what a glob matches. */
const isMatch = (pattern: string, uris: Uris) => (source: string) => {
  const parts = source.split("/")
  return parts.some((_, index) =>
    filesOf(parts.slice(0, index + 1).join("/")).some((path) => matchesGlob(uris.resolve(path), uris.resolve(pattern)))
  )
}

/**
 * What is gone of directories and globs: a source whose file is not there any more, asked of the directory that it lay
 * in. What is there and was not read (left out, too large, broken, closed) is not gone, nor what cannot be looked at. A
 * directory without anything in it may be one whose disk is not there, so it is not asked but told.
 */
export const findGone = (
  paths: ReadonlyArray<string>,
  roots: ReadonlyArray<Root>,
  uris: Uris,
  rules: Rules
): Effect.Effect<Gone> =>
  Effect.promise(async () => {
    const isRelative = (source: string) => !isAbsolute(source) && !isAddress(source) && !/^-(?:#|$)/.test(source)
    const places = [
      ...roots
        .filter(({ isMatch, kind }) => kind === "directory" && isMatch !== true)
        .map(({ path }) => placeOf(path, uris, (source) => uris.of(path) !== "." || isRelative(source))),
      ...paths
        .filter((given) => isGlob(given) && !roots.some(({ path }) => path === uris.resolve(given)))
        .map((given) => placeOf(baseOf(given, uris), uris, isMatch(given, uris)))
    ]
    const looked = await Promise.all(places.map(async (place) => ({ place, directory: await listed(place.path) })))
    const isEmpty = (directory: Looked) =>
      typeof directory === "string" || [...directory.names.values()].every((name) => isSkipped(name))
    const asked = looked.filter(({ directory }) => !isEmpty(directory)).map(({ place }) => place)
    return {
      empty: looked.filter(({ directory }) => isEmpty(directory)).map(({ place }) => place.prefix),
      places: asked.map(({ isMeant, path, prefix }, index) => {
        const isThere = makeIsThere(path)
        const before = asked.slice(0, index)
        return {
          prefix,
          isGone: (source) =>
            Effect.promise(async () => {
              if (!isMeant(source)) return false
              if (before.some((other) => source.startsWith(other.prefix) && other.isMeant(source))) return false
              const files = filesOf(source.slice(prefix.length))
              if (files.some((file) => isLeftOut(rules, file))) return false
              for (const file of files) {
                // oxlint-disable-next-line no-await-in-loop
                if (await isThere(file)) return false
              }
              return true
            })
        }
      })
    }
  })
