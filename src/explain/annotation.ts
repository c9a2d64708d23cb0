/** The types of annotations: names and meanings for runs of bytes. */

/** One bit field inside a byte, or one byte inside a number of several. */
export interface AnnotationPart {
  /** The byte with the bits of this part, and dots for the others: `.... .01.`. */
  readonly bits: string
  /** The name of the part in the standard's words, such as `QoS level`. */
  readonly field: string
  /** The value of the part, as a number. */
  readonly value: string
  /** The meaning of the value; may be empty. */
  readonly meaning: string
  /** The section of MQTT 3.1.1 that defines the part; empty if there is none. */
  readonly section: string
}

/** A run of bytes and its meaning. The annotations that `explain` returns cover each byte once, in order. */
export interface Annotation {
  /** The start of the run, in bytes from the first byte given to `explain`. */
  readonly offset: number
  /** The number of bytes in the run, never 0. */
  readonly length: number
  /** The name of the field in the standard's words, such as `Topic Name`. */
  readonly field: string
  /**
   * The value of the field: a number, or text in quotes, escaped and cut to a readable length. For bytes that are no text,
   * the number of bytes. For a password, only its length, and whether it looks like a signature.
   */
  readonly value: string
  /** The meaning of the value; may be empty. */
  readonly meaning: string
  /** The section of MQTT 3.1.1 that defines the field, such as `3.3.2.1`. */
  readonly section: string
  /** The broken statement, or its section if it has no number, and the fault: `MQTT-3.3.1-4 QoS 3 is …`. */
  readonly fault?: string | undefined
  /** Set with `fault`: the exact offset of the fault. If bytes are missing, it is the end of the packet. */
  readonly faultOffset?: number | undefined
  /** A summary of the packet in one line; only on the first run of a packet. */
  readonly title?: string | undefined
  /** The bytes of the run, a view of the bytes given to `explain`. Absent if they are, or may be, a password. */
  readonly bytes?: Uint8Array | undefined
  /** The bit fields of a byte, or the bytes of a Remaining Length with more than one byte. */
  readonly parts?: readonly AnnotationPart[] | undefined
}
