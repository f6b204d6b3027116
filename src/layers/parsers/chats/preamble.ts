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
const bullet = /^[ \t]*(?:[-*•–]|\d{1,3}[.)])[ \t]+/
const markdownHeading = /^#{1,6}[ \t]+/
/** How many lines of it are looked at for more than text. */
const reach = 200

const peopleIn = (text: string): ReadonlyArray<string> =>
  text
    .slice(0, 5000)
    .split(/[,;]| and | und /)
    .map((part) => nameIn(part.replace(bullet, "")).name)
    .filter(isNameLike)

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
    groups[0]?.length === 1 &&
    bare.length <= longestTitle &&
    (bare !== first || (!endsSentence.test(bare) && !titled.test(bare) && !datedLine.test(bare) && !present.test(bare)))
  const stated = head.flatMap((line) => titled.exec(line)?.[1] ?? [])[0]
  const dated = head.flatMap((line) => isoDate(datedLine.exec(line)?.[1] ?? "") ?? [])[0]
  const day = head.flatMap((line) => dayNamed(line) ?? [])[0]
  const people: Array<string> = []
  let isList = false
  for (const line of head) {
    const found = present.exec(line)
    if (found) people.push(...peopleIn(found[1] ?? ""))
    else if (isList && bullet.test(line)) people.push(...peopleIn(line))
    isList = found ? found[1] === "" : isList && bullet.test(line)
  }
  return {
    title: stated ?? (isTitle && dayNamed(bare) === undefined ? bare : ""),
    date: dated ?? (day === undefined ? undefined : dayOf(day)),
    people: [...new Set(people)],
    parts: groups.map((group, index) =>
      index === 0 && isTitle ? { kind: "heading", text: bare } : { kind: "paragraph", text: group.join("\n") }
    )
  }
}
