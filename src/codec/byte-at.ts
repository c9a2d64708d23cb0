/**
 * The byte at `index`, which the caller has checked to lie inside `bytes`. The one place where the compiler's
 * "perhaps undefined" becomes a number: a mistake in our own bounds is an exception here, never a zero that is
 * decoded.
 */
export function byteAt(bytes: Uint8Array, index: number): number {
  const byte = bytes[index]
  if (byte === undefined) throw new RangeError(`read at ${index}, past the end of ${bytes.length} bytes`)
  return byte
}
