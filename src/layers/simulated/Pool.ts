import { DateTime } from "effect"
import { limitNames } from "./Limits.ts"
import type { LimitName, Limits } from "./Limits.ts"
import { Meter } from "./Meter.ts"
import { SlotServer } from "./Slots.ts"

/** What is known of a request when it arrives. */
export interface Ask {
  readonly model: string
  /** Tokens of its input, as its characters suggest. */
  readonly estimate: number
  /** Tokens of its input, as they are counted in the end. */
  readonly input: number
  readonly cap: number | undefined
}

export type Denial = LimitName | "too_large" | "slow_down" | "quota" | "queue"

export interface Denied {
  readonly _tag: "denied"
  readonly why: Denial
  readonly status: number
  readonly type: string
  readonly code: string
  readonly message: string
  readonly headers: Readonly<Record<string, string>>
}

export interface Admitted {
  readonly _tag: "admitted"
  /** Tokens taken of the limits on tokens. */
  readonly charged: number
  readonly headers: Readonly<Record<string, string>>
  /** The end, with the tokens that it really was: tells what has to be charged beyond what was. */
  readonly settle: (now: number, output: number) => number
}

const minute = 60_000
const day = 86_400_000
const quarter = 900_000

/** OpenAI's own: four characters a token, and two more, which is what the headers of two short requests showed. */
export const estimated = (characters: number): number => Math.floor(characters / 4) + 2

/** A duration as Go prints it, rounded to milliseconds: `0s`, `120ms`, `8.64s`, `6m0s`, `1h0m0s`. */
export const goDuration = (millis: number): string => {
  const whole = Math.round(millis)
  if (whole === 0) return "0s"
  if (whole < 1_000) return `${whole}ms`
  const hours = Math.floor(whole / 3_600_000)
  const minutes = Math.floor((whole % 3_600_000) / minute)
  return `${hours > 0 ? `${hours}h` : ""}${hours > 0 || minutes > 0 ? `${minutes}m` : ""}${(whole % minute) / 1_000}s`
}

const words: Readonly<Record<LimitName, readonly [type: "requests" | "tokens", words: string, short: string]>> = {
  rpm: ["requests", "requests per min", "RPM"],
  rpd: ["requests", "requests per day", "RPD"],
  tpm: ["tokens", "tokens per min", "TPM"],
  tpd: ["tokens", "tokens per day", "TPD"],
  itpm: ["tokens", "input tokens per min", "ITPM"],
  otpm: ["tokens", "output tokens per min", "OTPM"]
}

type Meters = ReadonlyMap<LimitName, Meter>

/** Paces that may grow only so fast: a bucket of ten seconds, whose rate rises while it is made use of. */
class Ramp {
  #pace: number
  readonly #growth: number
  #level: number
  #at: number

  constructor({ from, growth }: { readonly from: number; readonly growth: number }, now: number) {
    this.#pace = from / minute
    this.#growth = growth
    this.#level = this.#pace * 10_000
    this.#at = now
  }

