import { Config, Context, Effect, FileSystem, Option, Result, Schema } from "effect"
import { UsageError } from "./ExitStatus.ts"
import { plain } from "./Print.ts"

/** The `--config` file: names of flags, with their values. */
export class ConfigFile extends Context.Service<
  ConfigFile,
  {
    /** For messages. */
    readonly path: string
    readonly values: ReadonlyMap<string, string>
  }
>()("sluice/cli/ConfigFile") {}

const Values = Schema.NullOr(Schema.Record(Schema.String, Schema.Unknown))
const Scalar = Schema.Union([Schema.String, Schema.Finite, Schema.Boolean])

const decodeValues = Schema.decodeUnknownOption(Values)
const isScalar = Schema.is(Scalar)

/** Where a flag's value is looked for outside of the command line and the file. */
export const variable = (flag: string): string => `SLUICE_${flag.toUpperCase().replaceAll("-", "_")}`

/** An environment variable; an empty one counts as not set. */
export const environment = (name: string): Effect.Effect<Option.Option<string>> =>
  Config.option(Config.String(name)).pipe(
    Effect.map(Option.filter((value) => value !== "")),
    Effect.orElseSucceed(() => Option.none<string>())
  )

/** YAML, or JSON, which is YAML. */
const readYaml = Effect.fnUntraced(function* (path: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const text = yield* fileSystem
    .readFileString(path)
    .pipe(
      Effect.mapError(
        (error) => new UsageError({ message: `The configuration file ${path} cannot be read: ${error.reason._tag}.` })
      )
    )
  const { parse } = yield* Effect.promise(() => import("yaml"))
  return yield* Effect.try({
    try: (): unknown => parse(text, { prettyErrors: false, maxAliasCount: 100 }),
    catch: (error) =>
      new UsageError({
        message: `The configuration file ${path} is neither YAML nor JSON: ${plain(error instanceof Error ? error.message : String(error))}`
      })
  })
})

const didYouMean = (key: string, known: ReadonlyArray<string>): string => {
  const folded = key.toLowerCase().replace(/[^a-z0-9]/g, "")
  const meant = known.find((name) => name.replaceAll("-", "") === folded)
  return meant === undefined ? key : `${key} (${meant}?)`
}

/** `known` are the names of all flags, of whatever command, so that one file serves them all. */
export const load = Effect.fn("ConfigFile.load")(function* (
  given: Option.Option<string>,
  known: ReadonlyArray<string>
) {
  const path = Option.isSome(given) ? given : yield* environment(variable("config"))
  if (Option.isNone(path)) return ConfigFile.of({ path: "", values: new Map() })
  const values = decodeValues(yield* readYaml(path.value))
  if (Option.isNone(values)) {
    return yield* new UsageError({
      message: `The configuration file ${path.value} must map names of flags to values, as in "group: research".`
    })
  }
  const entries = Object.entries(values.value ?? {})
  const unknown = entries.map(([key]) => key).filter((key) => !known.includes(key))
  if (unknown.length > 0) {
    return yield* new UsageError({
      message: `The configuration file ${path.value} has unknown settings: ${plain(
        unknown.map((key) => didYouMean(key, known)).join(", ")
      )}. Known are: ${known.join(", ")}.`
    })
  }
  const read = new Map<string, string>()
  for (const [key, value] of entries) {
    if (value === null) continue
    if (!isScalar(value)) {
      return yield* new UsageError({
        message: `The configuration file ${path.value} must give ${key} one value, not a list or map.`
      })
    }
    read.set(key, String(value))
  }
  return ConfigFile.of({ path: path.value, values: read })
})

/** A setting's value, or what was expected in its place. */
export type Decode<A> = (raw: string) => Result.Result<A, string>

/** A wrong value for a message; a user and password in an address are nobody's business. */
const shown = (value: string): string =>
  plain(value)
    .replace(/\/\/[^/@]*@/, "//***@")
    .slice(0, 200)

/** @param where the place that the value stands in, for the message if it is wrong */
const decodeAt = <A>(where: string, raw: string, decode: Decode<A>): Effect.Effect<A, UsageError> => {
  const decoded = decode(raw)
  return Result.isSuccess(decoded)
    ? Effect.succeed(decoded.success)
    : Effect.fail(new UsageError({ message: `${where} is "${shown(raw)}", but must be ${decoded.failure}` }))
}

/** An environment variable that others read too. */
export const environmentAs = <A>(name: string, decode: Decode<A>): Effect.Effect<Option.Option<A>, UsageError> =>
  Effect.flatMap(
    environment(name),
    Option.match({
      onNone: () => Effect.succeedNone,
      onSome: (raw) => Effect.asSome(decodeAt(name, raw, decode))
    })
  )

/** What a decoder made of the first of: flag, environment, file. */
export const lookup = Effect.fnUntraced(function* <A>(
  flag: string,
  given: Option.Option<string>,
  decode: Decode<A>
): Effect.fn.Return<Option.Option<A>, UsageError, ConfigFile> {
  const file = yield* ConfigFile
  const places = [
    { where: `--${flag}`, value: given },
    { where: variable(flag), value: yield* environment(variable(flag)) },
    { where: `${flag} in ${file.path}`, value: Option.fromUndefinedOr(file.values.get(flag)) }
  ]
  for (const { value, where } of places) {
    if (Option.isSome(value)) return yield* Effect.asSome(decodeAt(where, value.value, decode))
  }
  return Option.none()
})
