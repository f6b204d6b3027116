import { DateTime, Option } from "effect"

/** What a provider limits. */
export const dimensions = ["requests", "tokens", "inputTokens", "outputTokens"] as const
export type Dimension = (typeof dimensions)[number]

/** What a response says of one limit. */
export interface Observed {
  /** Tells limits of one dimension apart, such as an organisation's and a project's. */
  readonly name: string
  readonly dimension: Dimension
  /** Units per window. */
  readonly limit: number
  /** Units left when the request was admitted, this request taken off. */
  readonly remaining: number | undefined
  /** Milliseconds until the limit is whole again. */
  readonly reset: number | undefined
}

export const minute = 60_000
export const day = 86_400_000

/** `1h2m3.5s`, `8.64s`, `120ms`: durations as Go writes them, in milliseconds. */
export const goDuration = (text: string): number | undefined => {
  const parts =
    /^(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/.exec(
      text.trim()
    )
  if (parts === null || parts[0] === "") return undefined
  const [, days = "0", hours = "0", minutes = "0", seconds = "0", milliseconds = "0"] = parts
  return (
    Number(days) * day +
    Number(hours) * 3_600_000 +
    Number(minutes) * minute +
    Number(seconds) * 1_000 +
    Number(milliseconds)
  )
}

const count = (text: string | undefined): number | undefined =>
  text === undefined || !/^\s*\d{1,15}\s*$/.test(text) ? undefined : Number(text)

/** A reset is told as a duration, as seconds, as a point in time (RFC 3339), or as seconds or milliseconds since 1970. */
const resetMillis = (text: string | undefined, now: number): number | undefined => {
  if (text === undefined || text.length > 64) return undefined
  const duration = goDuration(text)
  if (duration !== undefined) return duration
  if (/^\s*\d+(?:\.\d+)?\s*$/.test(text)) {
    const value = Number(text)
    if (value > 1e11) return Math.max(0, value - now)
    return value > 1e9 ? Math.max(0, value * 1_000 - now) : value * 1_000
  }
  return /^\d{4}-\d\d-\d\dT/.test(text)
    ? Option.getOrUndefined(Option.map(DateTime.make(text), (at) => Math.max(0, DateTime.toEpochMillis(at) - now)))
    : undefined
}

const openAi: ReadonlyArray<readonly [Dimension, string]> = [
  ["requests", "-requests"],
  ["requests", "-project-requests"],
  ["tokens", "-tokens"],
  ["tokens", "-project-tokens"],
  ["inputTokens", "-input-tokens"],
  ["outputTokens", "-output-tokens"]
]
/** OpenRouter's, and many gateways': nothing is said of what is counted, and it is requests. */
const bare = [["requests", ""]] as const
const anthropic: ReadonlyArray<readonly [Dimension, string]> = [
  ["requests", "requests"],
  ["inputTokens", "input-tokens"],
  ["outputTokens", "output-tokens"]
]

/**
 * The limits in a response's headers (names in lower case), of OpenAI and whoever speaks like it, and of Anthropic.
 * Proxies send -1 and 0 as placeholders: a limit of 0 is none, and a remainder without a limit says nothing.
 */
export const limitsOf = (headers: Readonly<Record<string, string>>, now: number): ReadonlyArray<Observed> => {
  const found: Array<Observed> = []
  const read = (dimension: Dimension, name: (what: string) => string) => {
    const limit = count(headers[name("limit")])
    if (limit === undefined || limit === 0) return
    const left = count(headers[name("remaining")])
    const remaining = left === undefined || left > limit ? undefined : left
    found.push({ name: name("limit"), dimension, limit, remaining, reset: resetMillis(headers[name("reset")], now) })
  }
  for (const [dimension, name] of openAi) read(dimension, (what) => `x-ratelimit-${what}${name}`)
  for (const [dimension, name] of anthropic) read(dimension, (what) => `anthropic-ratelimit-${name}-${what}`)
  // Beside limits on input and output it is whichever of the two binds more, and says nothing of its own.
  if (found.every(({ dimension }) => dimension === "requests")) {
    read("tokens", (what) => `anthropic-ratelimit-tokens-${what}`)
  }
  if (found.length === 0) for (const [dimension, name] of bare) read(dimension, (what) => `x-ratelimit-${what}${name}`)
  return found
}

/** Resets are rounded, to milliseconds or up to whole seconds. */
const rounding = (reset: number): number => (reset % 1_000 === 0 ? 1_000 : 2)

/**
 * The window that a limit is for. A bucket that fills evenly is whole again after `window · used/limit`: what a response
 * says of itself tells a minute from a day (10,000 a day, one used: 8.64 s). Undefined: nothing is used, or neither fits.
 */
export const windowOf = ({ limit, remaining, reset }: Observed): number | undefined => {
  if (remaining === undefined || reset === undefined || remaining >= limit) return undefined
  const fits = (window: number) => {
    const expected = (window * (limit - remaining)) / limit
    return Math.abs(reset - expected) <= Math.max(expected * 0.05, rounding(reset))
  }
  return fits(minute) ? minute : fits(day) ? day : undefined
}

const counted = /\b(?:(input|output)[ -])?(requests|tokens) per[ -](min|day)/i
const number = "(\\d{1,3}(?:,\\d{3}){1,4}|\\d{1,12})"
const limitWord = new RegExp(`\\bLimit:?\\s{0,3}${number}\\b`, "i")
const limitBefore = new RegExp(`\\b${number} (?:input |output )?(?:requests|tokens) per[ -](?:min|day)`, "i")
const requestedWord = new RegExp(`\\bRequested:?\\s{0,3}${number}\\b`, "i")

const read = (message: string, pattern: RegExp): number | undefined => {
  const text = pattern.exec(message)?.[1]
  return text === undefined ? undefined : Number(text.replaceAll(",", ""))
}

/** What the message of a 429 says is at its limit. */
export const dimensionOfMessage = (message: string): Dimension | undefined => {
  const [, side, what] = counted.exec(message) ?? []
  if (side !== undefined) return side.toLowerCase() === "input" ? "inputTokens" : "outputTokens"
  if (what !== undefined) return what.toLowerCase() === "requests" ? "requests" : "tokens"
  const short = /\b(?:([RT])P[MD]|([IO])TPM)\b/.exec(message)
  if (short === null) return undefined
  return short[1] === "R" ? "requests" : short[1] === "T" ? "tokens" : short[2] === "I" ? "inputTokens" : "outputTokens"
}

/**
 * What the message of a 429 says: OpenAI's "… on tokens per min (TPM): Limit 10000, Used 9500, Requested 1200." and
 * Anthropic's "… the rate limit for your organization of 40,000 input tokens per minute".
 */
export const limitOfMessage = (
  message: string
):
  | {
      readonly dimension: Dimension
      readonly limit: number
      readonly window: number
      /** What the call would have been charged. */
      readonly requested: number | undefined
    }
  | undefined => {
  const what = counted.exec(message)
  const dimension = dimensionOfMessage(message)
  const limit = read(message, limitWord) ?? read(message, limitBefore)
  if (what === null || dimension === undefined || limit === undefined || limit === 0) return undefined
  const window = what[3]?.toLowerCase() === "day" ? day : minute
  return { dimension, limit, window, requested: read(message, requestedWord) }
}
