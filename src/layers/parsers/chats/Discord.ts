import { type Chat, fileMark, joined, type Message } from "./Conversation.ts"
import { type Fields, field, firstText, idOf, isFields, mostly, objects, textOf } from "../fields.ts"
import { plainMarks } from "./markup.ts"
import { momentOf } from "./time.ts"

const isMessage = (item: Fields): boolean =>
  isFields(field(item, "author")) &&
  typeof field(item, "content") === "string" &&
  momentOf(field(item, "timestamp")) !== undefined

/** By the name that DiscordChatExporter gives, or the number of Discord's API: what somebody wrote. */
const written = new Set<unknown>([
  "Default",
  "Reply",
  "ThreadStarterMessage",
  "ChatInputCommand",
  "20",
  "19",
  "21",
  "0",
  0,
  19,
  20,
  21,
  undefined
])

const nameOf = (author: unknown): string | undefined =>
  firstText(author, ["nickname", "global_name", "name", "username"]) ?? idOf(author, "id")

const embedText = (embed: Fields): string =>
  joined([
    textOf(embed, "author", "name"),
    textOf(embed, "title"),
    textOf(embed, "description"),
    ...objects(field(embed, "fields")).map((one) => `${textOf(one, "name")}: ${textOf(one, "value")}`)
  ])

const mention = /<(?:@[!&]?(\d{5,25})|a?(:\w{1,64}:)\d{5,25})>/g

const readMessage = (message: Fields): Message | undefined => {
  if (!written.has(field(message, "type"))) return undefined
  const mentioned = new Map(
    objects(field(message, "mentions")).map((one) => [idOf(one, "id") ?? "", nameOf(one) ?? ""] as const)
  )
  const said = plainMarks(
    textOf(message, "content").replace(
      mention,
      (all: string, id: string | undefined, emoji: string | undefined) =>
        emoji ?? (id !== undefined && mentioned.get(id) ? `@${mentioned.get(id)}` : all)
    )
  )
  return {
    id: idOf(message, "id"),
    at: momentOf(field(message, "timestamp")),
    speaker: nameOf(field(message, "author")),
    isAutomatic: field(message, "author", "isBot") === true || field(message, "author", "bot") === true,
    text: joined([
      said,
      ...objects(field(message, "embeds")).map(embedText),
      ...objects(field(message, "stickers")).map((sticker) => textOf(sticker, "name")),
      ...objects(field(message, "attachments")).map((file) => fileMark(firstText(file, ["fileName", "filename"])))
    ]),
    replyTo: idOf(message, "reference", "messageId") ?? idOf(message, "reference", "message_id")
  }
}

/** A channel as DiscordChatExporter writes it. */
export const readDiscord = (value: unknown): Chat | undefined => {
  const items = field(value, "messages")
  const channel = field(value, "channel")
  if (!isFields(channel) || !mostly(items, isMessage)) return undefined
  const name = textOf(channel, "name").replace(/^#/, "")
  const isDirect = /^Direct/i.test(textOf(channel, "type")) || textOf(value, "guild", "name") === "Direct Messages"
  const title = name === "" || isDirect ? name : `#${name}`
  const topic = textOf(channel, "topic")
  const messages = objects(items)
  const aliases = new Map<string, ReadonlyArray<string>>()
  for (const message of messages) {
    const author = field(message, "author")
    const shown = nameOf(author)
    const account = textOf(author, "name")
    if (shown !== undefined && account !== "" && account !== shown) aliases.set(shown, [account])
  }
  return {
    title,
    event: isDirect ? "" : title,
    aliases,
    about: topic === "" ? [] : [`Topic: ${topic}`],
    sections: [{ messages: messages.flatMap((message) => readMessage(message) ?? []) }]
  }
}
