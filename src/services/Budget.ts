import { Context, Deferred, Effect, Layer } from "effect"
import type { Usage } from "./ChatModel.ts"
import { cost, highestCost } from "./ModelCatalog.ts"
import type { Price } from "./ModelCatalog.ts"
import { RunStopped } from "./RunStopped.ts"
import type { Limited } from "./RunStopped.ts"

/** The most of each that may be used; absent: any amount. */
export type Ceilings = { readonly [L in Limited]?: number }

/** How much of each has been used. */
export type Spent = { readonly [L in Limited]: number }

/** A request about to be sent: it uses no more than this, if the provider keeps to the output cap. */
export interface Bound {
  readonly model: string
  readonly price: Price | undefined
  readonly inputTokens: number
  /** The output cap, reasoning included. */
  readonly outputTokens: number
  /** Whether its parts could be asked for by themselves. */
  readonly isDivisible: boolean
}

/** The right to send one request. What becomes of it is told once; the first that is told counts. */
export interface Reserved {
  /** It was answered. Fails if that took more than was reserved: the ceilings cannot be kept then. */
  readonly settle: (usage: Usage) => Effect.Effect<void, RunStopped>
  /** It certainly cost nothing. */
  readonly release: Effect.Effect<void>
  /** Nobody knows what it cost, so all of it counts as spent. */
  readonly keep: Effect.Effect<void>
}

/**
 * Holds a run, and the runs that it goes on with, below its ceilings. A request is sent only if it fits in even if it and
 * everything in flight use all that is reserved for them; else it waits for what others leave of theirs. Requests are
 * served in the order in which they come, in one step each, so that no two can take the same dollar.
 */
export interface Budget {
  readonly ceilings: Ceilings
  /** Before a run's first request: what was used by then, by it and by the runs that it goes on with. */
  readonly begin: (spent: Spent) => Effect.Effect<void>
  /**
   * `undefined`: it is too large for what is left, but its parts may not be. Fails when nothing that is in flight could
   * leave enough, and nothing is in flight any more: all that is paid for has come.
   */
  readonly reserve: (bound: Bound) => Effect.Effect<Reserved | undefined, RunStopped>
  /** Fails when the ceiling of seconds is reached. */
  readonly timeUp: Effect.Effect<never, RunStopped>
}

export const Budget = Context.Reference<Budget>("sluice/services/Budget", { defaultValue: () => make({}) })

const nothing: Spent = { cost: 0, calls: 0, tokens: 0, seconds: 0 }

/** Sums of fractions miss by less than this, in dollars. */
const tolerance = 1e-9

/** Limits on what a request uses, as far as it is known only afterwards. */
const measured = ["cost", "tokens"] as const

export const flags: Readonly<Record<Limited, string>> = {
  cost: "--max-cost",
  calls: "--max-calls",
  tokens: "--max-tokens",
  seconds: "--max-seconds"
}

const dollars = (value: number): string => {
  const digits = value >= 0.1 ? value.toFixed(2) : String(Number(value.toPrecision(2)))
  return `$${/\.\d\d/.test(digits) ? digits : value.toFixed(2)}`
}

/** An amount for people: `$0.0042`, `1,000 calls`. */
export const amount = (limit: Limited, value: number): string =>
  limit === "cost" ? dollars(value) : `${Math.ceil(value).toLocaleString("en-US")} ${limit}`

/** The next larger number of two digits. */
export const roundedUp = (value: number): number => {
  if (value <= 0) return 0
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1)
  return Number((Math.ceil(value / unit - tolerance) * unit).toPrecision(2))
}

/** Twice as much, or what is needed if that is more. */
const raised = (ceiling: number, needed: number): number => roundedUp(Math.max(2 * ceiling, 1.25 * needed))

const exhausted = (limit: Limited, ceiling: number, spent: number, needed: number): RunStopped => {
  const left = amount(limit, Math.max(0, ceiling - spent))
  const next = limit === "calls" ? "" : `, and the next call could take ${amount(limit, needed)}`
  return new RunStopped({
    reason: "budget",
    retryable: false,
    message: `The budget of ${amount(limit, ceiling)} (${flags[limit]}) is used up: ${left} of it ${limit === "calls" ? "are" : "is"} left${next}.`,
    raise: { limit, to: raised(ceiling, spent + needed) }
  })
}

interface Needs {
  readonly cost: number
  readonly tokens: number
}

interface Waiting {
  readonly bound: Bound
  readonly needs: Needs
  readonly decided: Deferred.Deferred<Reserved | undefined, RunStopped>
  /** Set in the moment of the decision: an interruption may come before its fiber's next step. */
  reserved: Reserved | undefined
}

