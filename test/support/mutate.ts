import type { Random } from "./random.ts"

const encoder = new TextEncoder()
const tokens = [
  "\u0000",
  "<",
  "]]>",
  "<!--",
  '"',
  "{",
  "[",
  "\\u",
  "\n\n",
  "\r",
  "%",
  "&#x110000;",
  "&lol;",
  "\u202e",
  "\u001b]8;;x\u0007",
  "4294967295",
  "-1",
  "1e999",
  "__proto__",
  "Content-Type: multipart/mixed; boundary=\n",
  "From a Mon Mar  4 10:00:00 2024\n",
  "00:00 --> ",
  "obj<<",
  "stream\n",
  "PK\u0003\u0004",
  "../../../etc/passwd",
  "' OR 1=1; DROP TABLE entity;--",
  "${process.exit()}",
  "</script>"
] as const
const token = (random: Random): Uint8Array => encoder.encode(random.pick(tokens))

const splice = (bytes: Uint8Array, from: number, to: number, between: Uint8Array): Uint8Array => {
  const made = new Uint8Array(from + between.length + bytes.length - to)
  made.set(bytes.subarray(0, from))
  made.set(between, from)
  made.set(bytes.subarray(to), from + between.length)
  return made
}

/** One way or another in which a file comes to harm: cut off, bits flipped, pieces lost, doubled or of another file. */
const once = (random: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array => {
  const at = random.int(bytes.length + 1)
  const length = 1 + random.int(Math.max(1, Math.min(200, bytes.length)))
  const end = Math.min(bytes.length, at + length)
  switch (random.int(8)) {
    case 0:
      return bytes.slice(0, at)
    case 1:
      return splice(bytes, at, end, new Uint8Array())
    case 2:
      return splice(bytes, at, at, bytes.slice(at, end))
    case 3:
      return splice(bytes, at, end, other.slice(0, random.int(other.length + 1)))
    case 4:
      return splice(bytes, at, at, token(random))
    case 5: {
      const repeated = token(random)
      return splice(
        bytes,
        at,
        at,
        new Uint8Array(Buffer.concat(Array.from({ length: 1 + random.int(300) }, () => repeated)))
      )
    }
    case 6:
      return splice(bytes, at, end, random.bytes(end - at))
    default: {
      const flipped = bytes.slice()
      for (let flips = 1 + random.int(20); flips > 0 && flipped.length > 0; flips--) {
        const index = random.int(flipped.length)
        flipped[index] = (flipped[index] ?? 0) ^ (1 << random.int(8))
      }
      return flipped
    }
  }
}

export type Files = readonly [NamedFile, ...ReadonlyArray<NamedFile>]
type NamedFile = readonly [name: string, bytes: Uint8Array]

/** A file that one to four harms have come to, and one in four under the name of another format. */
export const mutate = (
  random: Random,
  files: Files,
  label: string
): { readonly uri: string; readonly content: Uint8Array } => {
  const [name, bytes] = random.pick(files)
  let content = bytes
  for (let harms = random.int(4); harms >= 0; harms--) content = once(random, content, random.pick(files)[1])
  return { uri: `${label}-${random.int(4) === 0 ? random.pick(files)[0] : name}`, content }
}
