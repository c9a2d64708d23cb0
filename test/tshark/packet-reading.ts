/** What a program says of a Control Packet in a capture, in a form in which two programs can be compared. */

/** A field and its value: a number, a text in quotes, or bytes in hexadecimal digits. */
export type Field = readonly [name: string, value: string]

export interface PacketReading {
  readonly from: string
  readonly to: string
  /** Microseconds since 1970, when the last byte came. */
  readonly atUs: number | undefined
  readonly fields: readonly Field[]
}

/** The readings of each connection, in the order of their beginnings. */
export type ConnectionReading = readonly PacketReading[]

/** A text in its quotes if both programs show it as it is; else, and if it is cut, its bytes. */
export function textOrBytes(text: string | undefined, bytes: Uint8Array): string {
  const isPlain = text !== undefined && /^[\p{L}\p{N}\p{P}\p{S}\p{Emoji} ]{1,90}$/u.test(text) && !/["'\\]/.test(text)
  return isPlain ? `"${text}"` : Buffer.from(bytes).toString('hex')
}
