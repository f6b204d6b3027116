/**
 * Compound files (MS-CFB) that are sound enough for a library that follows every chain to its end: a chain that leads
 * back into itself would never end, and a size that is made up would take all memory.
 */

/** Whether bytes begin as a compound file: as which Outlook stores messages, and old Office programs their documents. */
export const isCompound = (bytes: Uint8Array): boolean =>
  [0xd0, 0xcf, 0x11, 0xe0].every((byte, index) => bytes[index] === byte)

/** A name of its directory (UTF-16), as it stands in the bytes read as Latin-1. */
export const storedName = (name: string): string => Array.from(name, (character) => `${character}\0`).join("")

/** Storages in storages: a message takes two for each message attached to it. */
const maxDepth = 100
const endOfChain = -2
const noEntry = -1
const entryBytes = 128
const smallSector = 64
const smallStream = 4096

type Problem = string

/** What is wrong with a compound file, or undefined. Linear in the bytes. */
export const compoundProblem = (bytes: Uint8Array): Problem | undefined => {
  if (bytes.length < 1536) return "it is cut off"
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const shift = view.getUint16(30, true)
  if (shift !== 9 && shift !== 12) return "its header is broken"
  const sector = 1 << shift
  const sectors = Math.ceil(bytes.length / sector)
  const perSector = sector / 4
  const at = (index: number): number => (index + 1) * sector
  const intAt = (offset: number): number | undefined =>
    offset >= 0 && offset + 4 <= bytes.length ? view.getInt32(offset, true) : undefined

  const header = { fats: 44, directory: 48, smallFat: 60, smallFats: 64, moreFats: 68, moreFatsCount: 72 }
  const count = intAt(header.fats) ?? -1
  if (count < 0 || count > sectors || (intAt(header.smallFats) ?? -1) > sectors) return "its header is broken"
  if ((intAt(header.moreFatsCount) ?? -1) > sectors) return "its header is broken"
  const fats: Array<number> = []
  for (let index = 0; index < Math.min(count, 109); index++) fats.push(intAt(76 + index * 4) ?? endOfChain)
  let more = intAt(header.moreFats) ?? endOfChain
  for (let index = 0; index < (intAt(header.moreFatsCount) ?? 0) && more >= 0; index++) {
    for (let slot = 0; slot < perSector - 1 && fats.length < count; slot++) {
      fats.push(intAt(at(more) + slot * 4) ?? endOfChain)
    }
    more = intAt(at(more) + (perSector - 1) * 4) ?? endOfChain
  }

  const nextOf = (index: number, table: ReadonlyArray<number>): number => {
    const block = table[Math.floor(index / perSector)]
    return block === undefined || index < 0 ? endOfChain : (intAt(at(block) + (index % perSector) * 4) ?? endOfChain)
  }
  /** The sectors of a chain; undefined if there are more than there can be. */
  const chain = (start: number, table: ReadonlyArray<number>, limit: number): ReadonlyArray<number> | undefined => {
    const found: Array<number> = []
    for (let index = start; index !== endOfChain; index = nextOf(index, table)) {
      if (found.length >= limit || index < 0) return undefined
      found.push(index)
    }
    return found
  }

  const directory = chain(intAt(header.directory) ?? endOfChain, fats, sectors)
  if (directory === undefined || directory.length === 0) return "its directory is broken"
  const perDirectory = sector / entryBytes
  const entryAt = (index: number): number => {
    const block = directory[Math.floor(index / perDirectory)]
    const offset = block === undefined ? -1 : at(block) + (index % perDirectory) * entryBytes
    return offset >= 0 && offset + entryBytes <= bytes.length ? offset : -1
  }
  const smallFats = chain(intAt(header.smallFat) ?? endOfChain, fats, sectors)
  const root = entryAt(0)
  if (smallFats === undefined || root < 0 || chain(intAt(root + 116) ?? endOfChain, fats, sectors) === undefined) {
    return "its table of sectors is broken"
  }

  const entries = directory.length * perDirectory
  const seen = new Uint8Array(entries)
  const waiting: Array<readonly [entry: number, depth: number]> = []
  const visit = (entry: number, depth: number) => {
    if (entry !== noEntry) waiting.push([entry, depth])
  }
  visit(intAt(root + 76) ?? noEntry, 1)
  seen[0] = 1
  let held = 0
  while (waiting.length > 0) {
    const [entry, depth] = waiting.pop() ?? [0, 0]
    const offset = entryAt(entry)
    if (offset < 0 || seen[entry] === 1) return "its directory is broken"
    if (depth > maxDepth) return "it holds messages in messages, too deep to be read"
    seen[entry] = 1
    const kind = bytes[offset + 66]
    visit(intAt(offset + 68) ?? noEntry, depth)
    visit(intAt(offset + 72) ?? noEntry, depth)
    if (kind === 1) visit(intAt(offset + 76) ?? noEntry, depth + 1)
    if (kind !== 2) continue
    const size = intAt(offset + 120) ?? -1
    const start = intAt(offset + 116) ?? endOfChain
    held += size
    if (size < 0 || held > bytes.length * 2) return "the sizes in its directory are wrong"
    if (size > 0 && size < smallStream) {
      if (chain(start, smallFats, smallStream / smallSector) === undefined) return "its table of sectors is broken"
    }
  }
  return undefined
}
