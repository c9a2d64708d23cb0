import { type ControlPacket, encodePacket, PacketDecoder } from 'mqtt311/codec'
import { describe, expect, it } from 'vitest'
import { decodeInPieces, decodePieces } from '../stream.js'

function suback(codes: ArrayLike<number>): ControlPacket {
  return { type: 'suback', packetId: 1, returnCodes: codes }
}

function codesOf(packets: readonly ControlPacket[]): ArrayLike<number> {
  const [packet] = packets
  if (packet?.type !== 'suback') throw new Error('no SUBACK came')
  return packet.returnCodes
}

function memoryOf(codes: ArrayLike<number>): number {
  if (!(codes instanceof Uint8Array)) throw new Error('these are no bytes')
  return codes.buffer.byteLength
}

describe('the Return Codes of SUBACK', () => {
  it('are written from an array, from bytes, and from anything with a length and numbers', () => {
    const expected = Buffer.of(0x90, 6, 0, 1, 0, 1, 2, 0x80)
    for (const codes of [[0, 1, 2, 0x80], Uint8Array.of(0, 1, 2, 0x80), { length: 4, 0: 0, 1: 1, 2: 2, 3: 0x80 }]) {
      expect(encodePacket(suback(codes))).toEqual(expected)
    }
  })

  it('are read as bytes, one for each', () => {
    const [packet] = new PacketDecoder().decode(encodePacket(suback([0, 1, 2, 0x80])))
    if (packet?.type !== 'suback') throw new Error('no SUBACK came')
    const codes: Uint8Array = packet.returnCodes
    expect(codes).toStrictEqual(Uint8Array.of(0, 1, 2, 0x80))
  })

  it('cost their bytes and no more, when the packet is whole in a chunk and when it is cut', () => {
    const codes = new Uint8Array(1_000_000).fill(2)
    const bytes = encodePacket(suback(codes))
    expect(memoryOf(codesOf(decodePieces([bytes]).packets))).toBe(codes.length)
    const cut = codesOf(decodeInPieces(bytes, 65_536).packets)
    expect(memoryOf(cut)).toBe(bytes.length)
    expect(Buffer.from(cut).equals(codes)).toBe(true)
  })

  it('are not changed by a chunk that is used again', () => {
    const chunk = Buffer.from(encodePacket(suback([1, 2])))
    const codes = codesOf(new PacketDecoder().decode(chunk))
    chunk.fill(9)
    expect(codes).toStrictEqual(Uint8Array.of(1, 2))
  })

  it.each([0, 1, 999])('are checked each: a reserved one at place %i is found [MQTT-3.9.3-2]', (place) => {
    const bytes = encodePacket(suback(new Uint8Array(1000)))
    const offset = bytes.length - 1000 + place
    bytes[offset] = 3
    const expected = { fault: 'return-code', statement: 'MQTT-3.9.3-2', offset }
    for (const size of [bytes.length, 7]) expect(decodeInPieces(bytes, size).error).toMatchObject(expected)
  })
})
