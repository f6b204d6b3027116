import { type Chat, fileMark, joined, type Message } from "./Conversation.ts"
import { type Fields, field, firstText, idOf, mostly, objects, textOf } from "../fields.ts"
import { firstMoment } from "./time.ts"

/** A line of signal-export. */
const isExported = (item: Fields): boolean =>
  typeof field(item, "sender") === "string" &&
  typeof field(item, "body") === "string" &&
  (Object.hasOwn(item, "quote") || Object.hasOwn(item, "sticker") || Object.hasOwn(item, "reactions")) &&
  Object.hasOwn(item, "date")

/** A row of Signal Desktop's table of messages. */
const isStored = (item: Fields): boolean =>
  (textOf(item, "type") === "incoming" || textOf(item, "type") === "outgoing") &&
  Object.hasOwn(item, "body") &&
  (Object.hasOwn(item, "sent_at") || Object.hasOwn(item, "timestamp"))

const quoted = 80

/** The words that a quote begins with, by which the message that it quotes is found. */
const opening = (text: string): string =>
  text
    .slice(0, quoted * 4)
    .replaceAll(/[>\s]+/g, " ")
    .trim()
    .slice(0, quoted)

const speakerOf = (item: Fields): string | undefined =>
  firstText(item, ["sender", "sourceName", "source"]) ?? (textOf(item, "type") === "outgoing" ? "Me" : undefined)

export const readSignal = (value: unknown): Chat | undefined => {
  const items = Array.isArray(value) ? value : field(value, "messages")
  if (!mostly(items, isExported) && !mostly(items, isStored)) return undefined
  const byOpening = new Map<string, string>()
  const messages = objects(items).flatMap((item, index): ReadonlyArray<Message> => {
    if (textOf(item, "type") !== "" && !isStored(item)) return []
    const id = idOf(item, "sent_at") ?? idOf(item, "id") ?? `#${index}`
    const body = textOf(item, "body")
    const quote = opening(textOf(item, "quote").replace(/^>?\s*[^:\n]{1,80}: /, ""))
    const files = objects(field(item, "attachments")).map((file) =>
      fileMark(firstText(file, ["fileName", "name", "file_name"]))
    )
    const message = {
      id,
      at: firstMoment([
        field(item, "sent_at"),
        field(item, "timestamp"),
        field(item, "date"),
        field(item, "received_at")
      ]),
      speaker: speakerOf(item),
      text: joined([body, textOf(item, "sticker"), ...files]),
      replyTo: idOf(item, "quote", "id") ?? (quote === "" ? undefined : byOpening.get(quote))
    }
    if (body !== "") byOpening.set(opening(body), id)
    return [message]
  })
  const title = firstText(value, ["name", "title"]) ?? ""
  return { title, event: title, sections: [{ messages }] }
}
