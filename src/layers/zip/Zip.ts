import { Readable } from "node:stream"
import { crc32 } from "node:zlib"
import { fromRandomAccessReaderPromise, getFileNameLowLevel, RandomAccessReader } from "yauzl"
import type { Entry, ZipFile } from "yauzl"
import { ParseError } from "../../domain/ParseError.ts"
import { utf16Mark } from "../parsers/decode.ts"
import { memberName } from "./names.ts"

/** A file that is read piece by piece; `range` gives bytes `[from,to)`, fewer at the end. Its failures pass through. */
export interface ZipSource {
  readonly size: number
  readonly range: (from: number, to: number) => Promise<Uint8Array>
}

/** How much a zip file may hold; all counts are of what was really unpacked, whatever the file declares. */
export interface ZipLimits {
  /** Bytes unpacked over the life of the `Zip`, each reading of a member anew. */
  readonly maxBytes?: number
  /** Bytes unpacked per byte of the file, beyond `freeBytes`. Deflate itself reaches 1,032 (zlib's technical details). */
  readonly maxRatio?: number
  readonly freeBytes?: number
  readonly maxEntries?: number
}

export interface ZipEntry {
  /** With `/` between folders, relative and without `.`, `..` and control characters; unique. A label, not a path. */
  readonly name: string
  /** Bytes, as declared. */
  readonly size: number
  readonly compressedSize: number
  readonly isEncrypted: boolean
  readonly isDirectory: boolean
}

/** An open zip file. Whatever reads a member fails with a `ParseError`: see `openZip`. */
export interface Zip {
  readonly entries: ReadonlyArray<ZipEntry>
  readonly has: (name: string) => boolean
  readonly read: (name: string) => Promise<Uint8Array>
  /** Piece by piece, for a member that need not stand in memory whole; damage shows when its end is reached. */
  readonly stream: (name: string) => AsyncIterable<Uint8Array>
  /** UTF-8, or UTF-16 by its byte order mark. */
  readonly text: (name: string) => Promise<string>
}

const pieceBytes = 128 * 1024
/** Info-ZIP's extra field with the name in UTF-8 (APPNOTE 4.6.9). */
const unicodePath = 0x7075
const documentLimits = {
  maxBytes: 256 * 1024 * 1024,
  maxRatio: 1000,
  freeBytes: 10 * 1024 * 1024,
  maxEntries: 65_536
} satisfies Required<ZipLimits>

/** Reads the directory, which is thousands of tiny reads in ascending order, through a window. */
class WindowReader extends RandomAccessReader {
  readonly #source: ZipSource
  #window: Uint8Array = new Uint8Array()
  #windowStart = 0
  /** What the source itself failed with: no fault of the zip file. */
  failure: { readonly error: unknown } | undefined

  constructor(source: ZipSource) {
    super()
    this.#source = source
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void
  ): void {
    this.#slice(position, position + length).then(
      (bytes) => {
        buffer.set(bytes, offset)
        callback(null, bytes.length)
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)))
    )
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.#pieces(start, end), { objectMode: false })
  }

  async *#pieces(start: number, end: number): AsyncGenerator<Uint8Array> {
    for (let from = start; from < end; from += pieceBytes) {
      yield await this.#range(from, Math.min(end, from + pieceBytes))
    }
  }

  async #slice(from: number, to: number): Promise<Uint8Array> {
    const windowEnd = this.#windowStart + this.#window.length
    if (from < this.#windowStart || to > windowEnd) {
      this.#window = await this.#range(from, Math.max(to, from + pieceBytes))
      this.#windowStart = from
    }
    return this.#window.subarray(from - this.#windowStart, to - this.#windowStart)
  }

  async #range(from: number, to: number): Promise<Uint8Array> {
    if (from >= this.#source.size) return new Uint8Array()
    try {
      return await this.#source.range(from, Math.min(to, this.#source.size))
    } catch (error) {
      this.failure = { error }
      throw error
    }
  }
}

