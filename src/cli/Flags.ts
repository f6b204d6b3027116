import { Effect, Option, Result, Schema } from "effect"
import type { LogLevel } from "effect"
import { Flag } from "effect/cli"
import { DeadLetterCause } from "../domain/DeadLetter.ts"
import { Group } from "../domain/Ids.ts"
import { priorities } from "../services/gate/Order.ts"
import { wrongWith } from "../layers/files/patterns.ts"
import { ConfigFile, load, lookup, lookupAll } from "./Config.ts"
import type { Decode } from "./Config.ts"
import type { budget } from "./Budget.ts"
import type { UsageError } from "./ExitStatus.ts"

/** A flag's value, looked up in command line, environment, file and default, in this order. */
export type Setting<A> = Effect.Effect<A, UsageError, ConfigFile>

/** Every flag that has a value to be set elsewhere; a configuration file may hold these. */
export const names = [
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
  "output"
] as const

type Name = (typeof names)[number]

/** Those that may be given more than once. */
const repeatable = ["include", "exclude", "cause", "price"] as const satisfies ReadonlyArray<Name>

export const optionalSetting = <A>(
  name: Name,
  flag: Flag.Flag<string>,
  decode: Decode<A>
): Flag.Flag<Setting<Option.Option<A>>> => Flag.optional(flag).pipe(Flag.map((given) => lookup(name, given, decode)))

const setting = <A>(name: Name, flag: Flag.Flag<string>, decode: Decode<A>, byDefault: A): Flag.Flag<Setting<A>> =>
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

const asIs: Decode<string> = (raw) => Result.succeed(raw)

const literal =
  <const L extends ReadonlyArray<string>>(literals: L): Decode<L[number]> =>
  (raw) => {
    const found = literals.find((one) => one === raw.toLowerCase())
    return found === undefined ? Result.fail(`one of ${literals.join(", ")}.`) : Result.succeed(found)
  }

const choice = <const L extends ReadonlyArray<string>>(name: Name, literals: L, description: string) =>
  Flag.Literals(name, literals).pipe(Flag.withDescription(description))

const boolean: Decode<boolean> = (raw) => {
  const folded = raw.toLowerCase()
  if (["true", "1", "yes", "on"].includes(folded)) return Result.succeed(true)
  return ["false", "0", "no", "off"].includes(folded) ? Result.succeed(false) : Result.fail("true or false.")
}

const toggle = (name: Name, description: string): Flag.Flag<Setting<boolean>> =>
  setting(
    name,
    Flag.Boolean(name).pipe(
      Flag.withDescription(description),
      Flag.map((value) => String(value))
    ),
    boolean,
    false
  )

const positive: Decode<number> = (raw) =>
  /^[1-9][0-9]{0,8}$/.test(raw) ? Result.succeed(Number(raw)) : Result.fail("a whole number of at least 1.")

const packSize: Decode<number | "auto"> = (raw) =>
  raw.toLowerCase() === "auto"
    ? Result.succeed("auto")
    : Result.mapError(positive(raw), () => `"auto" or a whole number of at least 1.`)

const pattern: Decode<string> = (raw) => {
  const wrong = wrongWith(raw)
  return wrong === undefined ? Result.succeed(raw) : Result.fail(`a pattern as in gitignore; this one ${wrong}.`)
}

const units: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30
}

/** Bytes: `64MB`, `1.5 GiB`, `2000`. */
export const size: Decode<number> = (raw) => {
  const [, number, unit] = /^\s*([0-9]{1,12}(?:\.[0-9]{1,3})?)\s*([a-z]*)\s*$/i.exec(raw) ?? []
  const factor = unit === undefined ? undefined : units[unit.toLowerCase()]
  const bytes = factor === undefined ? 0 : Math.floor(Number(number) * factor)
  return bytes >= 1 && Number.isSafeInteger(bytes)
    ? Result.succeed(bytes)
    : Result.fail("a size such as 64MB, 500KB or 1GiB.")
}

const schemes = ["neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc"]

/** An address of a server, with or without the name of a database. */
const server: Decode<string> = (raw) => {
  const parsed = URL.canParse(raw) ? new URL(raw) : undefined
  if (parsed === undefined || parsed.hostname === "" || !raw.includes("://")) {
    return Result.fail("the address of a server, as in neo4j://localhost:7687.")
  }
  if (parsed.username !== "" || parsed.password !== "") {
    return Result.fail("an address without user and password: set NEO4J_USERNAME and NEO4J_PASSWORD.")
  }
  if (
    parsed.search !== "" ||
    parsed.hash !== "" ||
    !/^\/?[\p{L}\p{N}._-]*$/u.test(decodeURIComponent(parsed.pathname))
  ) {
    return Result.fail("an address and at most the name of a database, as in neo4j://localhost:7687/neo4j.")
  }
  return Result.succeed(raw.replace(/\/$/, ""))
}

