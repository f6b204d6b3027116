import { Effect, Stream } from "effect"
import type { StorageError } from "../../services/StorageError.ts"
import type { Connection, Parameters, Row } from "./Connection.ts"
import { failure, locationOf } from "./Fault.ts"

const damaged = (connection: Connection, error: unknown): StorageError =>
  failure(
    "corrupt",
    `The graph at ${locationOf(connection.address)} holds an entry that cannot be read: ${
      error instanceof Error ? error.message : String(error)
    } It was changed by hand, or written by another version of sluice.`
  )

export const decode = <A>(connection: Connection, read: () => A): Effect.Effect<A, StorageError> =>
  Effect.try({ try: read, catch: (error) => damaged(connection, error) })

/** Within a transaction, which ends with what this throws. */
export const decodeSync = <A>(connection: Connection, read: () => A): A => {
  try {
    return read()
  } catch (error) {
    throw damaged(connection, error)
  }
}

/** A statement's rows as what they mean; one that means nothing is a damaged graph. */
export const decoded = <A>(
  connection: Connection,
  statement: string,
  parameters: Parameters,
  read: (row: Row) => A
): Stream.Stream<A, StorageError> =>
  connection.stream(statement, parameters).pipe(
    Stream.mapEffect((rows) => decode(connection, () => rows.map(read))),
    Stream.flattenIterable
  )
