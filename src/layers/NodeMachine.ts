import { availableParallelism, totalmem } from "node:os"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { getHeapStatistics } from "node:v8"
import { Effect, Layer } from "effect"
import { Machine } from "../services/Machine.ts"

/** Readings of the heap whose smallest counts: what has not been collected yet is no need. */
const heapReadings = 3

/** The delay is that of the thread which makes the layer; processor time and resident memory are those of all threads. */
export const layer: Layer.Layer<Machine> = Layer.effect(
  Machine,
  Effect.gen(function* () {
    const delays = yield* Effect.acquireRelease(
      // Its timer does not keep the process alive.
      Effect.sync(() => monitorEventLoopDelay({ resolution: 20 })),
      (histogram) => Effect.sync(() => histogram.disable())
    )
    delays.enable()
    const cores = availableParallelism()
    const heapLimit = getHeapStatistics().heap_size_limit
    // Of the container, where there is one; without limits it says nothing, or more than there is.
    const limit = Math.min(process.constrainedMemory() || Infinity, totalmem())
    let cpu = process.cpuUsage()
    let at = performance.now()
    let heaps: ReadonlyArray<number> = []
    return {
      // Of the whole, half: parsers, the store and the code itself have to live as well.
      memory: Math.min(heapLimit, limit / 2),
      read: Effect.sync(() => {
        const used = process.cpuUsage(cpu)
        const now = performance.now()
        const elapsed = Math.max(1, now - at)
        const delay = delays.percentile(99) / 1e6
        heaps = [...heaps, getHeapStatistics().used_heap_size].slice(-heapReadings)
        cpu = process.cpuUsage()
        at = now
        delays.reset()
        return {
          cpu: (used.user + used.system) / 1000 / elapsed / cores,
          memory: Math.max(Math.min(...heaps) / heapLimit, process.memoryUsage.rss() / limit),
          delay
        }
      })
    }
  })
)
