import type { PacketIdentifier } from '../../codec/control-packet.js'

/** The highest Packet Identifier; the lowest is 1 (section 2.3.1). */
export const MAX_PACKET_IDENTIFIER = 65_535

/** If a search passes so many identifiers in use, it makes a map of all identifiers in use. */
const stepsMax = 64

/**
 * Gives Packet Identifiers in rotation, so the identifier that was freed last is used again last. So a late acknowledgement of an old
 * exchange is not taken for one of a new exchange.
 *
 * In most cases the next identifier is free. With tens of thousands in use, the next free one may be far away. So after one long
 * search there is a map, which finds the next free identifier in a few steps. When no identifier is in use, the map is dropped.
 */
export class PacketIdentifiers {
  #next: PacketIdentifier
  /** The map needs 8 KiB; nearly every client has none. */
  #map: IdentifierMap | undefined

  /** `next` is the first identifier to try, 1 to 65,535. */
  constructor(next: PacketIdentifier) {
    this.#next = next
  }

  /** The next identifier to try. */
  get cursor(): PacketIdentifier {
    return this.#next
  }

  /** Sets the next identifier to try. */
  startAt(next: PacketIdentifier): void {
    this.#next = next
  }

  /** An identifier that is not in `inUse`; undefined if all 65,535 are in use. */
  take(inUse: IdentifiersInUse): PacketIdentifier | undefined {
    if (inUse.size >= MAX_PACKET_IDENTIFIER) return undefined
    const packetId = this.#firstFree(inUse)
    this.#next = packetIdentifierAfter(packetId)
    return packetId
  }

  #firstFree(inUse: IdentifiersInUse): PacketIdentifier {
    let packetId = this.#next
    // [MQTT-2.3.1-2] An identifier that an exchange still uses is skipped.
    for (let steps = 0; this.#map === undefined && inUse.has(packetId); steps += 1) {
      packetId = packetIdentifierAfter(packetId)
      if (steps === stepsMax) this.#map = new IdentifierMap(inUse)
    }
    return this.#map?.firstFreeFrom(packetId) ?? packetId
  }

  /** An exchange with this identifier has begun. */
  begun(packetId: PacketIdentifier): void {
    this.#map?.add(packetId)
  }

  /** An exchange has ended; `open` is the number of exchanges that are still open. */
  ended(packetId: PacketIdentifier, open: number): void {
    this.#map?.delete(packetId)
    if (open === 0) this.#map = undefined
  }
}

/** The identifiers of the open exchanges. */
interface IdentifiersInUse {
  readonly size: number
  has(packetId: PacketIdentifier): boolean
}

/** `#used` has a bit for each identifier, set if it is in use. `#full` has a bit for each word of `#used`, set if all its bits are set. */
class IdentifierMap {
  readonly #used = new Uint32Array(2048)
  readonly #full = new Uint32Array(64)

  constructor(inUse: IdentifiersInUse) {
    // [MQTT-2.3.1-1] The identifier 0 does not exist, so it is never free.
    this.add(0)
    for (let packetId = 1; packetId <= MAX_PACKET_IDENTIFIER; packetId += 1) {
      if (inUse.has(packetId)) this.add(packetId)
    }
  }

  add(packetId: PacketIdentifier): void {
    const word = packetId >>> 5
    setBit(this.#used, packetId)
    if (firstZero(this.#used, word, 0) === undefined) setBit(this.#full, word)
  }

  delete(packetId: PacketIdentifier): void {
    clearBit(this.#used, packetId)
    clearBit(this.#full, packetId >>> 5)
  }

  /** The first free identifier, beginning with this one; after 65,535 comes 1. Undefined if none is free. */
  firstFreeFrom(packetId: PacketIdentifier): PacketIdentifier | undefined {
    const near = firstZero(this.#used, packetId >>> 5, packetId & 31)
    if (near !== undefined) return near
    const word = this.#firstWordFrom(((packetId >>> 5) + 1) % this.#used.length)
    return word === undefined ? undefined : firstZero(this.#used, word, 0)
  }

  /** The index of the first word with a free identifier, beginning with `from`; after the last word comes the first. */
  #firstWordFrom(from: number): number | undefined {
    const near = firstZero(this.#full, from >>> 5, from & 31)
    if (near !== undefined) return near
    for (let step = 1; step <= this.#full.length; step += 1) {
      const found = firstZero(this.#full, ((from >>> 5) + step) % this.#full.length, 0)
      if (found !== undefined) return found
    }
    return undefined
  }
}

function setBit(words: Uint32Array, bit: number): void {
  words[bit >>> 5] = (words[bit >>> 5] ?? 0) | (1 << (bit & 31))
}

function clearBit(words: Uint32Array, bit: number): void {
  words[bit >>> 5] = (words[bit >>> 5] ?? 0) & ~(1 << (bit & 31))
}

/** The number of the first bit that is not set in a word, beginning at bit `from`; undefined if there is none. */
function firstZero(words: Uint32Array, word: number, from: number): number | undefined {
  const zeros = ~(words[word] ?? 0) & (-1 << from)
  return zeros === 0 ? undefined : word * 32 + 31 - Math.clz32(zeros & -zeros)
}

/** The identifier after this one in the rotation. */
export function packetIdentifierAfter(packetId: PacketIdentifier): PacketIdentifier {
  // [MQTT-2.3.1-1] After 65,535 comes 1, because the identifier 0 does not exist.
  return packetId === MAX_PACKET_IDENTIFIER ? 1 : packetId + 1
}
