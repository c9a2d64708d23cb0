/**
 * The byte at `index`; the caller has checked that `index` is inside `bytes`. Only here does the "perhaps undefined" of the
 * compiler become a number. If our own bounds are wrong, this throws, and no zero is decoded by mistake.
 */
export function byteAt(bytes: Uint8Array, index: number): number {
  const byte = bytes[index]
  if (byte === undefined) throw new RangeError(`read at ${index}, past the end of ${bytes.length} bytes`)
  return byte
}