const make = (ceilings: Ceilings): Budget => {
  const isUnlimited = ceilings.cost === undefined && ceilings.calls === undefined && ceilings.tokens === undefined
  const spent: { -readonly [L in Limited]: number } = { ...nothing }
  const open = { requests: 0, cost: 0, tokens: 0 }
  const waiting: Array<Waiting> = []
  let stopped: RunStopped | undefined
  let isPumping = false

  /** The ceiling that such a request would break with so much used already. */
  const broken = (needs: Needs, used: Needs): "calls" | "cost" | "tokens" | undefined => {
    if (spent.calls + 1 > (ceilings.calls ?? Infinity)) return "calls"
    return measured.find((limit) => used[limit] + needs[limit] > (ceilings[limit] ?? Infinity) + tolerance)
  }

  const close = (needs: Needs, used: Needs): void => {
    open.requests--
    for (const limit of measured) {
      // Whatever rounding left must not stay when nothing is open.
      open[limit] = open.requests === 0 ? 0 : open[limit] - needs[limit]
      spent[limit] += used[limit]
    }
    pump()
  }

  const excess = ({ inputTokens, model, outputTokens }: Bound, usage: Usage): RunStopped | undefined => {
    if (ceilings.cost === undefined && ceilings.tokens === undefined) return undefined
    const over = usage.output > outputTokens ? "output" : usage.input > inputTokens ? "input" : undefined
    if (over === undefined) return undefined
    const [got, expected] = over === "output" ? [usage.output, outputTokens] : [usage.input, inputTokens]
    const told =
      over === "output"
        ? `ignores the cap on its output: an answer has ${got} tokens, ${got - expected} more than the ${expected} that were asked for at most`
        : `counts ${got} input tokens, ${got - expected} more than the ${expected} bytes of the request`
    return new RunStopped({
      reason: "budget",
      retryable: false,
      message: `The server of ${model} ${told}, so the budget cannot be kept to. What came is kept. Go on with another --model or server, or without ${ceilings.cost === undefined ? flags.tokens : flags.cost}.`
    })
  }

  const opened = (bound: Bound, needs: Needs): Reserved => {
    open.requests++
    open.cost += needs.cost
    open.tokens += needs.tokens
    spent.calls++
    let isTold = false
    const once = (tell: () => void) => {
      if (isTold) return
      isTold = true
      tell()
    }
    return {
      settle: (usage) =>
        Effect.suspend(() => {
          const error = excess(bound, usage)
          stopped ??= error
          once(() => close(needs, { cost: cost(bound.price, usage), tokens: usage.input + usage.output }))
          return error === undefined ? Effect.void : Effect.fail(error)
        }),
      release: Effect.sync(() => once(() => close(needs, { cost: 0, tokens: 0 }))),
      keep: Effect.sync(() => once(() => close(needs, needs)))
    }
  }

  /** What becomes of the request that is next; undefined: it waits. */
  const decide = ({ bound, needs }: Waiting): { readonly reserved: Reserved | undefined } | undefined => {
    if (stopped !== undefined) return { reserved: undefined }
    const later = broken(needs, { cost: spent.cost + open.cost, tokens: spent.tokens + open.tokens })
    if (later === undefined) return { reserved: opened(bound, needs) }
    const limit = broken(needs, spent)
    if (limit !== undefined && limit !== "calls" && bound.isDivisible) return { reserved: undefined }
    if (open.requests > 0) return undefined
    if (limit !== undefined)
      stopped = exhausted(limit, ceilings[limit] ?? 0, spent[limit], { ...needs, calls: 1 }[limit])
    return { reserved: undefined }
  }

  /** Whoever is let in runs on at once, inside this loop, and may be done before it ends: that only changes what is decided next. */
  const pump = (): void => {
    if (isPumping) return
    isPumping = true
    try {
      for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
        const decision = decide(next)
        if (decision === undefined) return
        waiting.shift()
        next.reserved = decision.reserved
        const refusal = decision.reserved === undefined ? stopped : undefined
        Deferred.doneUnsafe(
          next.decided,
          refusal === undefined ? Effect.succeed(decision.reserved) : Effect.fail(refusal)
        )
      }
    } finally {
      isPumping = false
    }
  }

  const free: Reserved = { settle: () => Effect.void, release: Effect.void, keep: Effect.void }

  return {
    ceilings,
    begin: (used) => Effect.sync(() => void Object.assign(spent, used)),
    reserve: (bound) =>
      Effect.suspend(() => {
        if (isUnlimited) return Effect.succeed(free)
        if (ceilings.cost !== undefined && bound.price === undefined) {
          return Effect.fail(unpriced(bound.model))
        }
        const needs = {
          cost: highestCost(bound.price, bound.inputTokens, bound.outputTokens),
          tokens: bound.inputTokens + bound.outputTokens
        }
        const one: Waiting = { bound, needs, decided: Deferred.makeUnsafe(), reserved: undefined }
        waiting.push(one)
        pump()
        return Effect.onInterrupt(Deferred.await(one.decided), () => {
          const place = waiting.indexOf(one)
          if (place !== -1) waiting.splice(place, 1)
          return one.reserved?.release ?? Effect.sync(pump)
        })
      }),
    timeUp: Effect.suspend(() => {
      const { seconds } = ceilings
      if (seconds === undefined) return Effect.never
      return Effect.andThen(
        Effect.sleep(Math.max(0, Math.ceil(1000 * (seconds - spent.seconds)))),
        Effect.fail(
          new RunStopped({
            reason: "budget",
            retryable: false,
            message: `The ${amount("seconds", seconds)} of ${flags.seconds} are over.`,
            raise: { limit: "seconds", to: raised(seconds, spent.seconds) }
          })
        )
      )
    })
  }
}

/** Without a price there is nothing that a ceiling of money could be compared with. */
export const unpriced = (model: string): RunStopped =>
  new RunStopped({
    reason: "configuration",
    retryable: false,
    message: `--max-cost needs to know what ${model} costs: give --price ${model}=INPUT/OUTPUT, in US dollars per million tokens (0/0 for a server of your own).`
  })

export const layer = (ceilings: Ceilings): Layer.Layer<never> =>
  Layer.effect(
    Budget,
    Effect.sync(() => make(ceilings))
  )
