// Reads numbers and times out of text cells. Times have no time zone unless the cell names one; nothing here asks the
// machine for its own.

const DAY_MS = 86_400_000
const MISSING = new Set(['', '-', '--', '?', '.', 'na', 'n/a', '#n/a', 'nan', 'null', 'none', 'nil', 'missing'])
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?$/i
const NUMBER_WITH_COMMA = /^[+-]?(?:\d+,\d*|,\d+|\d+)(?:e[+-]?\d{1,3})?$/i
const CLOCK =
  /^(?<hour>\d{1,2}):(?<minute>\d{2})(?::(?<second>\d{2})(?<fraction>[.,]\d{1,9})?)?\s*(?<half>am|pm)?\s*(?<zone>z|utc|gmt|[+-]\d{2}(?::?\d{2})?)?$/i
const YEAR_FIRST = /^(?<year>\d{4})(?<mark>[-/.])(?<month>\d{1,2})(?:\k<mark>(?<day>\d{1,2}))?$/
const YEAR_LAST = /^(?<first>\d{1,2})(?<mark>[-/.])(?<second>\d{1,2})\k<mark>(?<year>\d{4})$/
const DAY_NAME = /^(?<day>\d{1,2})[- .]*(?<name>[a-z]{3,9})[- .,]*(?<year>\d{4})$/i
const NAME_DAY = /^(?<name>[a-z]{3,9})\.? (?<day>\d{1,2}),? (?<year>\d{4})$/i
const NAME_YEAR = /^(?<name>[a-z]{3,9})\.?[- ](?<year>\d{4})$/i
const COMPACT = /^(?<year>\d{4})(?<month>\d{2})(?<day>\d{2})$/
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/** Which of 03/04/2020 is the day. */
export type DateOrder = 'dmy' | 'mdy'

/** What dates a person may write; for messages. */
export const DATE_FORMATS =
  '2020-04-03, 2020/04/03, 2020-04, 03.04.2020, 03/04/2020 (see --date-order), 3 Apr 2020, Apr 3, 2020, Apr 2020, 20200403; then optionally T or a space and 17:05, 17:05:09.5 or 5:05 pm, and Z or +02:00'

/** True for a cell that says that there is no value. */
export function isMissing(cell: string): boolean {
  return MISSING.has(cell.toLowerCase())
}

/** The finite number in a cell; undefined when it is none. `comma`: the decimal mark is a comma. */
export function numberOf(cell: string, comma: boolean): number | undefined {
  if (!(comma ? NUMBER_WITH_COMMA : NUMBER).test(cell)) return undefined
  const number = Number(comma ? cell.replace(',', '.') : cell)
  return Number.isFinite(number) ? number : undefined
}

/** The two leading numbers of a date like 03/04/2020, whose order must be found out; undefined for all other cells. */
export function undecidedDate(cell: string): readonly [first: number, second: number] | undefined {
  const groups = YEAR_LAST.exec(splitClock(cell)[0])?.groups
  if (groups === undefined || groups.mark === '.') return undefined
  return [Number(groups.first), Number(groups.second)]
}

/** Days since 1970-01-01T00:00 (UTC where the cell names a zone); undefined when the cell is no date. */
export function dateOf(cell: string, order: DateOrder): number | undefined {
  const [date, clock] = splitClock(cell)
  const day = dayOf(date, order)
  if (day === undefined) return undefined
  if (clock === '') return day
  const milliseconds = clockMsOf(clock)
  return milliseconds === undefined ? undefined : day + milliseconds / DAY_MS
}

/** Days since 1970-01-01 of a cell like 20200403; undefined when it is none. */
export function compactDateOf(cell: string): number | undefined {
  const groups = COMPACT.exec(cell)?.groups
  return groups === undefined ? undefined : civilDay(Number(groups.year), Number(groups.month), Number(groups.day))
}

/** Cuts "date clock" and "dateTclock" in two; a date alone has an empty clock. */
function splitClock(cell: string): readonly [date: string, clock: string] {
  const colon = cell.indexOf(':')
  if (colon === -1) return [cell, '']
  const before = cell.slice(0, colon)
  const cut = Math.max(before.lastIndexOf('T'), before.lastIndexOf('t'), before.lastIndexOf(' '))
  return cut === -1 ? [cell, ''] : [before.slice(0, cut).replace(/,$/, '').trim(), cell.slice(cut + 1).trim()]
}

function dayOf(date: string, order: DateOrder): number | undefined {
  const yearFirst = YEAR_FIRST.exec(date)?.groups
  if (yearFirst !== undefined) {
    return civilDay(Number(yearFirst.year), Number(yearFirst.month), Number(yearFirst.day ?? 1))
  }
  const yearLast = YEAR_LAST.exec(date)?.groups
  if (yearLast !== undefined) {
    const [first, second] = [Number(yearLast.first), Number(yearLast.second)]
    const isDayFirst = yearLast.mark === '.' || order === 'dmy'
    return civilDay(Number(yearLast.year), isDayFirst ? second : first, isDayFirst ? first : second)
  }
  const named = (DAY_NAME.exec(date) ?? NAME_DAY.exec(date) ?? NAME_YEAR.exec(date))?.groups
  if (named === undefined) return undefined
  const month = MONTHS.indexOf((named.name ?? '').slice(0, 3).toLowerCase()) + 1
  return civilDay(Number(named.year), month, Number(named.day ?? 1))
}

/** Days since 1970-01-01; undefined for a day that the Gregorian calendar does not have. */
function civilDay(year: number, month: number, day: number): number | undefined {
  if (year < 100 || month < 1 || month > 12 || day < 1) return undefined
  const milliseconds = Date.UTC(year, month - 1, day)
  return new Date(milliseconds).getUTCDate() === day ? milliseconds / DAY_MS : undefined
}

function clockMsOf(clock: string): number | undefined {
  const groups = CLOCK.exec(clock)?.groups
  if (groups === undefined) return undefined
  let hour = Number(groups.hour)
  const minute = Number(groups.minute)
  const second = Number(groups.second ?? 0)
  const fraction = Number((groups.fraction ?? '0').replace(',', '.'))
  const half = groups.half?.toLowerCase()
  if (half !== undefined) {
    if (hour < 1 || hour > 12) return undefined
    hour = (hour % 12) + (half === 'pm' ? 12 : 0)
  }
  // 24:00 is the end of a day, and :60 a leap second.
  if (minute > 59 || second > 60 || hour > 24 || (hour === 24 && minute + second + fraction > 0)) return undefined
  return ((hour * 60 + minute) * 60 + second + fraction) * 1000 - zoneMsOf(groups.zone)
}

function zoneMsOf(zone: string | undefined): number {
  if (zone === undefined || !/^[+-]/.test(zone)) return 0
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0')
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000
}
