import { type Chat, fileMark, joined, type Message } from "./Conversation.ts"
import { type Fields, field, firstText, idOf, isFields, listOf, mostly, objects, textOf } from "../fields.ts"
import { decodeEntities, plainMarks } from "./markup.ts"
import { dayOf, firstMoment, momentOf } from "./time.ts"

const timestamp = /^\d{9,11}\.\d{1,9}$/

const isMessage = (item: Fields): boolean => textOf(item, "type") === "message" && timestamp.test(textOf(item, "ts"))

/** What says that something happened to the channel, or to another message, and nothing else. */
const housekeeping = new Set([
  "channel_join",
  "channel_leave",
  "channel_archive",
  "channel_unarchive",
  "channel_name",
  "channel_convert_to_private",
  "group_join",
  "group_leave",
  "group_archive",
  "group_unarchive",
  "group_name",
  "bot_add",
  "bot_remove",
  "bot_enable",
  "bot_disable",
  "pinned_item",
  "unpinned_item",
  "message_deleted",
  "message_changed",
  "message_replied",
  "reminder_add",
  "sh_room_created",
  "tombstone",
  "joiner_notification",
  "joiner_notification_for_inviter",
  "huddle_thread"
])

/** `<@U1>`, `<@U1|name>`, `<#C1|general>`, `<!here>`, `<!date^1^{date}|text>`, `<https://a.example|label>`. */
const reference = /<([@#!]?)([^<>|\s][^<>|]{0,4000})(?:\|([^<>]{0,4000}))?>/g

type People = ReadonlyMap<string, string>

const plain = (text: string, people: People): string =>
  decodeEntities(
    plainMarks(
      text.replace(reference, (_, kind: string, target: string, label: string | undefined) => {
        const shown = label === undefined || label.trim() === "" ? undefined : label
        switch (kind) {
          case "@":
            return `@${people.get(target) ?? shown?.replace(/^@/, "") ?? target}`
          case "#":
            return `#${shown?.replace(/^#/, "") ?? target}`
          case "!":
            return shown ?? `@${target.split("^")[0]}`
          default:
            return shown ?? target.replace(/^mailto:/, "")
        }
      })
    )
  )

/** How many parts of a message's blocks are looked at. */
const maxParts = 10_000

/** The text in the blocks of a message, which bots and newer clients write instead of a text. */
const blockText = (blocks: ReadonlyArray<unknown>, people: People): string => {
  const parts: Array<string> = []
  const open: Array<unknown> = blocks.toReversed()
  for (let seen = 0; open.length > 0 && seen < maxParts; seen++) {
    const part = open.pop()
    if (!isFields(part)) continue
    const text = field(part, "text")
    const user = textOf(part, "user_id")
    if (user !== "") parts.push(`@${people.get(user) ?? user}`)
    else if (typeof text === "string") parts.push(plain(text, people))
    else if (textOf(part, "type") === "link") parts.push(textOf(part, "url"))
    if (textOf(part, "type").startsWith("rich_text_") || textOf(part, "type") === "section") parts.push("\n")
    const inner = [...(isFields(text) ? [text] : []), ...["elements", "fields"].flatMap((key) => listOf(part, key))]
    for (const one of inner.slice(0, maxParts).toReversed()) open.push(one)
  }
  return parts.join("")
}

const attachmentText = (attachment: Fields, people: People): string => {
  const written = ["pretext", "author_name", "title", "text"]
    .map((key) => textOf(attachment, key))
    .concat(objects(field(attachment, "fields")).map((one) => `${textOf(one, "title")}: ${textOf(one, "value")}`))
    .filter((text) => text.trim() !== "")
  if (written.length === 0) {
    const blocks = blockText(listOf(attachment, "blocks"), people)
    written.push(blocks.trim() === "" ? textOf(attachment, "fallback") : blocks)
  }
  return [...new Set(written.map((text) => plain(text, people)))].join("\n")
}

const realName = (user: Fields): string | undefined =>
  firstText(field(user, "profile"), ["real_name", "real_name_normalized"]) ??
  firstText(user, ["real_name"]) ??
  firstText(field(user, "profile"), ["display_name"]) ??
  firstText(user, ["display_name", "name"])

/** Of an export's people, and of what messages say of who wrote them. */
const peopleOf = (messages: ReadonlyArray<Fields>, known: People): People => {
  const people = new Map(known)
  for (const message of messages) {
    const id = textOf(message, "user")
    const profile = field(message, "user_profile")
    const name = id === "" || people.has(id) || !isFields(profile) ? undefined : realName(profile)
    if (name !== undefined) people.set(id, name)
  }
  return people
}

const readMessage = (message: Fields, people: People): Message | undefined => {
  if (housekeeping.has(textOf(message, "subtype")) || field(message, "hidden") === true) return undefined
  const user = textOf(message, "user")
  const bot =
    firstText(message, ["username"]) ??
    firstText(field(message, "bot_profile"), ["name"]) ??
    firstText(message, ["bot_id"])
  const isSetting = /_(?:topic|purpose)$/.test(textOf(message, "subtype"))
  const written = textOf(message, "text")
  // That somebody set a topic is said in their own name, which stands before it.
  const said = plain(isSetting ? written.replace(/^<@[^<>]{1,80}>\s*/, "") : written, people)
  const parts = [
    said.trim() === "" ? blockText(listOf(message, "blocks"), people) : said,
    ...objects(field(message, "attachments")).map((one) => attachmentText(one, people)),
    ...objects(field(message, "files")).map((file) => fileMark(firstText(file, ["title", "name"])))
  ]
  const ts = idOf(message, "ts")
  const thread = idOf(message, "thread_ts")
  return {
    id: ts,
    at: momentOf(ts),
    speaker: people.get(user) ?? bot ?? (user || undefined),
    isAutomatic:
      idOf(message, "bot_id") !== undefined || textOf(message, "subtype") === "bot_message" || user === "USLACKBOT",
    text: joined([...new Set(parts)]),
    thread: thread ?? ts,
    replyTo: thread
  }
}

/** Direct messages are named by an id, a group of people by `mpdm-ann--bob-1`, anything else is a channel. */
const titleOf = (
  channel: string,
  members: ReadonlyArray<string>
): { readonly title: string; readonly event: string } => {
  const group = /^mpdm-(.{1,300})-\d{1,4}$/.exec(channel)?.[1]
  if (group !== undefined) return { title: (members.length > 0 ? members : group.split("--")).join(", "), event: "" }
  const name = channel.trim().replace(/^#/, "")
  if (name === "" || /^[DGC][A-Z0-9]{7,}$/.test(name)) return { title: "", event: "" }
  return { title: `#${name}`, event: `#${name}` }
}

/** A day of a channel as Slack exports it, with or without the names around it; or the answer of its API. */
export const readSlack = (value: unknown): Chat | undefined => {
  const wrapped = field(value, "slack") === 1
  const items = Array.isArray(value) ? value : field(value, "messages")
  if (!wrapped && !mostly(items, isMessage)) return undefined
  const messages = objects(items)
  const named = field(value, "people")
  const known = isFields(named) ? Object.entries(named) : []
  const people = peopleOf(
    messages,
    new Map(known.flatMap(([id, name]) => (typeof name === "string" ? [[id, name]] : [])))
  )
  const said = messages.flatMap((message) => readMessage(message, people) ?? [])
  // On many a channel's first day nobody says anything: then those who came are what there is.
  const notices = said.some(({ text }) => text.trim() !== "")
    ? []
    : messages.map((message) => plain(textOf(message, "text"), people).replace(/^@/, ""))
  return {
    ...titleOf(
      textOf(value, "channel"),
      listOf(value, "members").filter((name) => typeof name === "string")
    ),
    about: [...new Set(notices)],
    ...(notices.length === 0
      ? {}
      : { people: [...new Set(messages.flatMap((one) => people.get(textOf(one, "user")) ?? []))] }),
    date: notices.length === 0 ? undefined : dayOf(firstMoment(messages.map((one) => field(one, "ts"))) ?? Number.NaN),
    sections: [{ messages: said }]
  }
}

const parsed = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return undefined
  }
}

/** The names of a `users.json` by id, and by what people are called in the names of groups, after an `@`; none if it is broken, so that ids stand for names. */
export const slackPeople = (usersJson: Uint8Array): ReadonlyMap<string, string> => {
  const users = parsed(usersJson)
  return new Map(
    objects(Array.isArray(users) ? users : field(users, "members")).flatMap((user) => {
      const id = textOf(user, "id")
      const name = realName(user)
      const handle = textOf(user, "name")
      if (id === "" || name === undefined) return []
      return [[id, name] as const, ...(handle === "" ? [] : [[`@${handle}`, name] as const])]
    })
  )
}

const ids = /(?<![A-Z0-9])[UWB][A-Z0-9]{2,20}/g
const lists = new Set(["channels.json", "groups.json", "dms.json", "mpims.json"])
const dayFile = /^([^/]+)\/\d{4}-\d\d-\d\d\.json$/

/**
 * The folder (empty, or ending with `/`) in which a Slack export lies among files of these names: where `users.json` is,
 * a list of channels, and days of a channel.
 */
export const slackRoot = (names: ReadonlyArray<string>): string | undefined => {
  const roots = new Set(
    names.flatMap((name) => (name === "users.json" || name.endsWith("/users.json") ? [name.slice(0, -10)] : []))
  )
  if (roots.size === 0) return undefined
  const listed = new Set<string>()
  const dated = new Set<string>()
  for (const name of names) {
    const parts = name.split("/")
    const last = parts.at(-1) ?? ""
    if (lists.has(last)) listed.add(name.slice(0, -last.length))
    const days = parts.slice(-2).join("/")
    if (dayFile.test(days)) dated.add(name.slice(0, -days.length))
  }
  return [...roots].toSorted().find((root) => listed.has(root) && dated.has(root))
}

export const isSlackExport = (names: ReadonlyArray<string>): boolean => slackRoot(names) !== undefined

/** The channel whose day a file of an export holds, by its name below the export's folder. */
export const slackChannel = (name: string): string | undefined => dayFile.exec(name)?.[1]

/**
 * A day of a channel with the names of the people in it, to be read by itself. It depends on nothing but the day and
 * these names, so that a day stays the same while the export grows. A day that is no JSON is given back as it is.
 */
export const wrapSlackDay = (channel: string, people: ReadonlyMap<string, string>, bytes: Uint8Array): Uint8Array => {
  const messages = parsed(bytes)
  if (messages === undefined) return bytes
  const text = JSON.stringify(messages)
  const named = [...new Set(text.match(ids))].toSorted().flatMap((id) => {
    const name = people.get(id)
    return name === undefined ? [] : [`${JSON.stringify(id)}:${JSON.stringify(name)}`]
  })
  const group = /^mpdm-(.{1,300})-\d{1,4}$/.exec(channel)?.[1]
  const members = group?.split("--").map((handle) => people.get(`@${handle}`) ?? handle)
  const listed = members === undefined ? "" : `"members":${JSON.stringify(members)},`
  return new TextEncoder().encode(
    `{"slack":1,"channel":${JSON.stringify(channel)},${listed}"people":{${named.join(",")}},"messages":${text}}`
  )
}
