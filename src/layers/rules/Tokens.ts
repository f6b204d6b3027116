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

/** What is blanked out, where the text has one of the `signs` without which there is none. */
interface Mask {
  readonly signs: ReadonlyArray<string>
  readonly pattern: RegExp
}

/**
 * Quantifiers are bounded, or their starts are fenced by a look-behind, so that each takes linear time on any input.
 */
const masks: ReadonlyArray<Mask> = [
  { signs: ["```", "~~~"], pattern: /^[ \t]*(?:```|~~~)[^\n]*\n[\s\S]*?(?:^[ \t]*(?:```|~~~)|(?![\s\S]))/gm },
  { signs: ["`"], pattern: /`[^`\n]{1,200}`/g },
  { signs: ["<", "-->"], pattern: /<!--|-->|<\/?[A-Za-z][^<>]{0,300}>/g },
  { signs: ["]("], pattern: /\]\([^()\s]{1,2000}\)/g },
  {
    signs: ["://", "www."],
    pattern: /(?<![\p{L}\p{N}])(?:[A-Za-z]{2,10}:\/\/|www\.)[^\s<>"]{1,4000}/gu
  },
  { signs: ["@"], pattern: /(?<![\p{L}\p{N}._%+@-])[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}.-]{1,255}/gu },
  {
    signs: ["/", "\\"],
    pattern:
      /(?<![\p{L}\p{N}_.\\/:-])(?:\.{0,2}|~|[A-Za-z]:)[\\/][\p{L}\p{N}_.-]{1,200}(?:[\\/][\p{L}\p{N}_.-]{0,200})*/gu
  },
  { signs: ["&"], pattern: /&[a-z]{2,8};|&#\d{1,7};/gi }
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
  for (const { pattern, signs } of masks) {
    if (signs.some((sign) => masked.includes(sign))) masked = masked.replace(pattern, blank)
  }
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

/** Of ASCII characters; `other` is what the pattern decides. */
const kinds = { space: 0, stop: 1, digit: 2, lower: 3, upper: 4, other: 5 }

const kindOf = (code: number): number => {
  if (code >= 0x80) return kinds.other
  if (code >= 0x61 && code <= 0x7a) return kinds.lower
  if (code >= 0x41 && code <= 0x5a) return kinds.upper
  if (code >= 0x30 && code <= 0x39) return kinds.digit
  return code === 0x20 || (code >= 0x09 && code <= 0x0d) ? kinds.space : kinds.stop
}

const asciiKinds = Uint8Array.from({ length: 0x80 }, (_, code) => kindOf(code))
/** Past the end of the text, where the code is no number, as between words. */
const kindAt = (text: string, index: number): number => {
  const code = text.charCodeAt(index)
  return code < 0x80 ? (asciiKinds[code] ?? kinds.space) : code >= 0x80 ? kinds.other : kinds.space
}

/**
 * The end of the word of ASCII characters that begins at `start`, as the pattern has it; -1 where the pattern has to
 * decide, because of another character or a point after a capital.
 */
const asciiWordEnd = (text: string, start: number): number => {
  if (kindAt(text, start) === kinds.upper && text.charCodeAt(start + 1) === 0x2e) return -1
  for (let index = start + 1; ; index++) {
    const kind = kindAt(text, index)
    if (kind === kinds.other) return -1
    if (kind >= kinds.digit) continue
    if (kind === kinds.space) return index
    const code = text.charCodeAt(index)
    if (code === 0x5f) continue
    const next = kindAt(text, index + 1)
    if (next === kinds.other) return -1
    const goesOn =
      code === 0x2d || code === 0x27
        ? next >= kinds.digit
        : code === 0x26
          ? next === kinds.upper
          : code === 0x2e && next === kinds.digit && kindAt(text, index - 1) === kinds.digit
    if (!goesOn) return index
  }
}

const possessive = /['’]s$/i

const endsPossessive = (value: string): boolean => {
  const last = value.charCodeAt(value.length - 1)
  return value.length > 2 && (last === 0x73 || last === 0x53 || last >= 0x80) && possessive.test(value)
}

const shapeOf = (text: string): Token["shape"] => {
  if (/^\p{Lu}|^\p{Lt}/u.test(text)) {
    return /\p{Ll}/u.test(text) ? "title" : /\p{Lu}[^\p{L}]*\p{Lu}/u.test(text) ? "capitals" : "title"
  }
  if (/^\p{Ll}\p{Lu}\p{Ll}+$/u.test(text)) return "title"
  return /^\p{Ll}/u.test(text) ? "lower" : "none"
}

const plainWord = /^[a-z]+$/
const titleWord = /^[A-Z][a-z]+$/

const gapOf = (text: string, from: number, to: number): Token["gap"] => {
  if (from === to) return "none"
  if (to - from === 1) return text.charCodeAt(from) === 0x0a ? "line" : "space"
  const between = text.slice(from, Math.min(to, from + 200))
  const lines = between.split("\n").length - 1
  return to - from > 200 || lines > 1 ? "wide" : lines === 1 ? "line" : "wide"
}

const isNumber = (value: string): boolean => /^\p{N}/u.test(value) && !/^\p{N}+\p{L}{3}/u.test(value)

const kindOfToken = (value: string): Token["kind"] => {
  const first = kindAt(value, 0)
  if (first === kinds.lower || first === kinds.upper) return "word"
  if (first === kinds.stop) return "stop"
  return isNumber(value) ? "number" : /^\p{L}/u.test(value) ? "word" : "stop"
}

/** The tokens of a masked text. A possessive ending is a stop of its own. */
export const tokenize = (text: string): ReadonlyArray<Token> => {
  const tokens: Array<Token> = []
  let end = 0
  const push = (start: number, value: string) => {
    const gap = gapOf(text, end, start)
    end = start + value.length
    if (plainWord.test(value)) {
      tokens.push({ start, end, text: value, lower: value, kind: "word", shape: "lower", gap })
      return
    }
    const kind = kindOfToken(value)
    tokens.push({
      start,
      end,
      text: value,
      lower: kind === "word" ? value.toLowerCase() : value,
      kind,
      shape: kind !== "word" ? "none" : titleWord.test(value) ? "title" : shapeOf(value),
      gap
    })
  }
  for (let from = 0; from < text.length;) {
    const kind = kindAt(text, from)
    if (kind === kinds.space) {
      from++
      continue
    }
    let start = from
    let to = kind === kinds.stop ? from + 1 : kind === kinds.other ? -1 : asciiWordEnd(text, from)
    if (to === -1) {
      pattern.lastIndex = from
      const match = pattern.exec(text)
      if (match === null) break
      start = match.index
      to = start + match[0].length
    }
    const value = text.slice(start, to)
    const ending = endsPossessive(value) ? 2 : 0
    push(start, value.slice(0, value.length - ending))
    if (ending > 0) push(to - ending, value.slice(-ending))
    from = to
  }
  return tokens
}
