/**
 * The Topic Names that were received last, each with its bytes. A server sends few topics many times: comparing bytes
 * with those of a known name costs a third of checking their UTF-8 and making a new string (36 ns for 106, at 35
 * bytes), and the application gets the same string each time.
 *
 * Bounded in number and in length: 16 slots of 128 bytes, in one block that is made with the first topic. A topic has
 * one slot, found by a rough hash, and is displaced by the next topic that falls into it.
 */
import { byteAt } from '../byte-at.js'

const SLOTS = 16
const SLOT_BYTES = 128

export class TopicMemory {
  /** Slot behind slot. */
  #bytes: Buffer | undefined
  #words: DataView | undefined
  readonly #topics: string[] = []
  readonly #lengths: number[] = []

  /** The topic that is encoded from `start` to `end`, if it is remembered. */
  find(bytes: Buffer, words: DataView | undefined, start: number, end: number): string | undefined {
    const known = this.#bytes
    const length = end - start
    if (known === undefined || length === 0) return undefined
    const slot = slotOf(bytes, start, end)
    if (this.#lengths[slot] !== length) return undefined
    const base = slot * SLOT_BYTES - start
    let index = start
    if (words !== undefined && this.#words !== undefined) {
      // Eight bytes at a time, as the only number that has so many. Equal numbers are equal bytes but for 0 and -0, and
      // both of them hold a byte 0, which no Topic Name that is remembered does.
      for (; index + 8 <= end; index += 8) {
        if (words.getFloat64(index, true) !== this.#words.getFloat64(base + index, true)) return undefined
      }
    }
    for (; index < end; index += 1) {
      if (bytes[index] !== known[base + index]) return undefined
    }
    return this.#topics[slot]
  }

  /** Remembers a topic that was found to be a valid Topic Name. */
  remember(bytes: Buffer, start: number, end: number, topic: string): void {
    const length = end - start
    if (length > SLOT_BYTES) return
    if (this.#bytes === undefined) {
      this.#bytes = Buffer.alloc(SLOTS * SLOT_BYTES)
      this.#words = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length)
      for (let slot = 0; slot < SLOTS; slot += 1) {
        this.#topics.push('')
        this.#lengths.push(0)
      }
    }
    const slot = slotOf(bytes, start, end)
    const base = slot * SLOT_BYTES - start
    for (let index = start; index < end; index += 1) this.#bytes[base + index] = byteAt(bytes, index)
    this.#topics[slot] = topic
    this.#lengths[slot] = length
  }
}

/**
 * Topics of one program mostly differ in length, in the last character, or in the middle, where a device has its
 * name.
 */
function slotOf(bytes: Buffer, start: number, end: number): number {
  const middle = (start + end) >>> 1
  return (end - start + byteAt(bytes, end - 1) * 5 + byteAt(bytes, middle) * 3) & (SLOTS - 1)
}
