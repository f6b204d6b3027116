import type { Parsed } from "../../../services/Parser.ts"
import { corresponded, participated } from "../statements.ts"
import { oneLine, Writer } from "../Writer.ts"
import { Participation } from "./participation.ts"
import { isPerson } from "./people.ts"
import { dayOf } from "./time.ts"

export interface Message {
  /** Of its own, for what answers it. */
  readonly id?: string | undefined
  readonly speaker?: string | undefined
  /** Milliseconds since the epoch. */
  readonly at?: number | undefined
  readonly text: string
  /** The message whose thread it is in, itself if it begins one: a thread is put together. */
  readonly thread?: string | undefined
  /** The message that it answers. */
  readonly replyTo?: string | undefined
  /** Whom it was sent to, if not to all. */
  readonly to?: ReadonlyArray<string> | undefined
  /** Whether no person wrote it. */
  readonly isAutomatic?: boolean | undefined
}

export interface Section {
  readonly heading?: string | undefined
  readonly messages: ReadonlyArray<Message>
}

export interface Chat {
  readonly title: string
  /** What those who speak took part in, empty if that has no name: a talk between two is called after one of them. */
  readonly event: string
  /** What is known besides the messages: a channel's topic. */
  readonly about?: ReadonlyArray<string>
  /** Who took part without saying anything. */
  readonly people?: ReadonlyArray<string>
  readonly aliases?: ReadonlyMap<string, ReadonlyArray<string>>
  /** Where no message tells. */
  readonly date?: string | undefined
  readonly sections: ReadonlyArray<Section>
}

/** The parts of a message that are not blank, one below the other. */
export const joined = (parts: ReadonlyArray<string>): string => parts.filter((part) => part.trim() !== "").join("\n")

/** What stands in a message for a file that came with it; nothing if that has no name. */
export const fileMark = (name: string | undefined): string =>
  name === undefined || name === "" ? "" : `[file: ${name}]`

/** In the order of time, if each message has one, and each thread where it begins; else as they come. */
const ordered = (messages: ReadonlyArray<Message>): ReadonlyArray<Message> => {
  const timed = messages.every(({ at }) => at !== undefined)
  const inTime = timed ? messages.toSorted((a, b) => (a.at ?? 0) - (b.at ?? 0)) : messages
  const threads = new Map<string, Array<Message>>()
  const groups: Array<ReadonlyArray<Message>> = []
  for (const message of inTime) {
    const known = message.thread === undefined ? undefined : threads.get(message.thread)
    if (known !== undefined) {
      known.push(message)
      continue
    }
    const group = [message]
    if (message.thread !== undefined) threads.set(message.thread, group)
    groups.push(group)
  }
  return groups.flat()
}

/** Earlier moments are counted from the start of a recording: March 1973 in milliseconds. */
const firstDate = 100_000_000_000

const firstAt = (sections: ReadonlyArray<Section>): number | undefined => {
  let first: number | undefined
  for (const { messages } of sections) {
    for (const { at } of messages) if (at !== undefined && (first === undefined || at < first)) first = at
  }
  return first
}

/**
 * Writes a conversation: its title as a heading, what is known of it, a turn for each message. States who took part
 * where they speak, and who answered whom where both are known. Its date is that of its first message.
 */
export const writeChat = (uri: string, chat: Chat, mediaType = "application/json"): Parsed => {
  const writer = new Writer(uri)
  const title = oneLine(chat.title)
  writer.heading(1, title)
  for (const about of chat.about ?? []) writer.paragraph(about)
  writer.state(0, participated((chat.people ?? []).filter(isPerson), chat.event))
  for (const { heading, messages } of chat.sections) {
    if (heading !== undefined) writer.heading(title === "" ? 1 : 2, heading)
    const participation = new Participation(chat.event, chat.aliases)
    const written = new Map<string, { readonly start: number; readonly speaker: string | undefined }>()
    for (const message of ordered(messages)) {
      const { at, id, isAutomatic, text } = message
      const speaker = oneLine(message.speaker ?? "") || undefined
      const target = message.replyTo === undefined || message.replyTo === id ? undefined : written.get(message.replyTo)
      const start = writer.turn({ speaker, at, text, replyTo: target?.start })
      if (start < 0) continue
      if (id !== undefined && !written.has(id)) written.set(id, { start, speaker: isAutomatic ? undefined : speaker })
      if (speaker === undefined || isAutomatic) continue
      const stated = participation.turn(start, speaker, at)
      if (stated !== undefined) writer.state(start, stated)
      const to = [target?.speaker, ...(message.to ?? [])].flatMap((name) =>
        name !== undefined && name !== speaker && isPerson(name) ? [{ name }] : []
      )
      if (to.length > 0 && isPerson(speaker))
        writer.state(
          start,
          corresponded({ from: [{ name: speaker }], to, thread: "", text: `${speaker}: ${text.slice(0, 1000)}` })
        )
    }
  }
  const first = firstAt(chat.sections)
  const date = chat.date ?? (first === undefined || first < firstDate ? undefined : dayOf(first))
  return writer.finish({ mediaType, title, date })
}
