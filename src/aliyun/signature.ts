/**
 * The signature of the platform: an HMAC in hexadecimal digits. Its key is a secret. Its content is names and values, sorted
 * by name and joined without a delimiter. A connection signs `clientId`, `deviceName`, `productKey` and, if it is sent,
 * `timestamp`, with the secret of the device. A registration signs `deviceName`, `productKey` and `random`, with the secret
 * of the product.
 */

import { createHmac } from 'node:crypto'
import { outline } from '../codec/field-checks.js'
import { UsageError } from '../errors.js'

/**
 * The signing methods, by their names on the platform. Use `hmacsha256`. `hmacmd5` and `hmacsha1` are for products that
 * require them. Only one page of the platform's documentation names `sha256`. That page has one formula for all methods, so
 * this package uses HMAC-SHA256 for it. Nothing confirms that: prefer `hmacsha256`.
 */
export type SignMethod = 'hmacmd5' | 'hmacsha1' | 'hmacsha256' | 'sha256'

/** The hash of each method, by its name in `node:crypto`. */
const hashes: ReadonlyMap<SignMethod, string> = new Map([
  ['hmacmd5', 'md5'],
  ['hmacsha1', 'sha1'],
  ['hmacsha256', 'sha256'],
  ['sha256', 'sha256'],
])

export const signMethods: readonly SignMethod[] = [...hashes.keys()]

/**
 * The signature of `fields` in upper-case hex. A field whose value is undefined is not sent, so it is not signed.
 */
export function sign(method: SignMethod, secret: string, fields: Readonly<Record<string, string | undefined>>): string {
  const hash = hashes.get(method)
  if (hash === undefined) {
    throw new UsageError(`signMethod must be one of ${signMethods.join(', ')}, not ${outline(method)}`)
  }
  const content = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${name}${value}`)
    .join('')
  return createHmac(hash, Buffer.from(secret, 'utf8')).update(content, 'utf8').digest('hex').toUpperCase()
}
