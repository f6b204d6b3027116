import { burn } from "@kenjiuno/msgreader/lib/Burner.js"
import type { Entry } from "@kenjiuno/msgreader/lib/Burner.js"

/** A stream's bytes, or a storage with what is in it. */
export interface Storage {
  readonly [name: string]: Uint8Array | Storage
}

const kinds = { storage: 1, stream: 2, root: 5 } as const

const utf16 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "utf16le"))
const ansi = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"))

/** A property's name and bytes (MS-OXMSG 2.1.1): `001F` is a Unicode string, `001E` one in a code page, `0102` bytes. */
export const property = (tag: string, value: string | Uint8Array): Storage => ({
  [`__substg1.0_${tag}`]: typeof value === "string" ? (tag.endsWith("001E") ? ansi(value) : utf16(value)) : value
})

const longs = (headerBytes: number, values: Readonly<Record<number, number>>): Storage => {
  const bytes = Buffer.alloc(headerBytes + 16 * Object.keys(values).length)
  let at = headerBytes
  for (const [tag, value] of Object.entries(values)) {
    bytes.writeUInt32LE(Number(tag), at)
    bytes.writeUInt32LE(value, at + 8)
    at += 16
  }
  return { "__properties_version1.0": new Uint8Array(bytes) }
}

export const codepage = (page: number): Storage => longs(32, { 0x3ffd0003: page })

export const recipient = (number: number, kind: 1 | 2, name: string, address: string): Storage => ({
  [`__recip_version1.0_#0000000${number}`]: {
    ...longs(8, { 0x0c150003: kind }),
    ...property("3001001F", name),
    ...property("39FE001F", address)
  }
})

export const attachedFile = (number: number, name: string, type: string, data: Uint8Array): Storage => ({
  [`__attach_version1.0_#0000000${number}`]: {
    ...property("3707001F", name),
    ...property("370E001F", type),
    ...property("37010102", data)
  }
})

export const attachedMessage = (number: number, name: string, message: Storage): Storage => ({
  [`__attach_version1.0_#0000000${number}`]: { ...property("3001001F", name), "__substg1.0_3701000D": message }
})

/** An Outlook message, stored as a compound file. */
export const makeMsg = (root: Storage): Uint8Array => {
  const entries: Array<Entry> = [{ name: "Root Entry", type: kinds.root, children: [], length: 0 }]
  const add = (storage: Storage, parent: number) => {
    for (const [name, value] of Object.entries(storage)) {
      const index = entries.length
      entries[parent]?.children?.push(index)
      if (value instanceof Uint8Array) {
        entries.push({ name, type: kinds.stream, binaryProvider: () => value, length: value.length })
      } else {
        entries.push({ name, type: kinds.storage, children: [], length: 0 })
        add(value, index)
      }
    }
  }
  add(root, 0)
  return new Uint8Array(burn(entries))
}
