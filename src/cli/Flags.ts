import { Effect, Option } from "effect"
import { Flag } from "effect/cli"
import { DeadLetterCause } from "../domain/DeadLetter.ts"
import { Group } from "../domain/Ids.ts"
import { priorities } from "../services/gate/Order.ts"
import { choice, listSetting, optionalSetting, setting, text, toggle } from "./Setting.ts"
import type { Setting } from "./Setting.ts"
import {
  above,
  asIs,
  dollars,
  group,
  literal,
  logLevel,
  maxFailures,
  packSize,
  pattern,
  positive,
  price,
  size,
  store,
  upTo,
  url,
  whole
} from "./Values.ts"
import type { StoreName } from "./Values.ts"

const progressKinds = ["auto", "bar", "json", "none"] as const

const defaultStore: StoreName = { _tag: "file", file: "sluice.db" }
export const defaults = { store: defaultStore, group: Group.make("default") }

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
    text(
      "journal",
      "FILE",
      "File of paid answers (default: sluice.journal.db beside the store, or in the working directory for a server)"
    ),
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

const kinds = ["entities", "facts", "passages"] as const

/** Embeddings of queries are made as those of documents are, so they are reached in the same ways. */
export const searching = {
  limit: setting("limit", text("limit", "N", "Most of each kind (default: 5)"), upTo(1000), 5),
  kinds: listSetting("kind", text("kind", "KIND", `Only this kind; repeatable (${kinds.join(", ")})`), literal(kinds)),
  embeddingModel: models.embeddingModel,
  embeddingBaseUrl: models.embeddingBaseUrl,
  baseUrl: models.baseUrl,
  provider: models.provider,
  journal: models.journal
}

export const exporting = {
  format: setting(
    "format",
    choice(
      "format",
      ["jsonl", "csv"],
      "JSON lines, or a directory of files for neo4j-admin database import (default: jsonl)"
    ),
    literal(["jsonl", "csv"]),
    "jsonl"
  ),
  output: optionalSetting(
    "output",
    text("output", "PATH", "Write to a file (default: standard output); of csv, the directory"),
    asIs
  ),
  group: optionalSetting(
    "group",
    text("group", "NAME", "Tenant or workspace (default: default; of csv, all of them)"),
    group
  )
}

/** Of `copy`; either is what `--store` takes. */
export const copying = {
  from: optionalSetting("from", text("from", "STORE", "The store to read: sqlite:FILE or neo4j://HOST:PORT"), store),
  to: optionalSetting(
    "to",
    text("to", "STORE", "The store to write, made if it is not there; of two servers, both take the same password"),
    store
  ),
  group: optionalSetting("group", text("group", "NAME", "Tenant or workspace (default: all of them)"), group),
  json: common.json,
  logLevel: common.logLevel,
  logFile: common.logFile
}

/** What flags come to. */
type Settings<Flags> = { readonly [Name in keyof Flags]: Flags[Name] extends Flag.Flag<Setting<infer A>> ? A : never }

export interface ModelSettings extends Settings<typeof models> {}

export interface JournalSettings extends Settings<typeof journaling> {}

export interface CommonSettings extends Settings<typeof common> {}

export interface SelectionSettings extends Settings<typeof selection> {}

export interface BudgetSettings extends Settings<typeof budget> {}

export interface SearchSettings extends Settings<typeof searching> {}

export interface LetterSettings extends Settings<typeof letters> {}

/** Of `retry`: those of `ingest` that do not choose among files. */
export interface RetrySettings extends CommonSettings, ModelSettings, Settings<typeof extraction>, BudgetSettings {}

export interface IngestSettings extends RetrySettings, SelectionSettings {}

export interface ExportSettings extends Omit<CommonSettings, "group">, Settings<typeof exporting> {}

export interface CopySettings extends Settings<typeof copying> {}

export interface ForgetSettings extends CommonSettings, Omit<Settings<typeof forgetting>, "group"> {}
