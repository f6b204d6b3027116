import { Effect, Stream } from "effect"
import type { ContainerFile, Contents } from "../../services/Unpacker.ts"
import { SourceItemError } from "../../services/DocumentSource.ts"
import type { SourceItem } from "../../services/DocumentSource.ts"
import { ParseError } from "../../domain/ParseError.ts"
import { openZip } from "../zip/Zip.ts"
import type { Zip, ZipEntry } from "../zip/Zip.ts"
import { itemError, problem } from "./options.ts"
import type { ContainerOptions } from "./options.ts"

/** Of the archive as a whole; text compresses five to twenty times, rows of a log a hundred times. */
const limits = {
  maxBytes: 64 * 1024 * 1024 * 1024,
  maxRatio: 300,
  freeBytes: 64 * 1024 * 1024,
  maxEntries: 500_000
}
/** How much is inflated of a list of people in memory. */
const maxPeople = 64 * 1024 * 1024

const startsAsZip = (head: Uint8Array): boolean =>
  head[0] === 0x50 &&
  head[1] === 0x4b &&
  ((head[2] === 3 && head[3] === 4) || (head[2] === 5 && head[3] === 6) || (head[2] === 0x30 && head[3] === 0x30))

/** Members that make a zip file a document: those that the standards of office files and books ask for. */
const documentParts = ["[Content_Types].xml", "META-INF/container.xml", "META-INF/manifest.xml", "mimetype"]

/** What programs leave in an archive unasked, or hide from people. */
const isHidden = (name: string): boolean =>
  name.split("/").some((part) => part.startsWith(".") || part === "__MACOSX") ||
  /(?:^|\/)(?:Thumbs\.db|desktop\.ini)$/i.test(name)

const inMegabytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MB`

/**
 * The members that may be unpacked: those before the first that is one too many, by what the directory says of their
 * sizes. Not by what came out so far, since that would depend on which of them are read first.
 */
const allowed = (entries: ReadonlyArray<ZipEntry>, maxBytes: number): ReadonlySet<ZipEntry> => {
  const found = new Set<ZipEntry>()
  let sum = 0
  for (const entry of entries) {
    sum += entry.size
    if (sum > maxBytes) break
    found.add(entry)
  }
  return found
}

/** A member's bytes; unpacks no more than `maxBytes`, and no more than the archive says. */
const inflate = async (zip: Zip, entry: ZipEntry, uri: string, maxBytes: number): Promise<Uint8Array> => {
  const pieces: Array<Uint8Array> = []
  let length = 0
  for await (const piece of zip.stream(entry.name)) {
    length += piece.length
    if (length > maxBytes) {
      const message = `${uri} unpacks to more than the limit of ${inMegabytes(maxBytes)}: split it, or raise --max-document`
      throw new ParseError({ uri, reason: "too-large", message })
    }
    if (length > entry.size) {
      const message = `${uri} unpacks to more than the ${entry.size} bytes that the archive says: pack it again`
      throw new ParseError({ uri, reason: "malformed", message })
    }
    pieces.push(piece)
  }
  return new Uint8Array(Buffer.concat(pieces, length))
}

const attempt = <A>(uri: string, run: () => Promise<A>) =>
  Effect.tryPromise({
    try: run,
    catch: (error) =>
      error instanceof SourceItemError || error instanceof ParseError
        ? error
        : new ParseError({ uri, reason: "malformed", message: `${uri} cannot be unpacked: ${String(error)}` })
  })

const asItemError = (uri: string, error: SourceItemError | ParseError): SourceItemError =>
  error._tag === "SourceItemError" ? error : itemError(uri, error)

/** What an item is made of: the member's bytes, and what is made of them. */
type Shape = (entry: ZipEntry) => ((bytes: Uint8Array) => Uint8Array) | undefined

/**
 * In an export of Slack, the day of a channel is read with the names of the people in it; the lists of people and
 * channels hold settings, and are no documents.
 */
const slackShape = Effect.fnUntraced(function* (file: ContainerFile, zip: Zip, maxBytes: number) {
  const slack = yield* Effect.promise(() => import("../parsers/chats/Slack.ts"))
  const root = slack.slackRoot(zip.entries.map(({ name }) => name))
  if (root === undefined) return undefined
  const list = zip.entries.find(({ name }) => name === `${root}users.json`)
  const people =
    list === undefined
      ? new Map<string, string>()
      : yield* attempt(file.uri, async () =>
          slack.slackPeople(await inflate(zip, list, `${file.uri}#${list.name}`, Math.min(maxBytes, maxPeople)))
        ).pipe(Effect.mapError((error) => asItemError(file.uri, error)))
  const shape: Shape = ({ name }) => {
    const below = name.startsWith(root) ? name.slice(root.length) : name
    const channel = slack.slackChannel(below)
    if (channel !== undefined) return (bytes) => slack.wrapSlackDay(channel, people, bytes)
    return /^[a-z_]+\.json$/.test(below) ? undefined : (bytes) => bytes
  }
  return shape
})

