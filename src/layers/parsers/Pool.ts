import { availableParallelism } from "node:os"
import { Context, Duration, Effect, Layer, Semaphore } from "effect"
import { ParseError } from "../../domain/ParseError.ts"
import type { Parsed } from "../../services/Parser.ts"
import type { Format } from "./Format.ts"
import { oneLine } from "./Writer.ts"
import type { Part, Task } from "./Task.ts"
import { Thread } from "./Thread.ts"
import type { Outcome } from "./Thread.ts"

export interface PoolOptions {
  /** The most worker threads; as many as the machine runs at once, at most 4, by default. */
  readonly threads?: number
  /** How long one document may take, in real time; 60 seconds by default. */
  readonly timeout?: Duration.Input
  /**
   * MB that one document may take of the JavaScript heap, and again outside of it, in buffers; 512 by default. A thread
   * needs some 40 for itself.
   */
  readonly memory?: number
  /** How long a thread is kept when there is nothing to do; 10 seconds by default. */
  readonly idle?: Duration.Input
  /** The module that the threads run, for tests. */
  readonly entry?: URL
}

/**
 * Worker threads that read hostile documents, a few at once: a document that hangs, takes too much memory or breaks its
 * thread fails as `timeout`, `too-large` or `malformed`, and harms no other. Threads start when they are needed and end
 * when they are idle, or with the layer's scope. Interrupting a call ends its thread. Who shares the layer shares the
 * threads: there is one pool for the documents and for what they hold.
 */
export class ParserPool extends Context.Service<
  ParserPool,
  {
    /** Reads a document in the given format. */
    readonly parse: (format: Format, uri: string, bytes: Uint8Array) => Effect.Effect<Parsed, ParseError>
    /** The files that a mail holds. */
    readonly parts: (uri: string, bytes: Uint8Array) => Effect.Effect<ReadonlyArray<Part>, ParseError>
    /** How many threads there are, working or idle. */
    readonly size: Effect.Effect<number>
  }
>()("sluice/layers/parsers/Pool/ParserPool") {}

/** The compiled entry lies beside the compiled module, and its source beside the source. */
const entryFile = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url)

const mixedUp = (uri: string) => Effect.die(new Error(`The thread that reads ${uri} answered another question`))

interface Limits {
  readonly timeout: number
  readonly memory: number
}

type Failed = Exclude<Outcome, { readonly _tag: "answer" }>

const failed = (uri: string, outcome: Failed, { memory, timeout }: Limits): Effect.Effect<never, ParseError> => {
  const fail = (reason: ParseError["reason"], message: string) => Effect.fail(new ParseError({ uri, reason, message }))
  switch (outcome._tag) {
    case "failure":
      return fail(outcome.failure.reason, outcome.failure.message)
    case "timeout": {
      const limit = `${timeout / 1000} s`
      return fail("timeout", `${uri} was not read within ${limit}: split it, raise the limit, or leave it out`)
    }
    case "memory":
      return fail(
        "too-large",
        `${uri} needs more than ${memory} MB to be read: split it, raise the limit, or leave it out`
      )
    case "crash": {
      if (!outcome.hadStarted)
        return Effect.die(new Error(`The thread that reads ${uri} does not start: ${outcome.detail}`))
      const detail = oneLine(outcome.detail).slice(0, 200).toWellFormed()
      return fail("malformed", `${uri} breaks its reader (${detail}): open it and save it again, or leave it out`)
    }
    case "ended":
      return Effect.interrupt
  }
}

const make = (options: PoolOptions) =>
  Effect.gen(function* () {
    const threads = Math.max(1, options.threads ?? Math.min(4, availableParallelism()))
    const limits = {
      timeout: Duration.toMillis(options.timeout ?? "60 seconds"),
      memory: options.memory ?? 512
    }
    const idleFor = Duration.toMillis(options.idle ?? "10 seconds")
    const entry = options.entry ?? entryFile
    const slots = yield* Semaphore.make(threads)
    const all = new Set<Thread>()
    const idle = new Map<Thread, NodeJS.Timeout>()
    let isClosed = false
    yield* Effect.addFinalizer(() =>
      Effect.promise(() => {
        isClosed = true
        for (const timer of idle.values()) clearTimeout(timer)
        idle.clear()
        return Promise.all(Array.from(all, (thread) => thread.end()))
      })
    )

    const start = (): Thread => {
      const thread: Thread = new Thread({ entry, ...limits }, () => {
        clearTimeout(idle.get(thread))
        idle.delete(thread)
        all.delete(thread)
      })
      all.add(thread)
      return thread
    }
    // The one that worked last: the others get to end.
    const take = (): Thread => {
      const [thread, timer] = [...idle].findLast(([{ isDead }]) => !isDead) ?? []
      if (thread === undefined) return start()
      clearTimeout(timer)
      idle.delete(thread)
      return thread
    }
    const giveBack = (thread: Thread): void => {
      if (thread.isDead || isClosed) return void thread.end()
      const timer = setTimeout(() => {
        idle.delete(thread)
        void thread.end()
      }, idleFor)
      idle.set(thread, timer.unref())
    }

    const attempt = (task: Task, from: () => Thread) =>
      Effect.callback<{ readonly outcome: Outcome; readonly isFresh: boolean }>((resume) => {
        if (isClosed) return resume(Effect.interrupt)
        const thread = from()
        thread.run(task, (outcome) => {
          giveBack(thread)
          resume(Effect.succeed({ outcome, isFresh: thread.isFresh }))
        })
        return Effect.promise(() => thread.end())
      })

    const run = Effect.fnUntraced(function* (task: Task) {
      const first = yield* attempt(task, take)
      // What an earlier document left behind in the thread is no fault of this one.
      const isDoubtful = !first.isFresh && (first.outcome._tag === "memory" || first.outcome._tag === "crash")
      const { outcome } = isDoubtful ? yield* attempt(task, start) : first
      return outcome._tag === "answer" ? outcome.answer : yield* failed(task.uri, outcome, limits)
    }, slots.withPermit)

    return ParserPool.of({
      parse: (format, uri, bytes) =>
        run({ kind: "parse", format, uri, bytes }).pipe(
          Effect.flatMap((answer) => (answer.kind === "parse" ? Effect.succeed(answer.parsed) : mixedUp(uri)))
        ),
      parts: (uri, bytes) =>
        run({ kind: "parts", uri, bytes }).pipe(
          Effect.flatMap((answer) => (answer.kind === "parts" ? Effect.succeed(answer.parts) : mixedUp(uri)))
        ),
      size: Effect.sync(() => all.size)
    })
  })

export const layerWith = (options: PoolOptions = {}): Layer.Layer<ParserPool> => Layer.effect(ParserPool, make(options))

/** With the defaults of `PoolOptions`; one pool for all layers of a composition that provide themselves with it. */
export const layer: Layer.Layer<ParserPool> = layerWith()
