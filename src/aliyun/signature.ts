/**
 * How the platform signs: an HMAC, keyed by a secret, over names and values that are sorted by name and joined
 * without any delimiter, written as hex. A connection signs `clientId`, `deviceName`, `productKey` and, if it is
 * sent, `timestamp` with the secret of the device; a registration signs `deviceName`, `productKey` and `random` with
 * the secret of the product.
 */

import { createHmac } from 'node:crypto'
import { UsageError } from '../errors.js'
import { describe } from './device-text.js'

/**
 * The signing methods, by the names that the platform knows them by. `hmacsha256` is the one to use. `hmacmd5` and
 * `hmacsha1` are for products that ask for them. `sha256` is named by one page of the platform's documentation alone;
 * that page has one formula for every method, so it is taken to be HMAC-SHA256 under another name. Nothing confirms
 * that: prefer `hmacsha256`.
 */
export type SignMethod = 'hmacmd5' | 'hmacsha1' | 'hmacsha256' | 'sha256'

/** The hash that each of them is an HMAC of, by the names of `node:crypto`. */
const hashes: ReadonlyMap<SignMethod, string> = new Map([
  ['hmacmd5', 'md5'],
  ['hmacsha1', 'sha1'],
  ['hmacsha256', 'sha256'],
  ['sha256', 'sha256'],
])

export const signMethods: readonly SignMethod[] = [...hashes.keys()]

/**
 * The signature of `fields` in upper-case hex. Fields whose value is undefined are not sent, so they are not signed.
 */
export function sign(method: SignMethod, secret: string, fields: Readonly<Record<string, string | undefined>>): string {
  const hash = hashes.get(method)
  if (hash === undefined) {
    throw new UsageError(`signMethod must be one of ${signMethods.join(', ')}, not ${describe(method)}`)
  }
  const content = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${name}${value}`)
    .join('')
  return createHmac(hash, Buffer.from(secret, 'utf8')).update(content, 'utf8').digest('hex').toUpperCase()
}
