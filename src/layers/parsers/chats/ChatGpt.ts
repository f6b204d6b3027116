import type { Chat, Message, Section } from "./Conversation.ts"
import { type Fields, field, idOf, isFields, listOf, mostly, objects, textOf } from "../fields.ts"
import { firstMoment } from "./time.ts"

const isConversation = (item: Fields): boolean => isFields(field(item, "mapping"))
const isOther = (item: Fields): boolean => Array.isArray(field(item, "chat_messages"))

const speakers: ReadonlyMap<string, string> = new Map([
  ["user", "User"],
  ["human", "User"],
  ["assistant", "Assistant"]
])

const contentOf = (message: unknown): string => {
  const parts = listOf(message, "content", "parts").map((part) =>
    typeof part === "string" ? part : textOf(part, "text")
  )
  return parts.length > 0 ? parts.join("\n") : textOf(message, "content", "text")
}

/**
 * From the message that the conversation ends with up to its first: what was answered anew is left out, as its reader
 * would not see it. Each node is visited once, whatever the parents say.
 */
const branch = (conversation: Fields): ReadonlyArray<Fields> => {
  const mapping = field(conversation, "mapping")
  const path: Array<Fields> = []
  const visited = new Set<string>()
  for (let id = idOf(conversation, "current_node"); id !== undefined && !visited.has(id);) {
    visited.add(id)
    const node = field(mapping, id)
    if (!isFields(node)) break
    path.push(node)
    id = idOf(node, "parent")
  }
  return path.length > 0 ? path.toReversed() : isFields(mapping) ? Object.values(mapping).filter(isFields) : []
}

const messagesOf = (conversation: Fields): ReadonlyArray<Message> =>
  isOther(conversation)
    ? objects(field(conversation, "chat_messages")).map((message) => ({
        at: firstMoment([field(message, "created_at")]),
        speaker: speakers.get(textOf(message, "sender")) ?? textOf(message, "sender"),
        text:
          textOf(message, "text") ||
          objects(field(message, "content"))
            .map((part) => textOf(part, "text"))
            .join("\n")
      }))
    : branch(conversation).flatMap((node) => {
        const message = field(node, "message")
        const speaker = speakers.get(textOf(message, "author", "role"))
        return speaker === undefined || field(message, "metadata", "is_visually_hidden_from_conversation") === true
          ? []
          : [{ at: firstMoment([field(message, "create_time")]), speaker, text: contentOf(message) }]
      })

/** `conversations.json` of ChatGPT, or of Claude: one conversation or many. */
export const readChatGpt = (value: unknown): Chat | undefined => {
  const items = Array.isArray(value) ? value : [value]
  if (!mostly(items, (item) => isConversation(item) || isOther(item))) return undefined
  const conversations = objects(items)
  const titles = conversations.map((one) => textOf(one, "title") || textOf(one, "name"))
  const alone = conversations.length === 1
  const sections = conversations.map((one, index): Section => ({
    heading: alone ? undefined : titles[index] || undefined,
    messages: messagesOf(one)
  }))
  return { title: alone ? (titles[0] ?? "") : "", event: "", sections }
}
