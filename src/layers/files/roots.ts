import { Effect, Order } from "effect"
import { glob, realpath, stat } from "node:fs/promises"
import { basename, dirname, isAbsolute, join, relative, sep } from "node:path"
import { SourceError } from "../../services/DocumentSource.ts"
import { isAddress, parseAddress } from "../urls/address.ts"
import type { Address } from "../urls/address.ts"
import { ignoreFile, readIgnoreFile } from "./rules.ts"
import type { Rules } from "./rules.ts"
import { isMissing, why } from "./uris.ts"
import type { Uris } from "./uris.ts"

/** A path or address that somebody named. */
export interface Root {
  readonly kind: "input" | "file" | "directory" | "address"
  /** Absolute, as named. */
  readonly path: string
  /** A directory's path, or a file's in its directory, without links: two roots with the same one are the same. */
  readonly identity: string
  readonly address?: Address
  /** Whether a glob came across it, rather than somebody having named it. */
  readonly isMatch?: boolean
}

const magic = /[*?[\]{}]/

export const isGlob = (given: string): boolean => magic.test(given) && !isAddress(given)

/** Whether a walk leaves a name out. */
export const isSkipped = (name: string): boolean => name.startsWith(".") || name === "node_modules"

/** A file or directory by its path, or `undefined` if there is nothing. */
const rootAt = async (path: string, given: string): Promise<Root | undefined> => {
  const found = await stat(path).catch((error: unknown) => {
    if (isMissing(error)) return undefined
    throw new SourceError({ message: `${given} cannot be opened: ${why(error)}` })
  })
  if (found === undefined) return undefined
  if (found.isDirectory()) return { kind: "directory", path, identity: await realpath(path) }
  if (found.isFile()) return { kind: "file", path, identity: join(await realpath(dirname(path)), basename(path)) }
  throw new SourceError({
    message: `${given} is neither a file nor a directory: name one, or pipe its content in and name -`
  })
}

/** The directories that a glob names before its first wildcard: what it matches is found under them. */
export const baseOf = (pattern: string, uris: Uris): string => {
  const parts = pattern.split(/[/\\]/)
  const fixed = parts.slice(0, -1)
  const first = fixed.findIndex((part) => magic.test(part))
  const base = (first < 0 ? fixed : fixed.slice(0, first)).join("/")
  return uris.resolve(base === "" && isAbsolute(pattern) ? "/" : base || ".")
}

/** Answers whether rules leave out what is found under a directory, the ignore files on the way included. */
const makeIsLeftOut = (base: string, rules: Rules) => {
  /** Undefined: nothing of the directory is taken. */
  const known = new Map<string, Promise<Rules | undefined>>()
  const at = (parts: ReadonlyArray<string>, outer: Rules | undefined): Promise<Rules | undefined> => {
    const directory = join(base, ...parts)
    const found =
      known.get(directory) ??
      (async () => {
        const name = parts.at(-1)
        if (outer === undefined || (name !== undefined && outer.isLeftOut(name, "directory"))) return undefined
        const file = await readIgnoreFile(join(directory, ignoreFile))
        if (file.isUnknown)
          throw new SourceError({ message: `${join(directory, ignoreFile)} ${file.problem}: mend it` })
        return (name === undefined ? outer : outer.into(name)).with(file.lines)
      })()
    known.set(directory, found)
    return found
  }
  return async (path: string, kind: "file" | "directory"): Promise<boolean> => {
    const parts = relative(base, path).split(sep)
    let applying = await at([], rules)
    // oxlint-disable-next-line no-await-in-loop
    for (let depth = 1; depth < parts.length; depth++) applying = await at(parts.slice(0, depth), applying)
    const name = parts.at(-1) ?? ""
    return name !== "" && (applying === undefined || applying.isLeftOut(name, kind))
  }
}

interface Expanded {
  readonly roots: ReadonlyArray<Root>
  readonly hasMatches: boolean
}

/**
 * The matches of a glob, sorted, without what rules leave out; without hidden names and `node_modules` unless the
 * pattern itself names such.
 */
const expand = async (pattern: string, uris: Uris, rules: Rules): Promise<Expanded> => {
  const isNodeModules = (match: string) => /(?:^|[/\\])node_modules(?:[/\\]|$)/.test(match)
  const isLeftOut = makeIsLeftOut(baseOf(pattern, uris), rules)
  const paths: Array<string> = []
  for await (const match of glob(pattern, { cwd: uris.resolve(".") })) {
    if (isNodeModules(pattern) || !isNodeModules(match)) paths.push(uris.resolve(match))
  }
  const roots: Array<Root> = []
  let hasMatches = false
  for (const path of paths.toSorted(Order.String)) {
    // oxlint-disable-next-line no-await-in-loop
    const root = await rootAt(path, path).catch(() => undefined)
    if (root === undefined) continue
    hasMatches = true
    // oxlint-disable-next-line no-await-in-loop
    const isOut = await isLeftOut(path, root.kind === "directory" ? "directory" : "file")
    if (!isOut) roots.push({ ...root, isMatch: true })
  }
  return { roots, hasMatches }
}

const rootsOf = async (given: string, uris: Uris, rules: Rules): Promise<ReadonlyArray<Root>> => {
  if (given === "-") return [{ kind: "input", path: "-", identity: "-" }]
  if (given === "" || given.includes("\0"))
    throw new SourceError({ message: "a path is empty or holds a null character" })
  if (isAddress(given)) {
    const address = parseAddress(given)
    if (typeof address === "string") throw new SourceError({ message: address })
    return [{ kind: "address", path: address.uri, identity: address.uri, address }]
  }
  const root = await rootAt(uris.resolve(given), given)
  if (root !== undefined) return [root]
  if (!magic.test(given)) {
    throw new SourceError({ message: `${given} does not exist (looked in ${uris.resolve(".")}): check the path` })
  }
  const { hasMatches, roots } = await expand(given, uris, rules)
  if (!hasMatches) throw new SourceError({ message: `${given} matches no file or directory: check the pattern` })
  return roots
}

/** Everything that paths name, each once, or why one names nothing. */
export const checkRoots = Effect.fn("FileSource.checkRoots")(function* (
  paths: ReadonlyArray<string>,
  uris: Uris,
  rules: Rules
) {
  if (paths.length === 0) return yield* new SourceError({ message: "no path is given: name files, directories or -" })
  const roots = new Map<string, Root>()
  for (const given of paths) {
    const found = yield* Effect.tryPromise({
      try: () => rootsOf(given, uris, rules),
      catch: (error) =>
        error instanceof SourceError ? error : new SourceError({ message: `${given} cannot be opened: ${why(error)}` })
    })
    for (const root of found) if (!roots.has(root.identity)) roots.set(root.identity, root)
  }
  return Array.from(roots.values())
})
