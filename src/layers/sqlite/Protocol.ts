import type { StorageError } from "../../services/StorageError.ts"
import type { OpenOptions } from "./Opening.ts"
import type { FaultData } from "./Fault.ts"

export type Storage = StorageError["storage"]

/** What the worker thread is started with. */
export interface WorkerData {
  readonly storage: Storage
  readonly options: OpenOptions
}

export interface Request {
  readonly id: number
  readonly method: string
  readonly args: ReadonlyArray<unknown>
}

/** The reply to request 0, which nobody sends, says whether the engine could be opened. */
export type Reply<A> =
  | { readonly _tag: "result"; readonly id: number; readonly result: A }
  | { readonly _tag: "fault"; readonly id: number; readonly fault: FaultData }

/** Types are the caller's business: `Thread.call` has checked the method and its arguments. */
export const dispatch = (engine: object, method: string, args: ReadonlyArray<unknown>) =>
  Reflect.get(engine, method).apply(engine, args)
