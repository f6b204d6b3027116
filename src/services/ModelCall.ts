import type { Effect, Option, Tracer } from "effect"
import type { Group, ItemKey, RunId } from "../domain/Ids.ts"
import type { ModelError, Usage } from "./ChatModel.ts"
import type { Demand, Ticket } from "./Gate.ts"
import type { Answer } from "./Journal.ts"

/** What a call would send, and at most use. */
export interface Request<P> {
  readonly payload: P
  readonly group: Group
  readonly items: ReadonlyArray<ItemKey>
  /** At most, for the budget: what no tokenizer and no answer can exceed. */
  readonly inputTokens: number
  readonly outputTokens: number
  /** Likely, for the gate; absent: what it is at most. */
  readonly expected?: { readonly inputTokens: number; readonly outputTokens: number }
}

/** What came back, and what it is worth. */
export interface Response<A> {
  readonly value: A
  readonly usage: Usage
  /** The model that answered. */
  readonly model: string
  /** For the journal. */
  readonly raw: string
  /** For the gate: names in lower case. */
  readonly headers?: Readonly<Record<string, string>>
  /** The items that are answered validly. */
  readonly answers: ReadonlyArray<Answer>
}

/** Whom a call asks. */
export interface Target<P, A> {
  readonly endpoint: string
  readonly model: string
  /** One attempt. Errors that are not the provider's fault are the caller's affair: they come back as they are. */
  readonly send: (payload: P) => Effect.Effect<Response<A>, ModelError>
}

export interface Call<P, A> extends Target<P, A> {
  readonly run: RunId
  /** `check`: by whoever asks whether the provider answers. */
  readonly kind: "extraction" | "embedding" | "check"
  /** Asked instead, through its own pool, while the first cannot be had; its answers stand for the same items. */
  readonly fallback?: Target<P, A>
  readonly priority: Ticket["priority"]
  /** Groups take turns at the gate. */
  readonly group?: Group
  /** Asked once, when the gate has admitted the call: what is waiting by then goes together. Nothing: no call. */
  readonly take: () => Option.Option<Request<P>>
  /** What `take` would ask for now, without taking it; absent: the call takes when it is next, and waits with that. */
  readonly peek?: () => Option.Option<Demand>
  /** Of the calls that wait, the longest go first. */
  readonly expectedOutput?: number
  /** Spans of the documents that the items come from. */
  readonly links?: (payload: P) => ReadonlyArray<Tracer.SpanLink>
}

export interface CallResult<P, A> {
  readonly payload: P
  readonly response: Response<A>
  /** The answers that stand in the journal: older ones, where another process was faster. */
  readonly answers: ReadonlyMap<ItemKey, string>
}

/** A call that was sent, and that the provider will not answer as it is: split what it carries. */
export interface CallRefused<P> {
  readonly payload: P
  readonly error: ModelError
}

export const demandOf = ({ expected, inputTokens, outputTokens }: Request<unknown>): Demand => ({
  inputTokens: expected?.inputTokens ?? inputTokens,
  outputCap: outputTokens,
  expectedOutput: Math.min(outputTokens, expected?.outputTokens ?? outputTokens)
})