/** Where the graph is: the path of a file, or the address of a server. */
export const store: Decode<string> = (raw) => {
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9+.]*):(.*)$/is.exec(raw) ?? []
  if (schemes.includes(scheme.toLowerCase())) return server(raw)
  if (scheme.toLowerCase() !== "sqlite") {
    return Result.fail("sqlite:FILE, as in sqlite:sluice.db, or neo4j://HOST:PORT.")
  }
  return rest === "" || rest.startsWith(":")
    ? Result.fail("sqlite: and the name of a file, as in sqlite:sluice.db.")
    : Result.succeed(rest)
}

const decodeGroup = Schema.decodeUnknownOption(Group)

const group: Decode<Group> = (raw) =>
  Option.match(decodeGroup(raw), {
    onSome: (value) => Result.succeed(value),
    onNone: () =>
      Result.fail("1 to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit.")
  })

export const url: Decode<string> = (raw) => {
  const parsed = URL.canParse(raw) ? new URL(raw) : undefined
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    return Result.fail("an http or https address, as in http://localhost:11434/v1.")
  }
  return parsed.username === "" && parsed.password === ""
    ? Result.succeed(raw)
    : Result.fail("an address without a user or password: give the key in a variable, such as OPENAI_API_KEY.")
}

const levels: Readonly<Record<string, LogLevel.LogLevel>> = {
  none: "None",
  fatal: "Fatal",
  error: "Error",
  warn: "Warn",
  warning: "Warn",
  info: "Info",
  debug: "Debug",
  trace: "Trace",
  all: "All"
}

const logLevel: Decode<LogLevel.LogLevel> = (raw) => {
  const level = levels[raw.toLowerCase()]
  return level === undefined ? Result.fail("one of none, error, warn, info, debug, trace.") : Result.succeed(level)
}

const progressKinds = ["auto", "bar", "json", "none"] as const

export const defaults = { store: "sluice.db", group: Group.make("default") } as const

/** The one setting that a configuration file cannot hold. */
export const config = Flag.String("config").pipe(
  Flag.withMetavar("FILE"),
  Flag.withDescription("Settings: a YAML or JSON file that maps names of flags to values"),
  Flag.optional
)

/** Flags that every command has. */
export const common = {
  store: setting(
    "store",
    text(
      "store",
      "sqlite:FILE|neo4j://HOST:PORT",
      "Where the graph is (default: sqlite:sluice.db); of a server, NEO4J_USERNAME and NEO4J_PASSWORD are read"
    ),
    store,
    defaults.store
  ),
  group: setting("group", text("group", "NAME", "Tenant or workspace (default: default)"), group, defaults.group),
  json: toggle("json", "Print one JSON object for programs to read"),
  logLevel: optionalSetting(
    "log-level",
    text("log-level", "LEVEL", "What is logged: none, error, warn, info, debug (default: info)"),
    logLevel
  ),
  logFile: optionalSetting("log-file", text("log-file", "FILE", "Append the log to a file, as JSON lines"), asIs)
}

const providers = ["openai", "anthropic"] as const

/** Said by whoever names no model. */
export const defaultModel = "gpt-6-luna"

/** For whoever wants to know whether it was given. */
export const namedModel = optionalSetting(
  "model",
  text("model", "NAME", `Model that extracts (default: ${defaultModel})`),
  asIs
)
/** Where paid answers are. */
export const journaling = {
  journal: optionalSetting(
    "journal",
    text("journal", "FILE", "File of paid answers (default: sluice.journal.db beside the store)"),
    asIs
  ),
  journalMax: optionalSetting(
    "journal-max",
    text(
      "journal-max",
      "SIZE",
      "Largest journal: raw responses go, the oldest first; answers never (default: no limit)"
    ),
    size
  )
}

/** How models are reached. */
export const models = {
  model: Flag.map(namedModel, (named) =>
    Effect.map(
      named,
      Option.getOrElse(() => defaultModel)
    )
  ),
  baseUrl: optionalSetting(
    "base-url",
    text("base-url", "URL", "Provider's address (default: OPENAI_BASE_URL or ANTHROPIC_BASE_URL, else the provider's)"),
    url
  ),
  provider: optionalSetting(
    "provider",
    choice(
      "provider",
      providers,
      "Whose API it speaks (default: anthropic at api.anthropic.com, or for a claude model with ANTHROPIC_API_KEY)"
    ),
    literal(providers)
  ),
  fallbackModel: optionalSetting(
    "fallback-model",
    text("fallback-model", "NAME", "Model that answers while the first cannot: its quota spent, overloaded or failing"),
    asIs
  ),
  fallbackBaseUrl: optionalSetting(
    "fallback-base-url",
    text("fallback-base-url", "URL", "Its address, with the key in SLUICE_FALLBACK_API_KEY (default: its provider's)"),
    url
  ),
  embeddingModel: optionalSetting(
    "embedding-model",
    text("embedding-model", "NAME", "Model that embeds (default: offline hashing, free)"),
    asIs
  ),
  embeddingBaseUrl: optionalSetting(
    "embedding-base-url",
    text(
      "embedding-base-url",
      "URL",
      "Its address, with the key in SLUICE_EMBEDDING_API_KEY (default: as for --model, else OpenAI)"
    ),
    url
  ),
  journal: journaling.journal
}

