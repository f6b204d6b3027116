const encrypted = /^\W{0,5}messages (?:and calls|you send|to this|in this)[^\n]{0,80}end-to-end encrypted/i
const happened =
  /^(?:you|[^\n]{1,80}?)[ ](?:created|added|removed|left|joined|changed|deleted|turned|reset|pinned|were added|was added|is now|are now|now an admin|started a call)\b/i
const named =
  /(?:created (?:the )?group|changed the (?:subject|group name)(?: from [“"„'][^\n]{0,100}?[”"“'])? to) [“"„']([^\n]{1,100}?)[”"“']/i
const omitted =
  /^(?:(?:image|video|audio|sticker|gif|document|contact card|photo|media|voice message) omitted|<[^<>\d]{3,40}>|null)$/i
const deleted = /^(?:this message was deleted|you deleted this message|waiting for this message)[^\n]{0,60}$/i
const attached = /^<(?:attached|angehängt|adjunto|pièce jointe)\s?: ?([^<>\n]{1,200})>$/i
const edited = /[ ]?<(?:This message was edited|Diese Nachricht wurde bearbeitet)>$/

/** How much of a message is looked at. */
const reach = 300

/** What WhatsApp says at the start of each chat. */
export const isEncryptionNotice = (text: string): boolean => encrypted.test(text.slice(0, reach))

/** Whether a message tells what happened to a group, as WhatsApp does on some phones in the group's own name. */
export const isGroupNotice = (text: string): boolean => isEncryptionNotice(text) || happened.test(text.slice(0, reach))

/** The name that a group is given there. */
export const groupNamed = (text: string): string | undefined => named.exec(text.slice(0, reach))?.[1]

/** A message without what WhatsApp puts in the place of what is not text; empty if nothing is left. */
export const messageText = (text: string): string => {
  const whole = text.trim()
  if (whole.length > reach) return text
  if (omitted.test(whole) || deleted.test(whole)) return ""
  return whole.replace(edited, "").replace(attached, "[file: $1]")
}
