/** The packets of a server, right ones and wrong ones, as bytes. They are written by hand: the writer of the package refuses most lies. */
import type { Random } from '../random.js'

export const connack = (flags: number, returnCode: number): Buffer => Buffer.of(0x20, 2, flags, returnCode)
export const pingresp = (): Buffer => Buffer.of(0xd0, 0)

/** The first bytes of the packets with nothing but an identifier. */
export const acknowledgements = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70, unsuback: 0xb0 } as const

export function acknowledgement(name: keyof typeof acknowledgements, packetId: number): Buffer {
  return Buffer.of(acknowledgements[name], 2, packetId >>> 8, packetId & 0xff)
}

export function suback(packetId: number, codes: readonly number[]): Buffer {
  return frame(0x90, Buffer.of(packetId >>> 8, packetId & 0xff, ...codes))
}

export interface Publish {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 0 | 1 | 2
  readonly dup: boolean
  readonly retain: boolean
  readonly packetId: number
}

export function publish({ topic, payload, qos, dup, retain, packetId }: Publish): Buffer {
  const name = Buffer.from(topic)
  const head = Buffer.of(name.length >>> 8, name.length & 0xff)
  const identifier = qos === 0 ? Buffer.alloc(0) : Buffer.of(packetId >>> 8, packetId & 0xff)
  const first = 0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)
  return frame(first, Buffer.concat([head, name, identifier, payload]))
}

function frame(first: number, body: Buffer): Buffer {
  const head = [first]
  for (let rest = body.length; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.concat([Buffer.of(...head, rest), body])
    head.push((rest & 0x7f) | 0x80)
  }
}

/** A packet in which something is wrong: a bit, a byte, its end, or its length. */
export function damaged(packet: Buffer, random: Random): Buffer {
  const at = random.below(packet.length)
  const bytes = Buffer.from(packet)
  switch (random.below(6)) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
      return bytes
    case 1:
      bytes[at] = random.of([0x00, 0x01, 0x7f, 0x80, 0xff])
      return bytes
    case 2:
      return bytes.subarray(0, at)
    case 3:
      return Buffer.concat([bytes, Buffer.alloc(1 + random.below(3))])
    case 4: {
      // The length is wrong by a little, so what follows is read as something else.
      const length = bytes[1] ?? 0
      bytes[1] = Math.max(0, length + random.below(5) - 2) & 0x7f
      return bytes
    }
    default:
      return Buffer.concat([bytes.subarray(0, 1), Buffer.of(0xff, 0xff, 0xff, 0x7f), bytes.subarray(1)])
  }
}

/** A packet that no server has a reason to send, or only a client. */
export function stray(packetId: number, random: Random): Buffer {
  switch (random.below(12)) {
    case 0:
      return acknowledgement('puback', packetId)
    case 1:
      return acknowledgement('pubrec', packetId)
    case 2:
      return acknowledgement('pubrel', packetId)
    case 3:
      return acknowledgement('pubcomp', packetId)
    case 4:
      return acknowledgement('unsuback', packetId)
    case 5:
      return suback(
        packetId,
        Array.from({ length: 1 + random.below(4) }, () => random.of([0, 1, 2, 0x80, 0x80, 3])),
      )
    case 6:
      return pingresp()
    case 7:
      return connack(random.below(2), random.of([0, 0, 1, 2, 3, 4, 5, 6]))
    case 8:
      return Buffer.of(0xc0, 0)
    case 9:
      return Buffer.of(0xe0, 0)
    case 10:
      return Buffer.from(Array.from({ length: 1 + random.below(12) }, () => random.below(256)))
    default:
      return frame(random.below(256), Buffer.alloc(random.below(6), random.below(256)))
  }
}
