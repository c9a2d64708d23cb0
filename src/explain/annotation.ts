/** What a run of bytes is, in words. */

/** One bit field inside a byte, or one byte inside a number of several. */
export interface AnnotationPart {
  /** The byte with the bits of this part, and dots for the others: `.... .01.`. */
  readonly bits: string
  /** The name of the part in the standard's words, such as `QoS level`. */
  readonly field: string
  /** What stands there, as a number. */
  readonly value: string
  /** What the value says; may be empty. */
  readonly meaning: string
  /** Empty where the part has no section of its own. */
  readonly section: string
}

/** A run of bytes and what it means. The annotations of some bytes cover every one of them once, in order. */
export interface Annotation {
  /** Where the run starts, in bytes from the first one that was explained. */
  readonly offset: number
  /** Bytes in the run, never 0. */
  readonly length: number
  /** The name of the field in the standard's words, such as `Topic Name`. */
  readonly field: string
  /**
   * What stands there: a number, or text in quotes, escaped and cut to a readable length; of what is no text the number
   * of its bytes. A password is told by its shape and length alone.
   */
  readonly value: string
  /** What the value says; may be empty. */
  readonly meaning: string
  /** The section of MQTT 3.1.1 that defines the field, such as `3.3.2.1`. */
  readonly section: string
  /** The statement that is broken here, or its section where it has no number, and how: `MQTT-3.3.1-4 QoS 3 is …`. */
  readonly fault?: string | undefined
  /** Set with `fault`: the exact place, counted like `offset`. It is the end of the packet where something is missing. */
  readonly faultOffset?: number | undefined
  /** On the first run of each packet: the packet in one line. */
  readonly title?: string | undefined
  /** The run itself, a view of what was explained. Absent where it is, or might be, a password. */
  readonly bytes?: Uint8Array | undefined
  /** The bit fields of a byte; the bytes of a Remaining Length of more than one. */
  readonly parts?: readonly AnnotationPart[] | undefined
}
