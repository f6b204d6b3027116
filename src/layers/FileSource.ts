import { Effect, Layer, Scope, Stream } from "effect"
import { stdin as processInput } from "node:process"
import { DocumentSource, SourceItemError } from "../services/DocumentSource.ts"
import type { SourceError, SourceItem, Wanted } from "../services/DocumentSource.ts"
import { locate } from "./files/locate.ts"
import { findGone } from "./files/gone.ts"
import { makeReadFile, readInput, readRange } from "./files/read.ts"
import { checkRoots } from "./files/roots.ts"
import type { Root } from "./files/roots.ts"
import { makeRules } from "./files/rules.ts"
import { makeChannels, makeReadDay } from "./files/slack.ts"
import type { ChannelEntry } from "./files/slack.ts"
import { makeUris } from "./files/uris.ts"
import { makeWalk } from "./files/walk.ts"
import type { Address } from "./urls/address.ts"

export interface Options {
  /** Size in bytes above which a document is not read. */
  readonly maxBytes: number
  /** What relative paths and URIs are relative to; the working directory of the process if left out. */
  readonly cwd?: string
  /** What `-` reads; the standard input of the process if left out. */
  readonly stdin?: AsyncIterable<Uint8Array | string>
  /**
   * Patterns as in gitignore, relative to the directory that was named or, for what a glob matches, to its directories
   * before the first wildcard. Of files, only those are taken that one of these matches, or whose directory one matches.
   */
  readonly include?: ReadonlyArray<string>
  /** The same for what is left out, whatever `include` says. */
  readonly exclude?: ReadonlyArray<string>
  /** What servers are told; `sluice` if left out. */
  readonly userAgent?: string
}

/** Makes items of what was found. */
const makeItems = Effect.fnUntraced(function* ({ maxBytes, userAgent = "sluice" }: Options) {
  const readDay = yield* makeReadDay(maxBytes)
  const readSized = makeReadFile(maxBytes)
  const scope = yield* Effect.scope
  // What speaks HTTP is loaded when the first address comes.
  const fetching = yield* Effect.cached(
    Effect.promise(() => import("./urls/fetch.ts")).pipe(
      Effect.flatMap(({ makeFetch }) => makeFetch({ maxBytes, userAgent })),
      Effect.provideService(Scope.Scope, scope)
    )
  )

  const toItem = ({ channel, path, problem, size, uri }: ChannelEntry): SourceItem => {
    if (problem !== undefined) {
      return { uri, read: Effect.fail(new SourceItemError({ uri, reason: "unreadable", message: problem })) }
    }
    if (channel !== undefined) return { uri, read: readDay(uri, path, channel) }
    const read = readSized(uri, path, size)
    return size === undefined ? { uri, read } : { uri, size, read, range: (from, to) => readRange(uri, path, from, to) }
  }

  const toRemoteItem = (address: Address): SourceItem => {
    let mediaType = ""
    const read = Effect.gen(function* () {
      const fetched = yield* (yield* fetching)(address)
      mediaType = fetched.mediaType
      return fetched.bytes
    })
    return { uri: address.uri, read, mediaType: Effect.sync(() => mediaType) }
  }

  return { toItem, toRemoteItem }
})

/**
 * Files, directories, globs, `-` (standard input) and http or https addresses, in the order given; a directory's files by
 * the code units of their names, subdirectories among them.
 *
 * - All that is given is checked before anything else: a path that does not exist or is neither file nor directory, a
 *   glob without a match, and an address that is none is a `SourceError`.
 * - Of a directory, hidden files and `node_modules` are left out, what `exclude` and the `.sluiceignore` files in it say
 *   (in the notation of gitignore, deeper ones over outer ones; those above the directory that was named have no say),
 *   and whatever is neither file nor directory. What is named itself is taken in any case. Links are followed; a
 *   directory is walked once, however many links lead to it, and a file that is named beside its directory comes once. A
 *   link to a file is a source of its own.
 * - Of a Slack export, each day of a channel is an item, with the names of those who speak; its lists are none.
 * - What cannot be read or listed is an item whose `read` fails, so nothing is left out in silence.
 * - One directory's names are in memory for each level of the walk, and a glob's matches; never the whole tree.
 */
export const layer = (paths: ReadonlyArray<string>, options: Options): Layer.Layer<DocumentSource> => {
  const { maxBytes } = options
  const uris = makeUris(options.cwd ?? process.cwd())
  const rules = makeRules({ include: options.include ?? [], exclude: options.exclude ?? [] })

  const make = Effect.gen(function* () {
    const input = yield* Effect.cached(readInput(options.stdin ?? processInput, maxBytes))
    const { toItem, toRemoteItem } = yield* makeItems(options)
    const items: Stream.Stream<SourceItem, SourceError> = Stream.unwrap(
      Effect.gen(function* () {
        const roots = yield* checkRoots(paths, uris, rules)
        const walk = makeWalk(roots, uris, rules)
        const withChannels = makeChannels()
        const open = (root: Root): Stream.Stream<SourceItem> => {
          if (root.kind === "input") return Stream.succeed({ uri: "-", read: input })
          if (root.address !== undefined) return Stream.succeed(toRemoteItem(root.address))
          const isNamed = root.kind === "file" && root.isMatch !== true
          const entries = withChannels(walk(root), isNamed)
          return Stream.fromAsyncIterable(entries, (error) => error).pipe(Stream.orDie, Stream.map(toItem))
        }
        return Stream.fromIterable(roots).pipe(Stream.flatMap(open))
      })
    )
    const gone = Effect.flatMap(checkRoots(paths, uris, rules), (roots) => findGone(paths, roots, uris, rules))
    return { check: Effect.asVoid(checkRoots(paths, uris, rules)), items, gone }
  })
  return Layer.effect(DocumentSource, make)
}

/**
 * Sources by their names in the ledger, as `docs/notes.md`, `box.mbox#id` or `https://example.com/page`: their files and
 * addresses, each once, with the names that are wanted of what they hold. What is not there any more is an item whose
 * `read` says so.
 */
export const layerWanted = (wanted: ReadonlyArray<Wanted>, options: Options): Layer.Layer<DocumentSource> =>
  Layer.effect(
    DocumentSource,
    Effect.gen(function* () {
      const { toItem, toRemoteItem } = yield* makeItems(options)
      const uris = makeUris(options.cwd ?? process.cwd())
      const items = Stream.suspend(() => {
        const found = locate(
          wanted.map(({ source }) => source),
          uris
        )
        return Stream.fromAsyncIterable(found, (error) => error).pipe(
          Stream.orDie,
          Stream.map((one) => ("address" in one ? toRemoteItem(one.address) : toItem(one)))
        )
      })
      return { items, wanted }
    })
  )
