import { type Chat, fileMark, joined, type Message } from "./Conversation.ts"
import { type Fields, field, firstText, idOf, isFields, mostly, objects, textOf } from "../fields.ts"
import { plainMarks } from "./markup.ts"
import { momentOf } from "./time.ts"

const isMessage = (item: Fields): boolean =>
  isFields(field(item, "creator")) &&
  (typeof field(item, "created_date") === "string" || typeof field(item, "topic_id") === "string")

const readMessage = (message: Fields, roots: ReadonlyMap<string, string>): Message | undefined => {
  if (textOf(message, "message_state") === "DELETED") return undefined
  const topic = idOf(message, "topic_id")
  const id = idOf(message, "message_id")
  const root = topic === undefined ? undefined : roots.get(topic)
  return {
    id,
    at: momentOf(field(message, "created_date")),
    speaker: firstText(field(message, "creator"), ["name", "email"]),
    isAutomatic: textOf(message, "creator", "user_type") === "Bot",
    text: joined([
      plainMarks(textOf(message, "text")),
      ...objects(field(message, "attached_files")).map((file) =>
        fileMark(firstText(file, ["original_name", "export_name"]))
      )
    ]),
    thread: topic,
    replyTo: idOf(message, "quoted_message_metadata", "message_id") ?? (root === id ? undefined : root)
  }
}

/** `messages.json` of a conversation in Google Takeout. Messages of one topic are a thread. */
export const readGoogleChat = (value: unknown): Chat | undefined => {
  const items = field(value, "messages")
  if (!mostly(items, isMessage)) return undefined
  const messages = objects(items)
  const aliases = new Map<string, ReadonlyArray<string>>()
  const roots = new Map<string, string>()
  for (const message of messages) {
    const name = textOf(message, "creator", "name")
    const email = textOf(message, "creator", "email")
    if (name !== "" && email !== "") aliases.set(name, [email])
    const topic = idOf(message, "topic_id")
    const id = idOf(message, "message_id")
    if (topic !== undefined && id !== undefined && !roots.has(topic)) roots.set(topic, id)
  }
  const title = firstText(value, ["name", "title"]) ?? ""
  return {
    title,
    event: title,
    aliases,
    sections: [{ messages: messages.flatMap((message) => readMessage(message, roots) ?? []) }]
  }
}
