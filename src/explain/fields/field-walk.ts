/**
 * A walk over the bytes of one packet that names each byte, also in a malformed packet.
 *
 * The walk knows only where fields begin and end; it checks no rule of the standard. If the packet ends inside a field, the
 * bytes of the field that are there get its name, and the walk is at its end; then every `take` returns undefined. So a
 * function for the layout of a packet needs no checks, and reads like the layout.
 */

import { byteAt } from '../../codec/byte-at.js'
import type { Annotation, AnnotationPart } from '../annotation.js'
import { countBytes, groupDigits } from '../listing/numerals.js'
import { payloadText, quote, textOf } from '../listing/quoted-text.js'

/** So many entries of a list get names one by one: the sender of a packet chooses how long its list is. */
const listedEntries = 100

/** The value and the meaning of a field. */
export interface Reading {
  readonly value: string
  readonly meaning?: string
  readonly parts?: readonly AnnotationPart[]
}

export class FieldWalk {
  readonly annotations: Annotation[] = []
  readonly #bytes: Uint8Array
  #position: number
  #end: number
  readonly #faultAt: number

  /** `faultAt` is where the decoder has found a fault in this packet; Infinity if there is none. */
  constructor(bytes: Uint8Array, start: number, faultAt: number) {
    this.#bytes = bytes
    this.#position = start
    this.#end = bytes.length
    this.#faultAt = faultAt
  }

  get isFaulty(): boolean {
    return this.#faultAt < Infinity
  }

  /** The number of bytes without a name. */
  get remaining(): number {
    return this.#end - this.#position
  }

  /** Sets the end of the packet, unless the bytes end earlier. */
  endAfter(length: number): void {
    this.#end = Math.min(this.#position + length, this.#bytes.length)
  }

  /** The next bytes, which get no name yet. */
  peek(length: number): Uint8Array {
    return this.#bytes.subarray(this.#position, Math.min(this.#position + length, this.#end))
  }

  /** Names a field of `length` bytes, and returns its bytes; undefined if the packet has fewer. */
  take(length: number, field: string, section: string, read: (bytes: Uint8Array) => Reading): Uint8Array | undefined {
    const bytes = this.peek(length)
    const isWhole = bytes.length === length
    const reading = isWhole ? read(bytes) : { value: `${bytes.length} of ${countBytes(length)}`, meaning: 'cut off' }
    this.#name(bytes.length, { field, section, bytes, meaning: '', ...reading })
    return isWhole ? bytes : undefined
  }

  /** Names a field without showing its bytes. */
  hide(length: number, field: string, section: string, read: (bytes: Uint8Array) => Reading): void {
    const bytes = this.peek(length)
    this.#name(bytes.length, { field, section, meaning: '', ...read(bytes) })
  }

  /** A number of one byte. */
  byte(field: string, section: string, read: (value: number) => Reading): number | undefined {
    const bytes = this.take(1, field, section, (one) => read(byteAt(one, 0)))
    return bytes === undefined ? undefined : byteAt(bytes, 0)
  }

  /** A number of two bytes, the more significant one first (section 1.5.2). */
  number(field: string, section: string, read: (value: number) => Reading): number | undefined {
    const bytes = this.take(2, field, section, (both) => read(bigEndian(both)))
    return bytes === undefined ? undefined : bigEndian(bytes)
  }

  /** The two bytes of length before a string or binary field. */
  length(field: string, section: string): number {
    const length = this.number('Length', section, (value) =>
      value === 0
        ? { value: '0', meaning: `an empty ${field}` }
        : { value: groupDigits(value), meaning: `${value === 1 ? 'byte' : 'bytes'} of ${field}` },
    )
    return length ?? 0
  }

  /** A UTF-8 string after its two-byte length. */
  string(field: string, section: string): void {
    this.take(this.length(field, '1.5.3'), field, section, readString)
  }

  /**
   * The entries of a list, to the end of the packet. The first hundred are named one by one by `name`. One annotation names all that
   * follow, with their number. In a faulty packet it ends before the entry with the fault, and that entry is named by itself.
   */
  list(field: string, section: string, lengthOfNext: () => number, name: () => void): void {
    for (let listed = 0; listed < listedEntries && this.remaining > 0; listed += 1) name()
    const start = this.#position
    let count = 0
    for (; this.remaining > 0; count += 1) {
      const next = this.#position + lengthOfNext()
      // An entry that is cut off has a fault too.
      if (next > this.#faultAt) break
      this.#position = next
    }
    const length = this.#position - start
    this.#position = start
    this.take(length, field, section, () => ({ value: `${groupDigits(count)} more`, meaning: 'not listed' }))
    if (this.remaining > 0) name()
  }

  /** The length of the string at the position of the walk, with its two bytes of length; too long if these are cut off. */
  get stringLength(): number {
    const bytes = this.peek(2)
    return bytes.length < 2 ? 2 : 2 + bigEndian(bytes)
  }

  /** Bytes whose meaning only the application knows. */
  payload(length: number, field: string, section: string): void {
    this.take(length, field, section, readPayload)
  }

  #name(length: number, named: Omit<Annotation, 'offset' | 'length'>): void {
    if (length === 0) return
    this.annotations.push({ offset: this.#position, length, ...named })
    this.#position += length
  }
}

function bigEndian(bytes: Uint8Array): number {
  return byteAt(bytes, 0) * 256 + byteAt(bytes, 1)
}

function readString(bytes: Uint8Array): Reading {
  const text = textOf(bytes)
  return text === undefined ? { value: countBytes(bytes.length), meaning: 'not UTF-8' } : { value: quote(text) }
}

function readPayload(bytes: Uint8Array): Reading {
  const text = payloadText(bytes)
  return text === undefined
    ? { value: countBytes(bytes.length), meaning: 'binary' }
    : { value: quote(text), meaning: countBytes(bytes.length) }
}
