import { addressParser } from "postal-mime"
import type { Correspondent } from "../statements.ts"
import type { Message } from "./Message.ts"
import { displayName, people } from "./people.ts"

const field = /^([A-Z][A-Za-z-]{1,20}):[ \t]*(.*)$/
const names = new Set("from to cc bcc subject date sent reply-to importance priority attachment attachments".split(" "))
/** What only programs write, and people never see. */
const technical = /^(?:received|message-id|mime-version|content-[a-z-]+|return-path|references|in-reply-to|x-.*):/im

const rule = /^[ \t]*[-_=*]{3,}[ \t]*$/

interface Header {
  readonly fields: ReadonlyMap<string, string>
  /** The line after it. */
  readonly end: number
}

/** A block of lines `Name: value`, two at least, `From` or `Subject` among them, up to a blank line. */
const headerAt = (lines: ReadonlyArray<string>, start: number): Header | undefined => {
  const fields = new Map<string, string>()
  let last = ""
  let at = start
  for (; at < lines.length && at < start + 500; at++) {
    const line = lines[at] ?? ""
    if (line.trim() === "") break
    const found = field.exec(line)
    const name = found?.[1]?.toLowerCase() ?? ""
    if (found !== null && names.has(name)) {
      last = name
      if (!fields.has(name)) fields.set(name, (found[2] ?? "").trim())
    } else if (last !== "" && /^[ \t]+\S/.test(line)) fields.set(last, `${fields.get(last) ?? ""} ${line.trim()}`)
    else return undefined
  }
  return fields.size >= 2 && (fields.has("from") || fields.has("subject")) ? { fields, end: at } : undefined
}

/** Outlook prints `Doe, John; Roe, Ann`; all others part by commas. */
const readPeople = (text: string): ReadonlyArray<Correspondent> =>
  text.includes(";") && !text.includes("<")
    ? text.split(";").map((name) => (name.includes("@") ? { address: name.trim() } : { name: displayName(name) }))
    : people(addressParser(text))

const wholeWords = (text: string): string => text.replaceAll(/\s+/g, " ").trim()

/** Beyond this many characters a file is not searched for what it quotes of itself, as that takes time. */
const maxSearched = 1_000_000
const maxRuns = 500

/** Drops lines after `>` that stand in the file a second time, in the message that they quote. */
const withoutRepeats = (bodies: ReadonlyArray<string>): ReadonlyArray<string> => {
  if (bodies.reduce((sum, body) => sum + body.length, 0) > maxSearched) return bodies
  const isQuote = (line: string) => line.startsWith(">")
  const own = wholeWords(bodies.flatMap((body) => body.split("\n").filter((line) => !isQuote(line))).join("\n"))
  let runs = 0
  return bodies.map((body) => {
    const kept: Array<string> = []
    let run: Array<string> = []
    const close = () => {
      if (run.length === 0) return
      const said = wholeWords(run.map((line) => line.replace(/^(?:>[ \t]?)+/, "")).join("\n"))
      if (++runs > maxRuns || !own.includes(said)) kept.push(...run)
      run = []
    }
    for (const line of body.split("\n")) {
      if (isQuote(line)) run.push(line)
      else {
        close()
        kept.push(line)
      }
    }
    close()
    return kept.join("\n")
  })
}

/**
 * Mails as people print or copy them into a text file: a header of the fields that are shown, the body, and perhaps
 * further mails after a rule or a blank line. Undefined for anything else. What a mail quotes of another one in the same
 * file is left out. Time is linear in the text, but for that search.
 */
export const readPrinted = (text: string): ReadonlyArray<Message> | undefined => {
  const lines = text.replaceAll(/\r\n?/g, "\n").split("\n")
  const start = lines.findIndex((line) => line.trim() !== "")
  const first = headerAt(lines, start)
  if (first === undefined || technical.test(lines.slice(start, first.end).join("\n"))) return undefined
  const found: Array<{ readonly header: Header; readonly body: Array<string> }> = [{ header: first, body: [] }]
  let mayBegin = false
  for (let at = first.end; at < lines.length; at++) {
    const line = lines[at] ?? ""
    const header = mayBegin && line.startsWith("From:") ? headerAt(lines, at) : undefined
    const body = found.at(-1)?.body ?? []
    if (header !== undefined) {
      while (body.length > 0 && ((body.at(-1) ?? "").trim() === "" || rule.test(body.at(-1) ?? ""))) body.pop()
      found.push({ header, body: [] })
      at = header.end - 1
    } else body.push(line)
    mayBegin = line.trim() === "" || rule.test(line.slice(0, 300))
  }
  const bodies = withoutRepeats(found.map(({ body }) => body.join("\n")))
  return found.map(({ header: { fields } }, index) => ({
    from: readPeople(fields.get("from") ?? ""),
    to: readPeople(fields.get("to") ?? ""),
    cc: readPeople(fields.get("cc") ?? ""),
    date: fields.get("date") ?? fields.get("sent") ?? "",
    subject: fields.get("subject") ?? "",
    isAnswer: false,
    text: bodies[index] ?? "",
    flowed: "no",
    html: "",
    attachments: (fields.get("attachments") ?? fields.get("attachment") ?? "")
      .split(/[;,]/)
      .map((name) => name.trim())
      .filter((name) => name !== "")
      .map((name) => ({ name, type: "" }))
  }))
}
