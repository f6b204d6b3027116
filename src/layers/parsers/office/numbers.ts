import * as DateTime from "effect/DateTime"

/** What a number format makes of a number: a moment's date, time of day or both, a length of time, or just the number. */
export type NumberKind = "number" | "date" | "time" | "date-time" | "duration"

/** Formats that files name by number alone (ECMA-376-1, 18.8.30), those of East Asian languages too. */
const builtIn = (id: number): NumberKind => {
  if ((id >= 14 && id <= 17) || (id >= 27 && id <= 31) || (id >= 50 && id <= 54) || id === 36 || id >= 57) {
    return id <= 58 ? "date" : "number"
  }
  if (id === 22) return "date-time"
  if (id === 46) return "duration"
  if ((id >= 18 && id <= 21) || (id >= 32 && id <= 35) || id === 45 || id === 47 || id === 55 || id === 56)
    return "time"
  return "number"
}

/** Text in quotes, behind a backslash, or for padding; and colours, conditions and currencies in brackets. */
const literal = /"[^"]{0,255}"|[\\_*][^]|\[(?!(?:h+|m+|s+)\])[^\]]{0,255}\]/gi

/** What a format code says of numbers; only its first section counts, which is that for positive ones. */
const ofCode = (code: string): NumberKind => {
  const plain = (code.replaceAll(literal, "").split(";")[0] ?? "").toLowerCase()
  if (/general/.test(plain)) return "number"
  if (/\[(?:h+|m+|s+)\]/.test(plain)) return "duration"
  const hasTime = /[hs]/.test(plain)
  const hasDate = /[yd]/.test(plain) || (/m/.test(plain) && !hasTime)
  return hasDate ? (hasTime ? "date-time" : "date") : hasTime ? "time" : "number"
}

export const numberKind = (id: number, codes: ReadonlyMap<number, string>): NumberKind => {
  const code = codes.get(id)
  return code === undefined ? builtIn(id) : ofCode(code.slice(0, 1000))
}

const day = 86_400
/** The last day that Office knows: 31 December 9999. */
const maxDays = 2_958_465
const pad = (value: number): string => String(value).padStart(2, "0")
const clock = (seconds: number): string =>
  `${pad(Math.floor(seconds / 3600))}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`

/**
 * Days since the beginning of a workbook's calendar as ISO 8601. In that of 1900, day 60 is a 29 February that never was
 * (ECMA-376-1, 18.17.4.1).
 */
const dateOf = (days: number, from1904: boolean): string => {
  const since1970 = from1904 ? days - 24_107 : days - (days < 60 ? 25_568 : 25_569)
  return DateTime.formatIsoDateUtc(DateTime.makeUnsafe(since1970 * day * 1000))
}

/** A cell's number as its format means it; numbers lose what is beyond Excel's 15 digits, such as in 0.30000000000000004. */
export const showNumber = (written: string, kind: NumberKind, from1904: boolean): string => {
  const value = Number(written)
  if (written.trim() === "" || !Number.isFinite(value)) return written
  if (kind === "number" || value < 0 || value > maxDays) return String(Number(value.toPrecision(15)))
  const seconds = Math.round(value * day)
  if (kind === "duration") return clock(seconds)
  if (kind === "time") return clock(seconds % day)
  const date = dateOf(Math.floor(seconds / day), from1904)
  return kind === "date" ? date : `${date}T${clock(seconds % day)}`
}
