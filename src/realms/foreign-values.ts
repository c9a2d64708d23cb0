/**
 * Tells bytes, errors and signals by what they are. A program may run this package in another realm of JavaScript than Node's own
 * modules, as jest and `vm` contexts do, or pass values of another realm. For these `instanceof` is false, because each realm has its
 * own classes.
 *
 * `instanceof` comes first: it is true for most values, and it is fast.
 */

/** Whether the value is a Uint8Array, such as a Buffer, of any realm. */
export function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array || (ArrayBuffer.isView(value) && tagOf(value) === '[object Uint8Array]')
}

/** Whether the value is an error of any realm. Throws if the value throws when it is looked at. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || /^\[object (Error|DOMException)\]$/.test(tagOf(value))
}

/** Whether the value is an AbortSignal of any realm, or has what this package needs of one. */
export function isAbortSignal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const named = (name: string) => typeof Reflect.get(value, name)
  return (
    named('aborted') === 'boolean' &&
    named('addEventListener') === 'function' &&
    named('removeEventListener') === 'function'
  )
}

/** The code that Node adds to its errors, as text; empty if there is none. */
export function codeOf(error: unknown): string {
  return textOf(error, 'code')
}

/** A member of an error that is a text; empty if there is none. */
export function textOf(error: unknown, name: string): string {
  const value: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined
  return typeof value === 'string' ? value : ''
}

/** The name and the text of an error of the program, in brackets. Empty for a value that is no error. */
export function reasonOf(cause: unknown): string {
  try {
    return isError(cause) ? ` (${cause.name}: ${cause.message})` : ''
  } catch {
    // Even reading the thrown value throws.
    return ''
  }
}

function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value)
}
