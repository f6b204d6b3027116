import { Context, Effect, Layer } from "effect"
import type { Load } from "../domain/LocalLimits.ts"

/** How a machine fares; what the store says of itself is not for it to tell. */
export type Reading = Omit<Load, "commit">

/** The machine that this process runs on, as far as it is shared with others or can run out. */
export class Machine extends Context.Service<
  Machine,
  {
    /** Since it was last asked. */
    readonly read: Effect.Effect<Reading>
    /** Bytes that this process can have for what is in flight. */
    readonly memory: number
  }
>()("sluice/services/Machine") {}

export const idle: Reading = { cpu: 0, memory: 0, delay: 0 }

/** Tells one reading after the other, and the last one for ever. */
export const layerReadings = (readings: Iterable<Partial<Reading>>, memory = 4 * 1024 ** 3): Layer.Layer<Machine> =>
  Layer.sync(Machine, () => {
    const rest = readings[Symbol.iterator]()
    let last = idle
    return {
      read: Effect.sync(() => {
        const { done, value } = rest.next()
        if (done !== true) last = { ...idle, ...value }
        return last
      }),
      memory
    }
  })
