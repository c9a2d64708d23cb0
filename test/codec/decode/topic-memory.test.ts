import { describe, expect, it } from 'vitest'
import { encodePacket, PacketDecoder } from '../../../src/codec/index.js'

/** Topics of one length that fall into one slot of the memory: they differ in neither the middle nor the last character. */
const alike = [
  'plant/line-7/robot-42/joint/3/torque',
  'pXant/line-7/robot-42/joint/3/torque',
  'plant/line-7/robot-42/joint/3/torqXe',
]

function topicsDecoded(topics: readonly string[], payloadBytes: number): string[] {
  const packets = topics.map((topic) =>
    encodePacket({ type: 'publish', topic, payload: Buffer.alloc(payloadBytes), retain: false, qos: 0 }),
  )
  return new PacketDecoder()
    .decode(Buffer.concat(packets))
    .map((packet) => (packet.type === 'publish' ? packet.topic : packet.type))
}

describe('topics that are remembered', () => {
  it.each([
    ['byte by byte', 0],
    ['by words, in a large chunk', 1_000],
  ])('are told from topics that differ in a single character, compared %s', (_, payloadBytes) => {
    for (const first of alike) {
      for (const second of alike) {
        const topics = [first, first, second, second, first]
        expect(topicsDecoded(topics, payloadBytes)).toEqual(topics)
      }
    }
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('are told apart by their last character but one, with %s bytes', (length) => {
    const one = 'a'.repeat(length)
    const other = length === 1 ? 'q' : `${'a'.repeat(length - 2)}Qa`
    const topics = [one, other, one, one, other]
    expect(topicsDecoded(topics, 1_000)).toEqual(topics)
  })
})
