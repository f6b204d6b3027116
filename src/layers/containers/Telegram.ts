import { Effect, Stream } from "effect"
import type { ContainerFile, Contents } from "../../services/Unpacker.ts"
import type { SourceItem } from "../../services/DocumentSource.ts"
import { readRange } from "./options.ts"
import type { ContainerOptions } from "./options.ts"

const latin1 = new TextDecoder("latin1")
// The export of all chats begins with one of these; that of one chat with its name and kind.
const wholeExport =
  /^(?:\u00ef\u00bb\u00bf)?\s{0,20}\{\s{0,20}"(?:about|personal_information|contacts|profile_pictures|frequent_contacts|sessions|chats|left_chats)"\s{0,5}:/

/** All of somebody's chats in one file (`result.json`), each a document of its own. Undefined for anything else. */
export const openTelegram = Effect.fnUntraced(function* (
  file: ContainerFile,
  head: Uint8Array,
  { maxBytes }: ContainerOptions
) {
  if (!wholeExport.test(latin1.decode(head.subarray(0, 200))) || file.size > maxBytes) return undefined
  const bytes = yield* readRange(file, 0, file.size)
  const { telegramChats } = yield* Effect.promise(() => import("../parsers/chats/Telegram.ts"))
  const chats = telegramChats(bytes)
  if (chats === undefined) return undefined
  const items = chats.map((chat): SourceItem => {
    const uri = `${file.uri}#${chat.name}`
    return { uri, size: chat.bytes.length, read: Effect.succeed(chat.bytes) }
  })
  return { isDocument: false, items: Stream.fromIterable(items) } satisfies Contents
})
