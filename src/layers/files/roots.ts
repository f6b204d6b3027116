import { Effect, Order } from "effect"
import { glob, realpath, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { SourceError } from "../../services/DocumentSource.ts"
import { why } from "./uris.ts"
import type { Uris } from "./uris.ts"

/** A path that somebody named. */
export interface Root {
  readonly kind: "input" | "file" | "directory"
  /** Absolute, as named. */
  readonly path: string
  /** A directory's path, or a file's in its directory, without links: two roots with the same one are the same. */
  readonly identity: string
}

const magic = /[*?[\]{}]/

/** Whether a walk leaves a name out. */
export const isSkipped = (name: string): boolean => name.startsWith(".") || name === "node_modules"

const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")

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

/** The matches of a glob, sorted; without hidden names and `node_modules` unless the pattern itself names such. */
const expand = async (pattern: string, uris: Uris): Promise<ReadonlyArray<Root>> => {
  const isLeftOut = (match: string) => /(?:^|[/\\])node_modules(?:[/\\]|$)/.test(match)
  const base = uris.resolve(".")
  const paths: Array<string> = []
  for await (const match of glob(pattern, { cwd: base })) {
    if (isLeftOut(pattern) || !isLeftOut(match)) paths.push(uris.resolve(match))
  }
  const roots: Array<Root> = []
  for (const path of paths.toSorted(Order.String)) {
    // oxlint-disable-next-line no-await-in-loop
    const root = await rootAt(path, path).catch(() => undefined)
    if (root !== undefined) roots.push(root)
  }
  return roots
}

const rootsOf = async (given: string, uris: Uris): Promise<ReadonlyArray<Root>> => {
  if (given === "-") return [{ kind: "input", path: "-", identity: "-" }]
  if (given === "" || given.includes("\0"))
    throw new SourceError({ message: "a path is empty or holds a null character" })
  const root = await rootAt(uris.resolve(given), given)
  if (root !== undefined) return [root]
  if (!magic.test(given)) {
    throw new SourceError({ message: `${given} does not exist (looked in ${uris.resolve(".")}): check the path` })
  }
  const matches = await expand(given, uris)
  if (matches.length === 0)
    throw new SourceError({ message: `${given} matches no file or directory: check the pattern` })
  return matches
}

/** Everything that paths name, each once, or why one names nothing. */
export const checkRoots = Effect.fn("FileSource.checkRoots")(function* (paths: ReadonlyArray<string>, uris: Uris) {
  if (paths.length === 0) return yield* new SourceError({ message: "no path is given: name files, directories or -" })
  const roots = new Map<string, Root>()
  for (const given of paths) {
    const found = yield* Effect.tryPromise({
      try: () => rootsOf(given, uris),
      catch: (error) =>
        error instanceof SourceError ? error : new SourceError({ message: `${given} cannot be opened: ${why(error)}` })
    })
    for (const root of found) if (!roots.has(root.identity)) roots.set(root.identity, root)
  }
  return Array.from(roots.values())
})
