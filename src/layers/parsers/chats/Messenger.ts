import { isUtf8 } from "node:buffer"
import { type Chat, fileMark, joined, type Message } from "./Conversation.ts"
import { type Fields, field, firstText, mostly, objects, textOf } from "../fields.ts"
import { momentOf } from "./time.ts"

const isMessage = (item: Fields): boolean =>
  typeof field(item, "sender_name") === "string" && typeof field(item, "timestamp_ms") === "number"

/** A text whose UTF-8 bytes were each written as a character of Latin-1, as these exports do. */
const repaired = (text: string): string => {
  if (!/[\u0080-\u00ff]/.test(text) || /[^\u0000-\u00ff]/.test(text)) return text
  const bytes = Buffer.from(text, "latin1")
  return isUtf8(bytes) ? new TextDecoder().decode(bytes) : text
}

const notices =
  /^(?:Reacted .{1,40} to your message|(?:You|.{1,80}) sent an attachment\.|Liked a message|You unsent a message)\s*$/

const readMessage = (message: Fields): Message | undefined => {
  if (field(message, "is_unsent") === true) return undefined
  const content = repaired(textOf(message, "content"))
  const shared = ["share_text", "link", "original_content_owner"].map((key) => repaired(textOf(message, "share", key)))
  const files = objects(field(message, "files")).map((file) => fileMark(textOf(file, "uri").split("/").at(-1)))
  return {
    at: momentOf(field(message, "timestamp_ms")),
    speaker: repaired(textOf(message, "sender_name")),
    text: joined([...new Set([notices.test(content.slice(0, 200)) ? "" : content, ...shared, ...files])])
  }
}

/** A thread of Facebook Messenger or Instagram, in which the newest message stands first. */
export const readMessenger = (value: unknown): Chat | undefined => {
  const items = field(value, "messages")
  if (!mostly(items, isMessage)) return undefined
  const participants = objects(field(value, "participants")).map((one) => repaired(textOf(one, "name")))
  const title = repaired(firstText(value, ["title", "threadName"]) ?? "")
  return {
    title,
    event: participants.length > 2 && !participants.includes(title) ? title : "",
    sections: [
      {
        messages: objects(items)
          .flatMap((message) => readMessage(message) ?? [])
          .toReversed()
      }
    ]
  }
}
