import { Context, Schema } from "effect"
import type { Effect } from "effect"

const Counts = Schema.Record(Schema.String, Schema.Int)

/** What happened in a second; `inFlight` as of the last of it. */
const Second = Schema.Struct({
  /** Seconds since the first request. */
  second: Schema.Int,
  arrived: Schema.Int,
  /** Turned away at a limit. */
  limited: Schema.Int,
  answered: Schema.Int,
  /** Tokens charged. */
  charged: Schema.Finite,
  inFlight: Schema.Int
})

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
  /** Requests turned away, by the limit that they ran into: `rpm`, `tpm` …, `slow_down`, `too_large`, `queue`, `quota`. */
  limited: Counts,
  /** Tokens taken of the limits on tokens (estimate and output cap, where there are none), and those of it that were for nothing. */
  charged: Schema.Struct({ tokens: Schema.Finite, wasted: Schema.Finite }),
  /** By model and limit: what was taken of it, and what there was to take, from the first request to the last end. */
  usage: Schema.Record(
    Schema.String,
    Schema.Record(Schema.String, Schema.Struct({ taken: Schema.Finite, supplied: Schema.Finite }))
  ),
  /** Seconds in which something happened. */
  series: Schema.Array(Second),
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
  /** Milliseconds since the epoch: the first request, the end of the last. */
  firstAt: Schema.optionalKey(Schema.Finite),
  lastAt: Schema.optionalKey(Schema.Finite),
  /** Milliseconds between them. */
  makespan: Schema.Finite
})
type FaceSnapshot = typeof Face.Type

/** What the provider saw: the numbers that no client can get wrong. */
export const LedgerSnapshot = Schema.Struct({ chat: Face, embeddings: Face })
export type LedgerSnapshot = typeof LedgerSnapshot.Type

type Writable<A> = { -readonly [K in keyof A]: A[K] }

interface Entry {
  asked: number
  answered: number
  /** The beginning of the text, once it was asked again. */
  text: string
}

const listed = 100

/** The books of one route; memory grows by one small entry per distinct item and per second. */
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
  #charged = 0
  #wasted = 0
  readonly #limited = new Map<string, number>()
  readonly #series = new Map<number, Writable<typeof Second.Type>>()
  readonly #failed = new Map<string, number>()
  readonly #faults = new Map<string, number>()
  readonly #items = new Map<number, Entry>()
  readonly #again = new Map<number, Entry>()

  arrived(now: number): void {
    this.#requests++
    this.#inFlight++
    this.#maxInFlight = Math.max(this.#maxInFlight, this.#inFlight)
    this.#firstAt ??= now
    this.#lastAt = Math.max(this.#lastAt, now)
    this.#second(now).arrived++
  }

  #second(now: number): Writable<typeof Second.Type> {
    const second = Math.floor((now - (this.#firstAt ?? now)) / 1_000)
    let entry = this.#series.get(second)
    if (entry === undefined) {
      entry = { second, arrived: 0, limited: 0, answered: 0, charged: 0, inFlight: 0 }
      this.#series.set(second, entry)
    }
    entry.inFlight = this.#inFlight
    return entry
  }

  limited(now: number, limit: string): void {
    this.#limited.set(limit, (this.#limited.get(limit) ?? 0) + 1)
    this.#second(now).limited++
  }

  charged(now: number, tokens: number): void {
    this.#charged += tokens
    this.#second(now).charged += tokens
  }

  wasted(tokens: number): void {
    this.#wasted += tokens
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
    const second = this.#second(now)
    if (failure === undefined) {
      this.#answered++
      second.answered++
    } else this.#failed.set(failure, (this.#failed.get(failure) ?? 0) + 1)
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

  get lastAt(): number {
    return this.#lastAt
  }

  snapshot(usage: FaceSnapshot["usage"] = {}): FaceSnapshot {
    return {
      requests: this.#requests,
      answered: this.#answered,
      failed: Object.fromEntries(this.#failed),
      inFlight: this.#inFlight,
      maxInFlight: this.#maxInFlight,
      tokens: { input: this.#input, output: this.#output },
      limited: Object.fromEntries(this.#limited),
      charged: { tokens: this.#charged, wasted: this.#wasted },
      usage,
      series: [...this.#series.values()].map((second) => ({ ...second })),
      items: {
        distinct: this.#items.size,
        asked: this.#itemsAsked,
        answered: this.#itemsAnswered,
        faults: Object.fromEntries(this.#faults),
        askedAgain: this.#askedAgain
      },
      askedAgain: [...this.#again].map(([hash, { asked, answered, text }]) => ({ hash, asked, answered, text })),
      ...(this.#firstAt === undefined ? {} : { firstAt: this.#firstAt, lastAt: this.#lastAt }),
      makespan: this.#firstAt === undefined ? 0 : Math.max(0, this.#lastAt - this.#firstAt)
    }
  }
}

export class ProviderLedger {
  readonly chat = new FaceLedger()
  readonly embeddings = new FaceLedger()
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
