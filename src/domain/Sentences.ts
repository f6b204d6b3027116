/** The locale is fixed: the machine's own would make boundaries differ between machines. */
const segmenter = new Intl.Segmenter("en", { granularity: "sentence" })

/** Abbreviations that a name, a number or an example follows, so that the sentence goes on. */
const abbreviations = new Set(
  (
    "mr mrs ms mx dr prof sr jr st mt ft vs cf al viz e.g i.e eg ie approx ca fig figs eq eqs sec ch no nos vol vols pp " +
    "ed eds gen col maj lt sgt capt cmdr adm gov sen rep hon rev fr messrs inc ltd co corp dept univ est " +
    "jan feb mar apr jun jul aug sep sept oct nov dec ph.d b.a m.a"
  ).split(" ")
)

/** How far back from a full stop its word is looked for, in UTF-16 code units. */
const longestAbbreviation = 12

const continues = (text: string, start: number, end: number): boolean => {
  let stop = end
  while (stop > start && /\s/.test(text.charAt(stop - 1))) {
    stop--
    const code = text.charCodeAt(stop)
    // A line break ends the sentence, whatever it ends with.
    if (code === 10 || code === 13 || code === 0x85 || code === 0x2028 || code === 0x2029) return false
  }
  if (text.charCodeAt(stop - 1) !== 46) return false
  const word = /(?:^|[\s("'“‘[])([\p{L}.]{1,8})$/u.exec(
    text.slice(Math.max(start, stop - 1 - longestAbbreviation), stop - 1)
  )?.[1]
  if (word === undefined) return false
  return abbreviations.has(word.toLowerCase()) || /^(?:\p{Lu}\.)*\p{Lu}$/u.test(word)
}

/**
 * Sentences of a text as `[start, end)` in UTF-16 code units, with the white space that follows each: they cover the
 * text exactly. Unicode's sentence boundaries (UAX 29), less those after an abbreviation or an initial.
 */
export const sentences = (text: string): ReadonlyArray<readonly [start: number, end: number]> => {
  const found: Array<readonly [number, number]> = []
  let start = 0
  for (const { segment, index } of segmenter.segment(text)) {
    const end = index + segment.length
    if (end < text.length && continues(text, index, end)) continue
    found.push([start, end])
    start = end
  }
  return found
}
