import type { Parsed } from "../../../services/Parser.ts"
import { readChatGpt } from "./ChatGpt.ts"
import { writeChat } from "./Conversation.ts"
import { readDiscord } from "./Discord.ts"
import { readGeneric } from "./Generic.ts"
import { readGoogleChat } from "./GoogleChat.ts"
import { readMessenger } from "./Messenger.ts"
import { readSignal } from "./Signal.ts"
import { readSlack } from "./Slack.ts"
import { readTeams } from "./Teams.ts"
import { readTelegram } from "./Telegram.ts"

const products = [
  readSlack,
  readTelegram,
  readDiscord,
  readMessenger,
  readTeams,
  readGoogleChat,
  readSignal,
  readChatGpt,
  readGeneric
]

/**
 * The conversation in a JSON value, or in the list of values of JSON lines, if it is what a chat program exports;
 * undefined if it is something else. Fails as `empty` if nobody says anything in it.
 */
export const readChat = (uri: string, value: unknown): Parsed | undefined => {
  for (const read of products) {
    const chat = read(value)
    if (chat !== undefined) return writeChat(uri, chat)
  }
  return undefined
}
