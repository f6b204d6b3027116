import { parentPort, workerData } from "node:worker_threads"
import { faultData } from "./Fault.ts"
import { JournalEngine } from "./JournalEngine.ts"
import { dispatch } from "./Protocol.ts"
import type { Reply, Request, WorkerData } from "./Protocol.ts"
import { StoreEngine } from "./StoreEngine.ts"

/** The worker thread's entry: opens the engine that it is told to, and answers requests one after another. */
const serve = ({ options, storage }: WorkerData): void => {
  const port = parentPort
  if (port === null) return
  const reply = (message: Reply<unknown>): void => port.postMessage(message)
  try {
    const engine = storage === "store" ? new StoreEngine(options) : new JournalEngine(options)
    port.on("message", ({ args, id, method }: Request) => {
      try {
        reply({ _tag: "result", id, result: dispatch(engine, method, args) })
      } catch (error) {
        reply({ _tag: "fault", id, fault: faultData(storage, options.file, error) })
      }
      // Without its port the thread has nothing left to wait for, and ends.
      if (method === "close") port.close()
    })
    reply({ _tag: "result", id: 0, result: undefined })
  } catch (error) {
    reply({ _tag: "fault", id: 0, fault: faultData(storage, options.file, error) })
  }
}

serve(workerData)
