/** Times for people and programs, by the letters of strftime, in the time zone of this machine. */

const two = (value: number): string => `${value}`.padStart(2, '0')

function date(now: Date): string {
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`
}

function time(now: Date): string {
  return `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`
}

function zone(now: Date): string {
  const minutes = -now.getTimezoneOffset()
  const distance = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(distance / 60))}${two(distance % 60)}`
}

function milliseconds(now: Date): string {
  return `${now.getMilliseconds()}`.padStart(3, '0')
}

/** By letter; `I` and `tst` are the times of `%I` and of JSON. */
export const timeParameters: ReadonlyMap<string, (now: Date) => string> = new Map([
  ['Y', (now) => `${now.getFullYear()}`],
  ['m', (now) => two(now.getMonth() + 1)],
  ['d', (now) => two(now.getDate())],
  ['H', (now) => two(now.getHours())],
  ['M', (now) => two(now.getMinutes())],
  ['S', (now) => two(now.getSeconds())],
  ['N', (now) => `${milliseconds(now)}000000`],
  ['s', (now) => `${Math.floor(now.getTime() / 1000)}`],
  ['z', zone],
  ['F', date],
  ['T', time],
  ['I', (now) => `${date(now)}T${time(now)}${zone(now)}`],
  ['tst', (now) => `${date(now)}T${time(now)}.${milliseconds(now)}000${zone(now)}`],
])
