import { Context, Effect, Option } from "effect"
import type { RunReport } from "../domain/RunReport.ts"
import { amount, flags, roundedUp, unpriced } from "../services/Budget.ts"
import type { Ceilings, Spent } from "../services/Budget.ts"
import { withPrices } from "../services/ModelCatalog.ts"
import type { Limited, RunStopped } from "../services/RunStopped.ts"
import { UsageError } from "./ExitStatus.ts"
import type { BudgetSettings } from "./Flags.ts"
import { Invocation, plain } from "./Print.ts"

type CeilingSettings = Pick<BudgetSettings, "maxCost" | "maxCalls" | "maxTokens" | "maxSeconds">

export const ceilingsOf = ({ maxCalls, maxCost, maxSeconds, maxTokens }: CeilingSettings): Ceilings => ({
  ...Option.match(maxCost, { onNone: () => ({}), onSome: (cost) => ({ cost }) }),
  ...Option.match(maxCalls, { onNone: () => ({}), onSome: (calls) => ({ calls }) }),
  ...Option.match(maxTokens, { onNone: () => ({}), onSome: (tokens) => ({ tokens }) }),
  ...Option.match(maxSeconds, { onNone: () => ({}), onSome: (seconds) => ({ seconds }) })
})

/** The catalog with the prices given; with `--max-cost` each model that is called must have one. */
export const catalogOf = (
  { maxCost, prices }: Pick<BudgetSettings, "maxCost" | "prices">,
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
