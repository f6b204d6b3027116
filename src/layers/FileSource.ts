import { Effect, Layer, Stream } from "effect"
import { stdin as processInput } from "node:process"
import { DocumentSource, SourceItemError } from "../services/DocumentSource.ts"
import type { SourceError, SourceItem } from "../services/DocumentSource.ts"
import { readFile, readInput } from "./files/read.ts"
import { checkRoots } from "./files/roots.ts"
import type { Root } from "./files/roots.ts"
import { makeUris } from "./files/uris.ts"
import { makeWalk } from "./files/walk.ts"
import type { Entry } from "./files/walk.ts"

export interface Options {
  /** Size in bytes above which a document is not read. */
  readonly maxBytes: number
  /** What relative paths and URIs are relative to; the working directory of the process if left out. */
  readonly cwd?: string
  /** What `-` reads; the standard input of the process if left out. */
  readonly stdin?: AsyncIterable<Uint8Array | string>
}

/**
 * Files, directories, globs and `-` (standard input), in the order given; a directory's files by the code units of their
 * names, subdirectories among them.
 *
 * - All paths are checked before anything else: one that does not exist or is neither file nor directory, and a glob
 *   without a match, is a `SourceError`.
 * - Of a directory, hidden files and `node_modules` are left out, and whatever is neither file nor directory. Links are
 *   followed; a directory is walked once, however many links lead to it, and a file that is named beside its directory
 *   comes once. A link to a file is a source of its own.
 * - What cannot be read or listed is an item whose `read` fails, so nothing is left out in silence.
 * - One directory's names are in memory for each level of the walk, and a glob's matches; never the whole tree.
 */
export const layer = (paths: ReadonlyArray<string>, options: Options): Layer.Layer<DocumentSource> => {
  const uris = makeUris(options.cwd ?? process.cwd())
  const toItem = (entry: Entry): SourceItem =>
    entry.problem === undefined
      ? {
          uri: entry.uri,
          ...(entry.size === undefined ? {} : { size: entry.size }),
          read: readFile(entry.uri, entry.path, options.maxBytes)
        }
      : {
          uri: entry.uri,
          read: Effect.fail(new SourceItemError({ uri: entry.uri, reason: "unreadable", message: entry.problem }))
        }

  const make = Effect.gen(function* () {
    const input = yield* Effect.cached(readInput(options.stdin ?? processInput, options.maxBytes))
    const items: Stream.Stream<SourceItem, SourceError> = Stream.unwrap(
      Effect.gen(function* () {
        const roots = yield* checkRoots(paths, uris)
        const walk = makeWalk(roots, uris)
        const open = (root: Root): Stream.Stream<SourceItem> =>
          root.kind === "input"
            ? Stream.succeed({ uri: "-", read: input })
            : Stream.fromAsyncIterable(walk(root), (error) => error).pipe(Stream.orDie, Stream.map(toItem))
        return Stream.fromIterable(roots).pipe(Stream.flatMap(open))
      })
    )
    return { items }
  })
  return Layer.effect(DocumentSource, make)
}
