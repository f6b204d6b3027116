import { isoDate } from "../date.ts"
import { endsSentence } from "../Text.ts"
import { isNameLike } from "./labels.ts"
import { nameIn } from "./people.ts"
import { dayNamed } from "./stamps.ts"
import { dayOf } from "./time.ts"

/** What stands above the first message of a log. */
export interface Preamble {
  readonly title: string
  readonly date: string | undefined
  /** Who is said to be there. */
  readonly people: ReadonlyArray<string>
  readonly parts: ReadonlyArray<{ readonly kind: "heading" | "paragraph"; readonly text: string }>
}

const longestTitle = 100
const titled = /^(?:meeting )?(?:title|topic|subject|meeting|call|chat)[ \t]*:[ \t]*(\S.*)$/i
const datedLine = /^(?:meeting )?(?:date|datum|when|recorded(?: on)?|time|start(?:ed)?)[ \t]*:[ \t]*(\S.*)$/i
const present =
  /^(?:attendees|participants|present|in attendance|teilnehmer(?:innen)?|anwesend|participantes|présents)[ \t]*(?:\(\d+\))?[ \t]*:[ \t]*(.*)$/i
const presentBelow = /^(?:attendees|participants|invited|teilnehmer(?:innen)?|participantes|partecipanti|speakers)$/i
/** What stands beside the numbers of a date and a time. */
const calendar =
  /(?<!\p{L})(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun|at|am|pm|um|the|date|[a-z]{2,4}t|utc)[a-z]{0,6}(?!\p{L})/giu
const bullet = /^[ \t]*(?:[-*•–]|\d{1,3}[.)])[ \t]+/
const markdownHeading = /^#{1,6}[ \t]+/
/** How many lines of it are looked at for more than text. */
const reach = 200

const peopleIn = (text: string): ReadonlyArray<string> =>
  text
    .slice(0, 5000)
    .split(/[,;]| and | und /)
    .map((part) => nameIn(part.replace(bullet, "")).name)
    .filter((name) => isNameLike(name) && !/['’]s presentation$/i.test(name))

/** Whether a line says more than when something was. */
const saysMore = (line: string): boolean =>
  dayNamed(line) === undefined || /\p{L}{3}/u.test(line.replaceAll(calendar, ""))

/** Title, date and people as far as the lines above a log's first message state them; every line is in a part. */
export const readPreamble = (lines: ReadonlyArray<string>): Preamble => {
  const groups: Array<Array<string>> = []
  let isOpen = false
  for (const line of lines) {
    if (line === "") isOpen = false
    else {
      if (isOpen) groups.at(-1)?.push(line)
      else groups.push([line])
      isOpen = true
    }
  }
  const head = lines.slice(0, reach).map((line) => line.slice(0, 5000).trim())
  const first = groups[0]?.[0]?.trim() ?? ""
  const bare = first.replace(markdownHeading, "")
  const isTitle =
    groups[0] !== undefined &&
    (groups[0].length === 1 || !saysMore(groups[0][1] ?? "")) &&
    bare.length <= longestTitle &&
    (bare !== first || (!endsSentence.test(bare) && !titled.test(bare) && !datedLine.test(bare) && !present.test(bare)))
  const stated = head.flatMap((line) => titled.exec(line)?.[1] ?? [])[0]
  const dated = head.flatMap((line) => isoDate(datedLine.exec(line)?.[1] ?? "") ?? [])[0]
  const day = head.flatMap((line) => dayNamed(line) ?? [])[0]
  const people: Array<string> = []
  let isList = false
  let isBelow = false
  for (const line of head) {
    const found = present.exec(line)
    const isPeople: boolean = isList && (bullet.test(line) || isBelow)
    if (found) people.push(...peopleIn(found[1] ?? ""))
    else if (isPeople) people.push(...peopleIn(line))
    if (line !== "") {
      isBelow = presentBelow.test(line)
      isList = isBelow || (found ? found[1] === "" : isPeople && bullet.test(line))
    }
  }
  return {
    title: stated ?? (isTitle && saysMore(bare) ? bare : ""),
    date: dated ?? (day === undefined ? undefined : dayOf(day)),
    people: [...new Set(people)],
    parts: groups.flatMap((group, index) => {
      if (index > 0 || !isTitle) return [{ kind: "paragraph", text: group.join("\n") } as const]
      const below = group.slice(1).join("\n")
      return [
        { kind: "heading", text: bare } as const,
        ...(below === "" ? [] : [{ kind: "paragraph", text: below } as const])
      ]
    })
  }
}
