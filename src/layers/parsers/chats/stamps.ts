import * as DateTime from "effect/DateTime"
import { isDay, isoDate } from "../date.ts"
import { hourOf, momentOf, startOfDay } from "./time.ts"

/** When a line of a log says that it was written. */
export interface Stamp {
  /** UTF-16 code units of the line that it takes, with what parts it from the rest. */
  readonly length: number
  /** The numbers of its date in the order in which they stand, or year, month and day where that is plain. */
  readonly date?: readonly [number, number, number] | undefined
  /** Whether the order of these numbers is year, month, day. */
  readonly plain: boolean
  /** Whether points stand between them. */
  readonly dotted: boolean
  /** The numbers of its clock, and which half of the day it is if it says so. */
  readonly clock: readonly [number, number, number | undefined]
  readonly half: string | undefined
  /** Whether it stands in brackets, or a dash follows. */
  readonly marked: boolean
  /** `Mar 05` where a year is missing, which the log states elsewhere. */
  readonly monthDay?: string
}

const months = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
const numeric = String.raw`(\d{1,4})(?<mark>[./-]) ?(\d{1,2})\k<mark> ?(\d{1,4})\.?`
const worded = String.raw`(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6},? )?(?:(\d{1,2})\.? (?:${months})[a-z]{0,6}\.?,? \d{4}|(?:${months})[a-z]{0,6}\.? \d{1,2},? \d{4})`
const half = String.raw`(?:[ \u00a0\u202f]?([ap])\.?[ \u00a0\u202f]?m\.?(?![a-z]))?`
const clock = String.raw`(\d{1,3})[:.](\d\d)(?:[:.](\d\d)(?:[.,]\d{1,3})?)?${half}`
const between = String.raw`(?:,?[ \u00a0\u202f](?:(?:at|um|klo|kl\.?|à) )?|,|T|\t|, ?)`
const zone = String.raw`(?: ?(?:UTC|GMT|Z|[+-]\d\d:?\d\d))?`
const until = String.raw`(?: ?(?:-->|[-–—]|to) ?\d{1,3}:\d\d(?::\d\d)?(?:[.,]\d{1,3})?)?`
const after = String.raw`(\]|\))?(?:([ \t]+[-–—|][ \t]+)|:[ \t]+(?=\S)|[ \t]*)`

const dated = new RegExp(String.raw`^[ \t]*([[(]?)(?:${numeric}|(${worded}))${between}${clock}${zone}${after}`, "i")
const timed = new RegExp(
  String.raw`^[ \t]*([[(]?)(\d{1,3}):(\d\d)(?::(\d\d)(?:[.,]\d{1,3})?)?${half}${until}${after}`,
  "i"
)

const optional = (digits: string | undefined): number | undefined => (digits === undefined ? undefined : Number(digits))

/** How much of a line is looked at. */
const reach = 80

/** What a line begins with, if that is a date and a time, or a time. */
export const readStamp = (line: string): Stamp | undefined => {
  const head = line.slice(0, reach)
  const full = dated.exec(head)
  if (full) {
    const [all, open, first, mark, second, third, words, , hour, minute, seconds, halfOf, close, dash] = full
    const day = words === undefined ? undefined : isoDate(words)?.split("-").map(Number)
    if (words !== undefined && day === undefined) return undefined
    const numbers = [Number(day?.[0] ?? first), Number(day?.[1] ?? second), Number(day?.[2] ?? third)] as const
    return {
      length: all.length,
      date: numbers,
      plain: day !== undefined || (first?.length ?? 0) > 2,
      dotted: mark === ".",
      clock: [Number(hour), Number(minute), optional(seconds)],
      half: halfOf,
      marked: (open !== "" && close !== undefined) || dash !== undefined
    }
  }
  const short = timed.exec(head)
  if (!short) return undefined
  const [all, open, hour, minute, seconds, halfOf, close, dash] = short
  if (Number(minute) > 59 || (open === "" && /^[\p{L}\p{N}]/u.test(line.slice(all.length)) && !/[\s\])]$/.test(all)))
    return undefined
  return {
    length: all.length,
    plain: true,
    dotted: false,
    clock: [Number(hour), Number(minute), optional(seconds)],
    half: halfOf,
    marked: (open !== "" && close !== undefined) || dash !== undefined
  }
}

type Order = "day" | "month" | "year"

const fullYear = (year: number): number => (year >= 100 ? year : year < 70 ? 2000 + year : 1900 + year)

const dayIn = ([first, second, third]: readonly [number, number, number], order: Order): number | undefined => {
  const [year, month, day] =
    order === "year"
      ? [first, second, third]
      : order === "day"
        ? [fullYear(third), second, first]
        : [fullYear(third), first, second]
  return isDay(year, month, day) ? startOfDay(year, month, day) : undefined
}

