import type { Block } from "../../domain/Document.ts"
import type { Statement } from "../../domain/Extraction.ts"
import { isField, labelBefore } from "./chats/labels.ts"
import { Participation } from "./chats/participation.ts"
import { nameIn } from "./chats/people.ts"
import { clean, isBlank } from "./decode.ts"

// The library's declarations import their parts without file extensions, which resolves to nothing under NodeNext.
declare module "media-captions" {
  function parseText(
    text: string,
    options: { readonly type: "vtt" | "srt"; readonly errors: boolean }
  ): Promise<{
    readonly metadata: Readonly<Record<string, string>>
    readonly cues: ReadonlyArray<Cue>
    readonly errors: ReadonlyArray<{ readonly message: string; readonly line: number }>
  }>
}

/** Cues of one speaker are one turn while no longer silence parts them; in milliseconds. */
const maxSilence = 30_000

/** In seconds. */
export interface Cue {
  readonly startTime: number
  readonly endTime: number
  readonly text: string
}

interface Utterance {
  readonly speaker: string | undefined
  readonly said: Array<string>
  /** Whether a mark says that somebody else speaks now, though not who. */
  readonly change: boolean
}

const voice = /<v(?:\.[^\s<>]*)?[ \t]([^<>]*)>/g
const tag = /<[^<>]*>|\{\\[^{}\n]{0,100}\}/g
const entity = /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(amp|lt|gt|quot|apos|nbsp|lrm|rlm));/gi
const named: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " " }
const changeMark = /^(?:-|–|—|>>+|»)[ \t]*/
// A name as captions write it: up to five words, each with a capital or without letters, before a colon.
const label =
  /^((?:\p{Lu}|\d)[\p{L}\p{M}\p{N}.'’&()/-]{0,30}(?:[ ](?:\p{Lu}|\d|\()[\p{L}\p{M}\p{N}.'’&()/-]{0,30}){0,4})[ ]?:(?:[ \t]+|$)/u

