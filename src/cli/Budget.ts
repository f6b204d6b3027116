import { Context, Effect, Option, Result } from "effect"
import type { Flag } from "effect/cli"
import type { RunReport } from "../domain/RunReport.ts"
import type { MaxFailures } from "../pipeline/FailureLimit.ts"
import { amount, flags, roundedUp, unpriced } from "../services/Budget.ts"
import type { Ceilings, Spent } from "../services/Budget.ts"
import { withPrices } from "../services/ModelCatalog.ts"
import type { Price } from "../services/ModelCatalog.ts"
import type { Limited, RunStopped } from "../services/RunStopped.ts"
import type { Decode } from "./Config.ts"
import { UsageError } from "./ExitStatus.ts"
import { listSetting, optionalSetting, text } from "./Flags.ts"
import type { Setting } from "./Flags.ts"
import { Invocation, plain } from "./Print.ts"

const decimal = /^(?:[0-9]{1,12})(?:\.[0-9]{1,9})?$/

const above =
  (what: string): Decode<number> =>
  (raw) =>
    decimal.test(raw) && Number(raw) > 0 ? Result.succeed(Number(raw)) : Result.fail(what)

const dollars: Decode<number> = (raw) => above("an amount of US dollars, as in 2.50.")(raw.replace(/^\$/, ""))

const whole: Decode<number> = (raw) =>
  /^[1-9][0-9]{0,14}$/.test(raw) ? Result.succeed(Number(raw)) : Result.fail("a whole number of at least 1.")

/** Shares are counted once there is something to count. */
const after = 50

/** `10%`, `0.1`, or a number of chunks. */
export const maxFailures: Decode<MaxFailures> = (raw) => {
  const [, number = "", percent] = /^([0-9.]+)\s*(%?)$/.exec(raw) ?? []
  const value = decimal.test(number) ? Number(number) : NaN
  if (percent === "%" && value <= 100) return Result.succeed({ share: value / 100, after })
  if (percent === "" && value > 0 && value < 1) return Result.succeed({ share: value, after })
  if (percent === "" && Number.isSafeInteger(value)) return Result.succeed({ count: value })
  return Result.fail("a share such as 10% or 0.1, or a whole number of chunks.")
}

const wrongPrice = "MODEL=INPUT/OUTPUT in US dollars per million tokens, as in llama-4=0/0 or gpt-x=0.25/2."

/** A model's name may have `=`, `/` and `:` in it: the last `=` counts. */
export const price: Decode<readonly [model: string, price: Price]> = (raw) => {
  const at = raw.lastIndexOf("=")
  const model = raw.slice(0, at).trim()
  const parts = raw.slice(at + 1).split("/")
  const [input, output, cached = input] = parts.map((part) => (decimal.test(part.trim()) ? Number(part) : NaN))
  if (at < 1 || model === "" || parts.length > 3) return Result.fail(wrongPrice)
  if (input === undefined || output === undefined || cached === undefined) return Result.fail(wrongPrice)
  return [input, output, cached].some(Number.isNaN)
    ? Result.fail(wrongPrice)
    : Result.succeed([model, { input, output, cached }])
}

/** What a run may use, and how much of it may go wrong. */
export const budget = {
  maxCost: optionalSetting(
    "max-cost",
    text("max-cost", "USD", "Most that it may cost, with the runs that it goes on with; stops before that"),
    dollars
  ),
  maxCalls: optionalSetting("max-calls", text("max-calls", "N", "Most calls, in the same way"), whole),
  maxTokens: optionalSetting(
    "max-tokens",
    text("max-tokens", "N", "Most tokens of input and output, in the same way"),
    whole
  ),
  maxSeconds: optionalSetting(
    "max-seconds",
    text("max-seconds", "SECONDS", "Longest that it may take, in the same way"),
    above("a number of seconds.")
  ),
  maxFailures: optionalSetting(
    "max-failures",
    text("max-failures", "SHARE|N", "Stops when more chunks fail with the model (default: 10%, after 50 chunks)"),
    maxFailures
  ),
  prices: listSetting(
    "price",
    text("price", "MODEL=IN/OUT", "A model's price in USD per million tokens, as in gpt-x=0.25/2; repeatable"),
    price
  )
} satisfies Readonly<Record<string, Flag.Flag<Setting<unknown>>>>

export interface BudgetSettings {
  readonly maxCost: Option.Option<number>
  readonly maxCalls: Option.Option<number>
  readonly maxTokens: Option.Option<number>
  readonly maxSeconds: Option.Option<number>
}

