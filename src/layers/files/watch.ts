import { Effect, Latch } from "effect"
import { dirname } from "node:path"
import { SourceError } from "../../services/DocumentSource.ts"
import { Hints } from "./hints.ts"
import { checkRoots } from "./roots.ts"
import { makeRules } from "./rules.ts"
import type { Selection } from "./rules.ts"
import { makeChannels } from "./slack.ts"
import { Tracker } from "./Tracker.ts"
import type { Changes } from "./Tracker.ts"
import { makeUris, why } from "./uris.ts"
import { makeWalk } from "./walk.ts"

/** Files under watch. */
export interface Watched {
  /** Looks at all of them, reading none. */
  readonly look: Effect.Effect<Changes, SourceError>
  /** What was looked at last is taken in: these names of it or, without names, all. */
  readonly take: (names?: ReadonlyArray<string>) => void
  /** Waits until the system tells that something may have changed since this was last waited for. */
  readonly hint: Effect.Effect<void>
}

export interface WatchOptions extends Selection {
  /** Absolute paths that are none of the files, whatever happens to them. */
  readonly without: (path: string) => boolean
  readonly cwd?: string
}

/**
 * Watches what paths name, as `FileSource.layer` lists it: the same rules, ignore files and globs, looked up afresh each
 * time. Of addresses nobody tells when they change.
 */
export const watch = Effect.fnUntraced(function* (paths: ReadonlyArray<string>, options: WatchOptions) {
  const uris = makeUris(options.cwd ?? process.cwd())
  const rules = makeRules(options)
  const tracker = new Tracker()
  const told = Latch.makeUnsafe(false)
  const hints = yield* Effect.acquireRelease(
    Effect.sync(() => new Hints(() => void Latch.openUnsafe(told))),
    (hints) => Effect.sync(() => hints.close())
  )

  const look = Effect.gen(function* () {
    const roots = yield* checkRoots(paths, uris, rules)
    return yield* Effect.tryPromise({
      try: async () => {
        const walk = makeWalk(roots, uris, rules, (directory) => hints.keep(directory))
        const withChannels = makeChannels()
        tracker.begin()
        for (const root of roots) {
          if (root.kind !== "file" && root.kind !== "directory") continue
          if (root.kind === "file") hints.keep(dirname(root.path))
          const isNamed = root.kind === "file" && root.isMatch !== true
          for await (const { path, problem, stamp, uri } of withChannels(walk(root), isNamed)) {
            if (!options.without(path)) tracker.see(uri, problem ?? stamp ?? "?", problem !== undefined)
          }
        }
        hints.sweep()
        return tracker.end()
      },
      catch: (error) => new SourceError({ message: `The files cannot be looked at: ${why(error)}` })
    })
  })

  const watched: Watched = {
    look,
    take: (names) => tracker.take(names),
    hint: Effect.andThen(
      Latch.await(told),
      Effect.sync(() => void Latch.closeUnsafe(told))
    )
  }
  return watched
})
