import type { Chat, Message, Section } from "./Conversation.ts"
import { type Fields, field, firstText, idOf, isFields, mostly, objects, textOf } from "../fields.ts"
import { nameIn } from "./people.ts"
import { firstMoment } from "./time.ts"

const speakerKeys = [
  "speaker",
  "speaker_name",
  "author",
  "sender",
  "sender_name",
  "from",
  "user",
  "username",
  "nick",
  "role"
]
const textKeys = ["content", "text", "message", "body", "utterance", "transcript"]
const timeKeys = ["ts", "time", "timestamp", "date", "created_at", "createdAt", "sent_at", "datetime"]
const offsetKeys = ["start", "start_time", "startTime", "offset", "begin"]
const listKeys = [
  "messages",
  "conversation",
  "conversations",
  "transcript",
  "turns",
  "utterances",
  "segments",
  "dialogue",
  "dialog",
  "chat"
]
/** What articles, posts, records and mails have, and messages of a chat do not. */
const otherKeys = [
  "title",
  "headline",
  "slug",
  "subject",
  "url",
  "link",
  "name",
  "cc",
  "description",
  "summary",
  "isbn",
  "price"
]
const chatRoles = new Set(["user", "assistant", "system", "human", "tool", "developer", "ai", "bot", "model", "gpt"])

const personKeys = ["name", "displayName", "display_name", "real_name", "full_name", "username", "role", "email", "id"]

const speakerOf = (item: Fields): string | undefined => {
  for (const key of speakerKeys) {
    const value = field(item, key)
    const name = isFields(value) ? firstText(value, personKeys) : idOf(item, key)
    if (name !== undefined) return name
  }
  return undefined
}

/** A text, a list of texts or of pieces that have one, or an object that has one. */
const written = (value: unknown): string =>
  typeof value === "string"
    ? value
    : Array.isArray(value)
      ? value.map((part: unknown) => (typeof part === "string" ? part : textOf(part, "text"))).join("\n")
      : Array.isArray(field(value, "parts"))
        ? written(field(value, "parts"))
        : textOf(value, "text")

const saidIn = (item: Fields): string => {
  for (const key of textKeys) {
    const text = written(field(item, key))
    if (text.trim() !== "") return text
  }
  return written(field(item, "value"))
}

const isMessage = (item: Fields): boolean => {
  const speaker = speakerOf(item)
  if (speaker === undefined || speaker.length > 80 || saidIn(item) === "") return false
  return chatRoles.has(textOf(item, "role")) || !otherKeys.some((key) => Object.hasOwn(item, key))
}

/** Seconds from the start of a recording, or a clock's reading of it, in milliseconds. */
const offsetOf = (item: Fields): number | undefined => {
  for (const key of offsetKeys) {
    const value = field(item, key)
    const clock = typeof value === "string" ? /^(?:(\d{1,3}):)?(\d{1,2}):(\d\d(?:[.,]\d{1,3})?)$/.exec(value) : null
    if (clock)
      return (Number(clock[1] ?? 0) * 3600 + Number(clock[2]) * 60 + Number(clock[3]?.replace(",", "."))) * 1000
    const seconds = typeof value === "string" && /^\d{1,7}(?:\.\d{1,9})?$/.test(value) ? Number(value) : value
    if (typeof seconds === "number" && seconds >= 0 && seconds < 1e7) return seconds * 1000
  }
  return undefined
}

const readMessage = (item: Fields): Message => ({
  id: idOf(item, "id") ?? idOf(item, "message_id"),
  at: firstMoment(timeKeys.map((key) => field(item, key))) ?? offsetOf(item),
  speaker: nameIn(speakerOf(item) ?? "").name,
  text: saidIn(item),
  replyTo: idOf(item, "reply_to") ?? idOf(item, "replyTo") ?? idOf(item, "in_reply_to") ?? idOf(item, "parent_id")
})

/** Whether those who speak do so in turns: somebody more than once, or in roles that only conversations have. */
const isConversation = (items: unknown): boolean => {
  if (!mostly(items, isMessage)) return false
  const speakers = objects(items)
    .slice(0, 200)
    .flatMap((item) => speakerOf(item) ?? [])
  const distinct = new Set(speakers)
  if ([...distinct].every((speaker) => chatRoles.has(speaker.toLowerCase()))) return true
  return speakers.length >= 3 && distinct.size >= 2 && distinct.size * 3 <= speakers.length * 2
}

const listIn = (value: unknown): unknown =>
  Array.isArray(value) ? value : listKeys.map((key) => field(value, key)).find((items) => isConversation(items))

/** Any list of messages that have somebody who says something, by the names that such fields commonly have. */
export const readGeneric = (value: unknown): Chat | undefined => {
  const nested = mostly(value, (item) => isConversation(listIn(item)))
  const items = nested ? undefined : listIn(value)
  if (!nested && !isConversation(items)) return undefined
  const headingOf = (item: unknown): string | undefined => firstText(item, ["title", "name", "topic", "subject"])
  const sections = nested
    ? objects(value).map((item): Section => ({
        heading: headingOf(item),
        messages: objects(listIn(item)).map(readMessage)
      }))
    : [{ messages: objects(items).map(readMessage) }]
  const title = nested || Array.isArray(value) ? "" : (headingOf(value) ?? "")
  return { title, event: title, sections }
}
