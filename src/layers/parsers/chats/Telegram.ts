import { type Chat, fileMark, joined, type Message } from "./Conversation.ts"
import { type Fields, field, firstText, idOf, isFields, listOf, mostly, objects, textOf } from "../fields.ts"
import { firstMoment } from "./time.ts"

const isMessage = (item: Fields): boolean =>
  idOf(item, "id") !== undefined &&
  Object.hasOwn(item, "text") &&
  (textOf(item, "date_unixtime") !== "" || textOf(item, "date") !== "") &&
  (Object.hasOwn(item, "from") || Object.hasOwn(item, "from_id") || textOf(item, "type") === "service")

/** A text is a string, or a list of strings and of pieces that have a look of their own. */
const richText = (value: unknown): string =>
  typeof value === "string"
    ? value
    : Array.isArray(value)
      ? value.map((piece: unknown) => (typeof piece === "string" ? piece : textOf(piece, "text"))).join("")
      : ""

const attached = (message: Fields): ReadonlyArray<string> => {
  const poll = field(message, "poll")
  const emoji = textOf(message, "sticker_emoji")
  const performed = [textOf(message, "performer"), textOf(message, "title")].filter((text) => text !== "").join(" – ")
  const name = textOf(message, "file_name") || textOf(message, "file").split("/").at(-1) || ""
  const isNamed = name !== "" && !name.startsWith("(") && textOf(message, "media_type") === "" && emoji === ""
  const contact = field(message, "contact_information")
  const called = [textOf(contact, "first_name"), textOf(contact, "last_name"), textOf(contact, "phone_number")]
  return [
    emoji,
    textOf(message, "place_name"),
    called.filter((text) => text !== "").join(" "),
    textOf(poll, "question"),
    ...objects(field(poll, "answers")).map((answer) =>
      textOf(answer, "text") === "" ? "" : `- ${textOf(answer, "text")}`
    ),
    performed === "" ? "" : `[audio: ${performed}]`,
    isNamed ? fileMark(name) : ""
  ]
}

const speakerOf = (message: Fields): string | undefined =>
  firstText(message, ["from"]) ?? (field(message, "from") === null ? "Deleted Account" : idOf(message, "from_id"))

const readMessage = (message: Fields): Message | undefined => {
  if (textOf(message, "type") === "service") return undefined
  const forwarded = firstText(message, ["forwarded_from"])
  const written = richText(field(message, "text")) || richText(field(message, "text_entities"))
  const text = joined([written, ...attached(message)])
  return {
    id: idOf(message, "id"),
    at: firstMoment([field(message, "date_unixtime"), field(message, "date")]),
    speaker: speakerOf(message),
    text: forwarded === undefined || text === "" ? text : `[forwarded from ${forwarded}] ${text}`,
    replyTo: idOf(message, "reply_to_message_id")
  }
}

/** `Ada Moreno: phone call`, of what is no message. */
const noticeIn = (item: Fields): string =>
  [firstText(item, ["actor", "from"]) ?? "", textOf(item, "action").replaceAll("_", " ")]
    .filter((part) => part !== "")
    .join(": ")

/** `result.json` of one chat. */
export const readTelegram = (value: unknown): Chat | undefined => {
  const items = field(value, "messages")
  const type = textOf(value, "type")
  if (type === "" || !mostly(items, isMessage)) return undefined
  const title = type === "saved_messages" ? "Saved Messages" : textOf(value, "name")
  const messages = objects(items).flatMap((message) => readMessage(message) ?? [])
  // With many a contact there was a call, or that they came, and no message.
  const notices = messages.some(({ text }) => text.trim() !== "") ? [] : objects(items).map(noticeIn)
  return {
    title,
    event: /group|channel/.test(type) ? title : "",
    about: [...new Set(notices)],
    sections: [{ messages }]
  }
}

/** The chats of a full export in which there is anything, each a document by itself under a name that it keeps; undefined if it is none. */
export const telegramChats = (
  bytes: Uint8Array
): ReadonlyArray<{ readonly name: string; readonly bytes: Uint8Array }> | undefined => {
  const text = new TextDecoder().decode(bytes)
  if (!['"chats"', '"list"', '"messages"'].every((key) => text.includes(key))) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const lists = [listOf(value, "chats", "list"), listOf(value, "left_chats", "list")]
  const chats = lists.flatMap((list) => list.filter((chat) => isFields(chat) && listOf(chat, "messages").length > 0))
  if (chats.length === 0) return undefined
  const encoder = new TextEncoder()
  const names = new Map<string, number>()
  return chats.map((chat) => {
    const base = `chat-${idOf(chat, "id") ?? (textOf(chat, "name") || "unnamed")}`
    const times = (names.get(base) ?? 0) + 1
    names.set(base, times)
    return { name: times === 1 ? base : `${base}-${times}`, bytes: encoder.encode(JSON.stringify(chat)) }
  })
}
