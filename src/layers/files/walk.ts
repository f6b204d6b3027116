import { Order } from "effect"
import type { Stats } from "node:fs"
import { lstat, opendir, realpath, stat } from "node:fs/promises"
import { join, relative, sep } from "node:path"
import { isSkipped } from "./roots.ts"
import type { Root } from "./roots.ts"
import { ignoreFile, readIgnoreFile } from "./rules.ts"
import type { Rules } from "./rules.ts"
import { why } from "./uris.ts"
import type { Uris } from "./uris.ts"

/** A file of a walk, or something that could not be looked at and why. */
export interface Entry {
  readonly uri: string
  readonly path: string
  readonly size?: number
  /** Differs when the file was changed or replaced. */
  readonly stamp?: string
  readonly problem?: string
}

interface Directory {
  readonly path: string
  /** Without links. */
  readonly physical: string
  /** Whether a link on the way led out of what is walked anyway. */
  readonly linked: boolean
}

/** A directory that is being walked. */
interface Level {
  readonly directory: Directory
  readonly rules: Rules
  readonly found: AsyncIterator<Found>
}

/** A name of a directory, and what stands there; nothing if it is neither file nor directory. */
interface Found {
  readonly name: string
  readonly physical: string
  readonly entry: Entry | Directory | undefined
}

/** So many names are looked at together: one at a time would be a hop to another thread and back for each. */
const together = 32

interface Listing {
  readonly names: ReadonlyArray<string>
  readonly hasIgnoreFile: boolean
  readonly problem?: string
}

/** Names of a directory that are not skipped, in order, and why there may be more. */
const list = async (path: string): Promise<Listing> => {
  const names: Array<string> = []
  let hasIgnoreFile = false
  try {
    for await (const { name } of await opendir(path, { bufferSize: 1024 })) {
      if (!isSkipped(name)) names.push(name)
      else if (name === ignoreFile) hasIgnoreFile = true
    }
    return { names: names.toSorted(Order.String), hasIgnoreFile }
  } catch (error) {
    return { names: names.toSorted(Order.String), hasIgnoreFile, problem: why(error) }
  }
}

/** The time of its last change comes from the system, so that nobody can set it back after an edit. */
const stampOf = ({ ctimeMs, ino, mtimeMs, size }: Stats): string => `${size} ${mtimeMs} ${ctimeMs} ${ino}`

/** What stands at a path; nothing if it is neither file nor directory. */
const look = async (path: string, physical: string, uri: string): Promise<Entry | Directory | undefined> => {
  try {
    const itself = await lstat(path)
    const found = itself.isSymbolicLink() ? await stat(path) : itself
    if (found.isFile()) return { uri, path, size: found.size, stamp: stampOf(found) }
    if (!found.isDirectory()) return undefined
    // Asked only where a link is: the way to a directory is gone from the root each time.
    const target = found === itself ? physical : await realpath(path)
    return { path, physical: target, linked: target !== physical }
  } catch (error) {
    const reason = path.includes("\ufffd") ? "its name seems not to be valid UTF-8; rename it" : why(error)
    return { uri, path, problem: `${uri} cannot be opened: ${reason}` }
  }
}

const kindOf = (found: Entry | Directory) =>
  "uri" in found ? (found.problem === undefined ? "file" : "unknown") : "directory"

/**
 * Walks roots that may overlap so that every file comes once: a named root is left to its own walk when another comes
 * across it, and a link to a directory is followed only where no walk would come without it. So what is remembered is
 * the roots and the directories behind links, never the tree.
 */
export const makeWalk = (
  roots: ReadonlyArray<Root>,
  uris: Uris,
  rules: Rules,
  /** Told of each directory before it is listed. */
  onDirectory: (path: string) => void = () => undefined
): ((root: Root) => AsyncGenerator<Entry>) => {
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

  const open = async (directory: Directory, outer: Rules) => {
    onDirectory(directory.path)
    const { hasIgnoreFile, names, problem } = await list(directory.path)
    const uri = uris.of(directory.path)
    const problems: Array<Entry> = []
    if (problem !== undefined) {
      problems.push({ uri, path: directory.path, problem: `the directory ${uri} cannot be listed: ${problem}` })
    }
    const path = join(directory.path, ignoreFile)
    const own = hasIgnoreFile ? await readIgnoreFile(path) : undefined
    if (own?.problem !== undefined) {
      const file = uris.of(path)
      const outcome = own.isUnknown ? `nothing of ${uri} was read` : "it was passed over"
      problems.push({ uri: file, path, problem: `${file} ${own.problem}, so ${outcome}: mend it, or take it away` })
    }
    const level: Level = {
      directory,
      rules: own === undefined || own.lines.length === 0 ? outer : outer.with(own.lines),
      found: lookAll(directory, own?.isUnknown === true ? [] : names)
    }
    return { level, problems }
  }

  /** What stands at each name, in their order, but for what is named itself. */
  const lookAll = async function* (directory: Directory, names: ReadonlyArray<string>): AsyncGenerator<Found> {
    const exact = new Set(names.length > 1 ? ambiguous(names) : [])
    const lookAt = async (name: string): Promise<Found | undefined> => {
      const path = join(directory.path, name)
      const physical = join(directory.physical, name)
      if (named.has(physical)) return undefined
      return { name, physical, entry: await look(path, physical, uris.of(path, exact.has(name))) }
    }
    for (let at = 0; at < names.length; at += together) {
      // oxlint-disable-next-line no-await-in-loop
      for (const found of await Promise.all(names.slice(at, at + together).map(lookAt))) {
        if (found !== undefined) yield found
      }
    }
  }

  /** The walk to go on with below a directory that was come across, if any. */
  const follow = (found: Directory, physical: string, parent: Directory): Directory | undefined => {
    if (found.physical === physical && !parent.linked) return found
    if (named.has(found.physical) || isReachedAnyway(found.physical) || behindLinks.has(found.physical))
      return undefined
    behindLinks.add(found.physical)
    return { ...found, linked: true }
  }

  // A stack of its own, for directories may be nested deeper than generators can be.
  const walk = async function* (start: Directory): AsyncGenerator<Entry> {
    const first = await open(start, rules)
    yield* first.problems
    const levels = [first.level]
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      const { directory, rules: applying } = level
      const next = await level.found.next()
      if (next.done === true) {
        levels.pop()
        continue
      }
      const { entry: found, name, physical } = next.value
      if (found === undefined || applying.isLeftOut(name, kindOf(found))) continue
      if ("uri" in found) {
        yield found
        continue
      }
      const below = follow(found, physical, directory)
      if (below === undefined) continue
      const inner = await open(below, applying.into(name))
      yield* inner.problems
      levels.push(inner.level)
    }
  }

  return (root) =>
    root.kind === "directory"
      ? walk({ path: root.path, physical: root.identity, linked: false })
      : (async function* () {
          const found = await stat(root.path).then(
            (found) => ({ size: found.size, stamp: stampOf(found) }),
            () => ({})
          )
          yield { uri: uris.of(root.path), path: root.path, ...found }
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
