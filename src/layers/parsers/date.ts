const iso = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?[ ]?(Z|[+-]\d\d:?\d\d)?)?$/i
const dayFirst =
  /^(?:[a-z]{3,9},? )?(\d{1,2}) ([a-z]{3,9})\.?,? (\d{4})(?:,? (\d\d?):(\d\d)(?::(\d\d))?[ ]?(Z|GMT|UTC?|[+-]\d\d:?\d\d)?)?/i
const monthFirst = /^(?:[a-z]{3,9},? )?([a-z]{3,9})\.? (\d{1,2}),? (\d{4})/i
const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

const daysIn = (year: number, month: number): number =>
  month === 2
    ? year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
      ? 29
      : 28
    : [4, 6, 9, 11].includes(month)
      ? 30
      : 31

/** Whether there is such a day in the Gregorian calendar, from the year 1 to 9999. */
export const isDay = (year: number, month: number, day: number): boolean =>
  year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)

const zone = (text: string): string => {
  if (!/\d/.test(text)) return "Z"
  const digits = text.replace(":", "")
  return `${digits.slice(0, 3)}:${digits.slice(3)}`
}

const pad = (value: number, width = 2): string => String(value).padStart(width, "0")

/**
 * A date as people and mail programs write it (ISO 8601, RFC 5322, "March 4, 2025") as ISO 8601. A time without a zone
 * is left out, for it names no moment: the same bytes give the same date on every machine.
 */
export const isoDate = (written: string): string | undefined => {
  const text = written.trim().replaceAll(/\s+/g, " ").slice(0, 100)
  const build = (
    [year, month, day]: readonly [number, number, number],
    [hour, minute, second, offset]: ReadonlyArray<string | undefined> = []
  ): string | undefined => {
    if (!isDay(year, month, day)) return undefined
    const date = `${pad(year, 4)}-${pad(month)}-${pad(day)}`
    if (hour === undefined || minute === undefined || offset === undefined) return date
    if (Number(hour) > 23 || Number(minute) > 59 || Number(second ?? 0) > 59) return date
    return `${date}T${pad(Number(hour))}:${minute}:${second ?? "00"}${zone(offset.toUpperCase())}`
  }
  const named = (name: string | undefined): number => months.indexOf((name ?? "").slice(0, 3).toLowerCase()) + 1
  const plain = iso.exec(text)
  if (plain) return build([Number(plain[1]), Number(plain[2]), Number(plain[3])], plain.slice(4))
  const day = dayFirst.exec(text)
  if (day) return build([Number(day[3]), named(day[2]), Number(day[1])], day.slice(4))
  const month = monthFirst.exec(text)
  return month ? build([Number(month[3]), named(month[1]), Number(month[2])]) : undefined
}
