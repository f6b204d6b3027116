import chardet from "chardet"

const sampleBytes = 64 * 1024

/** Fewer bytes beyond ASCII say nothing of the language, and most files with so few are western. */
const fewBeyond = 6

/** Whole lines of bytes beyond ASCII, as much as a detector needs: what stands between them says nothing. */
const sampleOf = (bytes: Uint8Array): Uint8Array => {
  if (bytes.length <= sampleBytes) return bytes
  const sample = new Uint8Array(sampleBytes)
  let filled = 0
  for (let from = 0; from < bytes.length && filled < sampleBytes;) {
    const newline = bytes.indexOf(0x0a, from)
    const end = newline < 0 ? bytes.length : newline + 1
    const line = bytes.subarray(from, Math.min(end, from + sampleBytes - filled))
    if (line.some((byte) => byte > 0x7f)) {
      sample.set(line, filled)
      filled += line.length
    }
    from = end
  }
  return sample.subarray(0, filled)
}

/** Of the characters beyond ASCII in a hundred that may be broken: files are damaged, or cut off within one. */
const maxBroken = 1

const textIn = (encoding: string, bytes: Uint8Array): string => new TextDecoder(encoding).decode(bytes)

const notText = /[\ufffd\p{Co}\p{Cn}]/u

/**
 * Lead bytes of the characters that are in common use, which their standards put in ranges of their own before the rare
 * ones: kana and level 1 of JIS X 0208, level 1 of GB 2312 and of Big5, the Hangul of KS X 1001, with the punctuation.
 */
const common: Readonly<Record<string, ReadonlyArray<readonly [from: number, to: number]>>> = {
  Shift_JIS: [
    [0x81, 0x83],
    [0x88, 0x98]
  ],
  "EUC-JP": [
    [0xa1, 0xa5],
    [0xb0, 0xcf]
  ],
  GB18030: [
    [0xa1, 0xa3],
    [0xb0, 0xd7]
  ],
  Big5: [[0xa1, 0xc6]],
  "EUC-KR": [
    [0xa1, 0xa3],
    [0xb0, 0xc8]
  ]
}

/**
 * Whether text in two-byte characters is what it seems to be: hardly one broken, four in five of those beyond ASCII
 * beside another one (a western accent stands alone among letters), and three in four of them in common use.
 */
const isTwoByteText = (encoding: string, bytes: Uint8Array): boolean => {
  let beyond = 0
  let broken = 0
  let beside = 0
  let run = 0
  for (const character of textIn(encoding, bytes)) {
    if (character <= "\u007f") {
      run = 0
      continue
    }
    if (notText.test(character)) broken++
    beyond++
    run++
    if (run > 1) beside += run === 2 ? 2 : 1
  }
  if (beyond < 2 || beside * 5 < beyond * 4 || (broken > 1 && broken * 100 > beyond * maxBroken)) return false
  const ranges = common[encoding] ?? []
  let pairs = 0
  let often = 0
  for (let at = 0; at < bytes.length; at++) {
    const lead = bytes[at] ?? 0
    // Half-width katakana in Shift JIS are one byte each.
    if (lead < 0x81 || (encoding === "Shift_JIS" && lead >= 0xa0 && lead <= 0xdf)) continue
    pairs++
    if (ranges.some(([from, to]) => lead >= from && lead <= to)) often++
    at++
  }
  return often * 4 >= pairs * 3
}

const scripts: ReadonlyArray<RegExp> = [
  /\p{Script=Latin}/u,
  /\p{Script=Cyrillic}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Hebrew}/u,
  /\p{Script=Arabic}/u,
  /\p{Script=Thai}/u
]
const lower = /\p{Ll}/u
const upper = /\p{Lu}/u
const punctuation = /[\u00a0§©«®°·»¿¡€£™–—‘’“”„…•№‹›\u0e3f\u060c\u061b\u061f\u200c-\u200f]/u
const mark = /\p{M}/u

interface Kind {
  /** Of a letter, which script, from 0; -1 of what stands between words; -2 of a sign that text rarely holds. */
  readonly script: number
  readonly isLower: boolean
  readonly isUpper: boolean
}

const kindOf = (character: string): Kind => ({
  script: scripts.findIndex((script) => script.test(character)),
  isLower: lower.test(character),
  isUpper: upper.test(character)
})

/** Of the 256 characters that a one-byte encoding has. */
const kindsOf = (encoding: string): ReadonlyArray<Kind> =>
  Array.from({ length: 256 }, (_, byte) => {
    const character = textIn(encoding, Uint8Array.of(byte))
    const kind = kindOf(character)
    const isOrdinary = kind.script >= 0 || byte < 0x80 || punctuation.test(character) || mark.test(character)
    return isOrdinary ? kind : { ...kind, script: -2 }
  })

