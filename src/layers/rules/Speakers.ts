import { classOf, isFirstName } from "./Lexicon.ts"
import type { Token } from "./Tokens.ts"
import * as Words from "./Words.ts"

/** `Alice Smith:`, `[00:12] ALICE (host):`, `**Alice**:`, `田中：`. */
const turn =
  /^[ \t]*(?:\[[^\]\n]{1,40}\][ \t]*|\(?\d{1,2}:\d{2}[^\p{L}\n]{0,12})?(?:\*\*|- )?(\p{Lu}[\p{L}\p{M}'’.-]{0,40}(?: \p{Lu}[\p{L}\p{M}'’.-]{0,40}){0,3}|\p{Lo}{1,12})(?:\*\*)?(?: ?\([^)\n]{1,40}\))?(?::(?:\*\*)?(?=\s|$|\p{Lo})|：)/gmu

const isPlain = (label: string): boolean =>
  label
    .toLowerCase()
    .split(" ")
    .some((word) => {
      const found = classOf(word)
      return (
        Words.fieldNames.has(word) ||
        Words.functionWords.has(word) ||
        (found !== undefined && !["person", "location", "organization", "honorific"].includes(found))
      )
    })

/**
 * Speakers of turns, by the token that their name begins with: the token after its end. A label is a speaker if it comes
 * twice, if the header has it, or if it begins with a known first name.
 */
export const speakersOf = (header: string, text: string, tokens: ReadonlyArray<Token>): ReadonlyMap<number, number> => {
  const spans: Array<{ readonly label: string; readonly start: number }> = []
  const times = new Map<string, number>()
  for (const match of text.matchAll(turn)) {
    const label = match[1]
    if (label === undefined) continue
    times.set(label, (times.get(label) ?? 0) + 1)
    spans.push({ label, start: match.index + match[0].indexOf(label) })
  }
  const found = new Map<number, number>()
  let i = 0
  for (const { label, start } of spans) {
    const known = isFirstName(label.split(" ")[0]?.toLowerCase() ?? "")
    if (isPlain(label) && !known) continue
    if (!known && (times.get(label) ?? 0) < 2 && !header.includes(label)) continue
    while ((tokens[i]?.start ?? Infinity) < start) i++
    let to = i
    while ((tokens[to]?.end ?? Infinity) <= start + label.length) to++
    if (tokens[i]?.start === start && tokens[to - 1]?.end === start + label.length) found.set(i, to)
  }
  return found
}
