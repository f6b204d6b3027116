import { Context } from "effect"
import type { Effect } from "effect"
import type { ChunkKey, Group, ItemKey, RunId } from "../domain/Ids.ts"
import type { Usage } from "./ChatModel.ts"
import { StorageError } from "./StorageError.ts"

/** A request about to be sent. Until it is settled, what it reserves counts as spent. */
export interface Reservation {
  /** Unique among all calls of a journal. */
  readonly call: string
  readonly run: RunId
  readonly group: Group
  /** What is asked for: `extraction`, `embedding`. */
  readonly kind: string
  readonly endpoint: string
  readonly model: string
  readonly items: ReadonlyArray<ItemKey>
  /** Upper bounds. */
  readonly inputTokens: number
  readonly outputTokens: number
  readonly usd: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

export interface Answer {
  readonly key: ItemKey
  readonly group: Group
  readonly kind: string
  /** The chunk that it is about; of a half, the whole. Absent: about no chunk. */
  readonly chunk?: ChunkKey
  /** The source that it was asked for, or the first of several. */
  readonly source?: string
  /** JSON text. */
  readonly value: string
}

/** How a request ended. */
export interface Settlement {
  readonly call: string
  /** `lost`: no answer came, and nobody knows whether it will be charged. */
  readonly outcome: "answered" | "failed" | "lost"
  readonly usage: Usage
  readonly usd: number
  /** The model that answered. */
  readonly model?: string
  /** The raw response or the error's message. */
  readonly response: string
  /** What the response is worth: the valid items alone. */
  readonly answers: ReadonlyArray<Answer>
  readonly at: number
}

export interface JournalTotals {
  /** Settled and unsettled calls by kind. */
  readonly calls: Readonly<Record<string, number>>
  readonly failed: number
  /** Sent, and never settled: their process died. */
  readonly unsettled: number
  readonly usage: Usage
  /** Settled cost, and the reservations of what was never settled. */
  readonly usd: number
}

/** What a run's calls count for where a ceiling is to be kept. */
export interface Reckoning {
  readonly calls: number
  /** Of input and output, and US dollars: those that were reserved for what is lost or was never settled. */
  readonly tokens: number
  readonly usd: number
  /** Milliseconds since the epoch: the last sign of life. */
  readonly lastAt: number
}

/**
 * Paid answers. An answer is in the journal, durably, before anyone uses it; the first written wins. Every method does
 * all of its work in one durable transaction, so give it as much at once as there is.
 */
export class Journal extends Context.Service<
  Journal,
  {
    readonly lookup: (keys: ReadonlyArray<ItemKey>) => Effect.Effect<ReadonlyMap<ItemKey, string>, StorageError>
    readonly reserve: (reservations: ReadonlyArray<Reservation>) => Effect.Effect<void, StorageError>
    /** The answers that stand for the keys given, which are older ones where somebody was faster. */
    readonly settle: (
      settlements: ReadonlyArray<Settlement>
    ) => Effect.Effect<ReadonlyMap<ItemKey, string>, StorageError>
    readonly totals: (run: RunId) => Effect.Effect<JournalTotals, StorageError>
    /** Of those of the runs that made calls. */
    readonly reckon: (runs: ReadonlyArray<RunId>) => Effect.Effect<ReadonlyMap<RunId, Reckoning>, StorageError>
    /** Chunks that answers were asked about for these sources, as they are or as they once were. */
    readonly askedFor: (
      group: Group,
      sources: ReadonlyArray<string>
    ) => Effect.Effect<ReadonlyArray<ChunkKey>, StorageError>
    /**
     * Takes out all answers about the chunks, and every response of the group that may speak of them. What was spent stays
     * known. How many answers there were.
     */
    readonly forget: (group: Group, chunks: ReadonlyArray<ChunkKey>) => Effect.Effect<number, StorageError>
    /** Takes out all answers and responses of the group. How many answers there were. */
    readonly forgetGroup: (group: Group) => Effect.Effect<number, StorageError>
    /** What was learned of each pool of limits, as JSON text, by the pool's name. It holds nothing of any document. */
    readonly learned: Effect.Effect<ReadonlyMap<string, string>, StorageError>
    readonly learn: (pool: string, value: string) => Effect.Effect<void, StorageError>
    /** For messages. */
    readonly location: string
  }
>()("sluice/services/Journal") {}

/** An answer is there, and is none: to ask again would pay twice, so the run stops. */
export const unreadable = (key: ItemKey): StorageError =>
  new StorageError({
    storage: "journal",
    reason: "corrupt",
    retryable: false,
    message: `The journal's answer ${key} cannot be read: it was changed from outside, or the file is damaged. Restore the journal, or move it away to ask for everything again.`
  })

/** For a person, of a journal that has nothing left that could go. */
export const tooLarge = (location: string, maxBytes: number): string =>
  `${location} is larger than the ${Number((maxBytes / 1e6).toPrecision(3))} MB that --journal-max gives it. Its raw responses are gone; what is left are answers, which are paid for and stay. Give --journal-max more.`
