import { Effect } from "effect"
import type { Connection } from "./Connection.ts"
import { failure, locationOf } from "./Fault.ts"
import { text } from "./Values.ts"

/** Older ones do not know the subqueries that statements here are made of. */
const oldest = { major: 5, minor: 26 }

const isTooOld = (version: string): boolean => {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? []
  if (major === undefined || minor === undefined) return false
  return Number(major) < oldest.major || (Number(major) === oldest.major && Number(minor) < oldest.minor)
}

/** Whether the database takes no writes; false where the user may not know. */
export const isReadOnly = (connection: Connection): Effect.Effect<boolean> =>
  connection
    .read(
      `SHOW DATABASES YIELD name, access, home
       WHERE (name = $database OR $database IS NULL AND home) AND access = "read-only"
       RETURN name`,
      { database: connection.address.database ?? null }
    )
    .pipe(
      Effect.map((found) => found.length > 0),
      Effect.orElseSucceed(() => false)
    )

/** Name, version and edition; fails where it is too old to be written to. */
export const check = Effect.fnUntraced(function* (connection: Connection) {
  const [row = {}] = yield* connection.read(
    "CALL dbms.components() YIELD name, versions, edition RETURN name, versions[0] AS version, edition"
  )
  const [name, version] = [text(row, "name"), text(row, "version")]
  const product = name === "Neo4j Kernel" ? "Neo4j" : name
  if (isTooOld(version)) {
    return yield* failure(
      "version",
      `${product} at ${locationOf(connection.address)} is version ${version}, and must be ${oldest.major}.${oldest.minor} or newer: update it, or use another.`
    )
  }
  return `${product} ${version} ${text(row, "edition")}`
})