const entriesOf = async (
  zip: ZipFile,
  limit: number,
  fail: Fail
): Promise<ReadonlyArray<readonly [ZipEntry, Entry]>> => {
  const tooMany = () => fail("too-large", `is a zip file with more than ${limit} members: split it`)
  if (zip.entryCount > limit) throw tooMany()
  const found = new Map<string, readonly [ZipEntry, Entry]>()
  let index = 0
  for await (const entry of zip.eachEntry()) {
    const declared = getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, false)
    const hasUnicodeField = entry.extraFields.some(({ id }) => id === unicodePath)
    const { isDirectory, name } = memberName(hasUnicodeField ? new Uint8Array() : entry.fileNameRaw, declared, index++)
    if (found.has(name)) continue
    const shown = {
      name,
      size: entry.uncompressedSize,
      compressedSize: entry.compressedSize,
      isEncrypted: entry.isEncrypted(),
      isDirectory
    }
    found.set(name, [shown, entry])
  }
  return [...found.values()]
}

type Fail = (reason: ParseError["reason"], message: string) => ParseError

const inMegabytes = (bytes: number): string => `${Math.max(1, Math.round(bytes / 1024 / 1024))} MB`

const decode = (bytes: Uint8Array): string => new TextDecoder(utf16Mark(bytes) ?? "utf-8").decode(bytes)

/**
 * Opens a zip file by its directory; of members of the same name the first counts. Fails, as do readings, with a
 * `ParseError`: `malformed` for what is broken or lacks the member, `protected` for what is encrypted, `unsupported` for
 * other compressions than deflate, `too-large` beyond the limits, which by default are those of a document. Members may
 * lie about their size, overlap or hold each other: only bytes that come out count.
 */
export const openZip = async (uri: string, file: Uint8Array | ZipSource, limits: ZipLimits = {}): Promise<Zip> => {
  const source: ZipSource =
    file instanceof Uint8Array ? { size: file.length, range: async (from, to) => file.subarray(from, to) } : file
  const { freeBytes, maxBytes, maxEntries, maxRatio } = { ...documentLimits, ...limits }
  const budget = Math.min(maxBytes, Math.max(freeBytes, source.size * maxRatio))
  const reader = new WindowReader(source)
  const fail: Fail = (reason, message) => new ParseError({ uri, reason, message: `${uri} ${message}` })
  const failed = (error: unknown, what: string): unknown => {
    if (error instanceof ParseError) return error
    if (reader.failure !== undefined) return reader.failure.error
    const why = error instanceof Error ? error.message : String(error)
    if (/encrypt/.test(why)) return fail("protected", "is protected by a password: save it without one first")
    if (/compression method/.test(why)) {
      return fail(
        "unsupported",
        `is compressed in a way that cannot be read (${why}): pack it again as a plain zip file`
      )
    }
    return fail("malformed", `${what} (${why}): get an undamaged copy of it`)
  }

  const archive = await fromRandomAccessReaderPromise(reader, source.size, {
    autoClose: false,
    decodeStrings: false,
    lazyEntries: true,
    validateEntrySizes: false
  }).catch((error: unknown) => {
    throw failed(error, "is a broken or incomplete zip file")
  })
  const listed = await entriesOf(archive, maxEntries, fail).catch((error: unknown) => {
    throw failed(error, "is a zip file with a broken directory")
  })
  const byName = new Map(listed.map(([shown, entry]) => [shown.name, entry]))

  let unpacked = 0
  const stream = async function* (name: string): AsyncGenerator<Uint8Array> {
    const entry = byName.get(name)
    if (entry === undefined) throw fail("malformed", `lacks its part ${JSON.stringify(name.slice(0, 200))}`)
    try {
      let sum = 0
      for await (const piece of await archive.openReadStreamPromise(entry)) {
        if (!(piece instanceof Uint8Array)) continue
        unpacked += piece.length
        if (unpacked > budget) throw fail("too-large", `unpacks to more than ${inMegabytes(budget)}: split it`)
        sum = crc32(piece, sum)
        yield piece
      }
      if (sum !== entry.crc32) throw new Error("wrong checksum")
    } catch (error) {
      throw failed(error, `is damaged in its part ${JSON.stringify(name.slice(0, 200))}`)
    }
  }
  const read = async (name: string): Promise<Uint8Array> => {
    const pieces: Array<Uint8Array> = []
    for await (const piece of stream(name)) pieces.push(piece)
    return new Uint8Array(Buffer.concat(pieces))
  }
  return {
    entries: listed.map(([shown]) => shown),
    has: (name) => byName.has(name),
    read,
    stream,
    text: async (name) => decode(await read(name))
  }
}
