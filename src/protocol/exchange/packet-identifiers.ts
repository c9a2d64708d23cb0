import type { PacketIdentifier } from '../../codec/control-packet.js'

/** The highest Packet Identifier; the lowest is 1 (section 2.3.1). */
export const MAX_PACKET_IDENTIFIER = 65_535

/**
 * Hands out Packet Identifiers in rotation, so that one that was just freed is the last to be used again: a late
 * acknowledgement of the old exchange then finds nothing instead of settling the new one.
 */
export class PacketIdentifiers {
  #next: PacketIdentifier

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
  take(inUse: { readonly size: number; has(packetId: PacketIdentifier): boolean }): PacketIdentifier | undefined {
    if (inUse.size >= MAX_PACKET_IDENTIFIER) return undefined
    let packetId = this.#next
    // [MQTT-2.3.1-2] An identifier that an exchange still uses is passed over.
    while (inUse.has(packetId)) packetId = packetIdentifierAfter(packetId)
    this.#next = packetIdentifierAfter(packetId)
    return packetId
  }
}

/** The next one in the rotation. */
export function packetIdentifierAfter(packetId: PacketIdentifier): PacketIdentifier {
  // [MQTT-2.3.1-1] After 65,535 comes 1: the identifier 0 does not exist.
  return packetId === MAX_PACKET_IDENTIFIER ? 1 : packetId + 1
}
