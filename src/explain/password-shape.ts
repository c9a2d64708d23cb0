import { countBytes } from './numerals.js'

/** What a password of hexadecimal digits may be, by its length in bytes: platforms that sign ask for one of these. */
const digests: Readonly<Record<number, string>> = { 32: 'HMAC-MD5', 40: 'HMAC-SHA1', 64: 'HMAC-SHA256' }

export interface PasswordShape {
  /** `4 bytes`, or `64 upper-case hex digits, 64 bytes`. */
  readonly shape: string
  /** The method that makes passwords of this shape, if one does. */
  readonly method: string | undefined
}

/** All that may be told of a password: its length, and whether it looks like a signature. */
export function passwordShape(password: Uint8Array): PasswordShape {
  const method = digests[password.length]
  const digits = method === undefined ? undefined : hexCase(password)
  const length = countBytes(password.length)
  if (digits === undefined) return { shape: length, method: undefined }
  return { shape: `${password.length} ${digits} hex digits, ${length}`, method }
}

function hexCase(password: Uint8Array): 'upper-case' | 'lower-case' | undefined {
  const text = String.fromCharCode(...password)
  if (/^[0-9A-F]*$/.test(text)) return 'upper-case'
  return /^[0-9a-f]*$/.test(text) ? 'lower-case' : undefined
}
