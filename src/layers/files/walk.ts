import { Order } from "effect"
import { opendir, realpath, stat } from "node:fs/promises"
import { join, relative, sep } from "node:path"
import { isSkipped } from "./roots.ts"
import type { Root } from "./roots.ts"
import { why } from "./uris.ts"
import type { Uris } from "./uris.ts"

/** A file of a walk, or something that could not be looked at and why. */
export interface Entry {
  readonly uri: string
  readonly path: string
  readonly size?: number
  readonly problem?: string
}

interface Directory {
  readonly path: string
  /** Without links. */
  readonly physical: string
  /** Whether a link on the way led out of what is walked anyway. */
  readonly linked: boolean
}

/** Names of a directory that are not skipped, in order, and why there may be more. */
const list = async (path: string): Promise<{ readonly names: ReadonlyArray<string>; readonly problem?: string }> => {
  const names: Array<string> = []
  try {
    for await (const { name } of await opendir(path, { bufferSize: 1024 })) if (!isSkipped(name)) names.push(name)
    return { names: names.toSorted(Order.String) }
  } catch (error) {
    return { names: names.toSorted(Order.String), problem: why(error) }
  }
}

/** What stands at a path; nothing if it is neither file nor directory. */
const look = async (path: string, physical: string, uri: string): Promise<Entry | Directory | undefined> => {
  try {
    const found = await stat(path)
    if (found.isFile()) return { uri, path, size: found.size }
    if (!found.isDirectory()) return undefined
    const target = await realpath(path)
    return { path, physical: target, linked: target !== physical }
  } catch (error) {
    const reason = path.includes("\ufffd") ? "its name seems not to be valid UTF-8; rename it" : why(error)
    return { uri, path, problem: `${uri} cannot be opened: ${reason}` }
  }
}

/**
 * Walks roots that may overlap so that every file comes once: a named root is left to its own walk when another comes
 * across it, and a link to a directory is followed only where no walk would come without it. So what is remembered is
 * the roots and the directories behind links, never the tree.
 */
export const makeWalk = (roots: ReadonlyArray<Root>, uris: Uris): ((root: Root) => AsyncGenerator<Entry>) => {
  const named = new Set(roots.map(({ identity }) => identity))
  const walked = roots.filter(({ kind }) => kind === "directory").map(({ identity }) => identity)
  const behindLinks = new Set<string>()

  const isReachedAnyway = (physical: string): boolean =>
    walked.some((root) => {
      const below = relative(root, physical)
      if (below === "") return true
      const parts = below.split(sep)
      return parts[0] !== ".." && !parts.some(isSkipped) && join(root, below) === physical
    })

  const walk = async function* (directory: Directory): AsyncGenerator<Entry> {
    const { names, problem } = await list(directory.path)
    if (problem !== undefined) {
      const uri = uris.of(directory.path)
      yield { uri, path: directory.path, problem: `the directory ${uri} cannot be listed: ${problem}` }
    }
    const exact = new Set(names.length > 1 ? ambiguous(names) : [])
    for (const name of names) {
      const path = join(directory.path, name)
      const physical = join(directory.physical, name)
      if (named.has(physical)) continue
      const found = await look(path, physical, uris.of(path, exact.has(name)))
      if (found === undefined) continue
      if ("uri" in found) yield found
      else if (found.physical === physical && !directory.linked) yield* walk(found)
      else if (!named.has(found.physical) && !isReachedAnyway(found.physical) && !behindLinks.has(found.physical)) {
        behindLinks.add(found.physical)
        yield* walk({ ...found, linked: true })
      }
    }
  }

  return (root) =>
    root.kind === "directory"
      ? walk({ path: root.path, physical: root.identity, linked: false })
      : (async function* () {
          const size = await stat(root.path).then(
            (found) => found.size,
            () => undefined
          )
          yield { uri: uris.of(root.path), path: root.path, ...(size === undefined ? {} : { size }) }
        })()
}

/** Names that another of the same directory equals in form NFC: normalised, they would be one source. */
const ambiguous = (names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const changed = names.filter((name) => name.normalize("NFC") !== name)
  if (changed.length === 0) return []
  const present = new Set(names)
  const seen = new Set<string>()
  return changed.filter((name) => {
    const normal = name.normalize("NFC")
    const taken = present.has(normal) || seen.has(normal)
    seen.add(normal)
    return taken
  })
}