/** What captions for the deaf have besides what is said: sounds in brackets, notes, dashes before each of two speakers. */
const sound = /^(?:[[(♪♫#*]|(?:-|–|—)[ \t]*\S)/u
const sentenceEnd = /[.!?…。！？♪)\]"”’'][ ]?$/u

/** The name that begins a line of a caption, and how much of the line it takes; its mark of change is gone already. */
type ReadLabel = (line: string, isFirst: boolean) => { readonly name: string; readonly length: number } | undefined

const readLabel: ReadLabel = (line) => {
  const found = label.exec(line)
  return found === null || isField(found[1] ?? "") ? undefined : { name: found[1] ?? "", length: found[0].length }
}

/**
 * How names are read in these cues, if they have any. Meeting programs put one before every cue, whatever people call
 * themselves or their telephones; elsewhere a name looks like one.
 */
const labelsOf = (openings: ReadonlyArray<string>): ReadLabel | undefined => {
  const labelled = openings.flatMap((line) => labelBefore(line)?.name ?? [])
  const times = new Map<string, number>()
  for (const name of labelled) times.set(name, (times.get(name) ?? 0) + 1)
  const isEverywhere = labelled.length >= 4 && labelled.length * 10 >= openings.length * 9
  if (isEverywhere && times.size * 2 <= labelled.length) {
    return (line, isFirst) => readLabel(line, isFirst) ?? (isFirst ? labelBefore(line) : undefined)
  }
  return openings.filter((line) => readLabel(line, true) !== undefined).length >= 2 ? readLabel : undefined
}

const character = (code: number): string => (code > 0 && code <= 0x10_ffff ? String.fromCodePoint(code) : "\ufffd")

/** The text of a cue on one line, without tags and entities. */
export const plain = (text: string): string =>
  clean(
    text
      .replace(tag, "")
      .replace(entity, (_, decimal?: string, hex?: string, name?: string) =>
        decimal
          ? character(Number(decimal))
          : hex
            ? character(Number.parseInt(hex, 16))
            : (named[(name ?? "").toLowerCase()] ?? "")
      )
  )
    .replaceAll(/\s+/g, " ")
    .trim()

/** A speaker's name without the role that some programs put behind it. */
const nameOf = (label: string | undefined): string | undefined => {
  const whole = plain(label ?? "")
  const { name, note } = nameIn(whole)
  return (note === "" && name !== "" ? name : whole) || undefined
}

/** What is said in a cue, by whom as far as voice tags tell: `<v Name>` holds up to the next one or the cue's end. */
const voices = (text: string): ReadonlyArray<readonly [speaker: string | undefined, text: string]> => {
  const parts: Array<readonly [string | undefined, string]> = []
  let speaker: string | undefined
  let from = 0
  for (const match of text.matchAll(voice)) {
    parts.push([speaker, text.slice(from, match.index)])
    speaker = nameOf(match[1])
    from = match.index + match[0].length
  }
  parts.push([speaker, text.slice(from)])
  return parts
}

/** Lines of a cue put together again, apart where a line begins with a mark of change or a name. */
const utterances = (text: string, read: ReadLabel | undefined): ReadonlyArray<Utterance> => {
  const found: Array<Utterance> = []
  let isFirst = true
  for (const [voiceOf, part] of voices(text)) {
    let fresh = true
    for (const raw of part.split("\n")) {
      const line = plain(raw)
      const unmarked = line.replace(changeMark, "")
      const change = unmarked !== line
      const name = voiceOf === undefined ? read?.(unmarked, isFirst) : undefined
      const said = unmarked.slice(name?.length ?? 0)
      if (isBlank(said) && name === undefined) continue
      isFirst = false
      const previous = found.at(-1)
      if (previous !== undefined && !fresh && !change && name === undefined) previous.said.push(said)
      else found.push({ speaker: voiceOf ?? nameOf(name?.name), said: [said], change: change && name === undefined })
      fresh = false
    }
  }
  return found
}

interface Turn {
  readonly speaker: string | undefined
  readonly at: number
  until: number
  readonly said: Array<string>
}

const turns = (cues: ReadonlyArray<Cue>): ReadonlyArray<Turn> => {
  const openings = cues.map(({ text }) => plain(text))
  const read = labelsOf(openings.map((line) => line.replace(changeMark, "")))
  const named = read === undefined ? 0 : openings.filter((line) => read(line.replace(changeMark, ""), true)).length
  // Captions of a film name whoever cannot be seen: what comes after is anybody's.
  const isFilm = named * 3 < cues.length && openings.filter((line) => sound.test(line)).length >= 3
  const voiced = cues.some(({ text }) => text.search(voice) >= 0)
  const found: Array<Turn> = []
  for (const cue of cues) {
    const at = Math.max(0, Math.round(cue.startTime * 1000))
    for (const { change, said, speaker } of utterances(cue.text, read)) {
      const last = found.at(-1)
      const silent = last === undefined || at - last.until > maxSilence || at < last.at
      // Where names stand before a colon, a cue without one goes on with the last speaker; a voice tag says who speaks
      // in its own cue only.
      const goesOn = !voiced && !(isFilm && sentenceEnd.test(last?.said.at(-1) ?? ""))
      const same = last?.speaker === speaker || (speaker === undefined && goesOn)
      if (silent || change || !same) found.push({ speaker, at, until: at, said })
      else for (const text of said) last.said.push(text)
      const current = found.at(-1)
      if (current) current.until = Math.max(current.until, Math.round(cue.endTime * 1000))
    }
  }
  return found.filter(({ said }) => said.some((text) => !isBlank(text)))
}

interface Transcript {
  readonly text: string
  readonly blocks: ReadonlyArray<Block>
  readonly statements?: ReadonlyArray<Statement>
}

/**
 * What is said in cues: a line `Speaker: text` for each turn, which is what one speaker says with no silence of over 30
 * seconds in it; empty if nobody says anything. Speakers are known by `<v Name>`, or by `Name:` if two cues at least
 * begin like that, or by whatever stands before a colon if nearly every cue has that; a dash or `>>` begins the turn of
 * somebody unknown. `title`: what those who speak take part in.
 */
export const transcript = (cues: ReadonlyArray<Cue>, title: string): Transcript => {
  const lines: Array<string> = []
  const blocks: Array<Block> = []
  const statements: Array<Statement> = []
  const participation = new Participation(title)
  let start = 0
  for (const { at, said, speaker } of turns(cues)) {
    const line = `${speaker === undefined ? "" : `${speaker}: `}${said.filter((part) => part !== "").join(" ")}`
    blocks.push({ kind: "turn", start, end: start + line.length, at, ...(speaker === undefined ? {} : { speaker }) })
    const stated = participation.turn(start, speaker, at)
    if (stated !== undefined && stated.entities.length > 0) statements.push({ at: start, ...stated })
    lines.push(line, "\n")
    start += line.length + 1
  }
  return { text: lines.join(""), blocks, ...(statements.length === 0 ? {} : { statements }) }
}
