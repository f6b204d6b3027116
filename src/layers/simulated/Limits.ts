import { Schema } from "effect"

const Count = Schema.optionalKey(Schema.Finite.check(Schema.isGreaterThan(0)))

/** Per minute and per day: requests, tokens, and tokens of input and output where they are limited apart. */
const Caps = { rpm: Count, rpd: Count, tpm: Count, tpd: Count, itpm: Count, otpm: Count }

/** Which of the limits a request ran into. */
export const limitNames = ["rpd", "rpm", "tpd", "tpm", "itpm", "otpm"] as const
export type LimitName = (typeof limitNames)[number]

/** A server with places of its own, as vLLM and llama.cpp are: it batches what runs, and queues the rest. */
const Slots = Schema.Struct({
  /** Requests that run at once. */
  count: Schema.Int,
  /** Requests that wait, at most; what comes beyond is a 503. Absent: any number. */
  queue: Schema.optionalKey(Schema.Int),
  /** Milliseconds of a step, which gives each running request one token: `step + perRequest · running`. */
  step: Schema.Finite,
  perRequest: Schema.Finite
})

/** What a provider limits, and what it says of it. */
export const Limits = Schema.Struct({
  ...Caps,
  /**
   * What a request takes of the token limits when it arrives. `estimate` is what its characters suggest, `sum` that and
   * its output cap, `max` the larger of both; `real` takes its input when it arrives and its output when it has ended.
   * `sum` if absent.
   */
  charge: Schema.optionalKey(Schema.Literals(["sum", "max", "estimate", "real"])),
  /**
   * `continuous`: buckets that fill evenly, full at the start, and hold what the whole minute or day allows. `fixed`:
   * counters that begin anew with each minute or day of the calendar. A number: buckets that fill evenly and hold what
   * so many seconds allow. `continuous` if absent.
   */
  window: Schema.optionalKey(Schema.Union([Schema.Literals(["continuous", "fixed"]), Schema.Finite])),
  /**
   * `openai`: `x-ratelimit-*` with durations; `daily`: the same, but the pair for requests tells the daily limit;
   * `anthropic`: `anthropic-ratelimit-*` with points in time; `placeholders`: -1 and 0, as proxies send; `none`.
   * `openai` if absent.
   */
  headers: Schema.optionalKey(Schema.Literals(["openai", "daily", "anthropic", "placeholders", "none"])),
  /** What the headers say, where that is not what is enforced: limits per minute or day, each with its own bucket. */
  told: Schema.optionalKey(Schema.Struct(Caps)),
  /**
   * What a 429 asks for: whole seconds, rounded up; milliseconds as well (`retry-after-ms`); nothing; or always so many
   * seconds. `seconds` if absent.
   */
  retryAfter: Schema.optionalKey(Schema.Union([Schema.Literals(["seconds", "milliseconds", "none"]), Schema.Finite])),
  /** Whether the message of a 429 keeps limit and use to itself. */
  terse: Schema.optionalKey(Schema.Boolean),
  /** Milliseconds until a 429 is there. */
  rejectAfter: Schema.optionalKey(Schema.Finite),
  /** How much a request that is turned away takes of the limits on requests, as far as there is any; 0 if absent. */
  deniedTakes: Schema.optionalKey(Schema.Finite),
  /** The share of each limit that somebody else uses up, now more, now less. */
  tenant: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))),
  /** Limits that change: from so many milliseconds after the first request on, they are so many times the original. */
  changes: Schema.optionalKey(Schema.Array(Schema.Struct({ at: Schema.Finite, factor: Schema.Finite }))),
  /**
   * `slow_down`: tokens a minute that are free to use at any time, and by which factor more may be used after every
   * quarter of an hour at that pace. OpenAI's rule of thumb is 1,000,000 and 1.5.
   */
  ramp: Schema.optionalKey(Schema.Struct({ from: Schema.Finite, growth: Schema.Finite })),
  /** Tokens, of input and output, that the account has; then `insufficient_quota`. */
  quota: Schema.optionalKey(Schema.Finite),
  slots: Schema.optionalKey(Slots)
})
export type Limits = typeof Limits.Type
