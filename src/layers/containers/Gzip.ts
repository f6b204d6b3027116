import { gunzip } from "node:zlib"
import { Effect, Stream } from "effect"
import type { ContainerFile, Contents } from "../../services/Unpacker.ts"
import { SourceItemError } from "../../services/DocumentSource.ts"
import type { SourceItem } from "../../services/DocumentSource.ts"
import { problem, readRange } from "./options.ts"
import type { ContainerOptions } from "./options.ts"

export const isGzip = (head: Uint8Array): boolean => head[0] === 0x1f && head[1] === 0x8b && head[2] === 8

const nameWithin = (uri: string): string => {
  const base = uri.slice(Math.max(uri.lastIndexOf("/"), uri.lastIndexOf("#")) + 1)
  const name = base.replace(/\.tgz$/i, ".tar").replace(/\.gz$/i, "")
  return name === "" ? "content" : name
}

const unpack = (uri: string, bytes: Uint8Array, maxBytes: number) =>
  Effect.callback<Uint8Array, SourceItemError>((resume) => {
    gunzip(bytes, { maxOutputLength: maxBytes }, (error, unpacked) => {
      if (error === null) return resume(Effect.succeed(unpacked))
      const isLarge = "code" in error && error.code === "ERR_BUFFER_TOO_LARGE"
      resume(
        isLarge
          ? problem(uri, "too-large", `unpacks to more than the limit of ${maxBytes} bytes: raise --max-document`)
          : problem(uri, "malformed", `is cut off or damaged (${error.message}): get a whole copy of it`)
      )
    })
  })

/** A file that is compressed on its own, named without `.gz`. */
export const openGzip = (file: ContainerFile, { maxBytes }: ContainerOptions): Contents => {
  const uri = `${file.uri}#${nameWithin(file.uri)}`
  const read =
    file.size > maxBytes
      ? problem(
          uri,
          "too-large",
          `has ${file.size} bytes compressed, more than the limit of ${maxBytes}: raise --max-document`
        )
      : Effect.flatMap(readRange(file, 0, file.size), (bytes) => unpack(uri, bytes, maxBytes))
  const item: SourceItem = { uri, read }
  return { isDocument: false, items: Stream.succeed(item) }
}
