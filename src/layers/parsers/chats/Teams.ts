import { type Chat, fileMark, joined, type Message } from "./Conversation.ts"
import { type Fields, field, firstText, idOf, isFields, mostly, objects, textOf } from "../fields.ts"
import { htmlText } from "./markup.ts"
import { momentOf } from "./time.ts"

const isMessage = (item: Fields): boolean =>
  typeof field(item, "body", "content") === "string" && typeof field(item, "createdDateTime") === "string"

const named = (who: unknown): string | undefined => firstText(who, ["displayName"]) ?? idOf(who, "id")

const readMessage = (message: Fields): Message | undefined => {
  if (textOf(message, "messageType") === "systemEventMessage" || textOf(message, "deletedDateTime") !== "")
    return undefined
  const from = field(message, "from")
  const user = named(field(from, "user"))
  const content = textOf(message, "body", "content")
  const id = idOf(message, "id")
  const parent = idOf(message, "replyToId")
  return {
    id,
    at: momentOf(field(message, "createdDateTime")),
    speaker: user ?? named(field(from, "application")) ?? named(field(from, "device")),
    isAutomatic: user === undefined,
    text: joined([
      textOf(message, "subject"),
      textOf(message, "body", "contentType").toLowerCase() === "html" ? htmlText(content) : content,
      ...objects(field(message, "attachments")).map((one) => fileMark(textOf(one, "name")))
    ]),
    thread: parent ?? id,
    replyTo: parent
  }
}

/** Messages of a chat or channel of Microsoft Teams, as its Graph API gives them; replies within them or beside them. */
export const readTeams = (value: unknown): Chat | undefined => {
  const items = Array.isArray(value) ? value : (field(value, "value") ?? field(value, "messages"))
  if (!mostly(items, isMessage)) return undefined
  const messages = objects(items).flatMap((message) => [
    message,
    ...objects(field(message, "replies")).map((reply): Fields => ({ replyToId: idOf(message, "id"), ...reply }))
  ])
  const topic = isFields(value) ? (firstText(value, ["topic", "displayName", "chatName", "name", "title"]) ?? "") : ""
  return {
    title: topic,
    event: topic,
    sections: [{ messages: messages.flatMap((message) => readMessage(message) ?? []) }]
  }
}
