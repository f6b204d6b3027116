import { resolve } from "node:path"
import { Effect, Layer } from "effect"
import type { Scope } from "effect"
import type { ChunkKey, Group, RunId } from "../domain/Ids.ts"
import { Journal, tooLarge } from "../services/Journal.ts"
import type { Reservation, Settlement } from "../services/Journal.ts"
import type { StorageError } from "../services/StorageError.ts"
import { JournalEngine } from "./sqlite/JournalEngine.ts"
import { memory } from "./sqlite/Opening.ts"
import type { OpenOptions } from "./sqlite/Opening.ts"
import * as Snapshot from "./sqlite/Snapshot.ts"
import { calling, inWorker } from "./sqlite/Thread.ts"
import type { Thread } from "./sqlite/Thread.ts"

export type Options = Omit<OpenOptions, "readOnly">

const service = (
  { file, maxBytes }: Options,
  open: Effect.Effect<Thread<JournalEngine>, StorageError, Scope.Scope>
): Effect.Effect<Journal["Service"], StorageError, Scope.Scope> =>
  Effect.map(open, (thread) => {
    const location = file === memory ? memory : resolve(file)
    let isWarned = false
    return Journal.of({
      lookup: Effect.fn("Journal.lookup")(function* (keys) {
        yield* Effect.annotateCurrentSpan({ keys: keys.length })
        return keys.length === 0 ? new Map() : yield* thread.call("lookup", keys)
      }),
      reserve: Effect.fn("Journal.reserve")((reservations: ReadonlyArray<Reservation>) =>
        thread.call("reserve", reservations)
      ),
      settle: Effect.fn("Journal.settle")(function* (settlements: ReadonlyArray<Settlement>) {
        const { excess, standing } = yield* thread.call("settle", settlements)
        if (excess > 0 && maxBytes !== undefined && !isWarned) {
          isWarned = true
          yield* Effect.logWarning(tooLarge(location, maxBytes))
        }
        return standing
      }),
      totals: Effect.fn("Journal.totals")((run: RunId) => thread.call("totals", run)),
      reckon: Effect.fn("Journal.reckon")((runs: ReadonlyArray<RunId>) => thread.call("reckon", runs)),
      askedFor: Effect.fn("Journal.askedFor")((group: Group, sources: ReadonlyArray<string>) =>
        thread.call("askedFor", group, sources)
      ),
      forget: Effect.fn("Journal.forget")((group: Group, chunks: ReadonlyArray<ChunkKey>) =>
        thread.call("forget", group, chunks)
      ),
      forgetGroup: Effect.fn("Journal.forgetGroup")((group: Group) => thread.call("forgetGroup", group)),
      learned: Effect.suspend(() => thread.call("learned")),
      // Without a span: it is no part of any run.
      learn: (pool, value) => thread.call("learn", pool, value),
      location
    })
  })

/** In a worker thread; makes the file, and the directories above it, if they are not there. */
export const layer = (options: Options): Layer.Layer<Journal, StorageError> =>
  Layer.effect(Journal, service(options, inWorker<JournalEngine>("journal", { ...options, readOnly: false })))

/** For reading commands: a file that is not there is an error, and writing is one too. */
export const layerReadOnly = (options: Options): Layer.Layer<Journal, StorageError> =>
  Layer.effect(Journal, service(options, inWorker<JournalEngine>("journal", { ...options, readOnly: true })))

/** A fresh database in memory, on the calling thread. */
export const layerMemory: Layer.Layer<Journal, StorageError> = Layer.effect(
  Journal,
  service(
    { file: memory },
    calling("journal", memory, () => new JournalEngine({ file: memory, readOnly: false }))
  )
)

/** Makes the file as small as it can be, and no larger than `maxBytes` if that can be had by taking raw responses out. */
export const compact = (options: Options) =>
  Effect.scoped(
    Effect.flatMap(inWorker<JournalEngine>("journal", { ...options, readOnly: false }), (thread) =>
      thread.call("compact")
    )
  )

/** What is wrong with the file, each in a few words. */
export const check = (options: Options) =>
  Effect.scoped(
    Effect.flatMap(inWorker<JournalEngine>("journal", { ...options, readOnly: true }), (thread) => thread.call("check"))
  )

/** For a dry run, which is answered from what was paid for: a copy of the journal's file, or nothing if there is none. */
export const snapshot = Snapshot.snapshot("journal")
