import { Context, Effect, Layer, Semaphore } from "effect"
import { documentsFor, next } from "../domain/LocalLimits.ts"
import type { Sizes } from "../domain/LocalLimits.ts"
import { DocumentsInFlight, Room } from "./DocumentsInFlight.ts"
import { Machine } from "./Machine.ts"

/** How many documents are read, or parsed, at once. */
export class ParseConcurrency extends Context.Service<ParseConcurrency, Semaphore.Semaphore>()(
  "sluice/services/ParseConcurrency"
) {}

/** How many documents wait for the store at once: enough to fill a commit while another is written. */
export class WriteConcurrency extends Context.Service<WriteConcurrency, Semaphore.Semaphore>()(
  "sluice/services/WriteConcurrency"
) {}

/** How long commits take; told by who commits. */
export class CommitTimes extends Context.Service<
  CommitTimes,
  {
    /** In milliseconds. */
    readonly record: (duration: number) => void
    /** The longest one since this was last asked, or 0. */
    readonly take: () => number
  }
>()("sluice/services/CommitTimes") {}

/** The most that a local phase ever works on at once; its semaphore says how many of them may do so now. */
export const ceilings = { parse: 16, write: 256 } as const

/** Where a run begins: half of the parsers that there may be, for they are what weighs most. */
export const defaults: Sizes = { parse: 8, write: ceilings.write, documents: documentsFor(Infinity) }

export type Limits = ParseConcurrency | WriteConcurrency | DocumentsInFlight | CommitTimes

const make = (sizes: Sizes) =>
  Effect.sync(() => {
    let longest = 0
    return Context.make(ParseConcurrency, Semaphore.makeUnsafe(sizes.parse)).pipe(
      Context.add(WriteConcurrency, Semaphore.makeUnsafe(sizes.write)),
      Context.add(DocumentsInFlight, new Room(sizes.documents)),
      Context.add(CommitTimes, {
        record: (duration) => {
          longest = Math.max(longest, duration)
        },
        take: () => {
          const taken = longest
          longest = 0
          return taken
        }
      })
    )
  })

/** The limits of the local phases, each of which can be resized while a run goes on. */
export const layer = (sizes: Sizes = defaults): Layer.Layer<Limits> => Layer.effectContext(make(sizes))

/** How often the machine is looked at. */
const interval = "1 second"

const percent = (share: number): string => `${Math.round(100 * share)} %`

/** The limits of the local phases, resized to what the machine and the store can take (see domain/LocalLimits.ts). */
export const layerAdaptive: Layer.Layer<Limits, never, Machine> = Layer.effectContext(
  Effect.gen(function* () {
    const machine = yield* Machine
    const most: Sizes = { ...ceilings, documents: documentsFor(machine.memory) }
    let sizes: Sizes = { ...most, parse: defaults.parse }
    const limits = yield* make(sizes)
    const commits = Context.get(limits, CommitTimes)
    const apply = Effect.gen(function* () {
      yield* Semaphore.resize(Context.get(limits, ParseConcurrency), Math.floor(sizes.parse))
      yield* Semaphore.resize(Context.get(limits, WriteConcurrency), Math.floor(sizes.write))
      Context.get(limits, DocumentsInFlight).resize(Math.floor(sizes.documents))
    })
    const adapt = Effect.gen(function* () {
      yield* Effect.sleep(interval)
      const load = { ...(yield* machine.read), commit: commits.take() }
      const before = sizes
      sizes = next(sizes, load, most)
      yield* apply
      if (sizes.documents >= before.documents && sizes.parse >= before.parse && sizes.write >= before.write) return
      yield* Effect.logDebug("Less at once", {
        cpu: percent(load.cpu),
        memory: percent(load.memory),
        delay: Math.round(load.delay),
        commit: Math.round(load.commit),
        ...sizes
      })
    })
    // What happened before the run is not its load.
    yield* machine.read
    yield* Effect.forkScoped(Effect.forever(adapt))
    return limits
  })
)
