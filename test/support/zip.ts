import { crc32, deflateRawSync } from "node:zlib"

/** A member of a zip file that may lie about itself; `name` may be bytes in no known encoding. */
export interface ZipMember {
  readonly name: string | Uint8Array
  readonly data: Uint8Array
  readonly isStored?: boolean
  readonly method?: number
  readonly flags?: number
  readonly checksum?: number
  readonly declaredSize?: number
  /** Its directory record points at the first member's data. */
  readonly sharesData?: boolean
}

/** A zip file made by hand (PKWARE's APPNOTE 4.3), so that it can be as wrong as a test needs. */
export const makeZip = (members: ReadonlyArray<ZipMember>): Uint8Array => {
  const parts: Array<Uint8Array> = []
  const records: Array<Uint8Array> = []
  let offset = 0
  for (const [index, member] of members.entries()) {
    const isText = typeof member.name === "string"
    const name = Buffer.from(member.name)
    const packed = member.isStored === true ? member.data : deflateRawSync(member.data)
    const method = member.method ?? (member.isStored === true ? 0 : 8)
    const shared = (record: Buffer, at: number): void => {
      record.writeUInt16LE(20, at)
      record.writeUInt16LE((member.flags ?? 0) | (isText ? 0x800 : 0), at + 2)
      record.writeUInt16LE(method, at + 4)
      record.writeUInt32LE(member.checksum ?? crc32(member.data), at + 10)
      record.writeUInt32LE(packed.length, at + 14)
      record.writeUInt32LE(member.declaredSize ?? member.data.length, at + 18)
      record.writeUInt16LE(name.length, at + 22)
    }
    const record = Buffer.alloc(46)
    record.writeUInt32LE(0x02014b50, 0)
    shared(record, 6)
    record.writeUInt32LE(member.sharesData === true ? 0 : offset, 42)
    records.push(record, name)
    if (member.sharesData === true && index > 0) continue
    const header = Buffer.alloc(30)
    header.writeUInt32LE(0x04034b50, 0)
    shared(header, 4)
    parts.push(header, name, packed)
    offset += header.length + name.length + packed.length
  }
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(members.length, 8)
  end.writeUInt16LE(members.length, 10)
  end.writeUInt32LE(
    records.reduce((sum, record) => sum + record.length, 0),
    12
  )
  end.writeUInt32LE(offset, 16)
  return new Uint8Array(Buffer.concat([...parts, ...records, end]))
}

/** A zip file of texts, in this order; `mimetype` is stored as it is, for OpenDocument and EPUB want it so. */
export const zipOf = (files: Readonly<Record<string, string | Uint8Array>>): Uint8Array =>
  makeZip(
    Object.entries(files).map(([name, data]) => ({
      name,
      data: typeof data === "string" ? new TextEncoder().encode(data) : data,
      isStored: name === "mimetype"
    }))
  )
