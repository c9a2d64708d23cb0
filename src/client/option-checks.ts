/**
 * What an option may hold. Each check gives the value back, or undefined where the option is absent, and refuses everything
 * else with a UsageError: nothing is coerced, so `null`, `NaN` and `'60'` are mistakes and not zero, a default or sixty.
 */
import { quote } from '../codec/packet-field.js'
import { UsageError } from '../errors.js'
import { adviceForUnknown, type OptionGroup, optionNames } from './option-names.js'

/** The longest time-out that a timer of Node holds: 24.8 days. A longer one would fire at once. */
export const maxTimerMs = 2_147_483_647

export function integer(name: string, value: number | undefined, min: number, max: number): number | undefined {
  if (value === undefined) return undefined
  // `Number.isInteger` is false for everything but a number: no string, no NaN, no Infinity.
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw new UsageError(`${name} has to be a whole number from ${min} to ${max}, not ${quote(value)}`)
}

/** A time-out or a wait in milliseconds. */
export function milliseconds(name: string, value: number | undefined): number | undefined {
  return integer(name, value, 1, maxTimerMs)
}

/** A number of attempts, where Infinity says that there is no limit. */
export function count(name: string, value: number | undefined): number | undefined {
  if (value === undefined || value === Number.POSITIVE_INFINITY) return value
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new UsageError(`${name} has to be a whole number from 1, or Infinity for no limit, not ${quote(value)}`)
}

/** A number from `min` to `max` that need not be whole. */
export function real(name: string, value: number | undefined, min: number, max: number): number | undefined {
  if (value === undefined || (typeof value === 'number' && value >= min && value <= max)) return value
  throw new UsageError(`${name} has to be a number from ${min} to ${max}, not ${quote(value)}`)
}

export function flag(name: string, value: boolean | undefined): boolean | undefined {
  if (value === undefined || value === true || value === false) return value
  throw new UsageError(`${name} has to be true or false, not ${quote(value)}`)
}

/** Text for people, not empty. */
export function text(name: string, value: string | undefined): string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '')) return value
  throw new UsageError(`${name} has to be a string that is not empty, not ${quote(value)}`)
}

export function oneOf<T extends string | number>(
  name: string,
  value: T | undefined,
  allowed: readonly T[],
  statement?: string,
): T | undefined {
  if (value === undefined || allowed.includes(value)) return value
  throw new UsageError(`${name} has to be one of ${allowed.map(quote).join(', ')}, not ${quote(value)}`, { statement })
}

export function callable<F extends (...values: never[]) => unknown>(name: string, value: F | undefined): F | undefined {
  if (value === undefined || typeof value === 'function') return value
  throw new UsageError(`${name} has to be a function, not ${quote(value)}`)
}

/** A group of options, all of whose names are known. What is no group is not shown: it may be a password, or a URL with one. */
export function group<T extends object>(name: string, value: T, kind: OptionGroup): T {
  if (!isRecord(value)) throw new UsageError(`${name} has to be an object of options, not ${kindOf(value)}`)
  for (const key of Object.keys(value)) {
    if (optionNames[kind].includes(key)) continue
    const option = kind === 'client' ? key : `${name}.${key}`
    throw new UsageError(`${option} is no option of this package: ${adviceForUnknown(kind, key)}`)
  }
  return value
}

/** What a value is, for messages that must not show it. */
function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`
}

export function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Lone surrogates, as the flag `u` takes pairs for one character. They have no UTF-8 form. */
const loneSurrogate = /\p{Surrogate}/u

/**
 * The bytes of a field with a two-byte length: a copy, so that later changes to the caller's array have no effect. The value
 * is never shown, as it may be a secret.
 */
export function fieldBytes(name: string, value: string | Uint8Array, section: string): Buffer {
  if (typeof value === 'string' && loneSurrogate.test(value)) {
    throw new UsageError(`${name} holds a lone surrogate, which has no UTF-8 form: give the bytes`, {
      statement: 'MQTT-1.5.3-1',
    })
  }
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
    throw new UsageError(`${name} has to be a string or a Uint8Array, not ${kindOf(value)}`, { statement: section })
  }
  const bytes = Buffer.from(value)
  if (bytes.length <= 65_535) return bytes
  throw new UsageError(`${name} has ${bytes.length} bytes: give at most 65535`, { statement: section })
}
