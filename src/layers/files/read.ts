import { Clock, Effect } from "effect"
import { closeSync, constants, fstatSync, open as openWith, openSync, read as readWith, readSync } from "node:fs"
import { promisify } from "node:util"
import { SourceItemError } from "../../services/DocumentSource.ts"
import { why } from "./uris.ts"

const unreadable = (uri: string, error: unknown): SourceItemError =>
  new SourceItemError({ uri, reason: "unreadable", message: `${uri} cannot be read: ${why(error)}` })

const tooLarge = (uri: string, maxBytes: number, size?: number): SourceItemError =>
  new SourceItemError({
    uri,
    reason: "too-large",
    message:
      `${uri} ${size === undefined ? "is larger than" : `has ${size} bytes, more than`} the limit of ${maxBytes} bytes:` +
      ` split it, or raise --max-document`
  })

const pieceBytes = 64 * 1024

/**
 * Descriptors rather than `FileHandle`s, which go to another thread and back for each of four steps: what is asked of an
 * open file and closing it take no time, and for ten thousand small files these hops were half of all. Reads say from
 * where, so that one that is abandoned, whose descriptor may be another file's by then, does no harm.
 */
const open = promisify(openWith)
const read = promisify(readWith)

/** Everything from a file, or `undefined` if there is more than `maxBytes`; `size` is a guess. */
const readAll = async (file: number, size: number, maxBytes: number): Promise<Uint8Array | undefined> => {
  // One byte more than expected: a read that leaves it free has come to the end.
  let buffer = new Uint8Array(size + 1)
  let length = 0
  while (true) {
    if (length > maxBytes) return undefined
    if (length === buffer.length) {
      const grown = new Uint8Array(Math.min(maxBytes + 1, Math.max(length * 2, pieceBytes)))
      grown.set(buffer)
      buffer = grown
    }
    // oxlint-disable-next-line no-await-in-loop
    const { bytesRead } = await read(file, buffer, length, buffer.length - length, length)
    length += bytesRead
    if (bytesRead === 0 || (length === size && size > 0)) return buffer.subarray(0, length)
  }
}

const withFile = <A>(
  uri: string,
  path: string,
  use: (file: number, size: number) => Effect.Effect<A, SourceItemError>
): Effect.Effect<A, SourceItemError> =>
  Effect.acquireUseRelease(
    Effect.tryPromise({
      try: () => open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)),
      catch: (error) => unreadable(uri, error)
    }),
    Effect.fnUntraced(function* (file) {
      const stat = yield* Effect.try({ try: () => fstatSync(file), catch: (error) => unreadable(uri, error) })
      if (stat.isFile()) return yield* use(file, stat.size)
      return yield* new SourceItemError({
        uri,
        reason: "unreadable",
        message: `${uri} is not a file any more: name a file or a directory`
      })
    }),
    (file) => Effect.ignore(Effect.try(() => closeSync(file)))
  )

/**
 * A regular file's bytes. Its kind and size are asked of the open handle, and the size is watched while reading, for the
 * file may change at any moment; opening never waits for a writer should a pipe stand in its place.
 */
export const readFile = Effect.fn("FileSource.read")((uri: string, path: string, maxBytes: number) =>
  withFile(
    uri,
    path,
    Effect.fnUntraced(function* (file, size) {
      if (size > maxBytes) return yield* tooLarge(uri, maxBytes, size)
      const bytes = yield* Effect.tryPromise({
        try: () => readAll(file, size, maxBytes),
        catch: (error) => unreadable(uri, error)
      })
      return bytes ?? (yield* tooLarge(uri, maxBytes))
    })
  )
)

/** Bytes up to which a file is read at once, on the calling thread. */
const smallBytes = 64 * 1024
/** Nanoseconds after which a disk counts as slow, and for how many files. */
const slow = 5_000_000n
const caution = 256

/** A small file's bytes; nothing if it is none, cannot be read, or is larger than it was. */
const readSmall = (path: string): Uint8Array | undefined => {
  let file: number | undefined
  try {
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const stat = fstatSync(file)
    if (!stat.isFile() || stat.size > smallBytes) return undefined
    const buffer = new Uint8Array(stat.size + 1)
    let length = 0
    while (length < buffer.length) {
      const bytesRead = readSync(file, buffer, length, buffer.length - length, length)
      if (bytesRead === 0) return buffer.subarray(0, length)
      length += bytesRead
    }
    return undefined
  } catch {
    return undefined
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

/**
 * `readFile` for many files, where the size of each was asked a moment ago: small ones are read without a hop to another
 * thread and back, which takes more than reading them. Where one keeps the thread waiting, as on a disk that is cold or
 * far away, the next ones are not waited for.
 */
export const makeReadFile = (maxBytes: number) => {
  let waiting = 0
  return Effect.fnUntraced(function* (uri: string, path: string, size: number | undefined) {
    if (size === undefined || size > Math.min(smallBytes, maxBytes)) return yield* readFile(uri, path, maxBytes)
    if (waiting > 0) {
      waiting--
      return yield* readFile(uri, path, maxBytes)
    }
    const before = yield* Clock.monotonicTimeNanos
    const bytes = yield* Effect.sync(() => readSmall(path))
    if ((yield* Clock.monotonicTimeNanos) - before > slow) waiting = caution
    // Why it cannot be read is told by whoever reads it in the other way.
    return bytes === undefined || bytes.length > maxBytes ? yield* readFile(uri, path, maxBytes) : bytes
  })
}

/** Up to `buffer.length` bytes from a place on. */
export const readAt = async (file: number, buffer: Uint8Array, from: number): Promise<Uint8Array> => {
  let length = 0
  while (length < buffer.length) {
    // oxlint-disable-next-line no-await-in-loop
    const { bytesRead } = await read(file, buffer, length, buffer.length - length, from + length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return buffer.subarray(0, length)
}

/** Bytes `[from,to)` of a regular file as it is now, fewer if it ends before. */
export const readRange = Effect.fnUntraced(function* (uri: string, path: string, from: number, to: number) {
  return yield* withFile(uri, path, (file, size) =>
    Effect.tryPromise({
      try: () => readAt(file, new Uint8Array(Math.max(0, Math.min(to, size) - from)), from),
      catch: (error) => unreadable(uri, error)
    })
  )
})

/** All of an input, up to `maxBytes`. */
export const readInput = Effect.fn("FileSource.readInput")(function* (
  input: AsyncIterable<Uint8Array | string>,
  maxBytes: number
) {
  const pieces = yield* Effect.tryPromise({
    try: async () => {
      const pieces: Array<Uint8Array> = []
      let length = 0
      for await (const piece of input) {
        const bytes = typeof piece === "string" ? new TextEncoder().encode(piece) : piece
        length += bytes.length
        if (length > maxBytes) return undefined
        pieces.push(bytes)
      }
      return pieces
    },
    catch: (error) => unreadable("-", error)
  })
  return pieces === undefined ? yield* tooLarge("-", maxBytes) : new Uint8Array(Buffer.concat(pieces))
})
