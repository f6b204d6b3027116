import { Config, Context, Effect, FileSystem, Option, Result, Schema } from "effect"
import { problem, UsageError } from "./ExitStatus.ts"
import { plain } from "./Print.ts"

/** The `--config` file: names of flags, with their values. */
export class ConfigFile extends Context.Service<
  ConfigFile,
  {
    /** For messages. */
    readonly path: string
    /** Several of each where the file has a list; else one. */
    readonly values: ReadonlyMap<string, ReadonlyArray<string>>
  }
>()("sluice/cli/ConfigFile") {}

const Values = Schema.NullOr(Schema.Record(Schema.String, Schema.Unknown))
const Scalar = Schema.Union([Schema.String, Schema.Finite, Schema.Boolean])

const decodeValues = Schema.decodeUnknownOption(Values)
const isScalar = Schema.is(Scalar)
const isScalars = Schema.is(Schema.Array(Scalar))

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
        (error) =>
          new UsageError({ message: `The configuration file ${path} cannot be read: ${problem(error, "read")}.` })
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

/**
 * `known` are the names of all flags, of whatever command, so that one file serves them all; those of `repeatable` may
 * have a list.
 */
export const load = Effect.fn("ConfigFile.load")(function* (
  given: Option.Option<string>,
  known: ReadonlyArray<string>,
  repeatable: ReadonlyArray<string>
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
  const read = new Map<string, ReadonlyArray<string>>()
  for (const [key, value] of entries) {
    if (value === null) continue
    const isRepeatable = repeatable.includes(key)
    if (isScalar(value)) read.set(key, [String(value)])
    else if (isRepeatable && isScalars(value)) read.set(key, value.map(String))
    else {
      return yield* new UsageError({
        message: `The configuration file ${path.value} must give ${key} ${isRepeatable ? "one value or a list of values, not a map" : "one value, not a list or map"}.`
      })
    }
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

interface Place {
  readonly where: string
  readonly values: ReadonlyArray<string>
}

/** What a decoder made of the values in the first place that has any. */
const decodeFirst = Effect.fnUntraced(function* <A>(places: ReadonlyArray<Place>, decode: Decode<A>) {
  const { values, where } = places.find((place) => place.values.length > 0) ?? { values: [], where: "" }
  const found: Array<A> = []
  for (const value of values) {
    const decoded = decode(value)
    if (Result.isFailure(decoded)) {
      return yield* new UsageError({ message: `${where} is "${shown(value)}", but must be ${decoded.failure}` })
    }
    found.push(decoded.success)
  }
  return found
})

const placesOf = Effect.fnUntraced(function* (flag: string, given: ReadonlyArray<string>) {
  const file = yield* ConfigFile
  return {
    flags: { where: `--${flag}`, values: given },
    variables: { where: variable(flag), values: Option.toArray(yield* environment(variable(flag))) },
    inFile: { where: `${flag} in ${file.path}`, values: file.values.get(flag) ?? [] }
  }
})

/** An environment variable that others read too. */
export const environmentAs = Effect.fnUntraced(function* <A>(name: string, decode: Decode<A>) {
  const [found] = yield* decodeFirst([{ where: name, values: Option.toArray(yield* environment(name)) }], decode)
  return Option.fromUndefinedOr(found)
})

/** What a decoder made of the first of: flag, environment, file. */
export const lookup = Effect.fnUntraced(function* <A>(
  flag: string,
  given: Option.Option<string>,
  decode: Decode<A>
): Effect.fn.Return<Option.Option<A>, UsageError, ConfigFile> {
  const { flags, inFile, variables } = yield* placesOf(flag, Option.toArray(given))
  const [found] = yield* decodeFirst([flags, variables, inFile], decode)
  return Option.fromUndefinedOr(found)
})

/** The same for a flag that may be given more than once; its variable has commas between the values. */
export const lookupAll = Effect.fnUntraced(function* <A>(
  flag: string,
  given: ReadonlyArray<string>,
  decode: Decode<A>
): Effect.fn.Return<ReadonlyArray<A>, UsageError, ConfigFile> {
  const { flags, inFile, variables } = yield* placesOf(flag, given)
  const split = variables.values.flatMap((value) => value.split(",")).map((value) => value.trim())
  const values = split.filter((value) => value !== "")
  return yield* decodeFirst([flags, { ...variables, values }, inFile], decode)
})
