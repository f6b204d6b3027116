import { parseText as parseCaptions } from "media-captions"
import { ParseError } from "../../domain/ParseError.ts"
import type { Parsed } from "../../services/Parser.ts"
import { transcript } from "./captions.ts"
import { decode } from "./decode.ts"

const time = String.raw`(\d{1,3}):(\d{1,2}):(\d{1,2})(?:[.,:](\d{1,3}))?`
const timing = new RegExp(String.raw`^[ \t]*${time}[ \t]*-{1,3}>[ \t]*${time}`)
const counter = /^[ \t]*\d{1,9}[ \t]*$/

/** Milliseconds as the library reads them; it knows no hours above 99. */
const written = (milliseconds: number): string => {
  const pad = (value: number, width = 2): string => String(Math.floor(value)).padStart(width, "0")
  const seconds = milliseconds / 1000
  return `${pad(Math.min(99, seconds / 3600))}:${pad((seconds / 60) % 60)}:${pad(seconds % 60)},${pad(milliseconds % 1000, 3)}`
}

const millisecondsOf = (parts: ReadonlyArray<string | undefined>): number => {
  const [hours, minutes, seconds, fraction] = parts
  return (
    (Number(hours) * 60 + Number(minutes)) * 60_000 + Number(seconds) * 1000 + Number((fraction ?? "").padEnd(3, "0"))
  )
}

/**
 * Subtitles as the library wants them: it passes over what follows a blank line within a subtitle, takes one that no
 * blank line precedes for text of the one before, and leaves out those that end when they begin.
 */
const regular = (source: string): string => {
  const lines = source.split("\n")
  const out: Array<string> = []
  let index = 0
  for (const [number, line] of lines.entries()) {
    const found = timing.exec(line.slice(0, 200))
    if (found) {
      const [start, end] = [millisecondsOf(found.slice(1, 5)), millisecondsOf(found.slice(5, 9))]
      out.push("", String(++index), `${written(start)} --> ${written(Math.max(end, start + 1))}`)
    } else if (
      index > 0 &&
      line.trim() !== "" &&
      !(counter.test(line) && timing.test(lines[number + 1]?.slice(0, 200) ?? ""))
    )
      out.push(line.replaceAll("-->", "→"))
  }
  return `${out.join("\n")}\n\n`
}

/**
 * A SubRip transcript, its turns as lines. It states no title and no date. Fails as `malformed` if no line has the times
 * of a subtitle, as `empty` if nobody says anything.
 */
export const parseSrt = async (uri: string, bytes: Uint8Array): Promise<Parsed> => {
  const source = decode(uri, bytes)
  const malformed = new ParseError({
    uri,
    reason: "malformed",
    message: `${uri} is not a SubRip transcript that can be read: each part needs a line like 00:00:01,000 --> 00:00:04,000; if it is plain text, name it .txt`
  })
  const captions = await parseCaptions(regular(source), { type: "srt", errors: false }).catch(() => {
    throw malformed
  })
  if (captions.cues.length === 0) throw malformed
  const said = transcript(captions.cues, "")
  if (said.blocks.length === 0)
    throw new ParseError({ uri, reason: "empty", message: `${uri} is a transcript in which nobody says anything` })
  return { mediaType: "application/x-subrip", title: "", ...said }
}
