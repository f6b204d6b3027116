import { createHash } from "node:crypto"
import { Effect, Option, Stream } from "effect"
import type { ContainerFile, Contents } from "../../services/Unpacker.ts"
import { SourceItemError } from "../../services/DocumentSource.ts"
import type { SourceItem } from "../../services/DocumentSource.ts"
import { headerEnd } from "../parsers/mail/mime.ts"
import type { ContainerOptions } from "./options.ts"
import { problem, readRange } from "./options.ts"

/** How much of the mailbox is in memory at once. */
const windowBytes = 1024 * 1024
/** A `From ` line and the beginning of the line after it fit in this. */
const lookAhead = 2048
/** A blank line before the `From ` line fits in this. */
const lookBehind = 8
const maxFromLine = 512
const maxHeader = 64 * 1024
const maxId = 200

const LF = 0x0a
const CR = 0x0d

// As programs write it: an address, and a date as of C's asctime, which a zone may stand in or after, or of ISO 8601.
const fromLine =
  /^From (?:.{0,300} )?(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? {1,2}(?:[A-Z][a-z]{2} {1,2}\d{1,2}|\d{1,2}[ -][A-Z][a-z]{2})[ -].{0,10}\d{1,2}:\d\d|\d{4}-\d\d-\d\d[ T]\d\d:\d\d)/
const fieldLine = /^(?:>?From |[!-9;-~]{1,80}[ \t]*:)/
const latin1 = new TextDecoder("latin1")

/** Whether a message of a mailbox begins here: a `From ` line with a date, and a header field after it. */
const beginsMessage = (bytes: Uint8Array, at: number): boolean => {
  if (bytes[at] !== 0x46 || bytes[at + 4] !== 0x20) return false
  const newline = bytes.indexOf(LF, at)
  if (newline < 0 || newline - at > maxFromLine) return false
  return (
    fromLine.test(latin1.decode(bytes.subarray(at, newline))) &&
    fieldLine.test(latin1.decode(bytes.subarray(newline + 1, newline + 100)))
  )
}

const isAfterBlankLine = (bytes: Uint8Array, at: number): boolean =>
  bytes[at - 1] === LF && (bytes[at - 2] === LF || (bytes[at - 2] === CR && bytes[at - 3] === LF))

/** Where the first message of a mailbox begins, behind a byte order mark or blank lines; -1 if this is no mailbox. */
export const mailboxStart = (head: Uint8Array): number => {
  let at = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0
  while (at < 64 && (head[at] === LF || head[at] === CR)) at++
  return beginsMessage(head, at) ? at : -1
}

/**
 * A message's own bytes: without the blank lines that end it in the mailbox, so that they stay the same when another one
 * comes after it, and with `From ` at the start of a line as it was written (`>From ` in an mboxo, `>>From ` for `>From `
 * too in an mboxrd).
 */
export const messageBytes = (stored: Uint8Array): Uint8Array => {
  let end = stored.length
  while (end > 0 && (stored[end - 1] === LF || stored[end - 1] === CR)) end--
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, end)
  const cuts: Array<number> = []
  for (let at = bytes.indexOf(">From "); at >= 0; at = bytes.indexOf(">From ", at + 1)) {
    let start = at
    while (start > 0 && bytes[start - 1] === 0x3e) start--
    if (start === 0 || bytes[start - 1] === LF) cuts.push(start)
  }
  const own = new Uint8Array(end - cuts.length)
  let from = 0
  let length = 0
  for (const cut of [...cuts, end]) {
    own.set(bytes.subarray(from, cut), length)
    length += cut - from
    from = cut + 1
  }
  return own
}

/** The first `name` field of a header, unfolded. */
const field = (header: string, name: string): string =>
  (new RegExp(`^${name}:([^\\n]{0,1000}(?:\\n[ \\t][^\\n]{0,1000}){0,5})`, "im").exec(header)?.[1] ?? "").trim()

/** `<a@b>` is `a@b`; what a program writes there besides is left out. */
const messageId = (header: string): string =>
  (/<([^<>]+)>/.exec(field(header, "message-id"))?.[1] ?? field(header, "message-id"))
    .replaceAll(/[\s\u0000-\u001f\u007f-\u009f<>]/g, "")
    .slice(0, maxId)

interface Open {
  readonly start: number
  readonly header: Uint8Array
  readonly bodyStart: number
}

interface State {
  readonly from: number
  /** No message begins between here and the one that is open. */
  readonly searchFrom: number
  readonly open: Open | undefined
}

/** A number of 53 bits for an identifier: of a million of them two are the same with a chance of 1 in 18,000. */
const hashOf = (text: string): number => {
  const digest = createHash("sha256").update(text).digest()
  return digest.readUIntBE(0, 6) * 32 + ((digest[6] ?? 0) & 31)
}

