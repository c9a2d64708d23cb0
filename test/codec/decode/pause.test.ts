/** A decoder whose caller has no time for more. */
import { describe, expect, test } from 'vitest'
import { type ControlPacket, encodePacket, PacketDecoder, UsageError } from '../../../src/codec/index.js'

const packets: readonly ControlPacket[] = [
  { type: 'pingresp' },
  {
    type: 'publish',
    topic: 'a/b',
    payload: Buffer.from('x'.repeat(300)),
    qos: 1,
    retain: false,
    dup: false,
    packetId: 7,
  },
  { type: 'suback', packetId: 9, returnCodes: Uint8Array.of(0, 1, 128) },
  { type: 'puback', packetId: 11 },
]
const stream = Buffer.concat(packets.map((packet) => encodePacket(packet)))

/** Each call of `decode` hands over one packet at most. */
function decodeOneByOne(chunks: readonly Buffer[]): ControlPacket[] {
  const decoder = new PacketDecoder()
  const decoded: ControlPacket[] = []
  const takeOne = (chunk: Buffer) => {
    const before = decoded.length
    decoder.decode(chunk, (packet) => {
      decoded.push(packet)
      decoder.pause()
    })
    expect(decoded.length - before).toBeLessThanOrEqual(1)
  }
  for (const chunk of chunks) takeOne(chunk)
  while (decoder.hasRest) takeOne(Buffer.alloc(0))
  decoder.end()
  return decoded
}

describe('a paused decoder', () => {
  test.each([1, 2, 5, 100, 303, 305, 400])('hands over every packet of a stream that is cut after %i bytes', (size) => {
    const [head, tail] = [stream.subarray(0, size), stream.subarray(size)]
    expect(decodeOneByOne([head, tail])).toEqual(packets)
  })

  test('takes chunks that come meanwhile behind the bytes that it keeps', () => {
    const pieces = Array.from({ length: Math.ceil(stream.length / 3) }, (_, index) =>
      stream.subarray(3 * index, 3 * index + 3),
    )
    expect(decodeOneByOne([stream, ...pieces, stream])).toEqual([...packets, ...packets, ...packets])
  })

  test('names the place of a fault in the stream', () => {
    const decoder = new PacketDecoder()
    const pause = () => decoder.pause()
    decoder.decode(Buffer.concat([stream, Buffer.from([0])]), pause)
    decoder.decode(Buffer.alloc(0), pause)
    expect(decoder.hasRest).toBe(true)
    expect(() => decoder.decode(Buffer.alloc(0), () => {})).toThrow(
      expect.objectContaining({ streamOffset: stream.length }),
    )
  })

  test('refuses a call from inside onPacket, and keeps nothing when it is stopped', () => {
    const decoder = new PacketDecoder()
    decoder.decode(stream, () => {
      decoder.pause()
      expect(() => decoder.end()).toThrow(UsageError)
      decoder.stop()
      decoder.pause()
    })
    expect(decoder.hasRest).toBe(false)
  })
})