  take(now: number, units: number): boolean {
    const elapsed = now - this.#at
    this.#at = now
    const capacity = this.#pace * 10_000
    if (this.#level < capacity / 2) this.#pace *= this.#growth ** (elapsed / quarter)
    this.#level = Math.min(this.#pace * 10_000, this.#level + this.#pace * elapsed)
    if (this.#level < Math.min(units, capacity)) return false
    this.#level -= units
    return true
  }
}

/** The limits that the calls of one model share. Synchronous; time never goes back. */
export class Pool {
  readonly #limits: Limits
  readonly #enforced: Meters
  readonly #told: Meters
  readonly #ramp: Ramp | undefined
  readonly slots: SlotServer | undefined
  #used = 0

  /** @param start when its first request arrives */
  constructor(limits: Limits, seed: number, start: number) {
    this.#limits = limits
    const meters = (
      caps: NonNullable<Limits["told"]>,
      window: NonNullable<Limits["window"]>,
      isReal: boolean
    ): Meters =>
      new Map(
        limitNames.flatMap((name) => {
          const limit = caps[name]
          if (limit === undefined) return []
          const span = name.endsWith("d") ? day : minute
          const { changes, tenant } = limits
          return [
            [
              name,
              new Meter({
                limit,
                span,
                window,
                start,
                ...(isReal && changes !== undefined ? { changes } : {}),
                ...(isReal && tenant !== undefined ? { tenant: { share: tenant, seed, name } } : {})
              })
            ] as const
          ]
        })
      )
    this.#enforced = meters(limits, limits.window ?? "continuous", true)
    this.#told = limits.told === undefined ? this.#enforced : meters(limits.told, "continuous", false)
    this.#ramp = limits.ramp === undefined ? undefined : new Ramp(limits.ramp, start)
    this.slots = limits.slots === undefined ? undefined : new SlotServer(limits.slots)
  }

  #advance(now: number): void {
    for (const meter of [...this.#enforced.values(), ...this.#told.values()]) meter.advance(now)
  }

  /** What a request is charged when it arrives. */
  charge({ cap = 0, estimate, input }: Ask): number {
    switch (this.#limits.charge ?? "sum") {
      case "sum":
        return estimate + cap
      case "max":
        return Math.max(estimate, cap)
      case "estimate":
        return estimate
      case "real":
        return input
    }
  }

  #units(name: LimitName, ask: Ask): number {
    if (name === "rpm" || name === "rpd") return 1
    if (name === "itpm") return ask.input
    // Output is counted when it is there: until then it only matters that there is room at all.
    return name === "otpm" ? 0 : this.charge(ask)
  }

  arrive(now: number, ask: Ask): Admitted | Denied {
    this.#advance(now)
    const { deniedTakes = 0, quota, slots, charge = "sum" } = this.#limits
    const deny = (why: Denial, status: number, type: string, code: string, message: string, wait?: number): Denied => ({
      _tag: "denied",
      why,
      status,
      type,
      code,
      message,
      headers: { ...this.#headers(now), ...(wait === undefined ? {} : this.#retryAfter(wait)) }
    })
    if (quota !== undefined && this.#used >= quota) {
      return deny(
        "quota",
        429,
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details."
      )
    }
    if (slots !== undefined && this.slots?.isFull === true) {
      const message = "The server's queue is full. Please try again later."
      return deny("queue", 503, "service_unavailable_error", "server_is_overloaded", message)
    }
    for (const [name, meter] of this.#enforced) {
      const units = this.#units(name, ask)
      const [type, what, short] = words[name]
      const organisation = `for ${ask.model} in organization org-simulated on ${what} (${short})`
      if (units > meter.limit) {
        const figures = `Limit ${Math.floor(meter.limit)}, Requested ${units}`
        const message = `Request too large ${organisation}: ${figures}. The input or output tokens must be reduced in order to run successfully.`
        return deny("too_large", 429, type, "rate_limit_exceeded", message)
      }
      if (meter.has(units) && (name !== "otpm" || meter.level > 0)) continue
      const wait = meter.wait(Math.max(1, units))
      const used = Math.max(0, Math.ceil(meter.limit - meter.level))
      const figures =
        this.#limits.terse === true ? "" : `: Limit ${Math.floor(meter.limit)}, Used ${used}, Requested ${units}`
      const spoken = this.#limits.terse === true ? "" : ` Please try again in ${goDuration(Math.max(1, wait))}.`
      for (const requests of ["rpm", "rpd"] as const) this.#enforced.get(requests)?.drain(deniedTakes)
      return deny(
        name,
        429,
        type,
        "rate_limit_exceeded",
        `Rate limit reached ${organisation}${figures}.${spoken}`,
        wait
      )
    }
    if (this.#ramp !== undefined && !this.#ramp.take(now, ask.input)) {
      const message = "Your requests grow too fast. Please slow down, and raise your rate more gradually."
      return deny("slow_down", 429, "rate_limit_error", "slow_down", message, 1_000)
    }
    for (const meters of new Set([this.#enforced, this.#told])) {
      for (const [name, meter] of meters) meter.take(this.#units(name, ask))
    }
    return {
      _tag: "admitted",
      charged: this.charge(ask),
      headers: this.#headers(now),
      settle: (at, output) => {
        this.#advance(at)
        this.#used += ask.input + output
        const late = charge === "real" ? output : 0
        for (const meters of new Set([this.#enforced, this.#told])) {
          for (const [name, meter] of meters) {
            if (name === "otpm") meter.take(output)
            else if (name === "tpm" || name === "tpd") meter.take(late)
          }
        }
        return late
      }
    }
  }

  #retryAfter(wait: number): Readonly<Record<string, string>> {
    const { retryAfter = "seconds" } = this.#limits
    if (retryAfter === "none") return {}
    if (typeof retryAfter === "number") return { "retry-after": String(retryAfter) }
    const seconds = { "retry-after": String(Math.max(1, Math.ceil(wait / 1_000))) }
    return retryAfter === "seconds" ? seconds : { ...seconds, "retry-after-ms": String(Math.max(1, Math.ceil(wait))) }
  }

  #headers(now: number): Readonly<Record<string, string>> {
    const { headers = "openai" } = this.#limits
    if (headers === "none") return {}
    if (headers === "placeholders") {
      return {
        "x-ratelimit-limit-requests": "-1",
        "x-ratelimit-remaining-requests": "-1",
        "x-ratelimit-limit-tokens": "0",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": ""
      }
    }
    const told: Record<string, string> = {}
    const tell = (name: LimitName | undefined, as: string) => {
      const meter = name === undefined ? undefined : this.#told.get(name)
      if (meter === undefined) return
      const limit = String(Math.floor(meter.limit))
      const remaining = String(Math.max(0, Math.floor(meter.level + 1e-6)))
      if (headers === "anthropic") {
        told[`anthropic-ratelimit-${as}-limit`] = limit
        told[`anthropic-ratelimit-${as}-remaining`] = remaining
        told[`anthropic-ratelimit-${as}-reset`] = DateTime.formatIso(DateTime.makeUnsafe(now + meter.reset))
      } else {
        told[`x-ratelimit-limit-${as}`] = limit
        told[`x-ratelimit-remaining-${as}`] = remaining
        told[`x-ratelimit-reset-${as}`] = goDuration(meter.reset)
      }
    }
    const either = (one: LimitName, other: LimitName) => (this.#told.has(one) ? one : other)
    tell(headers === "daily" ? either("rpd", "rpm") : either("rpm", "rpd"), "requests")
    tell(either("tpm", "tpd"), "tokens")
    if (headers === "anthropic") {
      tell("itpm", "input-tokens")
      tell("otpm", "output-tokens")
    }
    return told
  }

  /** How much of each limit was used of what there was, until now. */
  usage(now: number): Readonly<Record<string, { readonly taken: number; readonly supplied: number }>> {
    this.#advance(now)
    return Object.fromEntries(
      [...this.#enforced].map(([name, { supplied, taken }]) => [name, { taken, supplied }] as const)
    )
  }
}
