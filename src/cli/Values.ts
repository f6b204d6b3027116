import { Option, Result, Schema } from "effect"
import type { LogLevel } from "effect"
import { Group } from "../domain/Ids.ts"
import { wrongWith } from "../layers/files/patterns.ts"
import { sharesAfter } from "../pipeline/FailureLimit.ts"
import type { MaxFailures } from "../pipeline/FailureLimit.ts"
import type { Price } from "../services/ModelCatalog.ts"
import type { Decode } from "./Config.ts"

// What values of flags look like; a failure says what was expected.

export const asIs: Decode<string> = (raw) => Result.succeed(raw)

export const literal =
  <const L extends ReadonlyArray<string>>(literals: L): Decode<L[number]> =>
  (raw) => {
    const found = literals.find((one) => one === raw.toLowerCase())
    return found === undefined ? Result.fail(`one of ${literals.join(", ")}.`) : Result.succeed(found)
  }

export const positive: Decode<number> = (raw) =>
  /^[1-9][0-9]{0,8}$/.test(raw) ? Result.succeed(Number(raw)) : Result.fail("a whole number of at least 1.")

export const packSize: Decode<number | "auto"> = (raw) =>
  raw.toLowerCase() === "auto"
    ? Result.succeed("auto")
    : Result.mapError(positive(raw), () => `"auto" or a whole number of at least 1.`)

export const pattern: Decode<string> = (raw) => {
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

/** Where the graph is, as a flag says it. */
export type StoreName =
  | { readonly _tag: "file"; readonly file: string }
  /** `uri` is its address alone. */
  | { readonly _tag: "server"; readonly uri: string; readonly database?: string }

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** An address of a server, with or without the name of a database. */
const server: Decode<StoreName> = (raw) => {
  const { hash, host, hostname, password, pathname, protocol, search, username } = URL.parse(raw) ?? {}
  if (protocol === undefined || host === undefined || hostname === "" || !raw.includes("://")) {
    return Result.fail("the address of a server, as in neo4j://localhost:7687.")
  }
  if (username !== "" || password !== "") {
    return Result.fail("an address without user and password: set NEO4J_USERNAME and NEO4J_PASSWORD.")
  }
  const database = decoded(pathname?.replace(/^\//, "").replace(/\/$/, "") ?? "")
  if (search !== "" || hash !== "" || database === undefined || !/^[\p{L}\p{N}._-]*$/u.test(database)) {
    return Result.fail("an address and at most the name of a database, as in neo4j://localhost:7687/neo4j.")
  }
  return Result.succeed({ _tag: "server", uri: `${protocol}//${host}`, ...(database === "" ? {} : { database }) })
}

/** Where the graph is: the path of a file, or the address of a server. */
export const store: Decode<StoreName> = (raw) => {
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9+.]*):(.*)$/is.exec(raw) ?? []
  if (schemes.includes(scheme.toLowerCase())) return server(raw)
  if (scheme.toLowerCase() !== "sqlite") {
    return Result.fail("sqlite:FILE, as in sqlite:sluice.db, or neo4j://HOST:PORT.")
  }
  return rest === "" || rest.startsWith(":")
    ? Result.fail("sqlite: and the name of a file, as in sqlite:sluice.db.")
    : Result.succeed({ _tag: "file", file: rest })
}

const decodeGroup = Schema.decodeUnknownOption(Group)

export const group: Decode<Group> = (raw) =>
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

export const logLevel: Decode<LogLevel.LogLevel> = (raw) => {
  const level = levels[raw.toLowerCase()]
  return level === undefined ? Result.fail("one of none, error, warn, info, debug, trace.") : Result.succeed(level)
}

const decimal = /^(?:[0-9]{1,12})(?:\.[0-9]{1,9})?$/

export const above =
  (what: string): Decode<number> =>
  (raw) =>
    decimal.test(raw) && Number(raw) > 0 ? Result.succeed(Number(raw)) : Result.fail(what)

export const dollars: Decode<number> = (raw) => above("an amount of US dollars, as in 2.50.")(raw.replace(/^\$/, ""))

export const whole: Decode<number> = (raw) =>
  /^[1-9][0-9]{0,14}$/.test(raw) ? Result.succeed(Number(raw)) : Result.fail("a whole number of at least 1.")

/** `10%`, `0.1`, or a number of chunks. */
export const maxFailures: Decode<MaxFailures> = (raw) => {
  const [, number = "", percent] = /^([0-9.]+)\s*(%?)$/.exec(raw) ?? []
  const value = decimal.test(number) ? Number(number) : NaN
  if (percent === "%" && value <= 100) return Result.succeed({ share: value / 100, after: sharesAfter })
  if (percent === "" && value > 0 && value < 1) return Result.succeed({ share: value, after: sharesAfter })
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
