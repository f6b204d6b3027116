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
  "sentences",
  "monologues",
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
  "price",
  "product",
  "product_id",
  "asin",
  "stars",
  "rating",
  "score",
  "review"
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

/**
 * Whether the times of a recording are milliseconds: whole numbers, and what is said takes a fifth of a second at least,
 * which hardly anybody speaks as long as that number of seconds.
 */
const isMilliseconds = (items: ReadonlyArray<Fields>): boolean => {
  const spans = items.slice(0, 200).flatMap((item) => {
    const start = field(item, "start")
    const end = field(item, "end")
    return typeof start === "number" && typeof end === "number" ? [[start, end] as const] : []
  })
  return (
    spans.length > 0 &&
    spans.every((span) => span.every(Number.isInteger)) &&
    spans.filter(([start, end]) => end - start >= 200).length * 2 > spans.length
  )
}

/** Seconds (or milliseconds) from the start of a recording, or a clock's reading of it, in milliseconds. */
const offsetOf = (item: Fields, unit: number): number | undefined => {
  for (const key of offsetKeys) {
    const value = field(item, key)
    const clock = typeof value === "string" ? /^(?:(\d{1,3}):)?(\d{1,2}):(\d\d(?:[.,]\d{1,3})?)$/.exec(value) : null
    if (clock)
      return (Number(clock[1] ?? 0) * 3600 + Number(clock[2]) * 60 + Number(clock[3]?.replace(",", "."))) * 1000
    const seconds = typeof value === "string" && /^\d{1,7}(?:\.\d{1,9})?$/.test(value) ? Number(value) : value
    if (typeof seconds === "number" && seconds >= 0 && seconds < 1e10 / unit) return seconds * unit
  }
  return undefined
}

const readMessage =
  (unit: number) =>
  (item: Fields): Message => ({
    id: idOf(item, "id") ?? idOf(item, "message_id"),
    at: firstMoment(timeKeys.map((key) => field(item, key))) ?? offsetOf(item, unit),
    speaker: nameIn(speakerOf(item) ?? "").name,
    text: saidIn(item),
    replyTo: idOf(item, "reply_to") ?? idOf(item, "replyTo") ?? idOf(item, "in_reply_to") ?? idOf(item, "parent_id")
  })

const placeKeys = [...timeKeys, ...offsetKeys, "speaker", "speaker_name", "role", "reply_to", "replyTo", "parent_id"]

const isPlaced = (item: Fields): boolean => placeKeys.some((key) => Object.hasOwn(item, key))

/** Whether those who speak do so in turns: somebody more than once, or in roles that only conversations have. */
const isConversation = (items: unknown): boolean => {
  if (!mostly(items, isMessage)) return false
  const speakers = objects(items)
    .slice(0, 200)
    .flatMap((item) => speakerOf(item) ?? [])
  const distinct = new Set(speakers)
  if ([...distinct].every((speaker) => chatRoles.has(speaker.toLowerCase()))) return true
  // Records of reviews and the like have who and what as well, but not when.
  if (!mostly(items, isPlaced)) return false
  return speakers.length >= 3 && distinct.size >= 2 && distinct.size * 3 <= speakers.length * 2
}

const messagesIn = (list: unknown): ReadonlyArray<Message> => {
  const items = objects(list)
  return items.map(readMessage(isMilliseconds(items) ? 1 : 1000))
}

/** What is said from when to when, though nobody says by whom, as programs that write down speech give it. */
const isSegment = (item: Fields): boolean =>
  typeof field(item, "start") === "number" &&
  typeof field(item, "end") === "number" &&
  textOf(item, "text") !== "" &&
  !otherKeys.some((key) => Object.hasOwn(item, key))

const listIn = (value: unknown): unknown =>
  Array.isArray(value) ? value : listKeys.map((key) => field(value, key)).find((items) => isConversation(items))

/** Any list of messages that have somebody who says something, by the names that such fields commonly have. */
export const readGeneric = (value: unknown): Chat | undefined => {
  const segments = field(value, "segments")
  // Where a text stands beside its pieces, they must be all of it.
  const isWhole = () =>
    objects(segments).reduce((sum, item) => sum + textOf(item, "text").length + 1, 0) >=
    textOf(value, "text").trim().length
  if (mostly(segments, isSegment) && !isConversation(segments) && isWhole())
    return { title: "", event: "", sections: [{ messages: messagesIn(segments) }] }
  const nested = mostly(value, (item) => isConversation(listIn(item)))
  const items = nested ? undefined : listIn(value)
  if (!nested && !isConversation(items)) return undefined
  const headingOf = (item: unknown): string | undefined => firstText(item, ["title", "name", "topic", "subject"])
  const sections = nested
    ? objects(value).map((item): Section => ({
        heading: headingOf(item),
        messages: messagesIn(listIn(item))
      }))
    : [{ messages: messagesIn(items) }]
  const title = nested || Array.isArray(value) ? "" : (headingOf(value) ?? "")
  return { title, event: title, sections }
}