/**
 * The files of a zip archive in the order of its directory, each unpacked when it is wanted. Directories and hidden files
 * are left out. Undefined for what is no archive but a document: files of office programs, books. Fails as `empty` if
 * nothing is in it, and as `malformed` if it is broken, since the directory stands at its end.
 */
export const openArchive = Effect.fnUntraced(function* (
  file: ContainerFile,
  head: Uint8Array,
  { maxBytes }: ContainerOptions
) {
  if (!startsAsZip(head)) return undefined
  const run = Effect.runPromiseWith(yield* Effect.context<never>())
  const range = (from: number, to: number) => run(file.range(from, to))
  const unlimited = { maxBytes: Infinity, maxRatio: Infinity, maxEntries: limits.maxEntries }
  const zip = yield* attempt(file.uri, () => openZip(file.uri, { size: file.size, range }, unlimited))
  if (documentParts.some((name) => zip.has(name))) return undefined
  const files = zip.entries.filter(({ isDirectory, name }) => !isDirectory && !isHidden(name))
  if (files.length === 0) {
    const message = `${file.uri} is an archive with no files in it`
    return yield* new ParseError({ uri: file.uri, reason: "empty", message })
  }
  const ownBudget = Math.min(limits.maxBytes, Math.max(limits.freeBytes, file.size * limits.maxRatio))
  const budget = Math.min(ownBudget, file.unpacksTo ?? Infinity)
  const readable = files.filter(({ isEncrypted, size }) => !isEncrypted && size <= maxBytes)
  const unpacked = allowed(readable, budget)
  const total = [...unpacked].reduce((sum, { size }) => sum + size, 0)
  const itemOf = (entry: ZipEntry, made?: (bytes: Uint8Array) => Uint8Array): SourceItem => {
    const uri = `${file.uri}#${entry.name}`
    if (entry.isEncrypted) {
      return { uri, read: problem(uri, "unreadable", "is protected by a password: unpack it first") }
    }
    if (entry.size > maxBytes) {
      const size = `has ${entry.size} bytes, more than the limit of ${maxBytes} bytes`
      return { uri, read: problem(uri, "too-large", `${size}: split it, or raise --max-document`) }
    }
    if (!unpacked.has(entry)) {
      const message = "lies in an archive that unpacks to far more than its size allows: unpack it first"
      return { uri, read: problem(uri, "too-large", message) }
    }
    const read = attempt(uri, async () => {
      const bytes = await inflate(zip, entry, uri, maxBytes)
      return made === undefined ? bytes : made(bytes)
    }).pipe(Effect.mapError((error) => asItemError(uri, error)))
    // Archives in archives share what the outermost may unpack to: else sixteen in each, five deep, would be a million.
    const unpacksTo = Math.floor((budget * entry.size) / Math.max(1, total))
    // Of what is made of the bytes, the size is not known before.
    return { uri, read, unpacksTo, ...(made === undefined ? { size: entry.size } : {}) }
  }
  const items = Effect.gen(function* () {
    const shape = yield* slackShape(file, zip, maxBytes)
    if (shape === undefined) return Stream.fromIterable(files.map((entry) => itemOf(entry)))
    return Stream.fromIterable(
      files.flatMap((entry) => {
        const made = shape(entry)
        return made === undefined ? [] : [itemOf(entry, made)]
      })
    )
  })
  return { isDocument: false, items: Stream.unwrap(items) } satisfies Contents
})
