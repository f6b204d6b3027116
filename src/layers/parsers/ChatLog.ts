import type { Parsed } from "../../services/Parser.ts"
import { styleOf } from "./chats/lines.ts"
import { groupNamed, isEncryptionNotice, isGroupNotice, messageText } from "./chats/notices.ts"
import { Participation } from "./chats/participation.ts"
import { isPerson, nameIn } from "./chats/people.ts"
import { readPreamble } from "./chats/preamble.ts"
import { clockOf, dayNamed } from "./chats/stamps.ts"
import { type Line, type Style, styles } from "./chats/styles.ts"
import { dayOf } from "./chats/time.ts"
import { decode } from "./decode.ts"
import type { Parse } from "./Format.ts"
import { corresponded, participated } from "./statements.ts"
import { readText } from "./Text.ts"
import { Writer } from "./Writer.ts"

type Entry = Line | { readonly kind: "rest"; readonly text: string }

/** Of blank lines, one of each run. */
const entriesOf = (text: string, style: Style): ReadonlyArray<Entry> => {
  const read = styles[style]
  const entries: Array<Entry> = []
  let isBlank = false
  for (let from = 0; from <= text.length;) {
    const newline = text.indexOf("\n", from)
    const line = text.slice(from, newline < 0 ? text.length : newline).trimEnd()
    if (line !== "") entries.push(read(line) ?? { kind: "rest", text: line })
    else if (!isBlank) entries.push({ kind: "rest", text: "" })
    isBlank = line === ""
    from = newline < 0 ? text.length + 1 : newline + 1
  }
  return entries
}

/**
 * The name of a group in whose own name the log tells what happened to it: whoever says that messages are encrypted and
 * says nothing else but such things.
 */
const groupOf = (entries: ReadonlyArray<Entry>): string | undefined => {
  const telling = entries.find((entry) => entry.kind === "turn" && isEncryptionNotice(entry.text))
  if (telling?.kind !== "turn") return undefined
  const { speaker } = telling
  return entries.every((entry) => entry.kind !== "turn" || entry.speaker !== speaker || isGroupNotice(entry.text))
    ? speaker
    : undefined
}

