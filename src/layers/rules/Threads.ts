import { Worker } from "node:worker_threads"
import { Data, Effect } from "effect"
import type { Scope } from "effect"
import { messageOf } from "./Wire.ts"
import type { Answer, Piece } from "./Wire.ts"

/** A thread did not start or broke down, which says nothing about the chunks that it had. */
export class ThreadBroken extends Data.TaggedError("ThreadBroken")<{ readonly message: string }> {}

interface Asked {
  readonly piece: Piece
  readonly answer: (answer: Effect.Effect<Answer, ThreadBroken>) => void
}

/** Chunks that share a hop to a thread and back. */
const maxBatch = 16

/** Batches that a thread has at once: one that it works on, and one so that it does not wait for the next. */
const maxBatches = 2

/** The compiled entry lies beside the compiled module, and its source beside the source. */
const entryFile = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url)

const post = (worker: Worker, pieces: ReadonlyArray<Piece>): void => worker.postMessage(pieces, [])

class Thread {
  readonly #batches: Array<ReadonlyArray<Asked>> = []
  readonly #worker: Worker
  #isBroken = false

  constructor(entry: URL, onFree: () => void) {
    // What the process was started with (`--eval`, `--inspect-brk`) is not for its threads.
    this.#worker = new Worker(entry, { name: "sluice-rules", execArgv: [] })
    const end = (message: string): void => {
      this.#isBroken = true
      for (const { answer } of this.#batches.splice(0).flat()) answer(Effect.fail(new ThreadBroken({ message })))
      onFree()
    }
    // In the order in which they were asked.
    this.#worker.on("message", (answers: ReadonlyArray<Answer>) => {
      const batch = this.#batches.shift() ?? []
      onFree()
      for (const [index, { answer }] of batch.entries()) {
        const given = answers[index]
        answer(given === undefined ? Effect.fail(new ThreadBroken({ message: "no answer" })) : Effect.succeed(given))
      }
    })
    this.#worker.on("messageerror", (error) => end(messageOf(error)))
    this.#worker.on("error", (error) => end(messageOf(error)))
    this.#worker.on("exit", (code) => end(`ended with ${code}`))
  }

  get isBroken(): boolean {
    return this.#isBroken
  }

  get load(): number {
    return this.#batches.length
  }

  run(batch: ReadonlyArray<Asked>): void {
    this.#batches.push(batch)
    post(
      this.#worker,
      batch.map(({ piece }) => piece)
    )
  }

  end(): Promise<unknown> {
    return this.#worker.terminate()
  }
}

/**
 * Threads that extract by the rules: `threads` at most, started when there is work for one more, ended with the scope.
 * Chunks are sent on in batches; which thread has a chunk makes no difference to its answer.
 */
export const make = Effect.fnUntraced(function* (options: {
  readonly threads: number
  readonly entry?: URL
}): Effect.fn.Return<(piece: Piece) => Effect.Effect<Answer, ThreadBroken>, never, Scope.Scope> {
  const waiting: Array<Asked> = []
  const threads: Array<Thread> = []
  let isPlanned = false
  let isClosed = false

  yield* Effect.addFinalizer(() =>
    Effect.promise(() => {
      isClosed = true
      return Promise.all(threads.map((thread) => thread.end()))
    })
  )

  const free = (): Thread | undefined => {
    const [least] = threads.filter(({ isBroken }) => !isBroken).toSorted((a, b) => a.load - b.load)
    if (least !== undefined && least.load === 0) return least
    if (threads.length < options.threads && !isClosed) {
      const thread = new Thread(options.entry ?? entryFile, plan)
      threads.push(thread)
      return thread
    }
    return least !== undefined && least.load < maxBatches ? least : undefined
  }

  const send = (): void => {
    isPlanned = false
    while (waiting.length > 0) {
      const thread = free()
      if (thread === undefined) break
      thread.run(waiting.splice(0, maxBatch))
    }
    if (waiting.length > 0 && (isClosed || (threads.length > 0 && threads.every(({ isBroken }) => isBroken)))) {
      const broken = Effect.fail(new ThreadBroken({ message: "no thread is left" }))
      for (const { answer } of waiting.splice(0)) answer(broken)
    }
  }

  /** Soon, so that all who ask in this turn share a batch. */
  const plan = (): void => {
    if (isPlanned) return
    isPlanned = true
    queueMicrotask(send)
  }

  return (piece) =>
    Effect.callback<Answer, ThreadBroken>((resume) => {
      const asked: Asked = { piece, answer: resume }
      waiting.push(asked)
      plan()
      return Effect.sync(() => {
        const index = waiting.indexOf(asked)
        if (index !== -1) waiting.splice(index, 1)
      })
    })
})
