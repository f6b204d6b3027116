import { Effect, Stream } from "effect"
import type { Context } from "effect"
import type { ContainerFile, Contents } from "../../services/Unpacker.ts"
import type { SourceItem } from "../../services/DocumentSource.ts"
import { looksMail } from "../parsers/detect.ts"
import { isCompound, storedName } from "../parsers/msg/compound.ts"
import type { ParserPool } from "../parsers/Pool.ts"
import { parseErrorOf } from "../parsers/Task.ts"
import type { Part } from "../parsers/Task.ts"
import { itemError, problem, readRange } from "./options.ts"
import type { ContainerOptions } from "./options.ts"

/** The files that a mail holds, taken out of it somewhere else. */
type Parts = Context.Service.Shape<typeof ParserPool>["parts"]

const maxHeader = 64 * 1024
/** Up to here a mail is looked through before anything else is done; the parts of a larger one are for its items to find. */
const smallBytes = 1024 * 1024
/** Up to here a mail is taken apart faster than another thread is asked to. */
const lightBytes = 64 * 1024

const latin1 = new TextDecoder("latin1")
const firstField = /^(?:\ufeff|\u00ef\u00bb\u00bf)?[A-Za-z][A-Za-z0-9-]{0,70}:/
const attachment =
  /^content-(?:disposition:[ \t]*(?:\r?\n[ \t]+)?attachment|type:[ \t]*(?:\r?\n[ \t]+)?(?!multipart\/|text\/plain|text\/html|image\/)[a-z]{1,20}\/)/im

const messageNames = [storedName("__substg1.0_"), storedName("__nameid_")]
const attachmentStorage = storedName("__attach_version1.0_")

const mayHoldParts = (isStored: boolean, bytes: Uint8Array): boolean => {
  const text = latin1.decode(bytes)
  return isStored ? text.includes(attachmentStorage) : attachment.test(text)
}

/** Whether a compound file is a message: its first directory sector (MS-CFB 2.2) names what only messages have. */
const isOutlook = Effect.fnUntraced(function* (file: ContainerFile, head: Uint8Array) {
  if (/\.msg$/i.test(file.uri)) return true
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const shift = head.length < 76 ? 0 : view.getUint16(30, true)
  const from = shift === 9 || shift === 12 ? (view.getInt32(48, true) + 1) * (1 << shift) : -1
  if (from < 0 || from >= file.size) return false
  const names = latin1.decode(yield* file.range(from, Math.min(from + 4096, file.size)))
  return messageNames.some((name) => names.includes(name))
})

const encrypted = "-----BEGIN PGP MESSAGE-----"

const itemOf = (file: ContainerFile, { bytes, name }: Part): SourceItem => {
  const uri = `${file.uri}#${name}`
  return latin1.decode(bytes.subarray(0, 200)).includes(encrypted)
    ? { uri, read: problem(uri, "unreadable", "is encrypted with PGP: decrypt it and save it first") }
    : { uri, size: bytes.length, read: Effect.succeed(bytes) }
}

/**
 * A mail is a document, and each file attached to it another one. Undefined for what is no mail or holds nothing else,
 * which the first kilobyte nearly always tells. Fails as the mail itself does if that is broken.
 */
export const openMail = Effect.fnUntraced(function* (
  file: ContainerFile,
  head: Uint8Array,
  pooled: Parts,
  { maxBytes }: ContainerOptions
) {
  const isStored = isCompound(head)
  if (isStored ? !(yield* isOutlook(file, head)) : !firstField.test(latin1.decode(head.subarray(0, 100))))
    return undefined
  // The mail itself is refused then, for the same reason.
  if (file.size > maxBytes) return undefined
  if (!isStored) {
    const start = yield* file.range(0, Math.min(maxHeader, file.size))
    if (!looksMail(latin1.decode(start)) && !/\.eml$/i.test(file.uri)) return undefined
  }
  if (file.size <= smallBytes && !mayHoldParts(isStored, yield* file.range(0, file.size))) return undefined
  const items = Effect.gen(function* () {
    const bytes = yield* readRange(file, 0, file.size)
    if (!mayHoldParts(isStored, bytes)) return Stream.empty
    const isLight = !isStored && bytes.length <= lightBytes
    const parts = yield* (isLight ? onThisThread(file.uri, bytes) : pooled(file.uri, bytes)).pipe(
      Effect.mapError((error) => itemError(file.uri, error))
    )
    return Stream.fromIterable(parts.map((part) => itemOf(file, part)))
  })
  return { isDocument: true, items: Stream.unwrap(items) } satisfies Contents
})

const onThisThread = (uri: string, bytes: Uint8Array) =>
  Effect.tryPromise({
    try: async () => {
      const { partsOf } = await import("./parts.ts")
      return partsOf(uri, bytes)
    },
    catch: (error) => parseErrorOf(uri, error)
  })