const byOrder = (stamps: ReadonlyArray<Stamp>, order: Order) => {
  let backwards = 0
  let covered = 0
  let last: number | undefined
  for (const { date } of stamps) {
    const day = date === undefined ? undefined : dayIn(date, order)
    if (day === undefined) continue
    if (last !== undefined) {
      covered += Math.abs(day - last)
      if (day < last) backwards++
    }
    last = day
  }
  return { backwards, covered }
}

/**
 * Whether the days or the months stand first in a log's dates: as a number above 12 tells, or else so that the log goes
 * on in time, or else covers less of it, or else as people write who use the clock's half.
 */
const orderOf = (stamps: ReadonlyArray<Stamp>): Order => {
  const open = stamps.filter(({ date, plain }) => date !== undefined && !plain)
  const above = (place: 0 | 1): number => open.filter(({ date }) => (date?.[place] ?? 0) > 12).length
  const [first, second] = [above(0), above(1)]
  if (first !== second) return first > second ? "day" : "month"
  const [byDay, byMonth] = [byOrder(open, "day"), byOrder(open, "month")]
  const difference = byDay.backwards - byMonth.backwards || byDay.covered - byMonth.covered
  if (difference !== 0) return difference < 0 ? "day" : "month"
  return open.some(({ dotted, half }) => half !== undefined && !dotted) ? "month" : "day"
}

const named = new RegExp(
  String.raw`\b(?:(${months})[a-z]{0,6}\.? (\d{1,2})(?: \d\d:\d\d:\d\d)?,? (\d{4})|(\d{1,2})\.? (${months})[a-z]{0,6}\.?,? (\d{4}))`,
  "i"
)
const isoDay = /\b(\d{4})[-/](\d\d)[-/](\d\d)\b/

/** The day that stands anywhere near the start of a text, if its order is plain: milliseconds since the epoch. */
export const dayNamed = (text: string): number | undefined => {
  const head = text.slice(0, 200)
  const iso = isoDay.exec(head)?.[0]
  if (iso !== undefined) return momentOf(iso.replaceAll("/", "-"))
  const found = named.exec(head)
  if (!found) return undefined
  const [, month, day, year, dayBefore, monthAfter, yearAfter] = found
  return momentOf(isoDate(`${day ?? dayBefore} ${month ?? monthAfter} ${year ?? yearAfter}`))
}

const noon = 43_200_000

/**
 * Reads the stamps of a log, in its order, as moments: since the epoch where the day is known, since the start of the
 * recording or of the first day else. Of a clock without a date, two numbers are hours and minutes if the log shows that
 * it is a clock; where it goes back by half a day, a new day begins.
 */
export const clockOf = (stamps: ReadonlyArray<Stamp>, isClock: boolean) => {
  const order = orderOf(stamps)
  const bare = stamps.filter(({ date }) => date === undefined)
  const hours = bare.map(({ clock: [hour] }) => hour)
  const isShort = bare.every(({ clock: [, , seconds] }) => seconds === undefined)
  const isDaytime = hours.every((hour) => hour <= 23) && (hours[0] ?? 0) >= 6
  const inHours = isClock || bare.some(({ half: of }) => of !== undefined) || (isShort && isDaytime)
  let today: number | undefined
  let days = 0
  let last: number | undefined
  /** The day of a month in the year of the day before it, or in the next one if it lies half a year before that. */
  const dayOfYear = (monthDay: string): number | undefined => {
    const before = today ?? 0
    const year = DateTime.getPartUtc(DateTime.makeUnsafe(before), "year")
    const same = momentOf(isoDate(`${monthDay} ${year}`))
    return same !== undefined && before - same > 180 * 86_400_000 ? momentOf(isoDate(`${monthDay} ${year + 1}`)) : same
  }
  return {
    /** The log says that a day begins. */
    day: (start: number): void => {
      today = start
      days = 0
      last = undefined
    },
    read: ({ clock: [first, second, third], date, half: of, monthDay, plain }: Stamp): number | undefined => {
      if (monthDay !== undefined && today !== undefined) {
        today = dayOfYear(monthDay) ?? today
        days = 0
        last = undefined
      }
      const ofDay = date === undefined ? undefined : dayIn(date, plain ? "year" : order)
      if (date !== undefined && ofDay === undefined) return undefined
      const hour = hourOf(first, of)
      const isHour = ofDay !== undefined || third !== undefined || inHours
      const time = (isHour ? (hour * 60 + second) * 60 + (third ?? 0) : first * 60 + second) * 1000
      if (ofDay !== undefined) return hour > 24 || second > 59 ? ofDay : ofDay + time
      if (isClock && last !== undefined && last - time > noon) days++
      last = time
      return (today ?? 0) + days * 86_400_000 + time
    }
  }
}