export const extraction = {
  journalMax: journaling.journalMax,
  extractor: optionalSetting(
    "extractor",
    choice("extractor", ["rules", "llm"], "Offline rules, or a model (default: llm with a key or address)"),
    literal(["rules", "llm"])
  ),
  ontology: optionalSetting("ontology", text("ontology", "FILE", "Entity and relation types, as YAML or JSON"), asIs),
  concurrency: optionalSetting(
    "concurrency",
    text("concurrency", "N", "Most calls in flight at once (default: adaptive, up to 512)"),
    positive
  ),
  rpm: optionalSetting(
    "rpm",
    text("rpm", "N", "Most requests in any minute to the model that extracts (default: what the provider allows)"),
    positive
  ),
  tpm: optionalSetting(
    "tpm",
    text("tpm", "N", "Most tokens in any minute to the model that extracts (default: what the provider allows)"),
    positive
  ),
  priority: setting(
    "priority",
    choice("priority", priorities, "Whose calls go first among runs of one process (default: normal)"),
    literal(priorities),
    "normal"
  ),
  pack: setting("pack", text("pack", "N|auto", "Chunks a call (default: auto)"), packSize, "auto"),
  maxDocument: setting(
    "max-document",
    text("max-document", "SIZE", "Largest document that is read (default: 64MB)"),
    size,
    64e6
  ),
  parseTimeout: setting(
    "parse-timeout",
    text("parse-timeout", "SECONDS", "Longest that reading one document may take (default: 60)"),
    positive,
    60
  ),
  parseThreads: optionalSetting(
    "parse-threads",
    text("parse-threads", "N", "Most threads that read documents (default: one for each processor, at most 4)"),
    positive
  ),
  dryRun: toggle("dry-run", "Count what would be done; call no model, write nothing"),
  replay: toggle("replay", "Answer from the journal alone: no call, no key; what it does not have is a dead letter"),
  progress: setting(
    "progress",
    choice("progress", progressKinds, "How progress is shown on standard error (default: auto)"),
    literal(progressKinds),
    "auto"
  )
}

/** What of the paths is read, for how long, and what becomes of what is not there any more. */
export const selection = {
  watch: toggle("watch", "Go on after the first round, and take in what changes as it settles, until interrupted"),
  prune: toggle("prune", "Take sources out of the graph whose files are gone from the PATHs"),
  include: listSetting(
    "include",
    text(
      "include",
      "GLOB",
      "Take only files that match, as in .gitignore, by their path relative to the PATH they were found under; repeatable"
    ),
    pattern
  ),
  exclude: listSetting(
    "exclude",
    text("exclude", "GLOB", "Leave out what matches in the same way, also of --include; repeatable"),
    pattern
  )
}

const causes = DeadLetterCause.literals

/** Which dead letters are meant. */
export const letters = {
  causes: listSetting(
    "cause",
    text("cause", "CAUSE", `Only dead letters of this cause; repeatable (${causes.join(", ")})`),
    literal(causes)
  )
}

export const forgetting = {
  group: optionalSetting("group", text("group", "NAME", "Tenant or workspace; without DOC, all of it goes"), group),
  journal: models.journal,
  dryRun: toggle("dry-run", "Say what would go; take nothing out")
}

export const exporting = {
  format: setting(
    "format",
    choice("format", ["jsonl"], "Form of the lines (default: jsonl)"),
    literal(["jsonl"]),
    "jsonl"
  ),
  output: optionalSetting("output", text("output", "FILE", "Write to a file (default: standard output)"), asIs)
}

/** What flags come to. */
type Settings<Flags> = { readonly [Name in keyof Flags]: Flags[Name] extends Flag.Flag<Setting<infer A>> ? A : never }

export interface ModelSettings extends Settings<typeof models> {}

export interface JournalSettings extends Settings<typeof journaling> {}

export interface CommonSettings extends Settings<typeof common> {}

export interface SelectionSettings extends Settings<typeof selection> {}

export interface LetterSettings extends Settings<typeof letters> {}

/** Of `retry`: those of `ingest` that do not choose among files. */
export interface RetrySettings
  extends CommonSettings, ModelSettings, Settings<typeof extraction>, Settings<typeof budget> {}

export interface IngestSettings extends RetrySettings, SelectionSettings {}

export interface ForgetSettings extends CommonSettings, Omit<Settings<typeof forgetting>, "group"> {}

/** Gives settings the configuration file that the flags name. */
export const provideFile =
  (config: Option.Option<string>) =>
  <A, E, R>(settings: Effect.Effect<A, E, R>) =>
    Effect.provideServiceEffect(settings, ConfigFile, load(config, names, repeatable))
