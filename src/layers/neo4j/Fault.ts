import type { Redacted } from "effect"
import { isRetryableError, Neo4jError } from "neo4j-driver"
import { StorageError } from "../../services/StorageError.ts"

/** Where the graph is, and as whom: what a message says of it, which is never the password. */
export interface Address {
  readonly uri: string
  readonly database?: string
  readonly username: string
  /** Absent: of a server that asks nobody who they are. */
  readonly password?: Redacted.Redacted
}

export const locationOf = ({ database, uri }: Address): string =>
  database === undefined ? uri : `${uri.replace(/\/+$/, "")}/${database}`

/** Another writer came in between: the transaction is rolled back and made again. */
export class Conflict extends Error {}

/** The server takes connections, and says nothing. */
export class Silence extends Error {
  override readonly message = "it takes connections and says nothing"
}

/**
 * What to do about an error.
 * - `outage`: nobody answers, or not yet as a server that takes writes; wait for it
 * - `conflict`: another writer won; once more
 * - `fatal`: waiting does not help
 */
export type Trouble = "outage" | "conflict" | "fatal"

/** The server has ended a transaction: of its own accord, or since it took longer than it was given. */
const tooLong = "Neo.ClientError.Transaction.TransactionTimedOut"

/** Codes of servers that are starting, stopping, changing their leader, or too slow for anything. */
const outages = new Set([
  "ServiceUnavailable",
  "SessionExpired",
  // A connection that breaks off before both sides have greeted each other.
  "ProtocolError",
  tooLong,
  `${tooLong}ClientConfiguration`,
  "Neo.TransientError.General.DatabaseUnavailable",
  "Neo.TransientError.Database.DatabaseUnavailable",
  "Neo.DatabaseError.General.UnknownError.DatabaseUnavailable",
  "Neo.ClientError.Cluster.NotALeader"
])

/** What a node that another transaction takes out leads to, when it is found and then gone. */
const conflicts = new Set([
  "Neo.ClientError.Statement.EntityNotFound",
  "Neo.ClientError.Schema.ConstraintValidationFailed"
])

export const codeOf = (error: unknown): string => (error instanceof Neo4jError ? error.code : "")

/** Another process has made the same part of the schema a moment ago. */
export const isThereAlready = (error: unknown): boolean =>
  /^Neo\.ClientError\.Schema\..*AlreadyExists$/.test(codeOf(error))

