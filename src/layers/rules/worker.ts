import { parentPort } from "node:worker_threads"
import { extractByRules } from "./Rules.ts"
import { messageOf, pack } from "./Wire.ts"
import type { Answer, Piece } from "./Wire.ts"

const answer = ({ header, text }: Piece): Answer => {
  try {
    return { _tag: "extracted", packed: pack(extractByRules(header, text)) }
  } catch (cause) {
    return { _tag: "unreadable", message: messageOf(cause) }
  }
}

/** The worker thread's entry: batches of chunks, one after another. */
const serve = (): void => {
  const port = parentPort
  if (port === null) return
  const reply = (answers: ReadonlyArray<Answer>): void => port.postMessage(answers)
  port.on("message", (pieces: ReadonlyArray<Piece>) => reply(pieces.map(answer)))
}

serve()
