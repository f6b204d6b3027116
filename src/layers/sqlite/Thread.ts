import { Worker } from "node:worker_threads"
import { Deferred, Effect } from "effect"
import type { Scope } from "effect"
import { StorageError } from "../../services/StorageError.ts"
import { faultData } from "./Fault.ts"
import type { FaultData } from "./Fault.ts"
import type { OpenOptions } from "./Opening.ts"
import { dispatch } from "./Protocol.ts"
import type { Reply, Request, Storage, WorkerData } from "./Protocol.ts"

type Arguments<Method> = Method extends (...args: infer Args) => unknown ? Args : never
type Result<Method> = Method extends (...args: never) => infer A ? A : never

/** An engine behind effects, wherever it runs; a call that is interrupted still runs, and its result is dropped. */
export interface Thread<Engine> {
  readonly call: <Method extends keyof Engine & string>(
    method: Method,
    ...args: Arguments<Engine[Method]>
  ) => Effect.Effect<Result<Engine[Method]>, StorageError>
}

export const storageError = (storage: Storage, { message, reason, retryable }: FaultData): StorageError =>
  new StorageError({ storage, reason, retryable, message })

/** On the calling thread: for databases in memory, whose tests run on a clock that stands still while a worker works. */
export const calling = <Engine extends { readonly close: () => void }>(
  storage: Storage,
  file: string,
  open: () => Engine
): Effect.Effect<Thread<Engine>, StorageError, Scope.Scope> => {
  const attempt = <A>(run: () => A) =>
    Effect.try({ try: run, catch: (error) => storageError(storage, faultData(storage, file, error)) })
  return Effect.acquireRelease(attempt(open), (engine) => Effect.sync(() => engine.close())).pipe(
    Effect.map((engine): Thread<Engine> => ({
      call: <Method extends keyof Engine & string>(method: Method, ...args: Arguments<Engine[Method]>) =>
        attempt((): Result<Engine[Method]> => dispatch(engine, method, args))
    }))
  )
}

const post = (worker: Worker, request: Request): void => worker.postMessage(request, [])

/** How long a worker may go on with what it is at when its scope closes; a commit is whole or undone either way. */
const grace = 2000

/** The compiled entry lies beside the compiled module, and its source beside the source. */
const entryFile = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url)

/** In a worker thread, which keeps the process alive only while calls are under way. */
export const inWorker = Effect.fnUntraced(function* <Engine>(
  storage: Storage,
  options: OpenOptions,
  entry: URL = entryFile
) {
  const { file } = options
  const waiting = new Map<number, (reply: Reply<never>) => void>()
  const opened = Deferred.makeUnsafe<void, StorageError>()
  const ended = Deferred.makeUnsafe<void>()
  let lastId = 0
  let dead: FaultData | undefined

  const worker = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const workerData: WorkerData = { storage, options }
      const worker = new Worker(entry, {
        workerData,
        name: `sluice-${storage}`,
        // What the process was started with (`--eval`, `--inspect-brk`) is not for its threads.
        execArgv: []
      })
      const end = (message: string): void => {
        dead ??= { reason: "failed", retryable: true, message }
        for (const [id, reply] of waiting) reply({ _tag: "fault", id, fault: dead })
        waiting.clear()
        Deferred.doneUnsafe(opened, Effect.fail(storageError(storage, dead)))
      }
      worker.on("message", (reply: Reply<never>) => {
        const settle = waiting.get(reply.id)
        waiting.delete(reply.id)
        if (waiting.size === 0) worker.unref()
        settle?.(reply)
      })
      worker.on("messageerror", (error) =>
        end(`The thread that writes ${file} sent what cannot be read (${error.message}).`)
      )
      worker.on("error", (error) =>
        end(`The thread that writes ${file} broke down (${messageOf(error)}). Run the same command again.`)
      )
      worker.on("exit", (code) => {
        end(`The thread that writes ${file} has ended (${code}). Run the same command again.`)
        Deferred.doneUnsafe(ended, Effect.void)
      })
      waiting.set(0, (reply) =>
        Deferred.doneUnsafe(
          opened,
          reply._tag === "result" ? Effect.void : Effect.fail(storageError(storage, reply.fault))
        )
      )
      return worker
    }),
    (worker) =>
      Effect.callback<void>((resume) => {
        const timer = setTimeout(() => {
          worker.terminate().then(
            () => resume(Effect.void),
            () => resume(Effect.void)
          )
        }, grace)
        worker.ref()
        if (dead === undefined) post(worker, { id: -1, method: "close", args: [] })
        return Effect.sync(() => clearTimeout(timer))
      }).pipe(Effect.raceFirst(Deferred.await(ended)))
  )
  yield* Deferred.await(opened)

  const thread: Thread<Engine> = {
    call: <Method extends keyof Engine & string>(method: Method, ...args: Arguments<Engine[Method]>) =>
      Effect.callback<Result<Engine[Method]>, StorageError>((resume) => {
        if (dead !== undefined) return resume(Effect.fail(storageError(storage, dead)))
        const id = ++lastId
        const receive = (reply: Reply<Result<Engine[Method]>>): void => resume(outcome(storage, reply))
        waiting.set(id, receive)
        worker.ref()
        try {
          post(worker, { id, method, args })
        } catch (error) {
          waiting.delete(id)
          return resume(Effect.fail(storageError(storage, faultData(storage, file, error))))
        }
        // The request goes on, and nobody waits for its reply.
        return Effect.sync(() => {
          if (waiting.has(id)) waiting.set(id, () => undefined)
        })
      })
  }
  return thread
})

const outcome = <A>(storage: Storage, reply: Reply<A>): Effect.Effect<A, StorageError> =>
  reply._tag === "result" ? Effect.succeed(reply.result) : Effect.fail(storageError(storage, reply.fault))

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
