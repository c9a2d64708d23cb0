/**
 * Checks a signature, and guesses the mistake behind a wrong one. The real platform only says "4", so a developer has to find out
 * alone which of the values was signed wrongly.
 *
 * Every signature is computed by code of this file: nothing is shared with the signer of the package, so that one mistake cannot
 * hide in both. No reason has a secret or a right signature.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'

const algorithms: ReadonlyMap<string, string> = new Map([
  ['hmacmd5', 'md5'],
  ['hmacsha1', 'sha1'],
  ['hmacsha256', 'sha256'],
  ['sha256', 'sha256'],
])

export interface SignatureClaim {
  /** `signmethod` of the Client Identifier. */
  readonly method: string | undefined
  /** The signed values by name, in the order of the names. */
  readonly values: Readonly<Record<string, string>>
  /** The whole Client Identifier, as it came. */
  readonly wireClientId: string
  readonly secret: string
  readonly password: Buffer
}

export type SignatureVerdict = 'right' | { readonly fault: 'unknown method' | 'wrong'; readonly reason: string }

export function checkSignature(claim: SignatureClaim): SignatureVerdict {
  // The platform's own default, which our signer never relies on.
  const { method = 'hmacmd5', values, secret, password } = claim
  const algorithm = algorithms.get(method)
  if (algorithm === undefined) {
    return {
      fault: 'unknown method',
      reason: `signmethod=${method} is not one of ${[...algorithms.keys()].join(', ')}`,
    }
  }
  const content = contentOf(Object.entries(values))
  // In hex of either case.
  const shown = Buffer.from(password.toString('latin1').toLowerCase(), 'latin1')
  if (isEqual(shown, Buffer.from(hmac(algorithm, secret, content)))) return 'right'
  const mistake = guessMistake(claim, method, algorithm) ?? 'is the secret right?'
  return { fault: 'wrong', reason: `the signature is wrong: it has to be the ${method} of "${content}"; ${mistake}` }
}

function guessMistake(claim: SignatureClaim, method: string, algorithm: string): string | undefined {
  const { values, secret, wireClientId, password } = claim
  const entries = Object.entries(values)
  const content = contentOf(entries)
  const shown = password.toString('latin1')
  const isShown = (name: string, text: string, key = secret) => hmac(name, key, text) === shown.toLowerCase()
  if (shown === '') return 'there is no password'
  for (const [other, name] of algorithms) {
    if (name !== algorithm && isShown(name, content)) {
      return `the password is the ${other}, and the client id announces ${claim.method ?? 'none, which means hmacmd5'}`
    }
  }
  if (createHmac(algorithm, secret).update(content).digest('base64') === shown) {
    return 'the password is in Base64, and has to be in hexadecimal'
  }
  const length = hmac(algorithm, secret, '').length
  if (shown.length !== length || !/^[0-9a-f]*$/i.test(shown)) {
    return `the password is not the ${length} hexadecimal digits of ${method}`
  }
  const withoutTime = entries.filter(([name]) => name !== 'timestamp')
  if (isShown(algorithm, contentOf(withoutTime))) return 'the password signs no timestamp, and the client id has one'
  const withWhole = entries.map(([name, value]) => [name, name === 'clientId' ? wireClientId : value] as const)
  if (isShown(algorithm, contentOf(withWhole))) {
    return 'the password signs the whole client id, and only the part before the first | counts'
  }
  if (permutations(entries).some((order) => isShown(algorithm, contentOf(order)))) {
    return 'the password signs the values in another order, and they have to be sorted by name'
  }
  return undefined
}

function contentOf(values: readonly (readonly [name: string, value: string])[]): string {
  return values.map(([name, value]) => `${name}${value}`).join('')
}

function hmac(algorithm: string, secret: string, content: string): string {
  return createHmac(algorithm, secret).update(content).digest('hex')
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, index) =>
    permutations(items.filter((_, other) => other !== index)).map((others) => [item, ...others]),
  )
}

export function isEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}
