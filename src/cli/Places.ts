import { basename, dirname, join, resolve } from "node:path"
import { Duration, Effect, FileSystem, Option, Result } from "effect"
import type { Place } from "../layers/Stores.ts"
import { environment, environmentAs } from "./Config.ts"
import type { Decode } from "./Config.ts"
import { secret } from "./Providers.ts"
import type { StoreName } from "./Values.ts"
import { version } from "./Version.ts"

interface WithStore {
  readonly store: StoreName
}

/** As `--store` has it. */
export const flagOf = (store: StoreName): string => {
  if (store._tag === "file") return `sqlite:${store.file}`
  return store.database === undefined ? store.uri : `${store.uri}/${store.database}`
}

const seconds: Decode<Duration.Duration> = (raw) => {
  const value = raw.trim() === "" ? NaN : Number(raw)
  return Number.isFinite(value) && value >= 0
    ? Result.succeed(Duration.seconds(value))
    : Result.fail("a number of seconds, 0 or more.")
}

/** Where the graph is; the user of a server and its password come from variables alone. */
export const placeOf = Effect.fnUntraced(function* ({ store }: WithStore) {
  if (store._tag === "file") return store
  const username = yield* environment("NEO4J_USERNAME")
  const password = yield* secret("NEO4J_PASSWORD")
  const patience = yield* environmentAs("NEO4J_PATIENCE", seconds)
  const place: Place = {
    _tag: "server",
    server: {
      uri: store.uri,
      ...(store.database === undefined ? {} : { database: store.database }),
      username: Option.getOrElse(username, () => "neo4j"),
      userAgent: `sluice/${version}`,
      ...Option.match(password, { onNone: () => ({}), onSome: (value) => ({ password: value }) }),
      ...Option.match(patience, { onNone: () => ({}), onSome: (value) => ({ patience: value }) })
    }
  }
  return place
})

/** A file's own path, links followed as far as it is there. */
const realPath = (file: string) =>
  FileSystem.FileSystem.use((fileSystem) => {
    const directory = dirname(resolve(file))
    return fileSystem.realPath(file).pipe(
      Effect.catch(() => Effect.map(fileSystem.realPath(directory), (real) => join(real, basename(file)))),
      Effect.orElseSucceed(() => resolve(file))
    )
  })

/** Whether both are one store, as far as their names tell. */
export const isSame = Effect.fnUntraced(function* (a: Place, b: Place) {
  if (a._tag === "file" && b._tag === "file") return (yield* realPath(a.file)) === (yield* realPath(b.file))
  if (a._tag === "file" || b._tag === "file") return false
  const [one, other] = [a.server, b.server].map(({ database, uri }) => {
    const { host, port } = new URL(uri)
    return `${port === "" ? `${host}:7687` : host}/${database ?? "neo4j"}`.toLowerCase()
  })
  return one === other
})

/** Whether a file is there, as far as one may know. */
export const exists = (file: string) =>
  FileSystem.FileSystem.use((fileSystem) => Effect.orElseSucceed(fileSystem.exists(file), () => false))

/** The journal is beside the store unless it is said where; beside a server's, it is in the working directory. */
export const journalFile = ({ journal, store }: WithStore & { readonly journal: Option.Option<string> }): string =>
  Option.getOrElse(journal, () => join(store._tag === "file" ? dirname(store.file) : "", "sluice.journal.db"))
