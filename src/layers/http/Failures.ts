import { DateTime, Option, Redacted, Schema } from "effect"
import {
  ConnectionFault,
  Misconfigured,
  ModelError,
  Overloaded,
  QuotaExhausted,
  RateLimited,
  RequestRejected,
  RequestTooLarge,
  ServerFault
} from "../../services/ChatModel.ts"
import { dimensionOfMessage, goDuration } from "../../services/gate/Headers.ts"

/** An answer that is no success, in the shape of Anthropic or of any server that calls itself OpenAI-compatible. */
export interface HttpFailure {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The body, or its `error`: an object, a list of one, a string. */
  readonly body: unknown
}

const longest = 500

/** A function that takes secrets, control characters and what is over 500 characters out of a message. */
export const redactor = (secrets: ReadonlyArray<Redacted.Redacted | string>): ((text: string) => string) => {
  const values = secrets
    .map((secret) => (typeof secret === "string" ? secret : Redacted.value(secret)))
    // A shorter one would blot out ordinary words.
    .filter((secret) => secret.length >= 6)
    .flatMap((secret) => [secret, encodeURIComponent(secret)])
    .toSorted((a, b) => b.length - a.length)
  return (text) => {
    // A secret must not survive in part because the cut went through it.
    let clean = text.slice(0, longest * 20)
    for (const value of values) clean = clean.replaceAll(value, "[secret]")
    clean = clean
      .replace(/[\p{Cc}\p{Cf}\p{Co}]+/gu, " ")
      .replace(/\b(?:sk|pk|rk)-[\w*.-]+/g, "[secret]")
      .replace(/\b(bearer|basic) +[\w.~+/=*-]+/gi, "$1 [secret]")
      .replace(/([?&;](?:[\w-]*key|[\w-]*token|sig|signature|secret|password)=)[^&\s"'<>]+/gi, "$1[secret]")
      .replace(/(:\/\/)[^\s/@"'<>]+@/g, "$1[secret]@")
      .replace(/\s+/g, " ")
      .trim()
    return clean.length <= longest
      ? clean
      : `${clean
          .slice(0, longest - 1)
          .toWellFormed()
          .replace(/\uFFFD$/, "")}…`
  }
}

const Detail = Schema.Struct({
  message: Schema.optionalKey(Schema.Unknown),
  msg: Schema.optionalKey(Schema.Unknown),
  detail: Schema.optionalKey(Schema.Unknown),
  type: Schema.optionalKey(Schema.Unknown),
  code: Schema.optionalKey(Schema.Unknown),
  param: Schema.optionalKey(Schema.Unknown),
  error: Schema.optionalKey(Schema.Unknown)
})
const detailOf = Schema.decodeUnknownOption(Detail)

const word = (value: unknown): string =>
  typeof value === "string" ? value : typeof value === "number" ? String(value) : ""

interface Said {
  readonly message: string
  readonly type: string
  readonly code: string
  readonly param: string
}

/** What a body says, whether its error is nested, a list, a validation report or plain text. */
const said = (body: unknown, depth = 0): Said => {
  const nothing = { message: "", type: "", code: "", param: "" }
  if (typeof body === "string") {
    const text = body.replace(/<(style|script)\b[^]*?<\/\1>/gi, " ").replace(/<[^>]*>/g, " ")
    return { ...nothing, message: text }
  }
  if (Array.isArray(body)) return depth > 3 ? nothing : said(body[0], depth + 1)
  const detail = Option.getOrUndefined(detailOf(body))
  if (detail === undefined) return nothing
  const own = {
    message: word(detail.message) || word(detail.msg) || word(detail.detail),
    type: word(detail.type),
    code: word(detail.code),
    param: word(detail.param)
  }
  const inner =
    detail.error !== undefined && detail.error !== null && depth <= 3 ? said(detail.error, depth + 1) : nothing
  const unread = detail.message ?? detail.detail
  return {
    message: inner.message || own.message || (unread === undefined || unread === null ? "" : JSON.stringify(unread)),
    type: inner.type || own.type,
    code: inner.code || own.code,
    param: inner.param || own.param
  }
}

const decimal = /^\s*\d+(?:\.\d+)?\s*$/

/**
 * How long the server asks to be left alone, in milliseconds: `retry-after-ms`, else `retry-after` as seconds or as an
 * HTTP date (RFC 9110, 10.2.3), else the "try again in 1.2s" of OpenAI's message.
 */
export const retryAfterMillis = (
  headers: Readonly<Record<string, string>>,
  message: string,
  now: number
): number | undefined => {
  const milliseconds = headers["retry-after-ms"] ?? headers["x-ms-retry-after-ms"]
  if (milliseconds !== undefined && decimal.test(milliseconds)) return Number(milliseconds)
  const after = headers["retry-after"]
  if (after !== undefined) {
    if (decimal.test(after)) return Number(after) * 1_000
    const date = DateTime.make(after)
    // Parsers of dates find one in nearly anything.
    if (/\d\d:\d\d:\d\d/.test(after) && Option.isSome(date))
      return Math.max(0, DateTime.toEpochMillis(date.value) - now)
  }
  const spoken = /try again in ((?:\d+(?:\.\d+)?(?:ms|h|m|s))+)/i.exec(message)?.[1]
  return spoken === undefined ? undefined : goDuration(spoken)
}

const quota = new Set([
  "insufficient_quota",
  "credit_balance_exhausted",
  "organization_spend_limit_exceeded",
  "project_spend_limit_exceeded",
  "organization_usage_limit_exceeded",
  "billing_hard_limit_reached",
  "billing_not_active"
])
/** Anthropic says it in a 400 that looks like any other. */
const quotaMessage = /credit balance is too low|reached your specified API usage limits/i
const overloaded = new Set(["slow_down", "resource_unavailable", "server_is_overloaded", "overloaded_error"])
const tooLarge = new Set(["context_length_exceeded", "string_above_max_length", "exceed_context_size_error"])
/** Parameters that are the same in every request: when one is refused, every request will be. */
const fixedParameter =
  /^(?:model|response_format\b.*|output_config\b.*|reasoning_effort|reasoning|temperature|service_tier|dimensions|encoding_format|max_completion_tokens|max_tokens)$/
const contextMessage =
  /maximum context length|context (?:length|window|size|limit)|prompt is too long|input is too long|too many tokens|reduce the length|max(?:imum)?_(?:completion_|output_|new_)?tokens.{0,60}(?:too large|less than or equal|<=|at most|range (?:of|is|\[))|range of max_tokens|maximum input length|maximum allowed number of output tokens/i

/** OpenAI sends a request that can never pass as a rate limit: "Limit 30000, Requested 34567". */
const neverFits = (message: string): boolean => {
  const [, limit, requested] = /Limit:?\s*([\d,]+)\b.*?Requested:?\s*([\d,]+)/is.exec(message) ?? []
  const number = (text: string | undefined) => Number((text ?? "").replaceAll(",", ""))
  return limit !== undefined && requested !== undefined
    ? number(requested) > number(limit)
    : /^request too large/i.test(message)
}

const dimensionOf = (what: Said, headers: Readonly<Record<string, string>>): RateLimited["dimension"] => {
  const said = dimensionOfMessage(what.message)
  if (said === "inputTokens" || said === "outputTokens") return said
  if (what.type === "requests" || what.type === "tokens") return what.type
  if (said !== undefined) return said
  // Proxies send 0 as a placeholder, so a zero says something only beside a number that is none.
  const requests = Number(headers["x-ratelimit-remaining-requests"] ?? NaN)
  const tokens = Number(headers["x-ratelimit-remaining-tokens"] ?? NaN)
  if (requests === 0 && tokens > 0) return "requests"
  if (tokens === 0 && requests > 0) return "tokens"
  const isSpent = (name: string) => headers[`anthropic-ratelimit-${name}-remaining`] === "0"
  const input = isSpent("input-tokens")
  const output = isSpent("output-tokens")
  const isTokens = input || output || isSpent("tokens")
  if (isSpent("requests") === isTokens) return "unknown"
  if (!isTokens) return "requests"
  return input === output ? "tokens" : input ? "inputTokens" : "outputTokens"
}

/** The parameter that a request was turned away for; Anthropic begins its message with it. */
const paramOf = ({ message, param }: Said): string => param || (/^([a-z_]+(?:\.\w+)*): /.exec(message)?.[1] ?? "")

const waiting = (milliseconds: number | undefined) => (milliseconds === undefined ? {} : { retryAfter: milliseconds })

/**
 * The reason behind a status, by https://developers.openai.com/api/docs/guides/error-codes and its imitators, and by
 * https://docs.claude.com/en/api/errors.
 */
const reasonOf = (failure: HttpFailure, what: Said, now: number): ModelError["reason"] => {
  const { status, headers } = failure
  const wait = waiting(retryAfterMillis(headers, what.message, now))
  const names = [what.code, what.type]
  if (status === 402 || names.some((name) => quota.has(name))) return new QuotaExhausted()
  if (status === 400 && quotaMessage.test(what.message)) return new QuotaExhausted()
  if (status === 429) {
    if (names.some((name) => overloaded.has(name))) return new Overloaded(wait)
    if (neverFits(what.message)) return new RequestTooLarge()
    return new RateLimited({ dimension: dimensionOf(what, headers), ...wait })
  }
  if (status === 503 || status === 529 || (status >= 500 && names.some((name) => overloaded.has(name)))) {
    return new Overloaded(wait)
  }
  if (status >= 500 || status === 408 || status === 409 || status === 425) return new ServerFault({ status, ...wait })
  if (status === 413 || names.some((name) => tooLarge.has(name))) return new RequestTooLarge()
  if (status === 400 || status === 422) {
    if (contextMessage.test(what.message)) return new RequestTooLarge()
    return fixedParameter.test(paramOf(what)) ? new Misconfigured({ status }) : new RequestRejected({ status })
  }
  return new Misconfigured({ status })
}

const isRetryable = (reason: ModelError["reason"]): boolean =>
  reason._tag === "RateLimited" ||
  reason._tag === "Overloaded" ||
  reason._tag === "ServerFault" ||
  reason._tag === "ConnectionFault"

export const modelError = (reason: ModelError["reason"], message: string): ModelError =>
  new ModelError({ reason, retryable: isRetryable(reason), message })

const advice = (reason: ModelError["reason"], status: number): string => {
  if (reason._tag === "QuotaExhausted") return "The account's quota or credit is used up"
  if (reason._tag !== "Misconfigured") return `The provider answered ${status}`
  if (status === 401 || status === 403) return `The provider refused the API key (${status})`
  if (status === 404) return "The provider knows no such model or address (404)"
  if (status >= 300 && status < 400) return `The base URL redirects elsewhere (${status})`
  return `The provider refused the configuration (${status})`
}

/** @param now milliseconds since the epoch */
export const failureOf = (failure: HttpFailure, now: number, redact: (text: string) => string): ModelError => {
  const what = said(failure.body)
  const reason = reasonOf(failure, what, now)
  const name = what.code || what.type
  const param = what.param !== "" && !what.message.includes(what.param) ? ` (${what.param})` : ""
  const head = `${advice(reason, failure.status)}${name === "" ? "" : `, ${name}`}`
  return modelError(reason, redact(what.message === "" ? `${head}${param}` : `${head}${param}: ${what.message}`))
}

/** Codes of connections that never were: no byte of the request has left. */
const unsent =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_[A-Z]+|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT|ERR_INVALID_URL)$/

/** Codes of certificate trouble: the same for every call until somebody mends it. */
const certificate = /^(?:CERT_|ERR_TLS_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/

const Cause = Schema.Struct({
  code: Schema.optionalKey(Schema.Unknown),
  message: Schema.optionalKey(Schema.Unknown),
  cause: Schema.optionalKey(Schema.Unknown)
})
const causeOf = Schema.decodeUnknownOption(Cause)

/** What went wrong below HTTP, from the innermost cause. */
export const connectionFaultOf = (thrown: unknown, redact: (text: string) => string): ModelError => {
  let code = ""
  let message = ""
  let at: unknown = thrown
  for (let depth = 0; depth < 5 && at !== undefined && at !== null; depth++) {
    const cause = Option.getOrUndefined(causeOf(at))
    if (cause === undefined) break
    code = word(cause.code) || code
    message = word(cause.message) || message
    at = cause.cause
  }
  const told = redact(`No answer from the provider${code === "" ? "" : ` (${code})`}: ${message || "connection error"}`)
  return certificate.test(code)
    ? modelError(new Misconfigured({ status: 0 }), told)
    : modelError(new ConnectionFault(unsent.test(code) ? { isUnsent: true } : {}), told)
}