const tables = new Map<string, ReadonlyArray<Kind>>()

/**
 * How many in a hundred of the bytes beyond ASCII make no sense in a one-byte encoding: letters of two scripts in a word, a
 * capital after a small letter, signs that hardly any text holds.
 */
const oddness = (encoding: string, bytes: Uint8Array): number => {
  const table = tables.get(encoding) ?? kindsOf(encoding)
  tables.set(encoding, table)
  let beyond = 0
  let odd = 0
  let previous: Kind | undefined
  let wasBeyond = false
  for (const byte of bytes) {
    const kind = table[byte]
    const isBeyond = byte > 0x7f
    if (kind === undefined) continue
    if (isBeyond) beyond++
    if (isBeyond || wasBeyond) {
      const isWord = kind.script >= 0 && previous !== undefined && previous.script >= 0
      if (kind.script === -2 && isBeyond) odd++
      else if (isWord && previous?.script !== kind.script) odd++
      else if (isWord && previous?.isLower === true && kind.isUpper) odd++
    }
    previous = kind
    wasBeyond = isBeyond
  }
  return beyond === 0 ? 0 : (odd * 100) / beyond
}

const maxOdd = 12

/** The encodings that a detected one may really be: the detector knows families, by the languages that they serve. */
const families: Readonly<Record<string, ReadonlyArray<string>>> = {
  "ISO-8859-1": ["windows-1252", "macintosh"],
  "windows-1252": ["windows-1252", "macintosh"],
  "ISO-8859-2": ["iso-8859-2", "windows-1250"],
  "windows-1250": ["windows-1250", "iso-8859-2"],
  "ISO-8859-5": ["iso-8859-5"],
  "ISO-8859-6": ["iso-8859-6"],
  "ISO-8859-7": ["iso-8859-7", "windows-1253"],
  "windows-1253": ["windows-1253", "iso-8859-7"],
  "ISO-8859-8": ["windows-1255"],
  "windows-1255": ["windows-1255"],
  "ISO-8859-9": ["windows-1254"],
  "windows-1254": ["windows-1254"],
  "windows-1251": ["windows-1251"],
  "windows-1256": ["windows-1256"],
  "windows-1257": ["windows-1257"],
  "windows-1258": ["windows-1258"],
  "windows-874": ["windows-874"],
  "KOI8-R": ["koi8-r", "koi8-u"]
}

interface Candidate {
  readonly encoding: string
  /** 0 to 100. */
  readonly confidence: number
}

const oneByte = (name: string, confidence: number, bytes: Uint8Array): ReadonlyArray<Candidate> => {
  const fitting = (families[name] ?? [])
    .map((encoding) => ({ encoding, odd: oddness(encoding, bytes) }))
    .filter(({ odd }) => odd <= maxOdd)
    .toSorted((a, b) => a.odd - b.odd)
  const best = fitting[0]
  if (best === undefined) return []
  return [{ encoding: best.encoding, confidence: confidence * (1 - best.odd / 100) }]
}

/** What is left where the detector sees too little, if nothing of the text is odd in it; by how common they are. */
const cyrillic = ["windows-1251", "koi8-r", "ibm866"] as const

const undefinedIn1252: ReadonlySet<number> = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d])

const countBeyond = (bytes: Uint8Array): number => {
  let beyond = 0
  for (const byte of bytes) if (byte > 0x7f) beyond++
  return beyond
}

/**
 * The encoding of text that is neither UTF-8 nor UTF-16, by name (WHATWG Encoding): by the frequencies of letters and
 * their sequences, where what it makes of the bytes also looks like words; Windows-1252, a superset of Latin-1, where
 * there is too little to tell. Undefined for what is probably no text. Looks at 64 KB.
 */
export const encodingOf = (bytes: Uint8Array): string | undefined => {
  const sample = sampleOf(bytes)
  const beyond = countBeyond(sample)
  const isWestern = beyond * 4 <= bytes.length && !sample.some((byte) => undefinedIn1252.has(byte))
  if (isWestern && beyond < fewBeyond) return "windows-1252"
  const found: Array<Candidate> = []
  for (const { confidence, name } of chardet.analyse(sample)) {
    if (confidence < 5) continue
    if (!Object.hasOwn(common, name)) found.push(...oneByte(name, confidence, sample))
    else if (isTwoByteText(name, sample)) found.push({ encoding: name, confidence })
  }
  const best = found.toSorted((a, b) => b.confidence - a.confidence)[0]
  if (best !== undefined) return best.encoding
  return isWestern ? "windows-1252" : cyrillic.find((encoding) => oddness(encoding, sample) <= 2)
}
