interface Signature {
  readonly bytes: ReadonlyArray<number>
  readonly offset?: number
  readonly name: string
  readonly advice: string
}

const ascii = (text: string): ReadonlyArray<number> => Array.from(text, (character) => character.charCodeAt(0))

const toText = "convert it to text or Markdown first"
const unpack = "unpack it first and ingest the files inside"
const transcribe = "ingest its transcript (.vtt or .txt) instead"
const noText = "it holds no text to read; leave it out, or ingest a description of it"

/** First bytes of common formats that are not text: the published file signatures (RFCs and vendors' specifications). */
const signatures: ReadonlyArray<Signature> = [
  { bytes: ascii("%PDF-"), name: "a PDF", advice: toText },
  { bytes: ascii("{\\rtf"), name: "an RTF document", advice: toText },
  { bytes: ascii("%!PS"), name: "a PostScript file", advice: toText },
  { bytes: [0xd0, 0xcf, 0x11, 0xe0], name: "an old Microsoft Office file (.doc, .xls, .ppt or .msg)", advice: toText },
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

/** What a zip file is, by the names of its first members, which stand unpacked in its first kilobytes. */
const zipKind = (bytes: Uint8Array): Pick<Signature, "name" | "advice"> => {
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 4096))
  if (head.includes("word/")) return { name: "a Word document (.docx)", advice: toText }
  if (head.includes("xl/")) return { name: "an Excel workbook (.xlsx)", advice: toText }
  if (head.includes("ppt/")) return { name: "a PowerPoint presentation (.pptx)", advice: toText }
  if (head.includes("epub+zip")) return { name: "an EPUB book", advice: toText }
  if (head.includes("opendocument")) return { name: "an OpenDocument file", advice: toText }
  if (head.includes("[Content_Types].xml")) return { name: "a Microsoft Office file", advice: toText }
  return { name: "a zip archive", advice: unpack }
}

/** What bytes seem to be, if they begin as a known format that is not text; with what a person can do about it. */
export const recognise = (bytes: Uint8Array): { readonly name: string; readonly advice: string } | undefined =>
  startsWith(bytes, ascii("PK\x03\x04"))
    ? zipKind(bytes)
    : signatures.find((signature) => startsWith(bytes, signature.bytes, signature.offset))
