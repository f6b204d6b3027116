import { Context, Schema } from "effect"
import type { Effect } from "effect"

const Counts = Schema.Record(Schema.String, Schema.Int)

const Face = Schema.Struct({
  /** requests = answered + failed + in flight. */
  requests: Schema.Int,
  /** Delivered in full, and without a fault of the whole request. */
  answered: Schema.Int,
  /** Requests by what went wrong: a kind of fault, a status, `aborted` by the client. */
  failed: Counts,
  inFlight: Schema.Int,
  maxInFlight: Schema.Int,
  /** Of what was delivered with status 200, faulty or not: it is paid for. */
  tokens: Schema.Struct({ input: Schema.Int, output: Schema.Int }),
  items: Schema.Struct({
    distinct: Schema.Int,
    asked: Schema.Int,
    /** Answered without a fault of their own or of their request. */
    answered: Schema.Int,
    /** Items by the fault in their own part of an answer. */
    faults: Counts,
    /** How many times an item was asked that had been answered before. */
    askedAgain: Schema.Int
  }),
  /** The first hundred of the items asked again. */
  askedAgain: Schema.Array(
    Schema.Struct({ hash: Schema.Int, asked: Schema.Int, answered: Schema.Int, text: Schema.String })
  ),
  /** Milliseconds from the first request to the end of the last. */
  makespan: Schema.Finite
})
type FaceSnapshot = typeof Face.Type

/** What the provider saw: the numbers that no client can get wrong. */
export const LedgerSnapshot = Schema.Struct({ chat: Face, embeddings: Face })
export type LedgerSnapshot = typeof LedgerSnapshot.Type

interface Entry {
  asked: number
  answered: number
  /** The beginning of the text, once it was asked again. */
  text: string
}

const listed = 100

/** The books of one route; memory grows by one small entry per distinct item. */
export class FaceLedger {
  #requests = 0
  #answered = 0
  #inFlight = 0
  #maxInFlight = 0
  #input = 0
  #output = 0
  #itemsAsked = 0
  #itemsAnswered = 0
  #askedAgain = 0
  #firstAt: number | undefined
  #lastAt = 0
  readonly #failed = new Map<string, number>()
  readonly #faults = new Map<string, number>()
  readonly #items = new Map<number, Entry>()
  readonly #again = new Map<number, Entry>()

  arrived(now: number): void {
    this.#requests++
    this.#inFlight++
    this.#maxInFlight = Math.max(this.#maxInFlight, this.#inFlight)
    this.#firstAt ??= now
  }

  asked(hash: number, text: string): void {
    this.#itemsAsked++
    const entry = this.#items.get(hash)
    if (entry === undefined) {
      this.#items.set(hash, { asked: 1, answered: 0, text: "" })
      return
    }
    entry.asked++
    if (entry.answered === 0) return
    this.#askedAgain++
    if (this.#again.size < listed) {
      entry.text = text.slice(0, 80)
      this.#again.set(hash, entry)
    }
  }

  /** The end of a request; `failure` absent: it was answered. */
  ended(now: number, failure?: string): void {
    this.#inFlight--
    this.#lastAt = Math.max(this.#lastAt, now)
    if (failure === undefined) this.#answered++
    else this.#failed.set(failure, (this.#failed.get(failure) ?? 0) + 1)
  }

  paid(input: number, output: number): void {
    this.#input += input
    this.#output += output
  }

  answered(hash: number): void {
    this.#itemsAnswered++
    const entry = this.#items.get(hash)
    if (entry !== undefined) entry.answered++
  }

  faulted(fault: string): void {
    this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + 1)
  }

  item(hash: number): { readonly asked: number; readonly answered: number } {
    const { answered = 0, asked = 0 } = this.#items.get(hash) ?? {}
    return { asked, answered }
  }

  snapshot(): FaceSnapshot {
    return {
      requests: this.#requests,
      answered: this.#answered,
      failed: Object.fromEntries(this.#failed),
      inFlight: this.#inFlight,
      maxInFlight: this.#maxInFlight,
      tokens: { input: this.#input, output: this.#output },
      items: {
        distinct: this.#items.size,
        asked: this.#itemsAsked,
        answered: this.#itemsAnswered,
        faults: Object.fromEntries(this.#faults),
        askedAgain: this.#askedAgain
      },
      askedAgain: [...this.#again].map(([hash, { asked, answered, text }]) => ({ hash, asked, answered, text })),
      makespan: this.#firstAt === undefined ? 0 : Math.max(0, this.#lastAt - this.#firstAt)
    }
  }
}

export class ProviderLedger {
  readonly chat = new FaceLedger()
  readonly embeddings = new FaceLedger()

  snapshot(): LedgerSnapshot {
    return { chat: this.chat.snapshot(), embeddings: this.embeddings.snapshot() }
  }
}

/** The simulated provider's own books, to check the client's by. */
export class SimulatedLedger extends Context.Service<
  SimulatedLedger,
  {
    readonly snapshot: Effect.Effect<LedgerSnapshot>
    /** Of one item: all of its strings but the id, joined by NUL (an embedding's text is one string). */
    readonly item: (
      face: "chat" | "embeddings",
      whole: string
    ) => Effect.Effect<{ readonly asked: number; readonly answered: number }>
  }
>()("sluice/layers/simulated/SimulatedLedger") {}
