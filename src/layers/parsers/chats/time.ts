import * as DateTime from "effect/DateTime"
import { isDay, isoDate } from "../date.ts"

/** The year 2200: what lies later is no time at which anybody wrote. */
const latest = 7_258_118_400_000

/** Milliseconds from the epoch to the beginning of a day, which must be one. */
export const startOfDay = (year: number, month: number, day: number): number =>
  DateTime.toEpochMillis(DateTime.makeUnsafe({ year, month, day }))

const written =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d?):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?[ ]?(Z|UTC|GMT|[+-]\d\d:?\d\d)?$/i
/** As Google Takeout writes it: `Tuesday, January 2, 2024 at 3:04:05 PM UTC`. */
const spoken =
  /^(?:[a-z]{3,9},? )?([a-z]{3,9} \d{1,2},? \d{4}|\d{1,2} [a-z]{3,9},? \d{4})(?:,? at|,)? (\d{1,2}):(\d\d)(?::(\d\d))? ?(?:([ap])\.?m\.?)?/i

const offsetOf = (zone: string): number => {
  const digits = /^([+-])(\d\d):?(\d\d)$/.exec(zone)
  return digits === null ? 0 : (digits[1] === "-" ? -1 : 1) * (Number(digits[2]) * 60 + Number(digits[3])) * 60_000
}

/** Hours of a 12-hour clock, where `half` is a or p, as hours of the day. */
export const hourOf = (hour: number, half: string | undefined): number =>
  half === undefined ? hour : (hour % 12) + (half.toLowerCase() === "p" ? 12 : 0)

const fromText = (text: string): number | undefined => {
  const iso = written.exec(text)
  if (iso) {
    const [, year, month, of, hour, minute, second, fraction, zone] = iso
    if (!isDay(Number(year), Number(month), Number(of)) || Number(hour ?? 0) > 24) return undefined
    const clock = (Number(hour ?? 0) * 60 + Number(minute ?? 0)) * 60 + Number(second ?? 0)
    const thousandths = Math.floor(Number(`0.${fraction ?? 0}`) * 1000)
    return startOfDay(Number(year), Number(month), Number(of)) + clock * 1000 + thousandths - offsetOf(zone ?? "")
  }
  const named = spoken.exec(text)
  const date = isoDate(named?.[1] ?? text)
  if (date === undefined) return undefined
  if (!named) return fromText(date)
  const start = fromText(date)
  const hour = hourOf(Number(named[2]), named[5])
  return start === undefined ? undefined : start + ((hour * 60 + Number(named[3])) * 60 + Number(named[4] ?? 0)) * 1000
}

/**
 * Milliseconds since the epoch, from a number of seconds, milliseconds or microseconds (told apart by their size: all
 * are taken to lie after 1973) or from a written date. A time without a zone is taken for UTC: the same bytes give the
 * same moments on every machine.
 */
export const momentOf = (value: unknown): number | undefined => {
  if (typeof value === "string") {
    const text = value.slice(0, 80).replaceAll(/\s+/g, " ").trim()
    return /^\d{9,17}(?:\.\d{1,9})?$/.test(text) ? momentOf(Number(text)) : fromText(text)
  }
  if (typeof value !== "number" || !Number.isFinite(value) || value <= 0) return undefined
  const moment = Math.floor(value < 1e11 ? value * 1000 : value < 1e14 ? value : value / 1000)
  return moment <= latest ? moment : undefined
}

/** The first of these values that is a moment. */
export const firstMoment = (values: ReadonlyArray<unknown>): number | undefined => {
  for (const value of values) {
    const moment = momentOf(value)
    if (moment !== undefined) return moment
  }
  return undefined
}

/** The day of a moment in ISO 8601, by UTC. */
export const dayOf = (moment: number): string | undefined =>
  Number.isFinite(moment) && Math.abs(moment) <= latest
    ? DateTime.formatIsoDateUtc(DateTime.makeUnsafe(moment))
    : undefined