export const ceilingsOf = ({ maxCalls, maxCost, maxSeconds, maxTokens }: BudgetSettings): Ceilings => ({
  ...Option.match(maxCost, { onNone: () => ({}), onSome: (cost) => ({ cost }) }),
  ...Option.match(maxCalls, { onNone: () => ({}), onSome: (calls) => ({ calls }) }),
  ...Option.match(maxTokens, { onNone: () => ({}), onSome: (tokens) => ({ tokens }) }),
  ...Option.match(maxSeconds, { onNone: () => ({}), onSome: (seconds) => ({ seconds }) })
})

/** The catalog with the prices given; with `--max-cost` each model that is called must have one. */
export const catalogOf = (
  { maxCost, prices }: BudgetSettings & { readonly prices: ReadonlyArray<readonly [string, Price]> },
  models: ReadonlyArray<string>
) => {
  const catalog = withPrices(new Map(prices))
  const unknown = Option.isSome(maxCost) ? models.find((model) => catalog.price(model) === undefined) : undefined
  return unknown === undefined
    ? Effect.succeed(catalog)
    : Effect.fail(new UsageError({ message: plain(unpriced(unknown).message) }))
}

/** The command line without the program's name. */
export const Arguments = Context.Reference<ReadonlyArray<string>>("sluice/cli/Arguments", { defaultValue: () => [] })

// What stands for itself in every POSIX shell.
const harmless = /^[\w@%+:,./-][\w@%+=:,./-]*$/

const escaped = (character: string): string => {
  const code = character.codePointAt(0) ?? 0
  if (character === "'" || character === "\\") return `\\${character}`
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`
}

/** An argument as a shell reads it back. What a terminal would hide or obey is written as an escape, as bash and zsh know them. */
export const quoted = (argument: string): string => {
  if (harmless.test(argument)) return argument
  if (plain(argument) === argument) return `'${argument.replaceAll("'", `'\\''`)}'`
  const body = [...argument.toWellFormed()].map((character, index, all) => {
    const isPlain =
      character === " " ? index > 0 && all[index - 1] !== " " && index < all.length - 1 : plain(character) === character
    return isPlain && character !== "'" && character !== "\\" ? character : escaped(character)
  })
  return `$'${body.join("")}'`
}

/** The same arguments with a flag set to another value, wherever its old one came from. */
export const withFlag = (args: ReadonlyArray<string>, flag: string, value: string): ReadonlyArray<string> => {
  const end = args.includes("--") ? args.indexOf("--") : args.length
  const others = args
    .slice(0, end)
    .filter((arg, index) => arg !== flag && !arg.startsWith(`${flag}=`) && (index === 0 || args[index - 1] !== flag))
  return [...others, flag, value, ...args.slice(end)]
}

/** What a run and those before it have used, as its report has it. */
const usedBy = (before: Spent, { calls, cost, seconds, tokens }: RunReport): Spent => ({
  cost: before.cost + cost.usd,
  calls: before.calls + calls.model + calls.embedding,
  tokens: before.tokens + tokens.input + tokens.output,
  seconds: before.seconds + seconds
})

/** With a quarter to spare: the first chunks say what the others take, as far as they have been found by then. */
const enough = (limit: Limited, report: RunReport, before: Spent): number => {
  const { dead, extracted, reused, total } = report.chunks
  const asked = extracted + dead
  const used = usedBy(before, report)[limit]
  return asked === 0 ? 0 : roundedUp(1.25 * (used + ((used - before[limit]) / asked) * (total - asked - reused)))
}

/** What to say of a run that stopped: why, and, if a ceiling did it, the command that goes on. */
export const stoppedMessage = Effect.fnUntraced(function* (
  { message, raise }: RunStopped,
  { before, report }: { readonly report: RunReport; readonly before: Spent }
) {
  const args = yield* Arguments
  if (args.length === 0 || raise === undefined) return plain(message)
  const self = yield* Invocation
  const to = Math.max(raise.to, enough(raise.limit, report, before))
  const next = withFlag(args, flags[raise.limit], String(to)).map(quoted).join(" ")
  return `${plain(message)} What was done is kept; this goes on with it:\n${self} ${next}`
})

/** Of a dry run: whether a real one would keep to the ceilings. Its time is not that of a real one. */
export const forecast = (
  ceilings: Ceilings,
  before: Spent,
  report: RunReport
): { readonly fits: boolean; readonly lines: ReadonlyArray<string> } => {
  const needed = usedBy(before, report)
  const judged = (["cost", "calls", "tokens"] as const).flatMap((limit) => {
    const ceiling = ceilings[limit]
    if (ceiling === undefined) return []
    const fits = needed[limit] <= ceiling
    const line = `${fits ? "Fits in" : "Would not fit in"} ${flags[limit]} ${ceiling}: about ${amount(limit, needed[limit])}${before[limit] > 0 ? `, ${amount(limit, before[limit])} of which earlier runs took` : ""}.`
    return [{ fits, line }]
  })
  return { fits: judged.every(({ fits }) => fits), lines: judged.map(({ line }) => line) }
}
