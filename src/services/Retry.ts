import { Context, Effect, Layer, Random } from "effect"
import { retryAfter } from "./ChatModel.ts"
import type { ModelError } from "./ChatModel.ts"
import * as Monotonic from "./Monotonic.ts"
import { RunStopped } from "./RunStopped.ts"

/** What to do after a call failed through the provider's fault. */
export interface Verdict {
  /** Milliseconds to wait before the same call is sent again. */
  readonly wait: number
  /** Milliseconds for which nothing at all should be sent to the pool. */
  readonly freeze: number
}

/**
 * How long to bear with a provider. Faults of the provider never use up an item's attempts: a call is sent again until
 * it is answered, or the run stops, resumable.
 */
export class Retry extends Context.Service<
  Retry,
  {
    /** `attempt` counts from 1 the times that this call failed. Fails when there is no sense in going on. */
    readonly onFault: (pool: string, attempt: number, error: ModelError) => Effect.Effect<Verdict, RunStopped>
    /** The pool answered, whatever it said. */
    readonly onAnswer: (pool: string) => Effect.Effect<void>
  }
>()("sluice/services/Retry") {}

export interface RetryOptions {
  /** Milliseconds: the first wait without a `Retry-After`, doubled each time, with full jitter. */
  readonly base: number
  readonly cap: number
  /**
   * Milliseconds without any answer from a pool that has answered before, until the run stops; a `Retry-After` beyond
   * them stops it at once.
   */
  readonly patience: number
  /** The same for a pool that has never answered in this run: its address or key is likely wrong. */
  readonly firstPatience: number
}

export const defaults: RetryOptions = { base: 500, cap: 30_000, patience: 600_000, firstPatience: 30_000 }

/** Messages of providers end as they please; ours go on after them. */
const sentence = (text: string): string => (/[.!?]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`)

const stop = (error: ModelError): RunStopped | undefined => {
  switch (error.reason._tag) {
    case "QuotaExhausted":
      return new RunStopped({
        reason: "quota",
        retryable: false,
        message: `The provider says that the account's quota or budget is spent: ${sentence(error.message)} Raise it, then run the same command again: it goes on where it stopped.`
      })
    case "Misconfigured":
      return new RunStopped({
        reason: "configuration",
        retryable: false,
        message: `The provider turned the call away (HTTP ${error.reason.status}): ${sentence(error.message)} Check the key (OPENAI_API_KEY or ANTHROPIC_API_KEY), --base-url and --model.`
      })
    default:
      return undefined
  }
}

/**
 * Exponential back-off with full jitter; `Retry-After` is honoured and jittered upward only, and freezes the pool when
 * the provider says that it is at a limit or over its capacity. A pool's patience is counted from the first
 * fault after its last answer: a worker that had nothing to send for an hour has not been kept waiting.
 */
export const layer = (options: RetryOptions = defaults): Layer.Layer<Retry> =>
  Layer.sync(Retry, () => {
    const pools = new Map<string, { readonly since: number | undefined; readonly answered: boolean }>()
    return {
      onAnswer: (pool) =>
        Effect.sync(() => {
          pools.set(pool, { since: undefined, answered: true })
        }),
      onFault: Effect.fn("Retry.onFault")(function* (pool, attempt, error) {
        const fatal = stop(error)
        if (fatal !== undefined) return yield* fatal
        const now = yield* Monotonic.millis
        const answered = pools.get(pool)?.answered ?? false
        const since = pools.get(pool)?.since ?? now
        pools.set(pool, { since, answered })
        const limited = error.reason._tag === "RateLimited"
        const patience = answered || limited ? options.patience : options.firstPatience
        if (now - since >= patience) {
          return yield* new RunStopped({
            reason: "provider",
            retryable: true,
            message: `The provider has not answered for ${Math.round((now - since) / 1000)} s; the last it said was: ${sentence(error.message)} Check --base-url, or run the same command again when it is back: it goes on where it stopped.`
          })
        }
        const backOff = (yield* Random.next) * Math.min(options.cap, options.base * 2 ** Math.min(attempt - 1, 20))
        const asked = retryAfter(error) ?? 0
        if (now - since + asked > options.patience) {
          return yield* new RunStopped({
            reason: "provider",
            retryable: true,
            message: `The provider asks for a pause of ${Math.ceil(asked / 1000)} s: ${error.message} Run the same command again after that: it goes on where it stopped.`
          })
        }
        const wait = Math.ceil(asked <= 0 ? backOff : asked * (1 + 0.1 * (yield* Random.next)))
        const isCrowded = limited || error.reason._tag === "Overloaded"
        return { wait, freeze: isCrowded ? wait : 0 }
      })
    }
  })
