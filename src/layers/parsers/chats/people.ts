import { isName } from "../statements.ts"
import { oneLine } from "../Writer.ts"

const roles =
  "me you self unknown unbekannt system assistant human ai bot chatbot gpt chatgpt claude model tool function user " +
  "developer moderator host cohost co-host guest interviewer interviewee narrator operator announcer presenter speaker " +
  "participant attendee organizer facilitator caller audience crowd all both everyone everybody man woman boy girl " +
  "voice male female child doctor patient therapist client customer agent support teacher student professor lawyer judge " +
  "witness counsel questioner questions panelist reporter journalist q a"

const roleWords: ReadonlySet<string> = new Set(roles.split(" "))

const numbered = /^(\p{L}{1,20})(?:[ _#-]{0,3}(?:\d{1,4}|\p{Lu}))?$/u
/** Ids that stand where a name is not known: of Slack, of other services, and of accounts that are no more. */
const notNamed =
  /^(?:[UWBDCT](?=[A-Z0-9]*\d)[A-Z0-9]{6,}|USLACKBOT|(?:user|id)?[ _#-]?\d+|deleted (?:account|user)(?:#\d+)?|unknown (?:user|sender|speaker))$/i

/** Whether a label stands for what somebody does in the conversation, and not for who it is: `Host`, `Speaker 2`. */
export const isRole = (label: string): boolean => {
  const word = numbered.exec(label)?.[1]
  return word !== undefined && roleWords.has(word.toLowerCase())
}

/** Whether the name under which somebody speaks is a name that a person may have. */
export const isPerson = (speaker: string): boolean => isName(speaker) && !isRole(speaker) && !notNamed.test(speaker)

/** What a role is called that meeting programs put behind a name, or a person who they are. */
const aside =
  /[ \t]*[([]((?:co-?)?host|guest|external|extern|gast|organi[sz]er|presenter|moderator|interviewer|speaker|panelist|admin|owner|bot|app|me|you|ich|moi|unverified|direct message|privately|she|he|they|sie|er)(?:[,;/ ][^()[\]]{0,40})?[)\]]$/i
const other = /^(.{1,80}?)[ \t]*[([]([^()[\]]{1,60})[)\]]$/

/**
 * The name in a label as programs write it: without marks (`~`, `@`), and without what stands in brackets behind it. What
 * stands there is given too, unless it is a role: an employer, say.
 */
export const nameIn = (label: string): { readonly name: string; readonly note: string } => {
  const bare = oneLine(label.slice(0, 200))
    .replace(/^[~@*_]+[ ]?(?=[\p{L}+])/u, "")
    .replace(/[*_:]+$/, "")
    .trim()
  const named = bare.replace(aside, "").trim()
  const found = other.exec(named)
  return found === null ? { name: named, note: "" } : { name: found[1] ?? named, note: found[2] ?? "" }
}
