/** `stop`: anything that no name goes across. Offsets in UTF-16 code units of the chunk's text. */
export interface Token {
  readonly start: number
  readonly end: number
  readonly text: string
  readonly lower: string
  readonly kind: "word" | "number" | "stop"
  /** Of a word: how its first letter is written; `capitals`: all of its letters, and more than one. */
  readonly shape: "lower" | "title" | "capitals" | "none"
  /** What stands between the token before and this one. */
  readonly gap: "none" | "space" | "line" | "wide"
}

const blank = (match: string): string => "\u0000".repeat(match.length)

/**
 * Quantifiers are bounded, or their starts are fenced by a look-behind, so that each takes linear time on any input.
 */
const masks: ReadonlyArray<RegExp> = [
  /^[ \t]*(?:```|~~~)[^\n]*\n[\s\S]*?(?:^[ \t]*(?:```|~~~)|(?![\s\S]))/gm,
  /`[^`\n]{1,200}`/g,
  /<!--|-->|<\/?[A-Za-z][^<>]{0,300}>/g,
  /\]\([^()\s]{1,2000}\)/g,
  /(?<![\p{L}\p{N}])(?:[A-Za-z]{2,10}:\/\/|www\.)[^\s<>"]{1,4000}/gu,
  /(?<![\p{L}\p{N}._%+@-])[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}.-]{1,255}/gu,
  /(?<![\p{L}\p{N}_.\\/:-])(?:\.{0,2}|~|[A-Za-z]:)[\\/][\p{L}\p{N}_.-]{1,200}(?:[\\/][\p{L}\p{N}_.-]{0,200})*/gu,
  /&[a-z]{2,8};|&#\d{1,7};/gi
]

const codeLine =
  /^\s*(?:export |public |private |abstract )*(?:class|interface|enum|struct|impl|namespace|trait) .{0,300}\{\s*$|[(){}=;].{0,400}[{};][ \t]*$|^[ \t]*(?:#include|import .{1,200} from |@\w)|(?:=>|::|\)\s*->)/
const codeMark = /[{};]\s*$|=>|::|->|^\s*[#@i]/

const field = /[ \t>]*(\p{L}[\p{L}-]{0,20}):[ \t]+/uy

/** How far the names of fields go at the start of a line: `Subject: Re: `. */
const fieldsEnd = (line: string, isField: (label: string) => boolean): number => {
  let end = 0
  for (;;) {
    field.lastIndex = end
    const match = field.exec(line)
    if (match === null || !isField((match[1] ?? "").toLowerCase())) return end
    end = field.lastIndex
  }
}

/** The text with URLs, addresses, paths, markup and code blanked out; as long as before. */
export const mask = (text: string, isField: (label: string) => boolean): string => {
  let masked = text
  for (const pattern of masks) masked = masked.replace(pattern, blank)
  return masked
    .split("\n")
    .map((line) => {
      if (line.length < 2000 && codeMark.test(line) && codeLine.test(line)) return blank(line)
      const end = fieldsEnd(line, isField)
      return end === 0 ? line : blank(line.slice(0, end)) + line.slice(end)
    })
    .join("\n")
}

const pattern = new RegExp(
  [
    /(?:\p{Lu}\.){2,}/u,
    /\p{Lu}\.(?=[ \t]*\p{Lu})(?<![\p{L}\p{N}]\p{Lu}\.)/u,
    /[\p{L}\p{N}](?:[\p{L}\p{N}\p{M}_]|[-'’](?=[\p{L}\p{N}])|&(?=\p{Lu})|\.(?=\p{N})(?<=\p{N}\.))*/u,
    /[^\s\p{L}\p{N}]/u
  ]
    .map(({ source }) => source)
    .join("|"),
  "gu"
)

const possessive = /['’]s$/i

const shapeOf = (text: string): Token["shape"] => {
  if (/^\p{Lu}|^\p{Lt}/u.test(text)) {
    return /\p{Ll}/u.test(text) ? "title" : /\p{Lu}[^\p{L}]*\p{Lu}/u.test(text) ? "capitals" : "title"
  }
  if (/^\p{Ll}\p{Lu}\p{Ll}+$/u.test(text)) return "title"
  return /^\p{Ll}/u.test(text) ? "lower" : "none"
}

const gapOf = (text: string, from: number, to: number): Token["gap"] => {
  if (from === to) return "none"
  const between = text.slice(from, Math.min(to, from + 200))
  const lines = between.split("\n").length - 1
  return to - from > 200 || lines > 1 ? "wide" : lines === 1 ? "line" : to - from === 1 ? "space" : "wide"
}

/** The tokens of a masked text. A possessive ending is a stop of its own. */
export const tokenize = (text: string): ReadonlyArray<Token> => {
  const tokens: Array<Token> = []
  let end = 0
  const push = (start: number, value: string) => {
    const kind =
      /^\p{N}/u.test(value) && !/^\p{N}+\p{L}{3}/u.test(value) ? "number" : /^\p{L}/u.test(value) ? "word" : "stop"
    const gap = gapOf(text, end, start)
    end = start + value.length
    tokens.push({
      start,
      end,
      text: value,
      lower: kind === "word" ? value.toLowerCase() : value,
      kind,
      shape: kind === "word" ? shapeOf(value) : "none",
      gap
    })
  }
  for (const match of text.matchAll(pattern)) {
    const value = match[0]
    const ending = value.length > 2 && possessive.test(value) ? 2 : 0
    push(match.index, value.slice(0, value.length - ending))
    if (ending > 0) push(match.index + value.length - ending, value.slice(-ending))
  }
  return tokens
}
