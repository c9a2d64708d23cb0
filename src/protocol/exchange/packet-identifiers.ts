import type { PacketIdentifier } from '../../codec/control-packet.js'

/** The highest Packet Identifier; the lowest is 1 (section 2.3.1). */
export const MAX_PACKET_IDENTIFIER = 65_535

/** After so many steps past identifiers in use, a map of all of them is made. */
const stepsMax = 64

/**
 * Hands out Packet Identifiers in rotation, so that one that was just freed is the last to be used again: a late
 * acknowledgement of the old exchange then finds nothing instead of settling the new one.
 *
 * Mostly the next one is free. With tens of thousands in use it may be far away, and what is freed backwards is farther
 * each time: once a search has been long, a map finds the next free one in a few steps, until none is in use.
 */
export class PacketIdentifiers {
  #next: PacketIdentifier
  /** 8 KiB, absent in nearly every client. */
  #map: IdentifierMap | undefined

  /** `next` is the identifier that will be tried first, 1 to 65,535. */
  constructor(next: PacketIdentifier) {
    this.#next = next
  }

  /** The identifier that will be tried first. */
  get cursor(): PacketIdentifier {
    return this.#next
  }

  /** Goes on from another identifier. */
  startAt(next: PacketIdentifier): void {
    this.#next = next
  }

  /** An identifier that `inUse` does not hold, or undefined when all 65,535 are taken. */
  take(inUse: IdentifiersInUse): PacketIdentifier | undefined {
    if (inUse.size >= MAX_PACKET_IDENTIFIER) return undefined
    const packetId = this.#firstFree(inUse)
    this.#next = packetIdentifierAfter(packetId)
    return packetId
  }

  #firstFree(inUse: IdentifiersInUse): PacketIdentifier {
    let packetId = this.#next
    // [MQTT-2.3.1-2] An identifier that an exchange still uses is passed over.
    for (let steps = 0; this.#map === undefined && inUse.has(packetId); steps += 1) {
      packetId = packetIdentifierAfter(packetId)
      if (steps === stepsMax) this.#map = new IdentifierMap(inUse)
    }
    return this.#map?.firstFreeFrom(packetId) ?? packetId
  }

  /** An exchange has begun under this identifier. */
  begun(packetId: PacketIdentifier): void {
    this.#map?.add(packetId)
  }

  /** An exchange has ended; so many are left. */
  ended(packetId: PacketIdentifier, left: number): void {
    this.#map?.delete(packetId)
    if (left === 0) this.#map = undefined
  }
}

/** The identifiers that exchanges have. */
interface IdentifiersInUse {
  readonly size: number
  has(packetId: PacketIdentifier): boolean
}

/** A bit for each identifier in use, and one for each word of 32 bits that are all set. */
class IdentifierMap {
  readonly #used = new Uint32Array(2048)
  readonly #full = new Uint32Array(64)

  constructor(inUse: IdentifiersInUse) {
    // [MQTT-2.3.1-1] The identifier 0 does not exist: it is never free.
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

  /** The first free identifier from this one on, and after 65,535 from 1 on; undefined if there is none. */
  firstFreeFrom(packetId: PacketIdentifier): PacketIdentifier | undefined {
    const near = firstZero(this.#used, packetId >>> 5, packetId & 31)
    if (near !== undefined) return near
    const word = this.#firstWordFrom(((packetId >>> 5) + 1) % this.#used.length)
    return word === undefined ? undefined : firstZero(this.#used, word, 0)
  }

  /** The first word with a free identifier; the words before `from` come last, those of its own 32 among them. */
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

/** The number of the first bit in a word that is not set, from a place on; undefined if all of these are set. */
function firstZero(words: Uint32Array, word: number, from: number): number | undefined {
  const zeros = ~(words[word] ?? 0) & (-1 << from)
  return zeros === 0 ? undefined : word * 32 + 31 - Math.clz32(zeros & -zeros)
}

/** The next one in the rotation. */
export function packetIdentifierAfter(packetId: PacketIdentifier): PacketIdentifier {
  // [MQTT-2.3.1-1] After 65,535 comes 1: the identifier 0 does not exist.
  return packetId === MAX_PACKET_IDENTIFIER ? 1 : packetId + 1
}
