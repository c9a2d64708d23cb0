import { countBytes } from '../listing/numerals.js'

/** The methods of signatures in hexadecimal digits, by their length in bytes. Platforms with signed passwords use one of them. */
const digests: Readonly<Record<number, string>> = { 32: 'HMAC-MD5', 40: 'HMAC-SHA1', 64: 'HMAC-SHA256' }

interface PasswordShape {
  /** Such as `64 bytes`. */
  readonly length: string
  /** Such as `64 upper-case hex digits`; undefined if the password does not look like a signature. */
  readonly digits: string | undefined
  /** The method of such a signature. */
  readonly method: string | undefined
}

/** All that may be shown of a password: its length, and whether it looks like a signature. */
export function passwordShape(password: Uint8Array): PasswordShape {
  const length = countBytes(password.length)
  const method = digests[password.length]
  const digitCase = method === undefined ? undefined : hexCase(password)
  if (digitCase === undefined) return { length, digits: undefined, method: undefined }
  return { length, digits: `${password.length} ${digitCase} hex digits`, method }
}

function hexCase(password: Uint8Array): 'upper-case' | 'lower-case' | undefined {
  const text = String.fromCharCode(...password)
  if (/^[0-9A-F]*$/.test(text)) return 'upper-case'
  return /^[0-9a-f]*$/.test(text) ? 'lower-case' : undefined
}
