import { parseText as parseCaptions } from "media-captions"
import { ParseError } from "../../domain/ParseError.ts"
import type { Parsed } from "../../services/Parser.ts"
import { plain, transcript } from "./captions.ts"
import { isoDate } from "./date.ts"
import { clean, decode } from "./decode.ts"
import { asTitle } from "./Writer.ts"

const header = /^WEBVTT[ \t]*(?:-+[ \t]*)?([^\n]*)/
const timing = /^[^\n]*-->/m

/**
 * A WebVTT transcript, its turns as lines. The title is what follows `WEBVTT`, or `Title:` in the header. Cues that
 * cannot be read are passed over; a file with none is `empty`, or `malformed` if it has lines of timing or no header.
 */
export const parseVtt = async (uri: string, bytes: Uint8Array): Promise<Parsed> => {
  const source = decode(uri, bytes)
  const malformed = (message: string) => new ParseError({ uri, reason: "malformed", message })
  const captions = await parseCaptions(source, { type: "vtt", errors: true }).catch(() => {
    throw malformed(`${uri} is not a WebVTT transcript that can be read: check it, or save it as plain text`)
  })
  const stated = captions.metadata["Title"] ?? header.exec(source)?.[1]
  const title = asTitle(plain(stated ?? ""))
  const said = transcript(captions.cues, title)
  if (said.blocks.length === 0) {
    if (timing.test(source) && captions.cues.length === 0) {
      const [first] = captions.errors
      const where = first ? ` (line ${first.line}: ${clean(first.message).slice(0, 120).toWellFormed()})` : ""
      throw malformed(`no cue of ${uri} has a valid time${where}: each needs a line like 00:01.000 --> 00:04.000`)
    }
    if (!header.test(source)) {
      throw malformed(`${uri} has neither a WEBVTT header nor cues: if it is plain text, name it .txt`)
    }
    throw new ParseError({
      uri,
      reason: "empty",
      message: `${uri} is a transcript in which nobody says anything`
    })
  }
  const date = isoDate(captions.metadata["Date"] ?? "")
  return {
    mediaType: "text/vtt",
    title,
    ...(date ? { date } : {}),
    ...said
  }
}
