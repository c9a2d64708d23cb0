/**
 * How the platform signs: an HMAC, keyed by a secret, over names and values that are sorted by name and joined
 * without any delimiter, written as hex. A connection signs `clientId`, `deviceName`, `productKey` and, if it is
 * sent, `timestamp` with the secret of the device; a registration signs `deviceName`, `productKey` and `random` with
 * the secret of the product.
 */

import { createHmac } from 'node:crypto'
import { UsageError } from '../errors.js'

/**
 * The signing methods, by the names that the platform knows them by. `hmacsha256` is the one to use. `hmacmd5` and
 * `hmacsha1` are for products that ask for them. `sha256` is named by one page of the platform's documentation alone;
 * that page has one formula for every method, so it is taken to be HMAC-SHA256 under another name. Nothing confirms
 * that: prefer `hmacsha256`.
 */
export type SignMethod = 'hmacmd5' | 'hmacsha1' | 'hmacsha256' | 'sha256'

const hashes: ReadonlyMap<string, string> = new Map<SignMethod, string>([
  ['hmacmd5', 'md5'],
  ['hmacsha1', 'sha1'],
  ['hmacsha256', 'sha256'],
  ['sha256', 'sha256'],
])

/** Text that may be signed: a string that has a UTF-8 form. */
const loneSurrogate = /\p{Surrogate}/u

/**
 * The signature of `fields` in upper-case hex. Fields whose value is undefined are not sent, so they are not signed.
 */
export function sign(method: SignMethod, secret: string, fields: Readonly<Record<string, string | undefined>>): string {
  const hash = hashes.get(method)
  if (hash === undefined) {
    throw new UsageError(`signMethod must be one of ${[...hashes.keys()].join(', ')}, not ${describe(method)}`)
  }
  const content = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${name}${value}`)
    .join('')
  return createHmac(hash, Buffer.from(secret, 'utf8')).update(content, 'utf8').digest('hex').toUpperCase()
}

/**
 * Refuses what is no text with a UTF-8 form. The value itself never gets into the message: it may be a secret, or one
 * given by mistake.
 */
export function requireText(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string')
    throw new UsageError(`${name} is missing: give it as a string, not as ${kindOf(value)}`)
  if (value.length === 0) throw new UsageError(`${name} is empty: give it as the console of the platform shows it`)
  if (loneSurrogate.test(value)) {
    throw new UsageError(`${name} holds a lone surrogate, which has no UTF-8 form to sign`, {
      statement: 'MQTT-1.5.3-1',
    })
  }
}

/** As `requireText`, for text that also goes into the CONNECT packet. */
export function requirePacketText(name: string, value: unknown): asserts value is string {
  requireText(name, value)
  if (value.includes('\0')) throw new UsageError(`${name} holds U+0000: remove it`, { statement: 'MQTT-1.5.3-2' })
}

/** The two halves of the user name. The first `&` parts them, so the device name cannot hold one. */
export function requireIdentity(productKey: unknown, deviceName: unknown): void {
  requirePacketText('productKey', productKey)
  requirePacketText('deviceName', deviceName)
  if (deviceName.includes('&')) {
    throw new UsageError(
      'deviceName holds "&", which parts it from the product key in the user name: choose a name without it',
    )
  }
}

/** A value that is known to be no secret, for a message. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value)
  return typeof value === 'number' ? String(value) : kindOf(value)
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value
}