const channel = /(?:has joined|now talking (?:in|on)|session ident:|topic for|channel:) (#[^\s:,.]{1,80})/i

/** The channel that an IRC log tells of, if it is one. */
const channelOf = (entries: ReadonlyArray<Entry>): string | undefined => {
  const found = new Set<string>()
  for (const entry of entries) {
    const text = entry.kind === "noise" || entry.kind === "notice" ? entry.text.slice(0, 300) : ""
    const name = text === "" ? undefined : channel.exec(text)?.[1]
    if (name !== undefined) found.add(name)
  }
  return found.size === 1 ? [...found][0] : undefined
}

const markdownHeading = /^(#{1,6})[ \t]+(\S[^\n]{0,300})$/
const letters = /\p{L}/gu

/** What programs write below a transcript, or in it where they begin and stop. */
const trailer =
  /^(?:meeting ended after \d|this editable transcript was|transcribed by https?:|(?:transcript|recording) ended\b|[^\n:]{1,60} (?:started|stopped) transcription$)/i

/** A line that names a day and says nothing else: at most a weekday and a month. */
const isDayLine = (text: string): boolean =>
  text.length <= 60 && dayNamed(text) !== undefined && (text.match(letters)?.length ?? 0) <= 20 && !text.includes(": ")

const write = (uri: string, text: string, style: Style): Parsed => {
  const entries = entriesOf(text, style)
  const clock = clockOf(
    entries.flatMap((entry) => ("stamp" in entry && entry.stamp !== undefined ? [entry.stamp] : [])),
    style === "irc" || style === "columns"
  )
  const group = groupOf(entries)
  const groups = entries.flatMap((entry) =>
    entry.kind === "notice" || entry.kind === "turn" ? (groupNamed(entry.text) ?? []) : []
  )
  const first = entries.findIndex(({ kind }) => kind === "turn")
  const isPreamble = (index: number): boolean => index < first
  const before = entries.slice(0, first).flatMap((entry) => (entry.kind === "rest" ? [entry.text] : []))
  const preamble = readPreamble(before)

  const writer = new Writer(uri)
  const title = preamble.title || (group ?? groups.at(-1) ?? channelOf(entries) ?? "")
  if (preamble.title === "" && !preamble.parts.some(({ kind }) => kind === "heading")) writer.heading(1, title)
  for (const part of preamble.parts) {
    if (part.kind === "heading") writer.heading(1, part.text)
    else writer.paragraph(part.text)
  }
  writer.state(0, participated(preamble.people.filter(isPerson), title))

  const participation = new Participation(title)
  const times = new Map<string, number>()
  for (const entry of entries) {
    const { name } = entry.kind === "turn" ? nameIn(entry.speaker) : { name: "" }
    times.set(name, (times.get(name) ?? 0) + 1)
  }
  /** One word that speaks once may be anything but on IRC: a program, a field of a form. */
  const isSomebody = (name: string): boolean =>
    isPerson(name) && (style === "irc" || style === "columns" || name.includes(" ") || (times.get(name) ?? 0) > 1)
  const noted = new Set<string>()
  let earliest: number | undefined
  let now: number | undefined
  let open:
    | {
        readonly speaker: string
        readonly at: number | undefined
        readonly to?: string | undefined
        said: Array<string>
      }
    | undefined

  const close = (): void => {
    if (open === undefined) return
    const { at, said, speaker, to } = open
    open = undefined
    const whole = messageText(said.join("\n"))
    const start = writer.turn({ speaker, at, text: whole })
    if (start < 0) return
    const stated = participation.turn(start, speaker, at)
    if (stated !== undefined && isSomebody(speaker)) writer.state(start, stated)
    if (to !== undefined && isSomebody(speaker) && isSomebody(to)) {
      const line = `${speaker} to ${to}: ${whole.slice(0, 1000)}`
      writer.state(start, corresponded({ from: [{ name: speaker }], to: [{ name: to }], thread: "", text: line }))
    }
  }

  for (const [index, entry] of entries.entries()) {
    switch (entry.kind) {
      case "turn": {
        const at = entry.stamp === undefined ? now : clock.read(entry.stamp)
        if (at !== undefined && (earliest === undefined || at < earliest)) earliest = at
        close()
        if (isEncryptionNotice(entry.text)) break
        if (group !== undefined && entry.speaker === group) {
          writer.paragraph(entry.text)
          break
        }
        const { name, note } = nameIn(entry.speaker)
        const isNew = note !== "" && !noted.has(`${name}\n${note}`)
        if (isNew) noted.add(`${name}\n${note}`)
        open = { speaker: name, at, to: entry.to, said: [isNew ? `(${note}) ${entry.text}` : entry.text] }
        break
      }
      case "notice":
        close()
        if (entry.stamp !== undefined) clock.read(entry.stamp)
        if (!isEncryptionNotice(entry.text)) writer.paragraph(entry.text)
        break
      case "time":
        now = clock.read(entry.stamp)
        break
      case "day": {
        close()
        const day = dayNamed(entry.text)
        if (day !== undefined) clock.day(day)
        break
      }
      case "noise":
        close()
        break
      case "rest": {
        if (isPreamble(index)) break
        const heading = markdownHeading.exec(entry.text)
        const isDay = heading === null && entry.text !== "" && isDayLine(entry.text)
        if (heading !== null || isDay) {
          close()
          if (isDay) clock.day(dayNamed(entry.text) ?? 0)
          writer.heading(heading?.[1]?.length ?? 2, heading?.[2] ?? entry.text)
        } else if (trailer.test(entry.text)) {
          close()
          writer.paragraph(entry.text)
        } else if (open !== undefined) open.said.push(entry.text)
        else writer.paragraph(entry.text)
      }
    }
  }
  close()
  const dated = earliest !== undefined && earliest >= firstDate ? dayOf(earliest) : undefined
  return writer.finish({ mediaType: "text/plain", title, date: preamble.date ?? dated })
}

/** Earlier moments are counted from the start of a recording: March 1973 in milliseconds. */
const firstDate = 100_000_000_000

/** The conversation in a text; undefined if it is none. */
export const readChatLog = (uri: string, text: string): Parsed | undefined => {
  const style = styleOf(text)
  return style === undefined ? undefined : write(uri, text, style)
}

/**
 * A chat log or transcript as text: WhatsApp, Signal, IRC clients, chats and transcripts of meetings, `Name: text`. A
 * turn for each message; lines that are none go on with the message above, or are paragraphs where there is none. What
 * stands above the first message gives title, date and people. Text that is no such log is read as plain text.
 */
export const parseChatLog: Parse = (uri, bytes) => {
  const text = decode(uri, bytes)
  return readChatLog(uri, text) ?? readText(text)
}
