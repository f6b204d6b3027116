import { day } from "./Headers.ts"
import type { LimitState, PoolState } from "./State.ts"

const what = { requests: "requests", tokens: "tokens", inputTokens: "input tokens", outputTokens: "output tokens" }

const flags = { requests: "--rpm", tokens: "--tpm", inputTokens: "--tpm", outputTokens: "--tpm" }

const count = (value: number): string => Math.round(value).toLocaleString("en")

const calls = (value: number): string => `${count(value)} ${Math.round(value) === 1 ? "call" : "calls"}`

interface Amount extends Pick<LimitState, "dimension" | "perMinute"> {
  readonly limit?: number | undefined
  readonly window?: number | undefined
}

/** `200,000 tokens a minute`. */
export const amountOf = ({ dimension, limit, perMinute, window }: Amount): string =>
  limit === undefined
    ? `about ${count(Number(perMinute.toPrecision(3)))} ${what[dimension]} a minute, as far as was found out`
    : `${count(limit)} ${what[dimension]} a ${window === day ? "day" : "minute"}`

/** The pool's name, without what is for the gate alone: `gpt-6-luna at https://api.openai.com/v1`. */
export const named = (pool: string): string => {
  const [endpoint = "", model] = pool.split(" ")
  return model === undefined ? pool : `${model} at ${endpoint.replace(/#.*$/, "")}`
}

/** What would raise a limit. */
export const remedyFor = ({ dimension, origin }: Pick<LimitState, "dimension" | "origin">): string => {
  const packs = dimension === "requests" ? " More chunks a call (--pack) need fewer requests." : ""
  return `${origin === "user" ? `You set it by ${flags[dimension]}.` : "A higher usage tier of the account raises it."}${packs}`
}

export const warningOf = (pool: string, limit: LimitState): string =>
  `80 % of the limit of ${amountOf(limit)} is in use (${named(pool)}): from here on it decides how long the run takes. ${remedyFor(limit)}`

/** `200,000 tokens/min`. */
const briefly = ({ dimension, limit, perMinute, window }: Amount): string =>
  limit === undefined
    ? `about ${count(Number(perMinute.toPrecision(3)))} ${what[dimension]}/min`
    : `${count(limit)} ${what[dimension]}/${window === day ? "day" : "min"}`

/** What calls wait for, in a few words: for whoever wonders why it takes so long. */
export const holding = (pools: Iterable<PoolState>): string | undefined => {
  const [pool] = [...pools].filter(({ waiting }) => waiting > 0).toSorted((a, b) => b.waiting - a.waiting)
  if (pool === undefined) return undefined
  const pause = Math.ceil(pool.frozenFor / 1_000)
  if (pause > 1) return `the provider wants a pause of ${count(pause)} s`
  if (pool.bindingLimit !== undefined) {
    const own = pool.bindingLimit.origin === "user" ? ` (${flags[pool.bindingLimit.dimension]})` : ""
    return `limit: ${briefly(pool.bindingLimit)}${own}`
  }
  if (pool.binding !== "concurrency") return undefined
  if (pool.mode === "first") return "waiting for a first answer"
  if (pool.concurrency === pool.ceiling) return `limit: ${calls(pool.concurrency)} at once (--concurrency)`
  return pool.mode === "untold" ? `limit: ${calls(pool.concurrency)} at once, found out` : undefined
}
