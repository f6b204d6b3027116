import type { Format } from "./Format.ts"
import { isCompound, storedName } from "./msg/compound.ts"

/** Something that is known and has no parser: what it is, and what a person can do about it. */
interface Unsupported {
  readonly name: string
  readonly advice: string
  readonly isProtected?: boolean
}

interface Signature extends Unsupported {
  readonly bytes: ReadonlyArray<number>
  readonly offset?: number
}

const ascii = (text: string): ReadonlyArray<number> => Array.from(text, (character) => character.charCodeAt(0))

const toText = "convert it to text or Markdown first"
const unpack = "unpack it first and ingest the files inside"
const transcribe = "ingest its transcript (.vtt or .txt) instead"
const noText = "it holds no text to read; leave it out, or ingest a description of it"

/** First bytes of common formats that are not text: the published file signatures (RFCs and vendors' specifications). */
const signatures: ReadonlyArray<Signature> = [
  { bytes: ascii("{\\rtf"), name: "an RTF document", advice: toText },
  { bytes: ascii("%!PS"), name: "a PostScript file", advice: toText },
  { bytes: [0x89, 0x50, 0x4e, 0x47], name: "a PNG image", advice: noText },
  { bytes: [0xff, 0xd8, 0xff], name: "a JPEG image", advice: noText },
  { bytes: ascii("GIF8"), name: "a GIF image", advice: noText },
  { bytes: ascii("II*\0"), name: "a TIFF image", advice: noText },
  { bytes: ascii("MM\0*"), name: "a TIFF image", advice: noText },
  { bytes: ascii("WEBP"), offset: 8, name: "a WebP image", advice: noText },
  { bytes: ascii("WAVE"), offset: 8, name: "a WAV recording", advice: transcribe },
  { bytes: ascii("ftyp"), offset: 4, name: "an MP4 or QuickTime recording", advice: transcribe },
  { bytes: [0x1a, 0x45, 0xdf, 0xa3], name: "a Matroska or WebM recording", advice: transcribe },
  { bytes: ascii("OggS"), name: "an Ogg recording", advice: transcribe },
  { bytes: ascii("ID3"), name: "an MP3 recording", advice: transcribe },
  { bytes: [0x1f, 0x8b], name: "a gzip archive", advice: unpack },
  { bytes: ascii("7z\u00bc\u00af"), name: "a 7z archive", advice: unpack },
  { bytes: ascii("Rar!"), name: "a RAR archive", advice: unpack },
  { bytes: ascii("BZh"), name: "a bzip2 archive", advice: unpack },
  { bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a], name: "an xz archive", advice: unpack },
  { bytes: [0x28, 0xb5, 0x2f, 0xfd], name: "a Zstandard archive", advice: unpack },
  { bytes: ascii("ustar"), offset: 257, name: "a tar archive", advice: unpack },
  { bytes: ascii("SQLite format 3\0"), name: "an SQLite database", advice: "export its tables as text first" },
  { bytes: ascii("PAR1"), name: "a Parquet file", advice: "export its rows as text first" },
  { bytes: ascii("\x7fELF"), name: "a program", advice: "leave it out" },
  { bytes: ascii("\0asm"), name: "a WebAssembly module", advice: "leave it out" },
  { bytes: [0xca, 0xfe, 0xba, 0xbe], name: "a program", advice: "leave it out" }
]

const startsWith = (bytes: Uint8Array, prefix: ReadonlyArray<number>, offset = 0): boolean =>
  prefix.every((byte, index) => bytes[offset + index] === byte)

const latin1 = new TextDecoder("latin1")

/** The PDF specification lets anything stand before the header, within the first 1,024 bytes (ISO 32000-1, annex H.3.4.1). */
const isPdf = (bytes: Uint8Array): boolean => latin1.decode(bytes.subarray(0, 1024)).includes("%PDF-")

/**
 * Whether a zip file has a member whose name starts so, by the directory at its end (PKWARE's APPNOTE 4.3.12 and 4.3.16),
 * for other office files may be packed in it. Of one whose end is lost, by what its first and last kilobytes show.
 */
const zipMembers = (bytes: Uint8Array): ((start: string) => boolean) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const isSignature = (at: number, value: number) =>
    at >= 0 && at + 4 <= bytes.length && view.getUint32(at, true) === value
  let end = bytes.length - 22
  while (end >= Math.max(0, bytes.length - 65_557) && !isSignature(end, 0x06054b50)) end--
  const names: Array<string> = []
  let at = isSignature(end, 0x06054b50) ? view.getUint32(end + 16, true) : bytes.length
  while (names.length < 65_536 && at + 46 <= bytes.length && isSignature(at, 0x02014b50)) {
    const length = view.getUint16(at + 28, true)
    names.push(latin1.decode(bytes.subarray(at + 46, at + 46 + length)).replaceAll("\\", "/"))
    at += 46 + length + view.getUint16(at + 30, true) + view.getUint16(at + 32, true)
  }
  if (names.length > 0) return (start) => names.some((name) => name.startsWith(start))
  const ends = latin1.decode(bytes.subarray(0, 4096)) + latin1.decode(bytes.subarray(-64 * 1024))
  return (start) => ends.includes(start)
}

const zipKind = (bytes: Uint8Array): { readonly format: Format } | Unsupported => {
  const has = zipMembers(bytes)
  // The first member of books and OpenDocument files says what they are.
  const start = latin1.decode(bytes.subarray(0, 200))
  if (has("word/document")) return { format: "docx" }
  if (has("xl/workbook")) return { format: "xlsx" }
  if (has("ppt/presentation")) return { format: "pptx" }
  if (start.includes("epub+zip") || has("META-INF/container.xml")) return { format: "epub" }
  if (start.includes("vnd.oasis.opendocument")) return { format: "opendocument" }
  if (has("content.xml") && has("META-INF/manifest.xml")) return { format: "opendocument" }
  if (has("[Content_Types].xml")) return { name: "a Microsoft Office file of a rare kind", advice: toText }
  return { name: "a zip archive", advice: unpack }
}

const messageStream = storedName("__substg1.0_")
const encryptedStream = storedName("EncryptedPackage")

/** A compound file (MS-CFB); the names of its streams are in UTF-16. */
const compoundKind = (bytes: Uint8Array): { readonly format: Format } | Unsupported => {
  const names = latin1.decode(bytes.subarray(0, 4 * 1024 * 1024))
  if (names.includes(messageStream)) return { format: "msg" }
  return names.includes(encryptedStream)
    ? { name: "an Office document behind a password", advice: "save it without the password first", isProtected: true }
    : { name: "an old Microsoft Office file (.doc, .xls or .ppt)", advice: "save it as .docx, .xlsx or .pptx first" }
}

/** What bytes are, if they begin as a known format that is not text. */
export const recognise = (bytes: Uint8Array): { readonly format: Format } | Unsupported | undefined => {
  if (startsWith(bytes, ascii("PK\x03\x04"))) return zipKind(bytes)
  if (isCompound(bytes)) return compoundKind(bytes)
  if (isPdf(bytes)) return { format: "pdf" }
  return signatures.find((signature) => startsWith(bytes, signature.bytes, signature.offset))
}
