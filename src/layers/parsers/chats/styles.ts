import { isNameLike, labelBefore, nameBefore } from "./labels.ts"
import { readStamp, type Stamp } from "./stamps.ts"

/** What a line of a log is. Text that belongs to no line of its own has none: it goes on with what stands above. */
export type Line =
  | {
      readonly kind: "turn"
      readonly stamp?: Stamp | undefined
      readonly speaker: string
      readonly text: string
      readonly to?: string | undefined
    }
  /** Something that the log tells: who came, what the topic is. */
  | { readonly kind: "notice"; readonly stamp?: Stamp | undefined; readonly text: string }
  /** Something that nobody reads a log for. */
  | { readonly kind: "noise"; readonly text: string }
  | { readonly kind: "day"; readonly text: string }
  /** The time at which what follows was said. */
  | { readonly kind: "time"; readonly stamp: Stamp }

const daily =
  /^(?:-{2,} ?|\*{2,} ?|=+ ?)?(?:log (?:opened|started|closed)|day changed(?: to)?|session (?:start|time|close)|date changed)\b:?/i
const session = /^(?:session ident|channel):/i
const logging = /^\*{4} (?:BEGIN|ENDING) LOGGING AT /
/** HexChat dates its lines without a year. */
const monthDay = /^(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec) {1,2}\d{1,2} (?=\d\d:\d\d:\d\d[ \t])/i
/** Colours and weights of mIRC, whose control characters are gone. */
const colours = /\ufffd(?:\d{1,2}(?:,\d{1,2})?)?/g
const told = /^-(?!!)([^\s:-][^\s:]{0,60}?)(?::\S{0,60}?)?-[ \t](?=\S)/
const happening =
  /^\*[ \t]?(?:(?:Set by|Retrieving|Disconnected|Attempting|Rejoined|You (?:are|were|have)) |\S{1,64}(?: \([^\s()]{1,200}\))? (?:has (?:joined|left|quit)|is now known as|sets (?:mode|ban)|was kicked by|gives (?:voice|channel operator)|Quit \())/i
const nickname = /^<[ @+%&~!]{0,2}([^<>\n]{1,64})>(?:[ \t]|$)/
const action = /^[ \t]*\*[ \t]{1,2}(?!\*)([^\s*:]{1,64})[ \t]/
const arrow = /^[ \t]*(?:-!-|-{1,2}>|<-{1,2}|--|={3}|\*{2,3}|!)(?:[ \t]|$)/
const served =
  /^[ \t]*\*?[ \t]?(?:Joins|Parts|Quits|Disconnected|Now talking (?:in|on)|Attempting|Rejoined|Retrieving)\b/
const column = /^[ @+%&~]{0,2}([^\s<>:=,;"'(){}/]{1,40}|\*)\t/
const topical = /\btopic\b/i

const irc = (line: string): Line | undefined => {
  if (daily.test(line) || logging.test(line)) return { kind: "day", text: line }
  if (session.test(line)) return { kind: "noise", text: line }
  const dated = monthDay.exec(line.slice(0, 20))?.[0] ?? ""
  const clock = readStamp(line.slice(dated.length))
  const stamp =
    clock === undefined || dated === ""
      ? clock
      : { ...clock, length: clock.length + dated.length, monthDay: dated.trim() }
  const rest = line.slice(stamp?.length ?? 0).replaceAll(colours, "")
  const said = nickname.exec(rest)
  if (said) return { kind: "turn", stamp, speaker: (said[1] ?? "").trim(), text: rest.slice(said[0].length) }
  if (stamp === undefined) return undefined
  const isTopic = /^\*[ \t]?Topic is\b/.test(rest)
  if (arrow.test(rest) || served.test(rest) || isTopic || happening.test(rest))
    return topical.test(rest.slice(0, 300))
      ? { kind: "notice", stamp, text: rest.replace(arrow, "").replace(/^\*[ \t]?/, "") }
      : { kind: "noise", text: rest }
  const notice = told.exec(rest)
  if (notice) return { kind: "notice", stamp, text: `${notice[1] ?? ""}: ${rest.slice(notice[0].length)}` }
  const acted = action.exec(rest)
  if (acted) return { kind: "turn", stamp, speaker: acted[1] ?? "", text: rest.slice(acted[0].length) }
  return undefined
}

/** WeeChat parts time, nickname and text by tabs. */
const columns = (line: string): Line | undefined => {
  const stamp = readStamp(line)
  if (stamp?.date === undefined) return undefined
  const rest = line.slice(stamp.length)
  const parted = column.exec(rest)
  if (!parted) {
    if (!arrow.test(rest)) return undefined
    return topical.test(rest.slice(0, 300))
      ? { kind: "notice", stamp, text: rest.replace(arrow, "") }
      : { kind: "noise", text: rest }
  }
  const speaker = parted[1] ?? ""
  const text = rest.slice(parted[0].length)
  if (speaker !== "*")
    return /^[-=<>!]+$/.test(speaker) ? { kind: "noise", text: rest } : { kind: "turn", stamp, speaker, text }
  const [who, ...done] = text.split(" ")
  return { kind: "turn", stamp, speaker: who ?? "", text: done.join(" ") }
}

const sentTo = /^[ \t]*From[ \t]+(\S[^\n]{0,80}?)[ \t]+to[ \t]+(\S[^\n:]{0,120}?)[ \t]*:(?:[ \t]|$)/i
const sentBy = /^[ \t]*From[ \t]+(\S[^\n:]{0,80}?)[ \t]*:(?:[ \t]|$)/

const zoom = (line: string): Line | undefined => {
  const stamp = readStamp(line)
  const rest = line.slice(stamp?.length ?? 0)
  const direct = sentTo.exec(rest.slice(0, 300))
  const sent = direct ?? (stamp === undefined ? null : sentBy.exec(rest.slice(0, 300)))
  if (!sent) return undefined
  const to = direct?.[2]?.replace(/\(.{0,60}\)$/, "").trim()
  return {
    kind: "turn",
    stamp,
    speaker: sent[1] ?? "",
    text: rest.slice(sent[0].length),
    to: to === undefined || /^(?:everyone|all|meeting group chat)\b/i.test(to) ? undefined : to
  }
}

/** A line that a stamp with a date, or with a time alone, and a label begin. */
const stamped =
  (withDate: boolean) =>
  (line: string): Line | undefined => {
    const stamp = readStamp(line)
    if (stamp === undefined || (stamp.date !== undefined) !== withDate) return undefined
    const rest = line.slice(stamp.length)
    const label = labelBefore(rest)
    if (label !== undefined) return { kind: "turn", stamp, speaker: label.name, text: rest.slice(label.length) }
    if (withDate && stamp.marked && isNameLike(rest.trim())) return { kind: "turn", stamp, speaker: rest, text: "" }
    return withDate && stamp.marked ? { kind: "notice", stamp, text: rest } : undefined
  }

const nameThenTime =
  /^(?:\*\*)?(\S[^\n]{0,80}?)(?:\*\*)?(?:[ \t]*[|·•–—][ \t]*|[ \t]+-[ \t]+|[ \t]+[[(]?|[[(])(?:at )?(\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d{1,3})?(?:[ \u202f]?[AaPp]\.?[Mm]\.?)?)[)\]]?(?:\*\*)?:?$/
const longestHeading = 120

/** A line of a transcript that says who speaks from when on, above what is said. */
const heading = (line: string): Line | undefined => {
  if (line.length > longestHeading) return undefined
  const trimmed = line.trim()
  const after = nameThenTime.exec(trimmed)
  if (after) {
    const stamp = readStamp(after[2] ?? "")
    return isNameLike(after[1] ?? "") ? { kind: "turn", stamp, speaker: after[1] ?? "", text: "" } : undefined
  }
  const stamp = readStamp(trimmed)
  if (stamp === undefined) return undefined
  const name = trimmed.slice(stamp.length).replace(/:$/, "")
  return isNameLike(name) ? { kind: "turn", stamp, speaker: name, text: "" } : undefined
}

const lonelyTime =
  /^[[(]?\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d{1,3})?(?: ?(?:-->|-|–) ?\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d{1,3})?)?[)\]]?$/

const plain = (line: string): Line | undefined => {
  if (line.length < longestHeading && lonelyTime.test(line.trim())) {
    const stamp = readStamp(line)
    return stamp === undefined ? undefined : { kind: "time", stamp }
  }
  const label = nameBefore(line)
  return label === undefined ? undefined : { kind: "turn", speaker: label.name, text: line.slice(label.length) }
}

export const styles = {
  irc,
  columns,
  zoom,
  dated: stamped(true),
  timed: stamped(false),
  heading,
  plain
} satisfies Record<string, (line: string) => Line | undefined>

export type Style = keyof typeof styles
