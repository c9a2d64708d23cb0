/** Checks the options of a test server and of its methods. No value is converted: a value of another kind is a UsageError. */

import { kindOf, outline } from '../codec/field-checks.js'
import { UsageError } from '../errors.js'
import { isAbortSignal, isBytes } from '../realms/foreign-values.js'

/** Throws unless the value is undefined or `holds` is true. `expected` describes a correct value. */
function require(name: string, value: unknown, expected: string, holds: boolean): void {
  if (value === undefined || holds) return
  throw new UsageError(`${name} has to be ${expected}, not ${outline(value)}`)
}

export function requireWhole(name: string, value: unknown, min: number, max: number): void {
  const holds = typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
  require(name, value, `a whole number from ${min} to ${max}`, holds)
}

export function requireText(name: string, value: unknown): void {
  require(name, value, 'a string that is not empty', typeof value === 'string' && value !== '')
}

export function requireFlag(name: string, value: unknown): void {
  require(name, value, 'true or false', typeof value === 'boolean')
}

export function requireFunction(name: string, value: unknown): void {
  require(name, value, 'a function', typeof value === 'function')
}

export function requireOneOf(name: string, value: unknown, allowed: readonly unknown[]): void {
  require(name, value, `one of ${allowed.map((one) => JSON.stringify(one)).join(', ')}`, allowed.includes(value))
}

export function requireSignal(name: string, value: unknown): void {
  require(name, value, 'an AbortSignal', isAbortSignal(value))
}

/** The bytes of a payload, as a copy: the caller may change its array later. */
export function payloadBytes(payload: string | Uint8Array): Buffer {
  if (typeof payload === 'string' || isBytes(payload)) return Buffer.from(payload)
  throw new UsageError(`the payload has to be a string or a Uint8Array, not ${kindOf(payload)}`)
}
