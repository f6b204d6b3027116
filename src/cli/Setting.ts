import { Effect, Option, Result } from "effect"
import { Flag } from "effect/cli"
import { ConfigFile, load, lookup, lookupAll } from "./Config.ts"
import type { Decode } from "./Config.ts"
import type { UsageError } from "./ExitStatus.ts"

/** A flag's value, looked up in command line, environment, file and default, in this order. */
export type Setting<A> = Effect.Effect<A, UsageError, ConfigFile>

/** Every flag that has a value to be set elsewhere; a configuration file may hold these. A new flag is named here. */
const names = [
  "store",
  "group",
  "extractor",
  "model",
  "base-url",
  "provider",
  "fallback-model",
  "fallback-base-url",
  "embedding-model",
  "embedding-base-url",
  "ontology",
  "concurrency",
  "rpm",
  "tpm",
  "priority",
  "pack",
  "max-document",
  "include",
  "exclude",
  "watch",
  "cause",
  "parse-timeout",
  "parse-threads",
  "journal",
  "journal-max",
  "max-cost",
  "max-calls",
  "max-tokens",
  "max-seconds",
  "max-failures",
  "price",
  "dry-run",
  "replay",
  "prune",
  "json",
  "progress",
  "log-level",
  "log-file",
  "format",
  "output",
  "limit",
  "kind",
  "from",
  "to"
] as const

type Name = (typeof names)[number]

/** Those that may be given more than once. */
const repeatable = ["include", "exclude", "cause", "price", "kind"] as const satisfies ReadonlyArray<Name>

export const optionalSetting = <A>(
  name: Name,
  flag: Flag.Flag<string>,
  decode: Decode<A>
): Flag.Flag<Setting<Option.Option<A>>> => Flag.optional(flag).pipe(Flag.map((given) => lookup(name, given, decode)))

export const setting = <A>(
  name: Name,
  flag: Flag.Flag<string>,
  decode: Decode<A>,
  byDefault: A
): Flag.Flag<Setting<A>> =>
  optionalSetting(name, flag, decode).pipe(
    Flag.map((found) =>
      Effect.map(
        found,
        Option.getOrElse((): A => byDefault)
      )
    )
  )

export const listSetting = <A>(
  name: (typeof repeatable)[number],
  flag: Flag.Flag<string>,
  decode: Decode<A>
): Flag.Flag<Setting<ReadonlyArray<A>>> =>
  Flag.atLeast(flag, 0).pipe(Flag.map((given) => lookupAll(name, given, decode)))

export const text = (name: Name, metavar: string, description: string): Flag.Flag<string> =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description))

export const choice = <const L extends ReadonlyArray<string>>(name: Name, literals: L, description: string) =>
  Flag.Literals(name, literals).pipe(Flag.withDescription(description))

const boolean: Decode<boolean> = (raw) => {
  const folded = raw.toLowerCase()
  if (["true", "1", "yes", "on"].includes(folded)) return Result.succeed(true)
  return ["false", "0", "no", "off"].includes(folded) ? Result.succeed(false) : Result.fail("true or false.")
}

export const toggle = (name: Name, description: string): Flag.Flag<Setting<boolean>> =>
  setting(
    name,
    Flag.Boolean(name).pipe(
      Flag.withDescription(description),
      Flag.map((value) => String(value))
    ),
    boolean,
    false
  )

/** Gives settings the configuration file that the flags name. */
export const provideFile =
  (config: Option.Option<string>) =>
  <A, E, R>(settings: Effect.Effect<A, E, R>) =>
    Effect.provideServiceEffect(settings, ConfigFile, load(config, names, repeatable))
