/**
 * Writes times by the letters of strftime, in the time zone of this machine and in English, as strftime does without a locale.
 * Letters that depend on the calendar of a country, such as the numbers of weeks, are not supported.
 */

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

const padded = (value: number, width = 2, fill = '0'): string => `${value}`.padStart(width, fill)
const day = (now: Date): string => days[now.getDay()] ?? ''
const month = (now: Date): string => months[now.getMonth()] ?? ''
const short = (name: string): string => name.slice(0, 3)
/** The hour on a clock with twelve hours. */
const hour12 = (now: Date): number => now.getHours() % 12 || 12
const halfOfDay = (now: Date): 'AM' | 'PM' => (now.getHours() < 12 ? 'AM' : 'PM')

function date(now: Date): string {
  return `${now.getFullYear()}-${padded(now.getMonth() + 1)}-${padded(now.getDate())}`
}

function time(now: Date): string {
  return `${padded(now.getHours())}:${padded(now.getMinutes())}:${padded(now.getSeconds())}`
}

function americanDate(now: Date): string {
  return `${padded(now.getMonth() + 1)}/${padded(now.getDate())}/${padded(now.getFullYear() % 100)}`
}

function zoneOffset(now: Date): string {
  const minutes = -now.getTimezoneOffset()
  const distance = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${padded(Math.floor(distance / 60))}${padded(distance % 60)}`
}

function zoneName(now: Date): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(now)
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? ''
}

/** Compares both days at noon in UTC, because a day of summer time change does not have 24 hours. */
function dayOfYear(now: Date): number {
  const noonUtc = (monthIndex: number, dayOfMonth: number) => Date.UTC(now.getFullYear(), monthIndex, dayOfMonth, 12)
  return (noonUtc(now.getMonth(), now.getDate()) - noonUtc(0, 1)) / 86_400_000 + 1
}

/** The fraction of a second in so many digits; the clock of JavaScript gives three, and the others are zeros. */
function fraction(now: Date, digits: number): string {
  return padded(now.getMilliseconds(), 3).padEnd(digits, '0')
}

/** `2026-01-02T03:04:05+0100`. */
export function isoTime(now: Date): string {
  return `${date(now)}T${time(now)}${zoneOffset(now)}`
}

/** `2026-01-02T03:04:05.067000+0100`. */
export function isoTimeWithFraction(now: Date): string {
  return `${date(now)}T${time(now)}.${fraction(now, 6)}${zoneOffset(now)}`
}

/** `03:04:05.067`. */
export function clockTime(now: Date): string {
  return `${time(now)}.${fraction(now, 3)}`
}

/** Seconds since 1970, with nine digits behind the point. */
export function unixTime(now: Date): string {
  return `${Math.floor(now.getTime() / 1000)}.${fraction(now, 9)}`
}

/** The letters after `@`. `N`, the nanoseconds, is not in strftime but in mosquitto_sub. */
export const timeLetters: ReadonlyMap<string, (now: Date) => string> = new Map([
  ['a', (now) => short(day(now))],
  ['A', day],
  ['b', (now) => short(month(now))],
  ['B', month],
  [
    'c',
    (now) =>
      `${short(day(now))} ${short(month(now))} ${padded(now.getDate(), 2, ' ')} ${time(now)} ${now.getFullYear()}`,
  ],
  ['d', (now) => padded(now.getDate())],
  ['D', americanDate],
  ['e', (now) => padded(now.getDate(), 2, ' ')],
  ['F', date],
  ['h', (now) => short(month(now))],
  ['H', (now) => padded(now.getHours())],
  ['I', (now) => padded(hour12(now))],
  ['j', (now) => padded(dayOfYear(now), 3)],
  ['m', (now) => padded(now.getMonth() + 1)],
  ['M', (now) => padded(now.getMinutes())],
  ['n', () => '\n'],
  ['N', (now) => fraction(now, 9)],
  ['p', halfOfDay],
  ['r', (now) => `${padded(hour12(now))}:${padded(now.getMinutes())}:${padded(now.getSeconds())} ${halfOfDay(now)}`],
  ['R', (now) => time(now).slice(0, 5)],
  ['s', (now) => `${Math.floor(now.getTime() / 1000)}`],
  ['S', (now) => padded(now.getSeconds())],
  ['t', () => '\t'],
  ['T', time],
  ['u', (now) => `${now.getDay() || 7}`],
  ['w', (now) => `${now.getDay()}`],
  ['x', americanDate],
  ['X', time],
  ['y', (now) => padded(now.getFullYear() % 100)],
  ['Y', (now) => `${now.getFullYear()}`],
  ['z', zoneOffset],
  ['Z', zoneName],
])
