import { parentPort } from "node:worker_threads"
import { parse, parseErrorOf } from "./Task.ts"
import type { Answer, Reply, Request, Task } from "./Task.ts"

const perform = async (task: Task): Promise<Answer> => {
  if (task.kind === "parse") return { kind: "parse", parsed: await parse(task.format, task.uri, task.bytes) }
  const { partsOf } = await import("../containers/parts.ts")
  return { kind: "parts", parts: await partsOf(task.uri, task.bytes) }
}

/** The worker thread's entry: one task after another. */
const serve = (): void => {
  const port = parentPort
  if (port === null) return
  // What a library prints is for nobody.
  process.stdout.write = () => true
  process.stderr.write = () => true
  const reply = (message: Reply): void => port.postMessage(message)
  port.on("message", ({ id, task }: Request) => {
    void perform(task).then(
      (answer) => reply({ _tag: "answer", id, answer }),
      (error: unknown) => {
        const { message, reason } = parseErrorOf(task.uri, error)
        reply({ _tag: "failure", id, failure: { reason, message } })
      }
    )
  })
  reply({ _tag: "ready" })
}

serve()
