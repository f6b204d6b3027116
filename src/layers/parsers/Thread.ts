import { Worker } from "node:worker_threads"
import type { Answer, Failure, Reply, Request, Task } from "./Task.ts"

/** How a task ended. */
export type Outcome =
  | { readonly _tag: "answer"; readonly answer: Answer }
  | { readonly _tag: "failure"; readonly failure: Failure }
  | { readonly _tag: "timeout" }
  | { readonly _tag: "memory" }
  /** The thread ended under it. `hadStarted`: whether the thread ever came to work, else the fault is not the task's. */
  | { readonly _tag: "crash"; readonly detail: string; readonly hadStarted: boolean }
  /** Somebody ended the thread. */
  | { readonly _tag: "ended" }

export interface ThreadOptions {
  readonly entry: URL
  /** Milliseconds for a task. */
  readonly timeout: number
  /** MB: of the JavaScript heap, and again of what lies outside of it (buffers). */
  readonly memory: number
}

interface Running {
  readonly id: number
  readonly task: Task
  readonly settle: (outcome: Outcome) => void
  watch: NodeJS.Timeout | undefined
  poll: NodeJS.Timeout | undefined
}

/** How often a working thread's memory is looked at; in milliseconds. */
const pollInterval = 50
/** How long to wait for a thread that is told to end: native code, such as unpacking, ends when it is through. */
const grace = 2000

/**
 * A worker thread that does one task at a time, and that ends with a task which takes too long or too much. Time is real
 * time, whatever clock the program runs on, for a thread works in no other. It keeps the process alive only while it
 * works, sees none of its environment, and its output goes nowhere.
 */
export class Thread {
  readonly #options: ThreadOptions
  readonly #worker: Worker
  readonly #exited: Promise<void>
  #running: Running | undefined
  #isReady = false
  #isDead = false
  #lastId = 0
  /** Why the thread is about to end, if that is known. */
  #cause: Outcome | undefined

  constructor(options: ThreadOptions, onExit: () => void) {
    this.#options = options
    const worker = new Worker(options.entry, {
      name: "sluice-parser",
      resourceLimits: { maxOldGenerationSizeMb: options.memory },
      env: {},
      execArgv: [],
      // Kept from ours, and taken apart below: a stream in which something arrives keeps the process alive.
      stdout: true,
      stderr: true
    })
    this.#worker = worker
    worker.stdout.destroy()
    worker.stderr.destroy()
    worker.unref()
    worker.on("message", (reply: Reply) => this.#receive(reply))
    worker.on("messageerror", (error) => this.#kill(this.#crash(error.message)))
    worker.on("error", (error) => {
      const isMemory = error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY"
      this.#cause ??= isMemory && this.#isReady ? { _tag: "memory" } : this.#crash(String(error))
    })
    this.#exited = new Promise((resolve) => {
      worker.on("exit", (code) => {
        this.#isDead = true
        onExit()
        this.#settle(this.#cause ?? this.#crash(`its reader exited with status ${code}`))
        resolve()
      })
    })
  }

  /** Whether it has ended, or is about to. */
  get isDead(): boolean {
    return this.#isDead
  }

  /** Whether it has had no other task before the present one, so that nothing but that one can have harmed it. */
  get isFresh(): boolean {
    return this.#lastId <= 1
  }

  /** One task at a time. `settle` is called once, never within this call; the thread may be dead then. */
  run(task: Task, settle: (outcome: Outcome) => void): void {
    const running: Running = { id: ++this.#lastId, task, settle, watch: undefined, poll: undefined }
    this.#running = running
    this.#worker.ref()
    if (this.#isReady) this.#post(running)
  }

  /** Ends it, with whatever it is at; resolves when it is gone, or cannot be told to go within two seconds. */
  end(): Promise<void> {
    this.#kill({ _tag: "ended" })
    return Promise.race([this.#exited, new Promise<void>((resolve) => setTimeout(resolve, grace).unref())])
  }

  #receive(reply: Reply): void {
    if (reply._tag === "ready") {
      this.#isReady = true
      if (this.#running !== undefined) this.#post(this.#running)
    } else if (reply.id === this.#running?.id && !this.#isDead) {
      this.#settle(
        reply._tag === "answer" ? { _tag: "answer", answer: reply.answer } : { _tag: "failure", failure: reply.failure }
      )
    }
  }

  /** Not before the thread is ready: what it says right before it breaks may never arrive. */
  #post(running: Running): void {
    // A copy, since the caller keeps its bytes, and a view drags along the whole buffer that it shows a part of.
    const bytes = new Uint8Array(running.task.bytes)
    const request: Request = { id: running.id, task: { ...running.task, bytes } }
    this.#worker.postMessage(request, [bytes.buffer])
    running.watch = setTimeout(() => this.#kill({ _tag: "timeout" }), this.#options.timeout)
    this.#poll(running)
  }

  /**
   * Node's resource limits count the JavaScript heap alone. What buffers take is asked of the thread, which answers also
   * in the middle of its work.
   */
  #poll(running: Running): void {
    running.poll = setTimeout(() => {
      this.#worker.getHeapStatistics().then(
        ({ external_memory: bytes }) => {
          if (this.#running !== running) return
          if (bytes > this.#options.memory * 1024 * 1024) this.#kill({ _tag: "memory" })
          else this.#poll(running)
        },
        () => undefined
      )
    }, pollInterval)
  }

  #crash(detail: string): Outcome {
    return { _tag: "crash", detail, hadStarted: this.#isReady }
  }

  #kill(cause: Outcome): void {
    this.#cause ??= cause
    this.#isDead = true
    void this.#worker.terminate()
    // Whoever waits is told when the thread is gone, so that there are never more threads than there may be.
    setTimeout(() => this.#settle(cause), grace).unref()
  }

  #settle(outcome: Outcome): void {
    const running = this.#running
    if (running === undefined) return
    this.#running = undefined
    clearTimeout(running.watch)
    clearTimeout(running.poll)
    this.#worker.unref()
    running.settle(outcome)
  }
}