/**
 * Messages of a mailbox (mbox in its variants: RFC 4155, mboxo, mboxrd, mboxcl), in the order in which they stand, named by
 * their `Message-ID`, `~2` after the second of the same; by a hash of their bytes if they have none. The file is read in
 * windows of a megabyte, and a message again when it is wanted; memory holds a number of 53 bits for each name, some 40
 * bytes, so that a mailbox of a million messages takes 40 MB.
 */
export const openMailbox = (file: ContainerFile, start: number, { maxBytes }: ContainerOptions): Contents => {
  const read = (from: number, to: number) => readRange(file, from, Math.min(to, file.size))

  const readMessage = (from: number, to: number) => Effect.map(read(from, to), messageBytes)

  const items = Stream.suspend(() => {
    const seen = new Set<number>()
    const copies = new Map<number, number>()
    const unique = (name: string): string => {
      const hash = hashOf(name)
      if (!seen.has(hash)) {
        seen.add(hash)
        return name
      }
      const count = (copies.get(hash) ?? 1) + 1
      copies.set(hash, count)
      return `${name}~${count}`
    }

    const itemOf = Effect.fnUntraced(function* ({ header, start: from }: Open, to: number) {
      const id = messageId(latin1.decode(header))
      const isLarge = to - from > maxBytes
      const name =
        id !== ""
          ? id
          : `sha-${createHash("sha256")
              .update(isLarge ? header : yield* readMessage(from, to))
              .digest("hex")
              .slice(0, 12)}`
      const uri = `${file.uri}#${unique(name)}`
      const item: SourceItem = {
        uri,
        mediaType: Effect.succeed("message/rfc822"),
        read: isLarge
          ? problem(
              uri,
              "too-large",
              `has ${to - from} bytes, more than the limit of ${maxBytes}: raise --max-document`
            )
          : readMessage(from, to)
      }
      return item
    })

    /** A message whose length its header gives (mboxcl) ends there, if another one begins there or the file ends. */
    const endOf = Effect.fnUntraced(function* (open: Open) {
      const length = Number(/^\d{1,12}/.exec(field(latin1.decode(open.header), "content-length"))?.[0])
      const to = open.bodyStart + length
      if (!Number.isFinite(length) || length === 0 || to > file.size) return open.start
      const next = yield* read(to, to + lookAhead)
      let at = 0
      while (at < 8 && (next[at] === LF || next[at] === CR)) at++
      return at === next.length || beginsMessage(next, at) ? to : open.start
    })

    const step = Effect.fnUntraced(function* (state: State) {
      const end = Math.min(state.from + windowBytes, file.size)
      const window = yield* read(state.from, end)
      const bytes = Buffer.from(window.buffer, window.byteOffset, window.length)
      const isLast = end === file.size
      const limit = isLast ? end : end - lookAhead
      const items: Array<SourceItem> = []
      let { open, searchFrom } = state
      while (searchFrom < limit) {
        const from = searchFrom - state.from
        const isFirst = searchFrom === start && open === undefined
        const newline = isFirst ? from - 1 : bytes.indexOf("\nFrom ", Math.max(0, from - 1))
        if (newline < -1 || (newline === -1 && !isFirst)) break
        const at = newline + 1
        if (state.from + at >= limit) break
        searchFrom = state.from + at + 1
        if (!beginsMessage(bytes, at) || !(isFirst || isAfterBlankLine(bytes, at))) continue
        if (open !== undefined) items.push(yield* itemOf(open, state.from + at))
        const begin = bytes.indexOf(LF, at) + 1
        const isWhole = isLast || begin + maxHeader <= bytes.length
        const head = isWhole
          ? bytes.subarray(begin, begin + maxHeader)
          : yield* read(state.from + begin, state.from + begin + maxHeader)
        const headEnd = headerEnd(head)
        open = {
          start: state.from + begin,
          // A copy, since it outlives the window.
          header: new Uint8Array(head.subarray(0, headEnd)),
          bodyStart: state.from + begin + headEnd + (head[headEnd + 1] === CR ? 3 : 2)
        }
        searchFrom = Math.max(searchFrom, yield* endOf(open))
      }
      if (isLast) {
        if (open !== undefined) items.push(yield* itemOf(open, file.size))
        return [items, Option.none<State>()] as const
      }
      searchFrom = Math.max(searchFrom, limit)
      return [items, Option.some<State>({ from: Math.max(0, searchFrom - lookBehind), searchFrom, open })] as const
    })

    return Stream.paginate<State, SourceItem, SourceItemError>({ from: 0, searchFrom: start, open: undefined }, step)
  })
  return { isDocument: false, items }
}