/** What the driver says of a connection, and of the one below it where it looked for servers. */
const saidOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message} ${error.cause.message}` : error.message
}

const isUntrusted = (error: unknown): boolean => /certificate is not trusted/i.test(saidOf(error))

/** What a person can do about a server that does not answer, beside starting it; by what the driver says of it. */
const hints: ReadonlyArray<readonly [said: RegExp, hint: string]> = [
  [/ECONNREFUSED/, "nobody listens there"],
  [/ENOTFOUND|EAI_AGAIN/, "there is no host of that name"],
  [/secure TLS connection|wrong version number|packet length too long/, "it may speak no TLS: try without +s"],
  [/Connection was closed by server/, "it may want TLS: try neo4j+s:// or bolt+s://"]
]

/** In brackets, behind a statement that it does not answer; empty where nothing is known, or needs no telling. */
const hintOf = (error: unknown, hasAnswered: boolean): string => {
  if (error instanceof Silence) return ` (${error.message})`
  if (hasAnswered) return ""
  const said = saidOf(error)
  const [, hint] = hints.find(([pattern]) => pattern.test(said)) ?? []
  return hint === undefined ? "" : ` (${hint})`
}

/** Every connection of the pool is in use, or none could be made in time: the driver has no code for that. */
const isStarved = (error: unknown): boolean =>
  error instanceof Neo4jError && error.message.startsWith("Connection acquisition timed out")

export const troubleOf = (error: unknown): Trouble => {
  if (error instanceof Conflict) return "conflict"
  const code = codeOf(error)
  if (isUntrusted(error)) return "fatal"
  if (error instanceof Silence || outages.has(code) || isStarved(error)) return "outage"
  return conflicts.has(code) || isRetryableError(error instanceof Error ? error : null) ? "conflict" : "fatal"
}

const barred = "is read-only"

/** Whether it is the user who may not, and somebody else may. */
export const isForbidden = ({ message, reason }: StorageError): boolean =>
  reason === "readonly" && !message.includes(barred)

export const failure = (
  reason: StorageError["reason"],
  message: string,
  options: { readonly retryable?: boolean } = {}
): StorageError => new StorageError({ storage: "store", reason, retryable: options.retryable ?? false, message })

const firstLine = (text: string): string => text.split("\n", 1)[0] ?? ""

/** @param hasAnswered whether the address has been right before */
export const silenceOf = (address: Address, error: unknown, hasAnswered: boolean): string =>
  `Neo4j at ${locationOf(address)} does not answer${hintOf(error, hasAnswered)}`

/** What a thrown value means, for a person. */
export const storageError = (address: Address, error: unknown, hasAnswered = false): StorageError => {
  if (error instanceof StorageError) return error
  const where = locationOf(address)
  const detail = firstLine(error instanceof Error ? error.message : String(error))
  const code = codeOf(error)
  if (isUntrusted(error)) {
    return failure(
      "unavailable",
      `Nobody vouches for the certificate of Neo4j at ${where}: give the file of whoever signed it in NODE_EXTRA_CA_CERTS, or for one that it signed itself take +ssc in place of +s.`
    )
  }
  if (/responded HTTP/i.test(detail)) {
    return failure("unavailable", `At ${where} is a web server: give the port that Neo4j has for Bolt, mostly 7687.`)
  }
  if (code === "Neo.ClientError.Security.Unauthorized") {
    return failure(
      "unavailable",
      address.password === undefined
        ? `Neo4j at ${where} asks for a password, and NEO4J_PASSWORD is not set: set it, and NEO4J_USERNAME unless the user is ${address.username}.`
        : `Neo4j at ${where} does not take the user ${address.username} with this password: check NEO4J_USERNAME and NEO4J_PASSWORD.`
    )
  }
  if (code === "Neo.ClientError.Security.CredentialsExpired") {
    return failure(
      "unavailable",
      `The password of ${address.username} at ${where} must be changed before it can be used: log in once with cypher-shell or the browser.`
    )
  }
  if (code === "Neo.ClientError.Security.AuthenticationRateLimit") {
    return failure(
      "unavailable",
      `Neo4j at ${where} takes no more tries for the user ${address.username}, after too many wrong passwords: check NEO4J_PASSWORD, wait a moment, then run the same command again.`
    )
  }
  if (code === "Neo.ClientError.Database.DatabaseNotFound") {
    return failure(
      "unavailable",
      `There is no database ${address.database ?? ""} at ${address.uri}: create it, or leave its name out of --store for the user's own.`
    )
  }
  if (code.includes("ReadOnly")) {
    return failure(
      "readonly",
      `The database at ${where} ${barred}: make it writable there (server.databases.read_only), or use another.`
    )
  }
  if (code.startsWith("Neo.ClientError.Security.")) {
    return failure(
      "readonly",
      `Neo4j at ${where} does not let ${address.username} do this: ${detail} Give the user the right to write, or use another.`
    )
  }
  if (/OutOfDiskSpace|no space left/i.test(`${code} ${detail}`)) {
    return failure("full", `The disk of Neo4j at ${where} is full. What was committed is whole; make room there.`)
  }
  if (/MemoryPool|OutOfMemory/.test(`${code} ${detail}`)) {
    return failure(
      "failed",
      `Neo4j at ${where} has not enough memory for a commit: raise server.memory.heap.max_size there. (${detail})`
    )
  }
  if (code.startsWith(tooLong)) {
    return failure(
      "unavailable",
      `Neo4j at ${where} ended a commit that took too long: ${detail} Somebody else may hold what it needs (SHOW TRANSACTIONS says who), or the server is overloaded. What was committed is whole: run the same command again.`,
      { retryable: true }
    )
  }
  switch (troubleOf(error)) {
    case "outage":
      return failure(
        "unavailable",
        `${silenceOf(address, error, hasAnswered)}. Start it, or check the address and the network, then run the same command again.`,
        { retryable: true }
      )
    case "conflict":
      return failure(
        "locked",
        `Other writers of Neo4j at ${where} were faster at every try (${detail}) Run the same command again.`,
        { retryable: true }
      )
    case "fatal":
      return failure("failed", `Neo4j at ${where} refused: ${detail}${code === "" ? "" : ` (${code})`}`)
  }
}
